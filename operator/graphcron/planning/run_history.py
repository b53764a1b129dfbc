"""The history of runs: Jobs and pods → recent and active runs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final, TypeVar

from graphcron.api.names import Purpose
from graphcron.api.reasons import Reason
from graphcron.api.v1alpha1 import ActiveRun, RecentRun
from graphcron.cache.objects import CachedJob, CachedPod, scheduled_time_of
from graphcron.contract import RETRIABLE, Outcome, Report
from graphcron.schedule.occurrences import Calendar
from graphcron.unstructured.fields import time_of

_RANKS: Final[dict[str, int]] = {
    Outcome.STOPPED: 1,
    Outcome.INTERNAL_ERROR: 1,
    Outcome.UNKNOWN: 2,
    Outcome.SERVER_UNREACHABLE: 3,
    Outcome.SKIPPED: 3,
}
_REASON_RANKS: Final[dict[str | None, int]] = {Reason.NOT_STARTED: 0, Reason.JOB_DELETED: 1, Reason.RUN_NOT_FOUND: 4}
"""Of two entries for one occurrence, the one that ranks higher counts; what is not listed ranks highest."""

_HIGHEST_RANK: Final = 5
KILLED: Final = 137
"""Exit code of a container that SIGKILL has ended."""


Value = TypeVar("Value")


@dataclass(frozen=True)
class RunHistory:
    """The runs that are over: those that the status lists, and what is added to them.

    One occurrence is one entry, though several Jobs may work on it: the one that ranks highest.
    """

    previous: Sequence[RecentRun]
    """As the status lists them."""
    limit: int
    """How many it lists."""
    ended: Sequence[RecentRun]
    """Runs whose Jobs are over, or whose pods have reported the end."""
    others: Sequence[RecentRun] = ()
    """Runs that no Job and no pod reports: skipped or lost ones."""
    calendar: Calendar | None = None
    """Which skipped runs are neighbours; None: it is not known, and none is merged."""

    @cached_property
    def runs(self) -> list[RecentRun]:
        """What the status is to list, the newest first; neighbours skipped for the same reason are one entry."""
        known = {**{occurrence_of(run): run for run in self.previous}, **self._added}
        return self._merged(sorted(known.values(), key=_order, reverse=True))[: self.limit]

    @cached_property
    def new(self) -> list[RecentRun]:
        """Those that are added or better known than before, one by one, the oldest first."""
        return sorted(self._added.values(), key=_order)

    @property
    def ended_jobs(self) -> frozenset[str]:
        """Jobs whose pods have reported the end, finished or not."""
        return frozenset(run.job for run in self.ended if run.job)

    def with_graph_runs(self, runs: Sequence[RecentRun]) -> "RunHistory":
        """Add the runs of GraphRuns that are over."""
        return replace(self, ended=[*self.ended, *runs])

    def with_podless(self, runs: Sequence[RecentRun]) -> "RunHistory":
        """Add runs whose Jobs got no pod, in place of what these Jobs report."""
        jobs = {run.job for run in runs}
        return replace(self, ended=[*(run for run in self.ended if run.job not in jobs), *runs])

    def with_skipped(self, runs: Sequence[RecentRun]) -> "RunHistory":
        """Add runs that were skipped."""
        return replace(self, others=[*runs, *self.others])

    @cached_property
    def _added(self) -> dict[str, RecentRun]:
        """By occurrence, the runs that are new or better known than before."""
        listed, added = {occurrence_of(run): run for run in self.previous}, dict[str, RecentRun]()
        for run in (*(run for run in self.ended if not self._is_past(run)), *self.others):
            occurrence = occurrence_of(run)
            known = added.get(occurrence) or listed.get(occurrence)
            if any(_covers(each, run) for each in self.previous) or (known and _rank(known) >= _rank(run)):
                continue
            added[occurrence] = run
        return added

    def _merged(self, runs: list[RecentRun]) -> list[RecentRun]:
        """Make one entry of neighbours that were skipped for the same reason."""
        merged: list[RecentRun] = []
        for run in runs:
            newer = merged[-1] if merged else None
            if newer and self._are_neighbours(run, newer):
                count = (newer.count or 1) + (run.count or 1)
                first = run.first_scheduled_time or run.scheduled_time
                merged[-1] = newer.model_copy(update={"count": count, "first_scheduled_time": first})
            else:
                merged.append(run)
        return merged

    def _are_neighbours(self, run: RecentRun, newer: RecentRun) -> bool:
        """Return whether two skips can be one entry: an occurrence between them, not yet listed, may be none."""
        if self.calendar is None or not (_is_plain_skip(newer) and _is_plain_skip(run) and newer.reason == run.reason):
            return False
        following = self.calendar.next_after(run.scheduled_time)
        return following is None or following >= (newer.first_scheduled_time or newer.scheduled_time)

    def _is_past(self, run: RecentRun) -> bool:
        """Return whether a run is older than a full list: it was listed once, and its Job is still there."""
        return len(self.previous) >= self.limit and _order(run) < min(map(_order, self.previous))


def pods_by_job(pods: Iterable[CachedPod]) -> dict[str, list[CachedPod]]:
    """Group pods by the name of their Job, the newest first."""
    groups: dict[str, list[CachedPod]] = {}
    for pod in sorted(pods, key=lambda pod: (pod.created, pod.name), reverse=True):
        groups.setdefault(pod.job, []).append(pod)
    return groups


def active_runs(
    jobs: Sequence[CachedJob], ended_jobs: frozenset[str] = frozenset(), more: Sequence[ActiveRun] = ()
) -> list[ActiveRun]:
    """Return the Jobs that have not finished, the newest first, without those whose pods have reported the end.

    Parameters
    ----------
    more
        Those of :func:`stopping`.
    """
    going = [job for job in jobs if not job.finished and job.name not in ended_jobs]
    going.sort(key=lambda job: job.scheduled_time, reverse=True)
    runs = [ActiveRun(job=job.name, scheduled_time=job.scheduled_time, trigger=job.trigger or None) for job in going]
    return [*runs, *more]


def stopping(
    previous: Sequence[ActiveRun], jobs: Sequence[CachedJob], pods: Sequence[CachedPod], ended_jobs: frozenset[str]
) -> list[ActiveRun]:
    """Return the active runs whose Jobs were deleted, and whose pods have not reported yet."""
    left = {pod.job for pod in pods} - {job.name for job in jobs} - ended_jobs
    return [run for run in previous if run.job in left]


def merge_run_history(
    previous: Sequence[RecentRun],
    jobs: Sequence[CachedJob],
    pods: Sequence[CachedPod],
    *,
    limit: int,
    active: Sequence[ActiveRun] = (),
    calendar: Calendar | None = None,
) -> RunHistory:
    """Add what Jobs and pods report to the runs that the status lists.

    What a pod reports counts at once, before its Job is over: a pod that is being deleted is gone by then. What was
    listed before is kept when Jobs or pods are gone.

    Parameters
    ----------
    limit
        How many to list.
    active
        What was active before; the only record of what requested a Job that was deleted.
    calendar
        As in :class:`RunHistory`.
    """
    lost = lost_jobs(active, jobs, pods, previous)
    return RunHistory(previous, limit, list(_ended(jobs, pods, active)), lost, calendar)


def lost_jobs(
    previous: Sequence[ActiveRun], jobs: Sequence[CachedJob], pods: Sequence[CachedPod], known_runs: Sequence[RecentRun]
) -> list[RecentRun]:
    """Return the runs of active Jobs that were deleted with their pods, without a report."""
    known = {each.name for each in jobs} | {each.job for each in pods} | {each.job for each in known_runs}
    times = {run.scheduled_time for run in known_runs if not run.graph_run}
    return [
        RecentRun(
            job=run.job,
            scheduled_time=run.scheduled_time,
            trigger=run.trigger,
            graph_run=run.graph_run,
            outcome=Outcome.STOPPED.value,
            reason=Reason.JOB_GONE,
            message="its Job was deleted, and the outcome of the run is unknown",
        )
        for run in previous
        if run.scheduled_time and run.job not in known and (run.graph_run or run.scheduled_time not in times)
    ]


def newest_report(pods: Sequence[CachedPod]) -> Report | None:
    """Return the latest report that has the budget's window."""
    reports = [(pod.finished_at or pod.created, pod.report) for pod in pods if pod.report and pod.report.windowEnd]
    return max(reports, key=lambda each: each[0])[1] if reports else None


