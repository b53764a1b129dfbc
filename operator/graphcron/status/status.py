"""Observed → status, and ``Ready`` as it is summarised from its checks."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from graphcron.api.calendar_for import calendar_for, lines_of, time_zone_of
from graphcron.api.names import Purpose
from graphcron.api.reasons import ConditionType, Reason
from graphcron.api.v1alpha1 import AppliedCronJob, BudgetUsed, Condition, GraphCronStatus
from graphcron.cache.objects import CachedJob, CachedPod
from graphcron.manifests.suspension import next_change
from graphcron.planning import missed_runs
from graphcron.planning.failures import FAILURES, SUCCESSES
from graphcron.planning.installation import contender_for
from graphcron.planning.plan import Plan, known_without_plan
from graphcron.planning.run_history import active_runs, newest_report, stopping
from graphcron.planning.stuck_jobs import refused_report
from graphcron.status.conditions import Claim, Facts, Verdict, claims_for, run_delayed, target
from graphcron.status.ready import LONG_START, Observed, ready_for, waiting_pods
from graphcron.unstructured.fields import time_of

AFTER_DUE: Final = timedelta(seconds=15)
"""How long after a due time the status is looked at again: the Job's own event, if there is one, has come by then.

Kubernetes takes some twelve seconds to make 500 Jobs that are due in the same minute.
"""

NEXT_TIMES: Final = 5
"""How many of the next times are told."""


def status_for(observed: Observed) -> GraphCronStatus:
    """Make the status."""
    previous, told = observed.seen.previous, observed.told
    jobs, pods = observed.seen.runs
    budget = _budget(observed, pods)
    next_times = _next_times(observed)
    late = sum(run.reason in _MISSED for run in told.new)
    ends = _ends(observed) if told.new else []
    status = previous.model_copy(
        update={
            "observed_generation": observed.generation,
            "installation": observed.installation or None,
            "contender": contender_for(previous, observed.installation, now=observed.now),
            "conditions": list(_conditions(observed, next_times, budget)),
            "last_schedule_time": _last_schedule_time(observed, jobs),
            "last_successful_time": _latest(
                previous.last_successful_time, *(end for outcome, end in ends if outcome in SUCCESSES)
            ),
            "last_failure_time": _latest(
                previous.last_failure_time, *(end for outcome, end in ends if outcome in FAILURES)
            ),
            "active": active_runs(jobs, told.over, stopping(previous.active or (), jobs, pods, told.over)) or None,
            "recent_runs": told.runs or None,
            "missed_runs": (previous.missed_runs or 0) + late or None,
            "budget": budget,
        }
    )
    status = status.model_copy(update=_of_plan(observed, next_times))
    if status == previous or observed.plan is None or observed.problem:
        return status
    # Told only along with something else: by itself it is not worth a write.
    return status.model_copy(update={"checked_until": observed.plan.checked_until})


_MISSED: Final = frozenset({Reason.NOT_STARTED, Reason.STARTING_DEADLINE_EXCEEDED, Reason.POD_CANNOT_START})


def _of_plan(observed: Observed, next_times: list[datetime]) -> dict[str, object]:
    """Return the members that say what was done; the few that do not depend on it where it was not."""
    graphcron, plan = observed.graphcron, observed.plan
    if graphcron is None or plan is None:
        return known_without_plan(observed.seen, observed.told) | _still_ahead(observed)
    lines = list(lines_of(graphcron))
    known: dict[str, object] = {
        "consecutive_failures": plan.pause.failures or None,
        "preflight": plan.look.state if plan.look else None,
    }
    if observed.problem is not None:
        return known | _still_ahead(observed)
    return known | {
        "schedule": lines[0],
        "schedules": lines,
        "time_zone": time_zone_of(graphcron.spec),
        "next_schedule_time": next_times[0] if next_times else None,
        "next_schedule_times": next_times or None,
        "last_handled_trigger": plan.handled_trigger or None,
        "last_handled_resume": plan.pause.handled_resume or None,
        "cron_jobs": [AppliedCronJob(name=each.name, generation=each.generation) for each in observed.cronjobs],
    }


def _still_ahead(observed: Observed) -> dict[str, object]:
    """Return the next times that were told and have not come yet: the CronJobs stay as they were."""
    ahead = [each for each in observed.seen.previous.next_schedule_times or () if each > observed.now]
    return {"next_schedule_time": ahead[0] if ahead else None, "next_schedule_times": ahead or None}


def _next_times(observed: Observed) -> list[datetime]:
    """Return when the next runs are due; none where no further one is."""
    graphcron, plan = observed.graphcron, observed.plan
    if graphcron is None or plan is None or graphcron.spec.suspend or plan.pause.since:
        return []
    return calendar_for(graphcron).next_times(observed.now, NEXT_TIMES)


def _budget(observed: Observed, pods: Sequence[CachedPod]) -> BudgetUsed | None:
    """Return what was used in the window, as the newest report tells it; the truth is on the LangGraph server."""
    previous, spec = observed.seen.previous.budget, observed.spec
    if spec and (spec.budget is None or spec.budget.window is None):
        return None
    report = newest_report(pods)
    if report is None:
        return previous
    return BudgetUsed(
        window_start=time_of(report.windowStart),
        window_end=time_of(report.windowEnd),
        tokens=report.windowTokens,
        cost=report.windowCost,
    )


def _conditions(observed: Observed, next_times: Sequence[datetime], budget: BudgetUsed | None) -> Iterator[Condition]:
    """Summarise the checks into ``Ready`` and kstatus' two; then say what is known of the target and of runs."""
    finding = ready_for(observed)
    known = {condition.type: condition for condition in observed.seen.previous.conditions or ()}
    verdict: Verdict = "True" if finding.ready else "False"
    claims = [Claim(ConditionType.READY, verdict, finding.reason, finding.message)]
    if finding.stalled:
        claims.append(Claim(ConditionType.STALLED, "True", finding.reason, finding.message))
    elif not finding.ready:
        claims.append(Claim(ConditionType.RECONCILING, "True", finding.reason, finding.message))
    plan = observed.plan
    before = known.get(ConditionType.TARGET_RESOLVED)
    if plan and plan.look:
        refusal = observed.refused.get(Purpose.PREFLIGHT)
        report = refused_report(observed.seen.jobs, observed.seen.refusals, plan.look.report)
        claims.append(target(report, before if _is_of(plan, observed) else None, refusal))
    elif before and plan is None:
        claims.append(target(None, before))
    claims += _delays(observed, known.get(ConditionType.RUN_DELAYED))
    facts = Facts(
        observed.graphcron, observed.told.runs, next_times, plan.pause if plan else None, budget, observed.now
    )
    claims += claims_for(facts)
    return (_condition(claim, known.get(claim.kind), observed) for claim in claims)


