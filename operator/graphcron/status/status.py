"""Inputs → status, with all conditions."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from graphcron.api.calendar_for import calendar_for, lines_of, time_zone_of
from graphcron.api.names import Purpose
from graphcron.api.reasons import ConditionType, Reason
from graphcron.api.v1alpha1 import ActiveRun, AppliedCronJob, BudgetUsed, Condition, GraphCronStatus, RecentRun
from graphcron.cache.objects import CachedJob, CachedPod
from graphcron.manifests.suspension import next_suspension_change
from graphcron.planning.failures import FAILURES, SUCCESSES
from graphcron.planning.installation import contender_for
from graphcron.planning.missed_runs import missed_after
from graphcron.planning.plan import Plan, status_without_plan
from graphcron.planning.run_history import active_runs, newest_report, stopping
from graphcron.planning.stuck_jobs import refused_report
from graphcron.status.conditions import (
    ConditionInputs,
    ConditionStatus,
    ConditionUpdate,
    run_conditions,
    run_delayed,
    target,
)
from graphcron.status.links import with_links
from graphcron.status.ready import LONG_START, StatusInputs, ready_for, waiting_pods
from graphcron.unstructured.fields import time_of

AFTER_DUE: Final = timedelta(seconds=15)
"""How long after a scheduled time the GraphCron is requeued: the Job's event has come by then.

