"""Occurrences that were due and have no Job: Kubernetes forbade them itself, or the control plane was down."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from graphcron.api.reasons import Reason
from graphcron.api.v1alpha1 import GraphCronSpec, GraphCronStatus, RecentRun
from graphcron.cache.objects import CachedJob
from graphcron.contract import Outcome
from graphcron.schedule.occurrences import Calendar

SLACK: Final = timedelta(seconds=30)
"""How long after the start deadline a Job may still come to our eyes."""

MOST: Final = 1500
"""At most so many are looked at; of a longer outage the oldest are left out. A day has 1,440 minutes."""


class Watched(NamedTuple):
    """What is known of a GraphCron's occurrences."""

    calendar: Calendar
    since: datetime
    """When the schedule took effect: what was due before is no occurrence of it."""
    until: datetime
    """When it was suspended, or the end of time."""
    jobs: Sequence[CachedJob]
    """Those that are about runs, whoever made them."""
    previous: GraphCronStatus
    refusals: Mapping[str, str] = {}
    """Why Jobs get no pod, by their names: those are no runs that go on."""


def patience(spec: GraphCronSpec) -> timedelta:
    """Return how long after its time an occurrence without a Job counts as one that was never started."""
    return timedelta(seconds=spec.starting_deadline_seconds) + SLACK


def unstarted(spec: GraphCronSpec, watched: Watched, *, now: datetime) -> list[RecentRun]:
    """List the occurrences that were due and were never started, the oldest first."""
    after = _looked_at_until(spec, watched)
    due = watched.calendar.due_between(after, min(now - patience(spec), watched.until), MOST)
    made = {job.scheduled_time for job in watched.jobs if not job.trigger}
    made |= {run.scheduled_time for run in watched.previous.active or () if run.scheduled_time}
    entries = [_entry(spec, watched, moment) for moment in due if moment not in made]
    return [entry for entry in entries if not any(_tells_of(run, entry) for run in _scheduled_runs(watched))]


def _tells_of(run: RecentRun, entry: RecentRun) -> bool:
    """Tell whether what was told before is about the same occurrence."""
    if run.scheduled_time == entry.scheduled_time:
        return True
    first = run.first_scheduled_time or run.scheduled_time
    return run.reason == entry.reason and first <= entry.scheduled_time <= run.scheduled_time


def _looked_at_until(spec: GraphCronSpec, watched: Watched) -> datetime:
    """Return where to begin: before, all is told, or Jobs may have come and gone that nobody can know of."""
    moments = [watched.since - timedelta(seconds=1), *filter(None, [watched.previous.checked_until])]
    ended: dict[tuple[str, bool], list[datetime]] = {}
    for job in watched.jobs:
        if job.finished and job.purpose is None:
            # Each CronJob keeps so many of its own, which have its name and the minute.
            ended.setdefault((job.name.rpartition("-")[0], job.succeeded), []).append(job.scheduled_time)
    for (_, succeeded), times in ended.items():
        if len(times) >= (spec.history.successful if succeeded else spec.history.failed):
            moments.append(min(times))
    return max(moments)


def _scheduled_runs(watched: Watched) -> Iterator[RecentRun]:
    return (run for run in watched.previous.recent_runs or () if not run.trigger)


def _entry(spec: GraphCronSpec, watched: Watched, moment: datetime) -> RecentRun:
    refusal = _refusal(spec, watched, moment) if spec.concurrency_policy == "Forbid" else ""
    if refusal:
        reason, message = Reason.POD_CANNOT_START, refusal
    elif spec.concurrency_policy == "Forbid" and _was_busy(watched, moment):
        reason, message = Reason.PREDECESSOR_ACTIVE, "an earlier run had not finished"
    else:
        reason, message = Reason.NOT_STARTED, "Kubernetes made no Job for it in time; was its control plane down?"
    return RecentRun(scheduled_time=moment, outcome=Outcome.SKIPPED.value, reason=reason, message=message)


def _refusal(spec: GraphCronSpec, watched: Watched, moment: datetime) -> str:
    """Return why a Job that was there at that time got no pod: for that Job, Kubernetes starts no other."""
    for job in watched.jobs:
        if job.purpose is None and job.name in watched.refusals and job.scheduled_time < moment:
            return f"an earlier one got no pod: {watched.refusals[job.name]}"
    for run in _scheduled_runs(watched):
        if run.reason == Reason.POD_CANNOT_START and run.scheduled_time < moment <= run.scheduled_time + patience(spec):
            return run.message or ""
    return ""


def _was_busy(watched: Watched, moment: datetime) -> bool:
    """Tell whether a Job was active at that time: Kubernetes then starts no other."""
    for job in (job for job in watched.jobs if job.purpose is None and job.had_pods):
        if job.scheduled_time < moment and (job.finished_at is None or job.finished_at >= moment):
            return True
    for run in _scheduled_runs(watched):
        if run.start_time and run.start_time < moment:
            end = run.start_time + timedelta(seconds=run.duration_seconds or 0) + SLACK
            if end >= moment:
                return True
    return False
