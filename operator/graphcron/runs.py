"""What became of the occurrences: Jobs and pods → recent and active runs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from graphcron.contract import EXIT_CODES, FINAL_EXIT_CODES, Outcome, Report
from graphcron.model import ActiveRun, RecentRun
from graphcron.observed import JobSeen, PodSeen, scheduled_time_of, time_of
from graphcron.reasons import Reason

_LAST_WORDS: Final = frozenset(
    outcome for outcome in Outcome if outcome is Outcome.SUCCEEDED or EXIT_CODES[outcome] in FINAL_EXIT_CODES
)
"""Outcomes after which a Job starts no other pod."""


def pods_by_job(pods: Iterable[PodSeen]) -> dict[str, list[PodSeen]]:
    """Group pods by the name of their Job, the newest first."""
    groups: dict[str, list[PodSeen]] = {}
    for pod in sorted(pods, key=lambda pod: (pod.created, pod.name), reverse=True):
        groups.setdefault(pod.job, []).append(pod)
    return groups


def active_runs(jobs: Sequence[JobSeen], told: Sequence[RecentRun] = ()) -> list[ActiveRun]:
    """List the Jobs that have not finished, the newest first; without those whose pods have told the end already."""
    over = {run.job for run in told}
    going = [job for job in jobs if not job.finished and job.name not in over]
    going.sort(key=lambda job: job.scheduled_time, reverse=True)
    return [ActiveRun(job=job.name, scheduled_time=job.scheduled_time) for job in going]


def recent_runs(
    previous: Sequence[RecentRun], jobs: Sequence[JobSeen], pods: Sequence[PodSeen], *, limit: int
) -> list[RecentRun]:
    """List the finished occurrences, the newest first.

    What pods tell is told at once, before their Job is over: a pod that is being deleted is gone by then. What was told
    before is kept when Jobs or pods are gone.

    Parameters
    ----------
    limit
        How many to list.
    """
    groups = pods_by_job(pods)
    known = {run.job: run for run in previous}
    for job in jobs:
        own = groups.get(job.name, [])
        report = _best_report(own)
        if report and (job.finished or report.outcome in _LAST_WORDS):
            known[job.name] = _run(job.name, job.scheduled_time, report)
        elif job.finished and job.name not in known and not _report_pending(own):
            known[job.name] = _run(job.name, job.scheduled_time, _report_without_word(job))
    # A Job that was deleted while it ran (Replace, or by hand) leaves its pod for a moment: its last word counts.
    for name in groups.keys() - {job.name for job in jobs}:
        report = _best_report(groups[name])
        if report:
            known[name] = _run(name, scheduled_time_of(name) or groups[name][0].created, report)
    return sorted(known.values(), key=lambda run: (run.scheduled_time, run.job), reverse=True)[:limit]


def _report_pending(pods: list[PodSeen]) -> bool:
    """Tell of pods without a report whether an end has yet to reach us: Jobs and pods come over two watches."""
    return any(not pod.terminal for pod in pods)


def _report_without_word(job: JobSeen) -> Report:
    """Say what can be said of a Job whose pods left no report."""
    if job.succeeded:
        return Report(outcome=Outcome.SUCCEEDED)
    if job.failure == "DeadlineExceeded":
        return Report(outcome=Outcome.TIMEOUT, reason=job.failure, message="The Job ran into its deadline.")
    return Report(
        outcome=Outcome.INTERNAL_ERROR,
        reason=Reason.POD_LOST,
        message=f"The Job failed ({job.failure or 'no reason given'}) and no pod left a report.",
    )


def _best_report(pods: list[PodSeen]) -> Report | None:
    """Take the newest report that says how the run ended; one that only says "stopped" where there is no other."""
    reports = [pod.report for pod in pods if pod.report]
    final = [report for report in reports if report.outcome is not Outcome.STOPPED]
    return next(iter(final or reports), None)


def _run(job: str, scheduled_time: datetime, report: Report) -> RecentRun:
    return RecentRun(
        job=job,
        scheduled_time=scheduled_time,
        outcome=report.outcome.value,
        reason=report.reason or None,
        message=report.message or None,
        run_id=report.runId or None,
        thread_id=report.threadId or None,
        start_time=time_of(report.startTime),
        duration_seconds=report.durationSeconds,
        tokens=report.tokens,
    )
