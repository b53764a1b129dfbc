"""Properties of every scenario, checked while it runs and at its end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from graphcron.contract import Outcome, Report
from graphcron.runner.admission.predecessors import PROMPT_SECONDS
from graphcron.runner.occurrence.record_thread import (
    ACTIVE,
    DONE,
    KIND,
    KIND_OWN,
    KIND_SHARED,
    OCCURRENCE,
    STATE,
    Record,
)
from graphcron.runner.occurrence.settings import GRACE_SECONDS
from graphcron.runner.occurrence.shutdown import STOP_SECONDS
from graphcron.runner.run.at_most_once import END_SECONDS
from tests.simulation.kernel import START
from tests.simulation.queueing import QueueJudge

if TYPE_CHECKING:
    from tests.simulation.pods import Job, Pod
    from tests.simulation.server import Run, Thread
    from tests.simulation.world import World

ORPHAN_SECONDS: Final = 30.0
"""How long a run can continue after its Job has ended without being considered orphaned."""

LONGEST_SECONDS: Final = 3600.0 + 1800.0
"""Maximum lifetime of a pod: an hour without a connection, and the duration of the run."""

MARK_SECONDS: Final = 20.0
"""How long the requests that read and remove a mark may take: a lost answer takes 10 s."""

RECENT_SECONDS: Final = 30.0
"""How long ago an occurrence may have been under way that others wait for: the grace time, and some requests."""


class Violation(NamedTuple):
    """A property that did not hold."""

    property: str
    what: str


class Judge:
    """Checks the properties."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.violations: list[Violation] = []
        self.checked: Counter[str] = Counter()
        """How often each property was checked."""
        self._marked: dict[str, float] = {}
        """When a pod's mark of a run was last processed."""
        self._queue = QueueJudge(world, self.check)

    def check(self, holds: bool, name: str, what: str) -> None:
        """Count a check of a property, and record a violation."""
        self.checked[name] += 1
        if not holds:
            self.violations.append(Violation(name, f"{self._world.kernel.now - START:.2f} {what}"))

    # --- while it is played -------------------------------------------------------------------------------------------

    def run_starts(self, run: Run) -> None:
        """Check a run that is about to be created."""
        occurrence = run.metadata.get(OCCURRENCE, "")
        world = self._world
        live = [each for each in world.server.runs if each.live]
        own = [each for each in live if each.metadata.get(OCCURRENCE) == occurrence]
        self.check(not own, "one run an occurrence", f"{occurrence} gets a run beside {_ids(own)}")
        self._check_follows(run, world.runs_of(occurrence))
        self._queue.run_starts(run, world.runs_of(occurrence))
        cron = occurrence.split("/")[0]
        others = [each for each in live if each.metadata[OCCURRENCE].split("/")[0] == cron and each not in own]
        if world.plan.request.concurrencyPolicy != "Allow":
            self.check(not others, world.plan.request.concurrencyPolicy, f"{occurrence} starts beside {_ids(others)}")
        if world.plan.request.concurrencyPolicy == "Forbid" and not world.runs_of(occurrence):
            self._check_not_behind(occurrence, cron)
        limit = world.plan.request.maxConcurrentRuns
        if limit is not None:
            self.check(len(live) < limit, "maxConcurrentRuns", f"{occurrence} starts beside {len(live)} of {limit}")

    def _check_not_behind(self, occurrence: str, cron: str) -> None:
        """With Forbid, what was due while an earlier run was under way does not start when that has ended."""
        scheduled = next(job.scheduled for job in self._world.jobs if job.occurrence == occurrence)
        spare = PROMPT_SECONDS + self._world.plan.skew
        behind = [
            run
            for run in self._world.server.runs
            if run.metadata[OCCURRENCE].split("/")[0] == cron
            and run.created < scheduled - spare
            and (run.over or 0) > scheduled + spare
        ]
        self.check(not behind, "no run behind its predecessor", f"{occurrence} starts behind {_ids(behind)}")

    def _check_follows(self, run: Run, earlier: list[Run]) -> None:
        """A further run follows one that a pod of ours has stopped, or that failed while tries were left."""
        if not earlier:
            return
        last = earlier[-1]
        stopped = last.status == "interrupted" and (last.cancelled_by != "person" or self._looks_stopped(last))
        tries = self._world.plan.request.retryAttempts
        failed = last.status in ("error", "deleted") or (
            last.status == "interrupted" and self._world.plan.request.timeoutSeconds
        )
        retried = sum(each.status != "interrupted" or each.cancelled_by == "person" for each in earlier)
        self.check(
            bool(stopped or (failed and retried <= tries)),
            "a further run follows a stop or a failure",
            f"{run.metadata.get(OCCURRENCE)}: {last.id[:8]} was {last.status} by {last.cancelled_by or 'itself'}",
        )

    def _looks_stopped(self, run: Run) -> bool:
        """Return whether a user's cancellation looks like that of a pod: the run has a mark that is not void yet.

        It is void once a pod that follows the run has seen it for so long: from the beginning, or since its first look.
        """
        occurrence, over = str(run.metadata.get(OCCURRENCE)), run.over or 0.0
        if not any(Record({"metadata": record.metadata}).is_stopped(run.id) for record in self._records(occurrence)):
            return False
        marked, void_after = self._marked[run.id], STOP_SECONDS + GRACE_SECONDS / 2
        pods = [pod for pod in self._world.pods if run.id in pod.log.followed]
        for since, until in ((pod.log.followed[run.id], min(over, pod.over or over)) for pod in pods):
            looks = since if marked < since else since + void_after
            if marked < looks and until > looks + void_after + MARK_SECONDS:
                return False
        return True

    def record_changes(self, thread: Thread, change: dict[str, Any]) -> None:
        """Check a record that is about to be closed."""
        self._queue.record_changes(thread, change)
        occurrence = thread.metadata.get(OCCURRENCE, "")
        marks = Record({"metadata": change})
        self._marked |= {
            run.id: self._world.kernel.now for run in self._world.runs_of(occurrence) if marks.is_stopped(run.id)
        }
        if change.get(STATE) != DONE or not occurrence:
            return
        live = [run for run in self._world.runs_of(occurrence) if run.live]
        self.check(not live, "a record is closed after its run", f"{occurrence} is closed while {_ids(live)} goes on")

    def report_written(self, pod: Pod, report: Report) -> None:
        """Check a skip when it is reported; later, the record that explains it may be deleted."""
        world, now = self._world, self._world.kernel.now
        if report.outcome is Outcome.SKIPPED and self._records(pod.job.occurrence):
            runs = world.runs_of(pod.job.occurrence)
            self.check(not runs, "what is told is what happened", f"{pod.name} tells {_said(report)} of {_ids(runs)}")
        self._queue.report_written(pod, report)
        if report.message.startswith("an earlier pod"):
            return  # whose reason has been looked at
        others = [each for each in world.jobs if each.occurrence != pod.job.occurrence]
        if report.reason == "ServerAtCapacity":
            limit = world.plan.request.maxConcurrentRuns or 0
            decided = now - END_SECONDS  # pods may need that long to agree on it
            taken = {job.occurrence for job in others if job.is_under_way(decided - RECENT_SECONDS)}
            self.check(
                len(taken) >= limit,
                "skipped for the reason told",
                f"{pod.name}: {report.reason} beside {sorted(taken)}",
            )
        elif report.reason == "PredecessorActive":
            taken = {
                job.occurrence
                for job in others
                if job.cron == pod.job.cron and job.is_under_way(min(now - RECENT_SECONDS, pod.job.scheduled))
            }
            self.check(bool(taken), "skipped for the reason told", f"{pod.name}: {report.reason} beside none")
        elif report.reason == "StartingDeadlineExceeded":
            late = now - pod.job.scheduled - world.plan.request.startingDeadlineSeconds
            self.check(
                late > -world.plan.skew, "skipped for the reason told", f"{pod.name}: {report.reason} {late:.0f} s late"
            )

    def job_ends(self, job: Job) -> None:
        """Check a run that continues after its Job has ended: a later occurrence must find it."""
        if any(run.live for run in self._world.runs_of(job.occurrence)):
            is_open = any(record.metadata[STATE] == ACTIVE for record in self._records(job.occurrence))
            self.check(is_open, "later occurrences can find it", f"{job.name} ends beside a run, its record is closed")

    # --- at the end ---------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """Check everything at the end."""
        world = self._world
        for pod in world.pods:
            over = pod.over if pod.over is not None else world.kernel.now
            self.check(over - pod.began < LONGEST_SECONDS, "pods end", f"{pod.name} lived {over - pod.began:.0f} s")
        for step in world.server.repeated:
            self.check(False, "no step again", step)
        self.check(True, "no step again", "")
        for job in world.jobs:
            self._check_orphans(job)
            self._check_report(job)
            self._queue.job_is_over(job)
        if world.plan.request.budget:
            self._check_tokens()

    def _check_orphans(self, job: Job) -> None:
        world = self._world
        others = [each for each in world.jobs if each.occurrence == job.occurrence]
        if any(each.over is None for each in others):
            return
        over = max(each.over or 0 for each in others)
        last = max((pod for each in others for pod in each.pods), key=lambda pod: pod.over or float("inf"))
        excused = any(each.exhausted for each in others) or (
            last.report and last.report.reason in ("LostContact", "NotCancelled")
        )
        for run in world.runs_of(job.occurrence):
            until = run.over if run.over is not None else world.kernel.now
            watched = max(over, last.over or over)
            alone = until - max(watched, run.created)
            self.check(
                excused or alone < ORPHAN_SECONDS,
                "no run without a watch",
                f"{job.occurrence}: {run.id[:8]} went on {alone:.0f} s after {last.name} told {_said(last.report)}",
            )

    def _records(self, occurrence: str) -> list[Thread]:
        threads = self._world.server.threads.values()
        ours = (thread for thread in threads if thread.metadata.get(OCCURRENCE) == occurrence)
        return [thread for thread in ours if thread.metadata.get(KIND) in (KIND_OWN, KIND_SHARED)]

    def _check_report(self, job: Job) -> None:
        """Check that the last report matches what happened."""
        report, runs = job.last and job.last.report, self._world.runs_of(job.occurrence)
        if report is None or job.exhausted:
            return
        last = runs[-1] if runs else None
        status = last.status if last else ""
        expected = {
            Outcome.SUCCEEDED: status == "success",
            Outcome.GRAPH_ERROR: status == "error",
            Outcome.INTERRUPTED: status == "success",
            Outcome.TIMEOUT: status == "interrupted",
            Outcome.OVER_BUDGET: status == "interrupted",
            Outcome.SKIPPED: not any(run.created > (job.over or 0) for run in runs),
            Outcome.CANCELLED: status in ("interrupted", "deleted")
            or (report.reason == "Replaced" and status == "error")
            or (report.reason == "RunNotFound" and self._is_told_by_another(job)),
        }
        self.check(
            expected.get(report.outcome, True),
            "what is told is what happened",
            f"{job.name} tells {_said(report)}, its run {last.id[:8] if last else '-'} is {status or 'none'}",
        )
        self.check(report.outcome is not Outcome.INTERNAL_ERROR, "no bug", f"{job.name}: {report.message}")
        if report.outcome is Outcome.CANCELLED and not report.reason and last is not None:
            self.check(
                any(run.cancelled_by == "person" for run in runs),
                "nobody is blamed who did nothing",
                f"{job.name} tells that somebody cancelled {last.id[:8]}, which was {last.cancelled_by}",
            )

    def _is_told_by_another(self, job: Job) -> bool:
        """Return whether another pod of the occurrence has reported an end that takes precedence over this one."""
        known = (Outcome.SUCCEEDED, Outcome.GRAPH_ERROR, Outcome.INTERRUPTED)
        pods = (pod for pod in self._world.pods if pod.job.occurrence == job.occurrence)
        return any(pod.report and pod.report.outcome in known for pod in pods)

    def _check_tokens(self) -> None:
        for job in self._world.jobs:
            report = job.last and job.last.report
            runs = self._world.runs_of(job.occurrence)
            if report is None or report.tokens is None or not runs:
                continue
            used = sum(sum(run.calls) for run in runs)
            short = max((sum(run.calls) for run in runs), default=0)
            what = f"{job.name} tells {report.tokens} tokens{' at least' if report.tokensAtLeast else ''} of {used}"
            self.check(report.tokens <= used, "tokens are counted once", what)
            self.check(
                report.tokens >= used - short if report.tokensAtLeast else report.tokens == used,
                "tokens are not short",
                what,
            )


def _ids(runs: list[Run]) -> str:
    return ", ".join(f"{run.id[:8]} of {run.metadata.get(OCCURRENCE)}" for run in runs)


def _said(report: Report | None) -> str:
    return f"{report.outcome.value}/{report.reason}" if report else "nothing"
