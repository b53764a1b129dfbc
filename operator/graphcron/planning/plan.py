"""What the cache holds of one GraphCron → what is to be done, and what its status reports. Pure.

One pipeline: what Jobs and pods report gives the failures, these and the calendar give the suspension, and that decides
which Jobs to create. The reconciler carries the plan out, and drops what the API server refuses.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from pydantic import ValidationError

from graphcron.api import names
from graphcron.api.calendar_for import calendar_for, lines_of
from graphcron.api.names import Purpose
from graphcron.api.reasons import ConditionType
from graphcron.api.v1alpha1 import GraphCron, History, RecentRun
from graphcron.cache.objects import Body, CachedCronJob
from graphcron.errors import GraphCronError
from graphcron.manifests.cronjob import PersistedState, active_window, cronjob_names, cronjobs_for
from graphcron.manifests.job import JobRequest, job_for
from graphcron.manifests.pod import Manifest
from graphcron.manifests.request import whole_seconds
from graphcron.manifests.suspension import suspension_reason
from graphcron.planning.failures import Pause, consecutive_failures, pause_for
from graphcron.planning.missed_runs import MissedRunInputs, missed_after, missed_runs
from graphcron.planning.observed import ObservedState
from graphcron.planning.preflight import PreflightDecision, PreflightIntervals, plan_preflight
from graphcron.planning.run_history import RunHistory, merge_run_history
from graphcron.planning.stuck_jobs import podless_runs
from graphcron.planning.triggers import catch_up_for, handled_trigger, is_younger, trigger_for
from graphcron.schedule.occurrences import END_OF_TIME
from graphcron.settings import Settings
from graphcron.unstructured.fields import object_at


class Plan(NamedTuple):
    """What is to be done, and what is known."""

    cronjobs: list[Manifest]
    """As they are to be before any Job is created: what stops or corrects comes before what starts."""
    orphaned: list[CachedCronJob]
    """CronJobs of lines that the schedule no longer has."""
    jobs: dict[Purpose, Manifest]
    """Jobs to be created once."""
    cronjob_with_trigger: Manifest | None
    """The first CronJob with the request whose Job is in :attr:`jobs`; None: there is none."""
    reported: RunHistory
    """What Jobs and pods report of runs; all that is known where the plan is not carried out."""
    podless_runs: list[RecentRun]
    """Runs whose Jobs got no pod in time."""
    skipped: list[RecentRun]
    """Runs that have no Job, and the one that a Job of the plan catches up on."""
    pause: Pause
    preflight: PreflightDecision | None
    """None: it is turned off."""
    handled_trigger: str
    handled_before: str
    """What it is if the Job of the request is refused."""
    checked_until: datetime | None

    @property
    def history(self) -> RunHistory:
        """What is known of runs once the plan is carried out."""
        return self.reported.with_podless(self.podless_runs).with_skipped(self.skipped)

    def creates(self, observed: ObservedState) -> bool:
        """Return whether something is created or adopted for a GraphCron that was reconciled before.

        A watch may have missed its deletion. What is created then has no owner, and may run until Kubernetes collects
        it; a CronJob without an owner may be an orphan, which is to stay as it is. A preflight does not count, since it
        may have to wait for its turn.
        """
        if observed.previous.observed_generation is None:
            return False
        known = {
            *(job.name for job in observed.jobs),
            *(name for name, each in observed.cronjobs.items() if each.controller_uid),
        }
        jobs = [job for purpose, job in self.jobs.items() if purpose is not Purpose.PREFLIGHT]
        return any(each["metadata"]["name"] not in known for each in (*self.cronjobs, *jobs))

    def without(self, refused: Mapping[Purpose, GraphCronError]) -> "Plan":
        """Return what is left where some of the Jobs are not created: the next reconciliation decides on them again."""
        plan = self
        if Purpose.TRIGGER in refused:
            plan = plan._replace(handled_trigger=plan.handled_before)
        if Purpose.CATCH_UP in refused:
            caught_up = next(run.scheduled_time for run in plan.skipped if run.job)
            before = min(filter(None, (plan.checked_until, caught_up - timedelta(seconds=1))))
            plan = plan._replace(skipped=[run for run in plan.skipped if not run.job], checked_until=before)
        if Purpose.PREFLIGHT in refused and plan.preflight:
            plan = plan._replace(preflight=plan.preflight.not_created(refused[Purpose.PREFLIGHT]))
        return plan


def runs_kept(body: Body) -> int | None:
    """Return the number of entries of ``recentRuns`` that a spec sets, even if it is invalid; None: no valid number."""
    history = object_at(body, "spec", "history")
    try:
        return History.model_validate({key: history[key] for key in ("runs",) if key in history}).runs
    except ValidationError:
        return None


def reported_history(observed: ObservedState, graphcron: GraphCron | None) -> RunHistory:
    """Return what Jobs and pods report of runs, with what the status lists; GraphCron None: it can't be read."""
    previous = observed.previous.recent_runs or []
    limit = graphcron.spec.history.runs if graphcron else observed.runs_kept or max(len(previous), 1)
    calendar = calendar_for(graphcron) if graphcron else None
    history = merge_run_history(previous, *observed.runs, limit=limit, active=observed.active_before, calendar=calendar)
    return history.with_graph_runs(observed.graph_runs.ended)


