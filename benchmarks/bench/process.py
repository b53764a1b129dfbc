"""The operators as processes: ours from the checkout, and its twin."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bench import twin as twins

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from bench.cluster import BenchCluster

    Start = Callable[..., AbstractContextManager["Running"]]
    """What starts an operator: :func:`ours` or :func:`twin`."""

OURS_NAME, TWIN_NAME, STRAIGHT_NAME = "GraphCron", "controller-runtime twin", "straight"
"""What the peers are called wherever figures are told."""

APPLYING_NAME = f"{TWIN_NAME} that applies"
"""The twin whose first write of a CronJob is a server-side apply, too."""

READY_SECONDS = 120

RESTING = 0.04
"""What of a CPU an operator may take that counts as at rest."""

REST_SECONDS = 2.0
"""For how long it has to."""


class Running:
    """A process that was started, and what it has cost so far."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path, started: float) -> None:
        self.pid = process.pid
        self.port = port
        """Where its probes and metrics answer."""
        self.started = started
        """When it was started, by perf_counter."""
        self.ready = started
        """When it answered that it is ready, by perf_counter."""
        self._process = process
        self._log = log

    def cpu_seconds(self) -> float:
        """Return the CPU time that it has taken, all threads together, in user and kernel."""
        return _cpu_seconds(Path(f"/proc/{self.pid}"))

    def memory_mib(self) -> float:
        """Return what it holds in memory now."""
        return self._status("VmRSS") / 1024

    def peak_mib(self) -> float:
        """Return the most that it has held at once."""
        return self._status("VmHWM") / 1024

    def log(self) -> str:
        """Return what it has logged."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_ready(self) -> None:
        """Wait until its readiness probe is content."""
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(f"http://127.0.0.1:{self.port}/readyz"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"it did not get ready:\n{self.log()[-4000:]}")
            time.sleep(0.02)
        self.ready = time.perf_counter()

    def stop(self) -> None:
        """End it as the kubelet does."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _status(self, field: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
        raise RuntimeError(f"process {self.pid} has ended:\n{self.log()[-4000:]}")


@contextmanager
def ours(cluster: BenchCluster, **settings: object) -> Iterator[Running]:
    """Run our operator from the checkout, without an election; settings as ``workers=4``. Yields once it is ready."""
    port = free_port()
    given = {f"GRAPHCRON_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {**cluster.environment, "GRAPHCRON_HEALTH_PORT": str(port), **given}
    with _running([sys.executable, "-m", "graphcron.main"], environment, port) as running:
        yield running


@contextmanager
def twin(cluster: BenchCluster, **settings: object) -> Iterator[Running]:
    """Run the twin, which is ours written in Go on controller-runtime. Yields once it is ready."""
    port = free_port()
    environment = twins.environment(cluster.environment, health_port=port, metrics_port=free_port(), **settings)
    with _running(twins.command(), environment, port) as running:
        yield running


OPERATORS: Mapping[str, Start] = {OURS_NAME: ours, TWIN_NAME: twin}
"""The operators, by the names under which figures are told."""


@asynccontextmanager
async def begun(start: Start, cluster: BenchCluster, **settings: object) -> AsyncIterator[Running]:
    """Run an operator while the event loop goes on, so that something can be watched as it starts."""
    manager = start(cluster, **settings)
    running = await asyncio.to_thread(manager.__enter__)
    try:
        yield running
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


def control_plane_cpu_seconds() -> float:
    """Return the CPU time that the API servers and etcds of this machine have taken."""
    total = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            program = (process / "cmdline").read_bytes().partition(b"\0")[0]
            if b"kube-apiserver" in program or b"etcd" in program:
                total += _cpu_seconds(process)
    return total


async def at_rest(running: Running, *, seconds: float = 120) -> float:
    """Wait until an operator does next to nothing, so long at most; return when it began to, by perf_counter."""
    deadline, quiet = time.perf_counter() + seconds, 0.0
    while time.perf_counter() < deadline:
        before, moment = running.cpu_seconds(), time.perf_counter()
        await asyncio.sleep(0.5)
        if running.cpu_seconds() - before > RESTING * 0.5:
            quiet = 0.0
        elif not quiet:
            quiet = moment
        elif moment - quiet > REST_SECONDS:
            return quiet
    print(f"  (the operator was still at work after {seconds:.0f} s)")
    return time.perf_counter()


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def _running(command: list[str], environment: dict[str, str], port: int) -> Iterator[Running]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as file:
            started = time.perf_counter()
            process = subprocess.Popen(command, env=environment, stdout=file, stderr=file, cwd=folder)
        running = Running(process, port, log, started)
        try:
            running.wait_ready()
            yield running
        finally:
            running.stop()


def _cpu_seconds(process: Path) -> float:
    words = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status) == 200
    except (urllib.error.HTTPError, OSError):
        return False
