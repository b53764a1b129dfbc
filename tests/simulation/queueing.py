"""Properties of ``concurrencyPolicy: Queue``, checked while a scenario runs and at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from graphcron.contract import Outcome, Report
from graphcron.runner.occurrence.record_thread import DONE, KIND, KIND_LOCK, OCCURRENCE, RUN_ID, STATE, WAITING
from graphcron.runner.run.finish import RESUME_SECONDS

if TYPE_CHECKING:
    from tests.simulation.pods import Job, Pod
    from tests.simulation.server import Run, Thread
    from tests.simulation.world import World

SILENT_SECONDS: Final = 10.0
"""The interval within which a waiting occurrence updates its record; otherwise it can lose its place."""

SETTLED_SECONDS: Final = 30.0
"""How long an occurrence must have waited so that all others have seen it: a look, a right and a late request."""

SKIPS: Final = ("QueueFull", "StartingDeadlineExceeded", "ServerAtCapacity", "ThreadBusy", "ThreadAwaitsHuman")
"""Reasons for which an occurrence of a queue is skipped."""


class QueueJudge:
    """Checks the order and the length of the queues.

    Parameters
    ----------
    check
        Counts a check of a property. The arguments are whether it holds, its name, and the finding.
    """

    def __init__(self, world: World, check: Callable[[bool, str, str], None]) -> None:
        self._world, self._check = world, check
        self._waits: dict[str, tuple[float, float]] = {}
        """Since when an occurrence has waited without a gap, and when it last said so."""

    @property
    def _holds(self) -> bool:
        return self._world.plan.request.concurrencyPolicy == "Queue"

    def record_changes(self, thread: Thread, change: dict[str, Any]) -> None:
        """Check the length of the queue when an occurrence reports that it waits."""
        occurrence, now = str(thread.metadata.get(OCCURRENCE)), self._world.kernel.now
        if not self._holds or thread.metadata.get(KIND) == KIND_LOCK:
            return
        if change.get(RUN_ID) or change.get(STATE) == DONE or thread.metadata.get(RUN_ID):
            self._waits.pop(occurrence, None)
        elif change.get(WAITING):
            since, last = self._waits.get(occurrence, (now, now))
            self._waits[occurrence] = (now if now - last > SILENT_SECONDS else since, now)
            self._check_length(occurrence.partition("/")[0])

    def run_starts(self, run: Run, earlier: list[Run]) -> None:
        """Check the first run of an occurrence when it is about to be created."""
        occurrence = run.metadata.get(OCCURRENCE, "")
        self._waits.pop(occurrence, None)
        if not self._holds or earlier:
            return
        due = self._due()
        before = [each for each in self._waiting(occurrence.partition("/")[0]) if due[each] < due[occurrence]]
        self._check(not before, "a queue starts in the order of the schedule", f"{occurrence} starts before {before}")

    def report_written(self, pod: Pod, report: Report) -> None:
        """Check the reason of a skip when it is reported."""
        if not self._holds or report.outcome is not Outcome.SKIPPED or report.message.startswith("an earlier pod"):
            return
        self._check(report.reason in SKIPS, "skipped for the reason told", f"{pod.name}: {report.reason} in a queue")
        since = self._world.kernel.now - SETTLED_SECONDS - RESUME_SECONDS
        others = [
            each for each in self._world.jobs if each.cron == pod.job.cron and each.occurrence != pod.job.occurrence
        ]
        taken = {job.occurrence for job in others if job.is_under_way(since)}
        least = self._world.plan.request.queueLimit if report.reason == "QueueFull" else 1
        if report.reason == "QueueFull" or report.message.startswith("waited for"):
            what = f"{pod.name}: {report.message} beside {sorted(taken)}"
            self._check(len(taken) >= least, "skipped for the reason told", what)

    def job_is_over(self, job: Job) -> None:
        """Check a Job at the end of the scenario."""
        if not self._holds:
            return
        report = job.last.report if job.last else None
        ended = report is not None and report.outcome in (Outcome.SKIPPED, Outcome.SERVER_UNREACHABLE, Outcome.REJECTED)
        is_known = ended or job.exhausted or bool(self._world.runs_of(job.occurrence))
        self._check(job.over is not None and is_known, "no occurrence of a queue is lost", f"{job.name} tells {report}")

    def _check_length(self, cron: str) -> None:
        now = self._world.kernel.now
        is_running = any(
            run.live and run.created < now - SETTLED_SECONDS and run.metadata[OCCURRENCE].partition("/")[0] == cron
            for run in self._world.server.runs
        )
        waiting, limit = self._waiting(cron), self._world.plan.request.queueLimit
        if is_running:
            self._check(len(waiting) <= limit, "queueLimit", f"{len(waiting)} of {limit} wait: {waiting}")

    def _waiting(self, cron: str) -> list[str]:
        """Return the occurrences that all others know to wait."""
        now = self._world.kernel.now
        return [
            occurrence
            for occurrence, (since, last) in self._waits.items()
            if occurrence.partition("/")[0] == cron and last > now - SILENT_SECONDS and since < now - SETTLED_SECONDS
        ]

    def _due(self) -> dict[str, float]:
        return {job.occurrence: job.scheduled for job in self._world.jobs}