def history_for(
    plan: Plan | None, problem: GraphCronError | None, observed: ObservedState, graphcron: GraphCron | None
) -> RunHistory:
    """Return the history for the status; of a plan that is not carried out, only what Jobs and pods report."""
    if plan is None:
        return reported_history(observed, graphcron)
    return plan.reported if problem else plan.history


def status_without_plan(observed: ObservedState, history: RunHistory) -> dict[str, object]:
    """Return the failures and requests in the status if no plan is possible.

    A request that the GraphCron was created with counts as handled. Otherwise it would start a run once the spec is
    corrected.
    """
    known: dict[str, object] = {
        "consecutive_failures": consecutive_failures(observed.previous.consecutive_failures or 0, history.new) or None
    }
    is_first = observed.previous.observed_generation is None and not observed.cronjobs
    if observed.trigger and is_first and not is_younger(observed.trigger, observed.created):
        known["last_handled_trigger"] = observed.trigger.value
    return known


def plan_for(graphcron: GraphCron, settings: Settings, observed: ObservedState, *, now: datetime) -> Plan:
    """Decide what is to be done.

    Raises
    ------
    SpecError
        The spec cannot be carried out.
    """
    spec, name = graphcron.spec, graphcron.metadata.name
    first = observed.cronjobs.get(name)
    became_active = _became_active(graphcron, observed, now)
    window = _active_window(graphcron, observed, became_active)

    reported = reported_history(observed, graphcron)
    podless = podless_runs(graphcron, observed.runs[0], observed.refusals, now)
    ended = reported.with_podless(podless)
    pause = pause_for(spec, observed.resume, first, observed.previous, ended.new, now=now)

    trigger = trigger_for(graphcron, observed.trigger, first, observed.previous, jobs=observed.jobs, now=now)
    missed = _missed_runs(graphcron, observed, window, now)
    suspended = suspension_reason(graphcron, paused=pause.since is not None, now=now) is not None
    with_pods = [job for job in observed.jobs if job.name not in observed.refusals]
    catch_up = None if suspended else catch_up_for(spec, name, missed, with_pods, now)
    skipped = [_with_job(run, catch_up) for run in missed] + ([trigger] if isinstance(trigger, RecentRun) else [])

    requests = [each for each in (trigger, catch_up) if isinstance(each, JobRequest)]
    since = first.schedule_since if first and first.schedule_since else whole_seconds(now)
    preflight = _preflight(graphcron, settings, observed, now)
    jobs = {each.purpose: job_for(graphcron, settings, each, since=since) for each in requests}
    if preflight and preflight.manifest:
        jobs[Purpose.PREFLIGHT] = preflight.manifest

    handled = handled_trigger(observed.trigger, first, observed.previous)
    # A request is persisted when its Job has been created, or when the status has reported why none is. One that
    # nothing is to be done for is persisted at once.
    persisted = PersistedState(
        pause.since, observed.trigger.value if observed.trigger and trigger is None else handled, pause.handled_resume
    )
    cronjobs = partial(cronjobs_for, graphcron, settings, observed.cronjobs, now=now, became_active=became_active)
    with_trigger = None
    if isinstance(trigger, JobRequest):
        with_trigger = cronjobs(persisted._replace(handled_trigger=trigger.trigger))[0]
    wanted = cronjob_names(graphcron)
    return Plan(
        cronjobs=cronjobs(persisted),
        orphaned=[each for each in observed.cronjobs.values() if each.name not in wanted],
        jobs=jobs,
        cronjob_with_trigger=with_trigger,
        reported=reported,
        podless_runs=podless,
        skipped=skipped,
        pause=pause,
        preflight=preflight,
        handled_trigger=observed.trigger.value if observed.trigger else handled,
        handled_before=handled,
        checked_until=_checked_until(graphcron, observed, window, now),
    )


