"""Occurrences that were due and have no Job: Kubernetes did not allow one, or the control plane was down."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from graphcron.api.reasons import Reason
from graphcron.api.v1alpha1 import GraphCronSpec, GraphCronStatus, RecentRun
from graphcron.cache.objects import CachedJob
from graphcron.contract import Outcome
from graphcron.schedule.occurrences import Calendar

CACHE_DELAY: Final = timedelta(seconds=30)
"""How long after the starting deadline the cache may get a Job that was created in time."""

MAX_OCCURRENCES: Final = 1500
"""At most this many are checked; of a longer outage the oldest are left out. A day has 1,440 minutes."""


class MissedRunInputs(NamedTuple):
    """What the missed runs of a GraphCron are computed from."""

    calendar: Calendar
    since: datetime
    """When the schedule took effect: it has no occurrences before."""
    until: datetime
    """When it was suspended, or the end of time."""
    jobs: Sequence[CachedJob]
    """All Jobs of runs, whoever created them."""
    previous: GraphCronStatus
    refusals: Mapping[str, str] = {}
    """Why Jobs get no pod, by their names."""


def missed_after(spec: GraphCronSpec) -> timedelta:
    """Return how long after its scheduled time an occurrence without a Job counts as missed."""
    return timedelta(seconds=spec.starting_deadline_seconds) + CACHE_DELAY


def missed_runs(spec: GraphCronSpec, inputs: MissedRunInputs, *, now: datetime) -> list[RecentRun]:
    """Return the occurrences that were due and never started, the oldest first."""
    after = _checked_until(spec, inputs)
    due = inputs.calendar.due_between(after, min(now - missed_after(spec), inputs.until), MAX_OCCURRENCES)
    made = {job.scheduled_time for job in inputs.jobs if not job.trigger}
    active = [run for run in inputs.previous.active or () if not (run.trigger or run.graph_run)]
    made |= {run.scheduled_time for run in active if run.scheduled_time}
    entries = [_entry(spec, inputs, moment) for moment in due if moment not in made]
    return [entry for entry in entries if not any(_covers(run, entry) for run in _scheduled_runs(inputs))]


def _covers(run: RecentRun, entry: RecentRun) -> bool:
    """Return whether a run in the status represents the same occurrence."""
    if run.scheduled_time == entry.scheduled_time:
        return True
    first = run.first_scheduled_time or run.scheduled_time
    return run.reason == entry.reason and first <= entry.scheduled_time <= run.scheduled_time


def _checked_until(spec: GraphCronSpec, inputs: MissedRunInputs) -> datetime:
    """Return where to begin: earlier occurrences are in the status, or their Jobs may have been deleted meanwhile."""
    moments = [inputs.since - timedelta(seconds=1), *filter(None, [inputs.previous.checked_until])]
    ended: dict[tuple[str, bool], list[datetime]] = {}
    for job in inputs.jobs:
        if job.finished and job.purpose is None:
            # The history limits apply to each CronJob, whose Jobs have its name and the minute.
            ended.setdefault((job.name.rpartition("-")[0], job.succeeded), []).append(job.scheduled_time)
    for (_, succeeded), times in ended.items():
        if len(times) >= (spec.history.successful if succeeded else spec.history.failed):
            moments.append(min(times))
    return max(moments)


def _scheduled_runs(inputs: MissedRunInputs) -> Iterator[RecentRun]:
    return (run for run in inputs.previous.recent_runs or () if not (run.trigger or run.graph_run))


def _entry(spec: GraphCronSpec, inputs: MissedRunInputs, moment: datetime) -> RecentRun:
    refusal = _refusal(spec, inputs, moment) if spec.concurrency_policy == "Forbid" else ""
    if refusal:
        reason, message = Reason.POD_CANNOT_START, refusal
    elif spec.concurrency_policy == "Forbid" and _was_busy(inputs, moment):
        reason, message = Reason.PREDECESSOR_ACTIVE, "an earlier run had not finished"
    else:
        reason, message = Reason.NOT_STARTED, "Kubernetes created no Job in time; the control plane may have been down"
    return RecentRun(scheduled_time=moment, outcome=Outcome.SKIPPED.value, reason=reason, message=message)


def _refusal(spec: GraphCronSpec, inputs: MissedRunInputs, moment: datetime) -> str:
    """Return why a Job that existed at that time got no pod: with Forbid, Kubernetes creates no other meanwhile."""
    for job in inputs.jobs:
        if job.purpose is None and job.name in inputs.refusals and job.scheduled_time < moment:
            return f"an earlier Job got no pod: {inputs.refusals[job.name]}"
    for run in _scheduled_runs(inputs):
        if run.reason == Reason.POD_CANNOT_START and run.scheduled_time < moment <= run.scheduled_time + missed_after(
            spec
        ):
            return run.message or ""
    return ""


def _was_busy(inputs: MissedRunInputs, moment: datetime) -> bool:
    """Return whether a Job was active at that time: Kubernetes then creates no other."""
    for job in (job for job in inputs.jobs if job.purpose is None and job.had_pods):
        if job.scheduled_time < moment and (job.finished_at is None or job.finished_at >= moment):
            return True
    for run in _scheduled_runs(inputs):
        if run.start_time and run.start_time < moment:
            end = run.start_time + timedelta(seconds=run.duration_seconds or 0) + CACHE_DELAY
            if end >= moment:
                return True
    return False
