"""What became of the occurrences: Jobs and pods → recent and active runs."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from graphcron.api.names import Purpose
from graphcron.api.reasons import Reason
from graphcron.api.v1alpha1 import ActiveRun, RecentRun
from graphcron.cache.objects import CachedJob, CachedPod, scheduled_time_of
from graphcron.contract import RETRIABLE, Outcome, Report
from graphcron.unstructured.fields import time_of

_RANKS: Final[dict[str, int]] = {
    Outcome.STOPPED: 1,
    Outcome.INTERNAL_ERROR: 1,
    Outcome.UNKNOWN: 2,
    Outcome.SERVER_UNREACHABLE: 3,
    Outcome.SKIPPED: 3,
}
_REASON_RANKS: Final[dict[str | None, int]] = {Reason.NOT_STARTED: 0, Reason.JOB_DELETED: 1, Reason.RUN_NOT_FOUND: 4}
"""Of two that tell of one occurrence, the one that ranks higher is believed; what is not listed ranks highest."""

_HIGHEST_RANK: Final = 5
KILLED: Final = 137
"""Exit code of a container that was ended by SIGKILL."""


class Told(NamedTuple):
    """What is known of the occurrences that are over."""

    runs: list[RecentRun]
    """The newest first; neighbours that were skipped for the same reason are one entry."""
    new: list[RecentRun]
    """Those that were not known before, one by one, the oldest first."""
    over: frozenset[str]
    """Jobs whose pods have told the end, finished or not."""


def pods_by_job(pods: Iterable[CachedPod]) -> dict[str, list[CachedPod]]:
    """Group pods by the name of their Job, the newest first."""
    groups: dict[str, list[CachedPod]] = {}
    for pod in sorted(pods, key=lambda pod: (pod.created, pod.name), reverse=True):
        groups.setdefault(pod.job, []).append(pod)
    return groups


def active_runs(
    jobs: Sequence[CachedJob], over: frozenset[str] = frozenset(), more: Sequence[ActiveRun] = ()
) -> list[ActiveRun]:
    """List the Jobs that have not finished, the newest first; without those whose pods have told the end already.

    Parameters
    ----------
    more
        Those that are :func:`stopping`.
    """
    going = [job for job in jobs if not job.finished and job.name not in over]
    going.sort(key=lambda job: job.scheduled_time, reverse=True)
    runs = [ActiveRun(job=job.name, scheduled_time=job.scheduled_time, trigger=job.trigger or None) for job in going]
    return [*runs, *more]


def stopping(
    previous: Sequence[ActiveRun], jobs: Sequence[CachedJob], pods: Sequence[CachedPod], over: frozenset[str]
) -> list[ActiveRun]:
    """List the active runs whose Jobs were deleted, and whose pods have yet to report."""
    left = {pod.job for pod in pods} - {job.name for job in jobs} - over
    return [run for run in previous if run.job in left]


def tell(
    previous: Sequence[RecentRun],
    jobs: Sequence[CachedJob],
    pods: Sequence[CachedPod],
    *,
    limit: int,
    active: Sequence[ActiveRun] = (),
    unstarted: Sequence[RecentRun] = (),
    given_up: Sequence[RecentRun] = (),
) -> Told:
    """Tell of the occurrences that are over.

    What pods tell is told at once, before their Job is over: a pod that is being deleted is gone by then. What was told
    before is kept when Jobs or pods are gone. One occurrence is one entry, though several Jobs may work on it.

    Parameters
    ----------
    limit
        How many to list.
    active
        What was active before: of Jobs that are gone, only this says who asked for them.
    unstarted
        Occurrences without a Job.
    given_up
        Occurrences whose Job got no pod.
    """
    known = {_occurrence(run): run for run in previous}
    new: dict[str, RecentRun] = {}
    podless = {run.job for run in given_up}
    ended = [*(run for run in _ended(jobs, pods, active) if run.job not in podless), *given_up]
    for run in (*(run for run in ended if not _is_past(run, previous, limit)), *unstarted):
        before = known.get(_occurrence(run))
        if any(_covers(each, run) for each in previous) or (before and _rank(before) >= _rank(run)):
            continue
        known[_occurrence(run)] = new[_occurrence(run)] = run
    return Told(
        runs=_merged(sorted(known.values(), key=_order, reverse=True))[:limit],
        new=sorted(new.values(), key=_order),
        over=frozenset(run.job for run in ended if run.job),
    )


def _is_past(run: RecentRun, previous: Sequence[RecentRun], limit: int) -> bool:
    """Tell whether a run would not be listed, being older than a full list: it was told, and its Job is still there."""
    return len(previous) >= limit and _order(run) < min(map(_order, previous))


def vanished(
    previous: Sequence[ActiveRun], jobs: Sequence[CachedJob], pods: Sequence[CachedPod], told: Sequence[RecentRun]
) -> list[RecentRun]:
    """Tell of Jobs that were active and are gone without a word, with their pods: somebody may have deleted them."""
    known = {each.name for each in jobs} | {each.job for each in pods} | {each.job for each in told}
    times = {run.scheduled_time for run in told}
    return [
        RecentRun(
            job=run.job,
            scheduled_time=run.scheduled_time,
            trigger=run.trigger,
            outcome=Outcome.STOPPED.value,
            reason=Reason.JOB_GONE,
            message="its Job is gone, and with it what became of its run",
        )
        for run in previous
        if run.scheduled_time and run.job not in known and run.scheduled_time not in times
    ]


def newest_report(pods: Sequence[CachedPod]) -> Report | None:
    """Return the latest report that knows the budget's window."""
    reports = [(pod.finished_at or pod.created, pod.report) for pod in pods if pod.report and pod.report.windowEnd]
    return max(reports, key=lambda each: each[0])[1] if reports else None