def percentile(values: Sequence[Value], percent: int) -> Value:
    """Return a percentile of sorted values: the smallest value that at least this share of them does not exceed."""
    return values[max(-(-len(values) * percent // 100), 1) - 1]


def _ended(jobs: Sequence[CachedJob], pods: Sequence[CachedPod], active: Sequence[ActiveRun]) -> Iterator[RecentRun]:
    groups = pods_by_job(pods)
    for job in jobs:
        own = groups.get(job.name, [])
        report = _best_report(own)
        # A pod that is killed between its report and its exit has failed for Kubernetes; the next one may differ.
        killed = any(pod.report and pod.exit_code == KILLED for pod in own)
        if report and report.outcome not in RETRIABLE and (job.finished or not killed):
            yield _run(job.name, job.scheduled_time, report, trigger=job.trigger)
        elif (job.finished or (_completed(own) and not report)) and not _report_pending(own):
            yield _run(job.name, job.scheduled_time, _report_by_end(job, own, report), trigger=job.trigger)
    # The pod of a Job that was deleted while active stays for a moment: its report counts.
    known = {run.job: run for run in active}
    for name in groups.keys() - {job.name for job in jobs}:
        report, run = _best_report(groups[name]), known.get(name)
        if report and (run or groups[name][0].purpose in {None, Purpose.CATCH_UP}):
            at = (run and run.scheduled_time) or scheduled_time_of(name) or groups[name][0].created
            ended = _run(name, at, _of_deleted_job(report), trigger=(run and run.trigger) or "")
            yield ended.model_copy(update={"graph_run": run.graph_run}) if run else ended


def _of_deleted_job(report: Report) -> Report:
    """Return what a pod's report means where no other pod can go on with the run."""
    if report.outcome is not Outcome.STOPPED or report.reason:
        return report
    message = f"its Job was deleted, {'and its pod cancelled the run' if report.runId else 'before a run started'}"
    return report._replace(outcome=Outcome.CANCELLED, reason=Reason.JOB_DELETED, message=message)


def occurrence_of(run: RecentRun) -> str:
    """Return the identity of a run among those of its GraphCron."""
    if run.graph_run:
        return f"run/{run.graph_run}/{run.job or run.requested_time or run.scheduled_time}"
    return f"trigger/{run.trigger}" if run.trigger else run.scheduled_time.isoformat()


def _order(run: RecentRun) -> tuple[datetime, str]:
    moment = run.requested_time or run.scheduled_time
    if run.graph_run and run.start_time:
        # It may have waited, or run, while newer runs ended; a full list must not hide it.
        moment = run.start_time + timedelta(seconds=run.duration_seconds or 0)
    return moment, run.job or ""


def _rank(run: RecentRun) -> int:
    return _REASON_RANKS.get(run.reason, _RANKS.get(run.outcome, _HIGHEST_RANK))


def _is_plain_skip(run: RecentRun) -> bool:
    """Return whether a skip can be merged with others; one that was not started and has a Job is being caught up on."""
    caught_up = run.reason == Reason.NOT_STARTED and run.job
    return run.outcome == Outcome.SKIPPED and not (run.trigger or run.graph_run or caught_up)


def _covers(entry: RecentRun, run: RecentRun) -> bool:
    """Return whether an entry that represents several skips includes this one."""
    if entry.first_scheduled_time is None or not _is_plain_skip(run) or entry.reason != run.reason:
        return False
    return entry.first_scheduled_time <= run.scheduled_time <= entry.scheduled_time


def _report_pending(pods: list[CachedPod]) -> bool:
    """Return whether a report of these pods may still come: Jobs and pods come over two watches."""
    return any(not pod.terminal for pod in pods)


def _completed(pods: list[CachedPod]) -> bool:
    """Return whether the runner of a pod has succeeded, even if a sidecar keeps the Job active, or makes it fail."""
    return any(pod.exit_code == 0 for pod in pods)


def _report_by_end(job: CachedJob, pods: list[CachedPod], report: Report | None) -> Report:
    """Derive the outcome from the Job's own end, where no pod left a final report; keep what a pod reported of the run.

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
        outcome, reason, message = Outcome.TIMEOUT, job.failure, "the Job exceeded its deadline"
    elif report and report.outcome is Outcome.INTERNAL_ERROR:
        return report
    elif report:
        message = f"the Job failed ({job.failure}) after its pods were stopped"
    else:
        message = f"the Job failed ({job.failure or 'no reason given'}) and no pod left a report"
    return (report or Report(outcome))._replace(outcome=outcome, reason=reason, message=message)


def _best_report(pods: list[CachedPod]) -> Report | None:
    """Return the newest report of how the run ended; a report of a stopped or deleted pod only if there is no other."""
    reports = [pod.report for pod in pods if pod.report]
    final = [report for report in reports if report.outcome is not Outcome.STOPPED]
    known = [report for report in final if report.reason != Reason.RUN_NOT_FOUND]
    return next(iter(known or final or reports), None)


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
