"""One running scenario: the server, the Jobs and their pods, users, and events."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from graphcron.runner.occurrence.record_thread import OCCURRENCE
from tests.simulation.kernel import START, Kernel
from tests.simulation.plan import Action, Plan
from tests.simulation.pods import Job, Pod, pod_start
from tests.simulation.properties import Judge, Violation
from tests.simulation.server import LangGraph, Run

LONGEST_SECONDS: Final = 3 * 3600.0
"""The end of a scenario: long after any pod has a reason to wait."""


class World:
    """A scenario."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.random = Random(f"{plan.profile}/{plan.seed}/world")
        self.kernel = Kernel(self.random)
        self.jobs: list[Job] = []
        self._held_back: dict[str, Callable[[], None]] = {}
        """What makes the Job that waits for the end of an active one, by GraphCron."""
        self.judge = Judge(self)
        self.server = LangGraph(self.kernel, self.judge.run_starts, self.judge.record_changes)

    def play(self) -> list[Violation]:
        """Run the scenario; return the violations."""
        for number in range(self.plan.occurrences):
            for cron in range(self.plan.crons):
                for _ in range(2 if number in self.plan.doubled else 1):
                    self._plan_job(f"cron-{cron}", number)
        for action in self.plan.actions:
            self.kernel.at(START + action.at, lambda action=action: self._act(action))
        self.kernel.run(START + LONGEST_SECONDS)
        self.judge.end()
        for pod in self.pods:
            pod.process.kill()
        return self.judge.violations

    @property
    def units(self) -> int:
        """How many occurrences there were."""
        return len({job.occurrence for job in self.jobs})

    @property
    def pods(self) -> list[Pod]:
        return [pod for job in self.jobs for pod in job.pods]

    def is_up(self) -> bool:
        """Return whether the server can be reached."""
        now = self.kernel.now - START
        return not any(begin <= now < end for begin, end in self.plan.outages)

    def runs_of(self, occurrence: str) -> list[Run]:
        """Return all runs that an occurrence has had, oldest first."""
        return [run for run in self.server.runs if run.metadata.get(OCCURRENCE) == occurrence]

    def job_over(self, cron: str) -> None:
        """Create the delayed Job, as the CronJob controller does when it sees that the active Job has ended."""
        if create := self._held_back.pop(cron, None):
            self.kernel.later(pod_start(self), create)

    def _plan_job(self, cron: str, number: int) -> None:
        scheduled = START + number * self.plan.period
        name = f"{cron}-{number}"

        def create() -> None:
            request = self.plan.request
            if self.plan.one_job and request.concurrencyPolicy == "Forbid":
                if any(job.cron == cron and job.over is None for job in self.jobs):
                    self._held_back[cron] = create
                    return
                if self.kernel.now > scheduled + request.startingDeadlineSeconds:
                    return
            self.jobs.append(
                Job(
                    self,
                    f"{name}{'x' * sum(job.name.rstrip('x') == name for job in self.jobs)}",
                    cron,
                    scheduled,
                    request,
                )
            )

        self.kernel.at(scheduled + self.random.uniform(0.1, 2.0) + pod_start(self), create)

    def _act(self, action: Action) -> None:
        pods = [pod for pod in self.pods if pod.process.alive]
        runs = [run for run in self.server.runs if run.live and run.thread.id in self.server.threads]
        self.kernel.note("world", f"! {action.kind}")
        if action.kind == "lose-data":
            for thread_id in [*self.server.threads]:
                self.server.request("DELETE", f"/threads/{thread_id}", None, "nobody")
        elif action.kind == "cancel" and runs:
            self.server.cancel(self.random.choice(runs), "person")
        elif pods and action.kind != "cancel":
            self._do_to(self.random.choice(pods), action.kind)

    def _do_to(self, pod: Pod, kind: str) -> None:
        if kind == "kill":
            pod.kill()
        elif kind == "drain":
            pod.terminate()
        elif not pod.disrupted:
            pod.disrupted = pod.replaced = True
            self.kernel.note(pod.name, "! thought dead")
            self.kernel.later(self.random.uniform(1, 30), pod.job.start_pod)