def _delays(observed: Observed, before: Condition | None) -> list[Claim]:
    """Say which runs wait for a Job; where none was tried, what was said before."""
    if observed.plan and not observed.problem:
        claim = run_delayed(observed.refused, observed.plan.jobs)
        return [claim] if claim else []
    return [Claim(ConditionType.RUN_DELAYED, before.status, before.reason, before.message)] if before else []


def _is_of(plan: Plan, observed: Observed) -> bool:
    """Tell whether what was found before is still about the same target."""
    before = observed.seen.previous.preflight
    return bool(before and plan.look and before.key == plan.look.state.key)


def _condition(claim: Claim, before: Condition | None, observed: Observed) -> Condition:
    since = before.last_transition_time if before and before.status == claim.status else observed.now
    return Condition(
        type=claim.kind,
        status=claim.status,
        reason=claim.reason,
        message=claim.message,
        last_transition_time=since,
        observed_generation=observed.generation,
    )


def _last_schedule_time(observed: Observed, jobs: Sequence[CachedJob]) -> datetime | None:
    moments = [job.scheduled_time for job in jobs if not job.trigger]
    moments += [each.last_schedule_time for each in observed.cronjobs if each.last_schedule_time]
    return _latest(observed.seen.previous.last_schedule_time, *moments)


def _ends(observed: Observed) -> list[tuple[str, datetime]]:
    """Return outcome and end of the runs that are told anew.

    That is when the pod ended. The Job follows a moment later, which is not worth a further write.
    """
    jobs, pods = observed.seen.runs
    ended = {job.name: job.finished_at for job in jobs if job.finished_at}
    for pod in pods:
        if pod.finished_at:
            ended[pod.job] = pod.finished_at
    return [(run.outcome, ended.get(run.job or "", observed.now)) for run in observed.told.new]


def _latest(*moments: datetime | None) -> datetime | None:
    """Return the latest moment, of which any may be missing."""
    return max((moment for moment in moments if moment), default=None)


def next_look(
    status: GraphCronStatus, observed: Observed, *, resync: timedelta, further: Iterable[datetime] = ()
) -> datetime:
    """Return when the GraphCron is to be looked at again without a reason."""
    now, graphcron, plan = observed.now, observed.graphcron, observed.plan
    moments = [now + resync, *further]
    if status.next_schedule_time:
        moments.append(status.next_schedule_time + AFTER_DUE)
    if graphcron:
        moments += [moment for moment in [next_change(graphcron, now=now)] if moment]
        patience = missed_runs.patience(graphcron.spec)
        oldest = calendar_for(graphcron).next_times(now - patience, 1)
        moments += [moment + patience + AFTER_DUE for moment in oldest if moment <= now]
    if status.budget and status.budget.window_end:
        moments.append(status.budget.window_end)
    if plan and plan.look and plan.look.again:
        moments.append(plan.look.again)
    if observed.refused:  # a Job that is invalid; other refusals are retried with back-off
        moments.append(now + LONG_START)
    moments += [pod.created + LONG_START for pod in waiting_pods(observed)]
    return min(moment for moment in moments if moment > now)