def _with_job(missed: RecentRun, request: JobRequest | None) -> RecentRun:
    """Return a missed run with the Job that catches up on it, if there is one."""
    if request is None or request.scheduled != missed.scheduled_time:
        return missed
    return missed.model_copy(update={"job": request.name})


def _became_active(graphcron: GraphCron, observed: ObservedState, now: datetime) -> datetime | None:
    """Return when the calendar became active again, where the CronJobs are still suspended for it; None: they are not.

    They are suspended for the calendar alone if the spec is the one of the last reconciliation, and neither it nor
    failures suspend them.
    """
    first = observed.cronjobs.get(graphcron.metadata.name)
    changed = observed.previous.observed_generation != graphcron.metadata.generation
    if changed or graphcron.spec.suspend or first is None or not first.suspended or first.paused_since:
        return None
    until = calendar_for(graphcron).inactive_until(first.schedule_since or now)
    return until if until and until <= now else None


def _active_window(
    graphcron: GraphCron, observed: ObservedState, became_active: datetime | None
) -> tuple[datetime, datetime] | None:
    """Return since when the schedule has been active as it is, and until when; None: it never was, a line is new."""
    names_and_lines = zip(cronjob_names(graphcron), lines_of(graphcron), strict=True)
    windows = [
        active_window(graphcron.spec, line, observed.cronjobs.get(name), became_active)
        for name, line in names_and_lines
    ]
    known = [window for window in windows if window]
    if len(known) < len(windows):
        return None
    return max(since for since, _ in known), min(until or END_OF_TIME for _, until in known)


def _missed_runs(
    graphcron: GraphCron, observed: ObservedState, window: tuple[datetime, datetime] | None, now: datetime
) -> list[RecentRun]:
    """List the missed runs; a schedule has no occurrences before it took effect, nor while it is suspended."""
    if window is None:
        return []
    inputs = MissedRunInputs(calendar_for(graphcron), *window, observed.runs[0], observed.previous, observed.refusals)
    return missed_runs(graphcron.spec, inputs, now=now)


def _checked_until(
    graphcron: GraphCron, observed: ObservedState, window: tuple[datetime, datetime] | None, now: datetime
) -> datetime | None:
    """Return up to when it is known what became of all occurrences."""
    before = observed.previous.checked_until
    if window is None:
        return before
    return max(filter(None, (before, now - missed_after(graphcron.spec))))


def _preflight(
    graphcron: GraphCron, settings: Settings, observed: ObservedState, now: datetime
) -> PreflightDecision | None:
    if not graphcron.spec.preflight:
        return None
    conditions = observed.previous.conditions or ()
    known = next((each.status for each in conditions if each.type == ConditionType.TARGET_RESOLVED), "Unknown")
    return plan_preflight(
        names.KIND,
        graphcron,
        settings,
        previous=observed.previous.preflight,
        objects=observed.preflights,
        intervals=PreflightIntervals(after_success=None, longest=timedelta(seconds=settings.preflight_seconds)),
        succeeded=None if known == "Unknown" else known == "True",
        is_due=observed.preflight_is_due,
        now=now,
    )