def _ended(jobs: Sequence[CachedJob], pods: Sequence[CachedPod], active: Sequence[ActiveRun]) -> Iterator[RecentRun]:
    groups = pods_by_job(pods)
    for job in jobs:
        own = groups.get(job.name, [])
        report = _best_report(own)
        # Killed between its report and its exit, a pod has failed for Kubernetes, and another one may say otherwise.
        killed = any(pod.report and pod.exit_code == KILLED for pod in own)
        if report and report.outcome not in RETRIABLE and (job.finished or not killed):
            yield _run(job.name, job.scheduled_time, report, trigger=job.trigger)
        elif (job.finished or (_completed(own) and not report)) and not _report_pending(own):
            yield _run(job.name, job.scheduled_time, _report_by_end(job, own, report), trigger=job.trigger)
    # A Job that was deleted while it ran leaves its pod for a moment: its last word counts.
    known = {run.job: run for run in active}
    for name in groups.keys() - {job.name for job in jobs}:
        report, run = _best_report(groups[name]), known.get(name)
        if report and (run or groups[name][0].purpose in {None, Purpose.CATCH_UP}):
            at = (run and run.scheduled_time) or scheduled_time_of(name) or groups[name][0].created
            yield _run(name, at, _of_deleted_job(report), trigger=(run and run.trigger) or "")


def _of_deleted_job(report: Report) -> Report:
    """Return what a pod's report means where no other pod can go on with the run."""
    if report.outcome is not Outcome.STOPPED or report.reason:
        return report
    message = f"its Job was deleted, {'and its pod cancelled the run' if report.runId else 'before a run started'}"
    return report._replace(outcome=Outcome.CANCELLED, reason=Reason.JOB_DELETED, message=message)


def _occurrence(run: RecentRun) -> str:
    return f"trigger/{run.trigger}" if run.trigger else run.scheduled_time.isoformat()


def _order(run: RecentRun) -> tuple[datetime, str]:
    return run.scheduled_time, run.job or ""