Kubernetes takes some twelve seconds to make 500 Jobs that are due in the same minute.
"""

STOPPING_DELAY: Final = timedelta(seconds=5)
"""How soon to look again for the report of a run whose GraphRun was deleted: its Job names no GraphCron."""

NEXT_TIMES: Final = 5
"""Entries of ``nextScheduleTimes``."""


def status_for(inputs: StatusInputs) -> GraphCronStatus:
    """Return the new status."""
    previous, history = inputs.observed.previous, inputs.history
    jobs, pods = inputs.observed.runs
    budget = _budget(inputs, pods)
    next_times = _next_times(inputs)
    late = sum(run.reason in _MISSED for run in history.new)
    ends = _ends(inputs) if history.new else []
    status = previous.model_copy(
        update={
            "observed_generation": inputs.generation,
            "installation": inputs.installation or None,
            "contender": contender_for(previous, inputs.installation, now=inputs.now),
            "conditions": list(_conditions(inputs, next_times, budget)),
            "last_schedule_time": _last_schedule_time(inputs, jobs),
            "last_successful_time": _latest(
                previous.last_successful_time, *(end for outcome, end in ends if outcome in SUCCESSES)
            ),
            "last_failure_time": _latest(
                previous.last_failure_time, *(end for outcome, end in ends if outcome in FAILURES)
            ),
            "active": _active(inputs) or None,
            "recent_runs": _recent_runs(inputs) or None,
            "missed_runs": (previous.missed_runs or 0) + late or None,
            "budget": budget,
        }
    )
    status = status.model_copy(update=_planned_fields(inputs, next_times))
    if status == previous or inputs.plan is None or inputs.problem:
        return status
    # Written only together with another change: it is not worth a write alone.
    return status.model_copy(update={"checked_until": inputs.plan.checked_until})


def _active(inputs: StatusInputs) -> list[ActiveRun]:
    observed, ended, (jobs, pods) = inputs.observed, inputs.history.ended_jobs, inputs.observed.runs
    return active_runs(jobs, ended, [*stopping(observed.active_before, jobs, pods, ended), *observed.graph_runs.active])


_MISSED: Final = frozenset({Reason.NOT_STARTED, Reason.STARTING_DEADLINE_EXCEEDED, Reason.POD_CANNOT_START})


def _planned_fields(inputs: StatusInputs, next_times: list[datetime]) -> dict[str, object]:
    """Return the fields that depend on the plan; without one, the few that do not."""
    graphcron, plan = inputs.graphcron, inputs.plan
    if graphcron is None or plan is None:
        return status_without_plan(inputs.observed, inputs.history) | _future_times(inputs)
    lines = list(lines_of(graphcron))
    known: dict[str, object] = {
        "consecutive_failures": plan.pause.failures or None,
        "preflight": plan.preflight.state if plan.preflight else None,
    }
    if inputs.problem is not None:
        return known | _future_times(inputs)
    return known | {
        "schedule": lines[0],
        "schedules": lines,
        "time_zone": time_zone_of(graphcron.spec),
        "next_schedule_time": next_times[0] if next_times else None,
        "next_schedule_times": next_times or None,
        "last_handled_trigger": plan.handled_trigger or None,
        "last_handled_resume": plan.pause.handled_resume or None,
        "cron_jobs": [AppliedCronJob(name=each.name, generation=each.generation) for each in inputs.cronjobs],
    }


def _future_times(inputs: StatusInputs) -> dict[str, object]:
    """Return the previous next times that are still in the future: the CronJobs have not changed."""
    ahead = [each for each in inputs.observed.previous.next_schedule_times or () if each > inputs.now]
    return {"next_schedule_time": ahead[0] if ahead else None, "next_schedule_times": ahead or None}


def _recent_runs(inputs: StatusInputs) -> list[RecentRun]:
    """Return the runs with their links, which stay as they are while the server is unknown."""
    runs, graphcron = inputs.history.runs, inputs.graphcron
    if graphcron is None or graphcron.spec.server_ref is not None:
        return runs
    return with_links(runs, graphcron, inputs.settings)


def _next_times(inputs: StatusInputs) -> list[datetime]:
    """Return when the next runs are due; empty if none is."""
    graphcron, plan = inputs.graphcron, inputs.plan
    if graphcron is None or plan is None or graphcron.spec.suspend or plan.pause.since:
        return []
    return calendar_for(graphcron).next_times(inputs.now, NEXT_TIMES)


def _budget(inputs: StatusInputs, pods: Sequence[CachedPod]) -> BudgetUsed | None:
    """Return the usage of the window from the newest report; the ledger is on the LangGraph server."""
    previous, spec = inputs.observed.previous.budget, inputs.spec
    if spec and (spec.budget is None or spec.budget.window is None):
        return None
    report = newest_report([*pods, *inputs.observed.graph_runs.pods])
    if report is None:
        return previous
    return BudgetUsed(
        window_start=time_of(report.windowStart),
        window_end=time_of(report.windowEnd),
        tokens=report.windowTokens,
        cost=report.windowCost,
    )


def _conditions(inputs: StatusInputs, next_times: Sequence[datetime], budget: BudgetUsed | None) -> Iterator[Condition]:
    """Yield ``Ready`` and the two conditions of kstatus, then those about the target and the runs."""
    ready = ready_for(inputs)
    known = {condition.type: condition for condition in inputs.observed.previous.conditions or ()}
    ready_status: ConditionStatus = "True" if ready.ready else "False"
    updates = [ConditionUpdate(ConditionType.READY, ready_status, ready.reason, ready.message)]
    if ready.stalled:
        updates.append(ConditionUpdate(ConditionType.STALLED, "True", ready.reason, ready.message))
    elif not ready.ready:
        updates.append(ConditionUpdate(ConditionType.RECONCILING, "True", ready.reason, ready.message))
    plan = inputs.plan
    before = known.get(ConditionType.TARGET_RESOLVED)
    if plan and plan.preflight:
        refusal = inputs.refused.get(Purpose.PREFLIGHT)
        report = refused_report(inputs.observed.jobs, inputs.observed.refusals, plan.preflight.report)
        updates.append(target(report, before if _is_of(plan, inputs) else None, refusal))
    elif before and plan is None:
        updates.append(target(None, before))
    updates += _run_delayed(inputs, known.get(ConditionType.RUN_DELAYED))
    condition_inputs = ConditionInputs(
        inputs.graphcron, inputs.history.runs, next_times, plan.pause if plan else None, budget, inputs.now
    )
    updates += run_conditions(condition_inputs)
    return (_condition(update, known.get(update.kind), inputs) for update in updates)


def _run_delayed(inputs: StatusInputs, before: Condition | None) -> list[ConditionUpdate]:
    """Return ``RunDelayed`` if it holds; where no Job was tried, as it was before."""
    if inputs.plan and not inputs.problem:
        update = run_delayed(inputs.refused, inputs.plan.jobs)
        return [update] if update else []
    return [ConditionUpdate(ConditionType.RUN_DELAYED, before.status, before.reason, before.message)] if before else []


def _is_of(plan: Plan, inputs: StatusInputs) -> bool:
    """Return whether the previous result is about the same target."""
    before = inputs.observed.previous.preflight
    return bool(before and plan.preflight and before.key == plan.preflight.state.key)


def _condition(update: ConditionUpdate, before: Condition | None, inputs: StatusInputs) -> Condition:
    since = before.last_transition_time if before and before.status == update.status else inputs.now
    return Condition(
        type=update.kind,
        status=update.status,
        reason=update.reason,
        message=update.message,
        last_transition_time=since,
        observed_generation=inputs.generation,
    )


def _last_schedule_time(inputs: StatusInputs, jobs: Sequence[CachedJob]) -> datetime | None:
    moments = [job.scheduled_time for job in jobs if not job.trigger]
    moments += [each.last_schedule_time for each in inputs.cronjobs if each.last_schedule_time]
    return _latest(inputs.observed.previous.last_schedule_time, *moments)


def _ends(inputs: StatusInputs) -> list[tuple[str, datetime]]:
    """Return outcome and end of the new runs.

    The end is that of the pod. The Job ends a moment later, which is not worth another write.
    """
    jobs, pods = inputs.observed.runs
    ended = {job.name: job.finished_at for job in jobs if job.finished_at}
    for pod in (*pods, *inputs.observed.graph_runs.pods):
        if pod.finished_at:
            ended[pod.job] = pod.finished_at
    return [(run.outcome, ended.get(run.job or "", inputs.now)) for run in inputs.history.new]


def _latest(*moments: datetime | None) -> datetime | None:
    """Return the latest of the moments that are not None."""
    return max((moment for moment in moments if moment), default=None)


def requeue_after(
    status: GraphCronStatus, inputs: StatusInputs, *, resync: timedelta, further: Iterable[datetime] = ()
) -> datetime:
    """Return when to reconcile the GraphCron again without an event."""
    now, graphcron, plan = inputs.now, inputs.graphcron, inputs.plan
    moments = [now + resync, *further]
    if status.next_schedule_time:
        moments.append(status.next_schedule_time + AFTER_DUE)
    if graphcron:
        moments += [moment for moment in [next_suspension_change(graphcron, now=now)] if moment]
        wait = missed_after(graphcron.spec)
        oldest = calendar_for(graphcron).next_times(now - wait, 1)
        moments += [moment + wait + AFTER_DUE for moment in oldest if moment <= now]
    if status.budget and status.budget.window_end:
        moments.append(status.budget.window_end)
    if plan and plan.preflight and plan.preflight.next_time:
        moments.append(plan.preflight.next_time)
    if inputs.refused:  # a Job that is invalid; other refusals are retried with back-off
        moments.append(now + LONG_START)
    moments += [pod.created + LONG_START for pod in waiting_pods(inputs)]
    if any(run in inputs.observed.graph_runs.deleted for run in status.active or ()):
        moments.append(now + STOPPING_DELAY)
    return min(moment for moment in moments if moment > now)
