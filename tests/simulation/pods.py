"""Pods that run the runner as it is, and Jobs that start them as the Job controller does."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Final

from graphcron import contract
from graphcron.contract import FINAL_EXIT_CODES, Report, Request
from graphcron.runner.client.langgraph_api import LangGraphClient
from graphcron.runner.client.times import rfc3339
from graphcron.runner.main import work
from graphcron.runner.occurrence.runtime import Clock, Runtime
from graphcron.runner.occurrence.shutdown import ShutdownSignal
from tests.simulation.kernel import Kernel, Killed, Process
from tests.simulation.wire import Wire

if TYPE_CHECKING:
    from tests.simulation.world import World

GRACE_SECONDS: Final = 30.0
"""From SIGTERM to SIGKILL."""

BACKOFF_LIMIT: Final = 6
"""As of a Job that the operator makes."""

KILLED: Final = 137


class SimulatedClock(Clock):
    """Virtual time, and a wall clock that may be wrong by some seconds."""

    def __init__(self, kernel: Kernel, process: Callable[[], Process], skew: float) -> None:
        self._kernel, self._process, self._skew = kernel, process, skew

    def now(self) -> float:
        return self._kernel.now + self._skew

    def steady(self) -> float:
        return self._kernel.now

    def sleep(self, seconds: float) -> None:
        self._process().park(seconds)


class SimulatedLog:
    """Writes into the trace, and keeps since when the pod has followed each run."""

    def __init__(self, kernel: Kernel, who: str) -> None:
        self._kernel, self._who = kernel, who
        self._run = ""
        self.followed: dict[str, float] = {}

    def bind(self, *, run: str = "", **_: str) -> None:
        """Bind the run; the trace names the pod anyway."""
        self._run = run or self._run

    def __call__(self, event: str, *, level: str = "info", **fields: object) -> None:
        self._kernel.note(self._who, f"* {event} {fields or ''}")
        if event == "following":
            self.followed.setdefault(self._run, self._kernel.now)


class Pod:
    """One pod: a process, its end and its report."""

    def __init__(self, world: World, job: Job, number: int) -> None:
        self.name = f"{job.name}.{number}"
        self.job = job
        self.began = world.kernel.now
        self.over: float | None = None
        self.report: Report | None = None
        self.code: int | None = None
        self.disrupted = False
        """Its end does not count: it was drained, or its node is thought dead."""
        self.replaced = False
        """Whether another pod has already replaced it."""
        self._kernel = world.kernel
        self._timer = 0
        random = Random(f"{world.plan.seed}/{self.name}")
        self._shutdown = ShutdownSignal(self._set_timer)
        skew = dict(world.plan.clocks).get(self.name, random.uniform(-world.plan.skew, world.plan.skew))
        self.log = SimulatedLog(world.kernel, self.name)
        self._runtime = Runtime(
            self._shutdown,
            SimulatedClock(world.kernel, lambda: self.process, skew),
            self.log,  # type: ignore[arg-type]
            random,
            connect=lambda _: LangGraphClient(self._wire),  # type: ignore[arg-type]
            write_report=self._write,
        )
        self._wire = Wire(
            world.kernel, world.server, self, faults=world.plan.faults, random=random, reachable=world.is_up
        )
        self._environ = job.environ | {contract.ENV_POD_UID: self.name}
        self.process = Process(world.kernel, self._run, self._ended)

    def terminate(self, *, disrupted: bool = True) -> None:
        """Send SIGTERM, and SIGKILL when its grace period is over."""
        if self.process.alive:
            self._kernel.note(self.name, "! SIGTERM")
            self.disrupted = self.disrupted or disrupted
            self.process.interrupt(self._shutdown.on_stop)
            self._kernel.later(GRACE_SECONDS, self.kill)

    def kill(self) -> None:
        """Send SIGKILL."""
        if self.process.alive:
            self._kernel.note(self.name, "! SIGKILL")
            self.process.kill()

    def signal(self, name: str) -> None:
        """Schedule its own ``die`` or ``term``, because a process cannot be ended from within."""
        self._kernel.later(0, self.kill if name == "die" else self.terminate)

    def _run(self) -> None:
        self.code = work(self._environ, self._runtime)

    def _write(self, _: str, text: str) -> None:
        self.report = Report.from_json(text)
        self.job.world.judge.report_written(self, self.report)
        self._kernel.note(self.name, f"= {text}")

    def _ended(self, error: BaseException | None) -> None:
        self.over = self._kernel.now
        if error is not None and not isinstance(error, Killed):
            raise error
        self.code = KILLED if error else self.code
        self._kernel.later(0.5, lambda: self.job.pod_ended(self))

    def _set_timer(self, seconds: float, interval: float) -> None:
        self._timer += 1
        timer = self._timer

        def fire() -> None:
            if timer == self._timer and self.process.alive:
                self._kernel.later(interval, fire)
                self.process.interrupt(self._shutdown.on_alarm)

        if seconds:
            self._kernel.later(seconds, fire)


class Job:
    """One Job of an occurrence, and the Job controller's work for it."""

    def __init__(self, world: World, name: str, cron: str, scheduled: float, request: Request) -> None:
        self.name = name
        self.cron = cron
        self.scheduled = scheduled
        self.occurrence = f"{cron}/{rfc3339(scheduled)}"
        self.pods: list[Pod] = []
        self.over: float | None = None
        self.last: Pod | None = None
        """Whose end was the Job's."""
        self.failures = 0
        self.world = world
        self.environ = {
            contract.ENV_REQUEST: request.to_json(),
            contract.ENV_NAMESPACE: "team",
            contract.ENV_NAME: cron,
            contract.ENV_UID: cron,
            contract.ENV_JOB: f"{cron}-{int(scheduled // 60)}",
        }
        self.start_pod()

    def start_pod(self) -> None:
        """Start one more pod, unless the Job is over."""
        if self.over is None:
            self.pods.append(Pod(self.world, self, len(self.pods)))

    def pod_ended(self, pod: Pod) -> None:
        """Judge a pod's end, by the exit code and ``podFailurePolicy``."""
        if self.over is not None or pod.replaced:
            return
        later = self.world.kernel.later
        if pod.code == 0 or (pod.code in FINAL_EXIT_CODES and not pod.disrupted):
            self._end(pod)
        elif pod.disrupted:
            later(pod_start(self.world), self.start_pod)
        else:
            self.failures += 1
            if self.failures > BACKOFF_LIMIT:
                self._end(pod)
            else:
                later(min(10.0 * 2 ** (self.failures - 1), 360.0) + pod_start(self.world), self.start_pod)

    def _end(self, pod: Pod) -> None:
        self.over, self.last = self.world.kernel.now, pod
        self.world.judge.job_ends(self)
        self.world.job_over(self.cron)

    def is_under_way(self, since: float) -> bool:
        """Return whether it has had a live run, or an actual or expected pod, since a time."""
        runs = self.world.runs_of(self.occurrence)
        pods = self.over is None or any(pod.over is None or pod.over > since for pod in self.pods)
        return pods or any(run.live or (run.over or 0) > since for run in runs)

    @property
    def exhausted(self) -> bool:
        """Whether its pods have failed too often."""
        return self.failures > BACKOFF_LIMIT


def pod_start(world: World) -> float:
    """Return how long a pod takes to start."""
    return world.random.uniform(0.3, 3.0)