def _rank(run: RecentRun) -> int:
    return _REASON_RANKS.get(run.reason, _RANKS.get(run.outcome, _HIGHEST_RANK))


def _is_plain_skip(run: RecentRun) -> bool:
    """Tell of a skip that is like others; one that nobody started and that has a Job is being made up for."""
    made_up = run.reason == Reason.NOT_STARTED and run.job
    return run.outcome == Outcome.SKIPPED and not run.trigger and not made_up


def _covers(entry: RecentRun, run: RecentRun) -> bool:
    """Tell whether an entry that stands for several skips stands for this one too."""
    if entry.first_scheduled_time is None or not _is_plain_skip(run) or entry.reason != run.reason:
        return False
    return entry.first_scheduled_time <= run.scheduled_time <= entry.scheduled_time


def _merged(runs: list[RecentRun]) -> list[RecentRun]:
    """Make one entry of neighbours that were skipped for the same reason."""
    merged: list[RecentRun] = []
    for run in runs:
        newer = merged[-1] if merged else None
        if newer and _is_plain_skip(newer) and _is_plain_skip(run) and newer.reason == run.reason:
            count = (newer.count or 1) + (run.count or 1)
            first = run.first_scheduled_time or run.scheduled_time
            merged[-1] = newer.model_copy(update={"count": count, "first_scheduled_time": first})
        else:
            merged.append(run)
    return merged


def _report_pending(pods: list[CachedPod]) -> bool:
    """Return whether the last word of these pods has yet to reach us: Jobs and pods come over two watches."""
    return any(not pod.terminal for pod in pods)


def _completed(pods: list[CachedPod]) -> bool:
    """Tell whether the runner of a pod has succeeded, even if a sidecar keeps the Job open, or makes it fail."""
    return any(pod.exit_code == 0 for pod in pods)


def _report_by_end(job: CachedJob, pods: list[CachedPod], report: Report | None) -> Report:
    """Derive the outcome from the Job's own end, where no pod left a last word; keep what a pod reported of the run.

    A Job fails when, and only when, its run has failed. A run whose Job is complete need not have succeeded.
    """
    outcome, reason = Outcome.INTERNAL_ERROR, Reason.POD_LOST.value
    if not job.had_pods and not pods:
        words = "Kubernetes could not create its pod"
        return Report(outcome=Outcome.SKIPPED, reason=Reason.POD_CANNOT_START, message=words)
    if job.succeeded or _completed(pods):
        outcome = Outcome.UNKNOWN
        message = "the Job completed without a report; the run succeeded, was interrupted, cancelled or skipped"
    elif job.failure == "DeadlineExceeded":
        outcome, reason, message = Outcome.TIMEOUT, job.failure, "the Job ran into its deadline"
    elif report and report.outcome is Outcome.INTERNAL_ERROR:
        return report
    elif report:
        message = f"the Job failed ({job.failure}) after its pods were told to stop"
    else:
        message = f"the Job failed ({job.failure or 'no reason given'}) and no pod left a report"
    return (report or Report(outcome))._replace(outcome=outcome, reason=reason, message=message)


def _best_report(pods: list[CachedPod]) -> Report | None:
    """Take the newest report that says how the run ended; one that only says "stopped" where there is no other."""
    reports = [pod.report for pod in pods if pod.report]
    final = [report for report in reports if report.outcome is not Outcome.STOPPED]
    return next(iter(final or reports), None)


def _run(job: str, scheduled_time: datetime, report: Report, *, trigger: str = "") -> RecentRun:
    return RecentRun(
        job=job,
        scheduled_time=scheduled_time,
        trigger=trigger or None,
        outcome=report.outcome.value,
        reason=report.reason or None,
        message=report.message or None,
        run_id=report.runId or None,
        thread_id=report.threadId or None,
        start_time=time_of(report.startTime),
        duration_seconds=report.durationSeconds,
        attempts=report.attempts,
        tokens=report.tokens,
        tokens_at_least=report.tokensAtLeast,
        cost=report.cost,
    )
