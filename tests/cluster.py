"""The cluster that the tests run on, and small means to wait for it."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tests.client import Api, Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]
T = TypeVar("T")


def tool(name: str) -> str:
    """Return the path of a program that the local cluster's builder knows, such as kubeconform; built if missing."""
    command = [sys.executable, str(ROOT / "hack/cluster"), "tool", name]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


MOST_SLOWNESS = 4.0
"""No deadline of the tests is extended more, however busy the machine is."""

ENV_CLUSTER = "GRAPHCRON_TEST_CLUSTER"
"""Name of the cluster; `hack/test` brings it up before the tests and down after them."""


class Cluster:
    """A running cluster, by the kubectl of its own version."""

    def __init__(self, name: str) -> None:
        self.name = name
        known = json.loads(self.hack("info").stdout)
        self.provider = str(known["provider"])
        """What it is made by: ``local``, ``kind``, or ``current`` for one that was there."""
        self.kubeconfig = Path(known["kubeconfig"])
        self.tools = Path(self.hack("tools", "--provider", self.provider).stdout.strip())

    def hack(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a verb of the local cluster; what it prints of errors is part of the failure."""
        command = [sys.executable, str(ROOT / "hack/cluster"), *arguments]
        if arguments[0] not in {"tools", "images", "build"}:
            command += ["--name", self.name]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert not done.returncode, f"hack/cluster {' '.join(arguments)}: {done.stderr}"
        return done

    @property
    def environment(self) -> dict[str, str]:
        """Return an environment in which kubectl and helm mean this cluster."""
        path = f"{self.tools}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": path}

    def kubectl(
        self, *arguments: str, stdin: str | None = None, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl; what it prints of errors is part of the failure."""
        done = subprocess.run(
            ["kubectl", *arguments],
            input=stdin,
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout * slowness(),
            env=self.environment,
        )
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done

    @cached_property
    def api(self) -> Api:
        """Return a way to the API server without kubectl."""
        return Api(self.kubeconfig)

    @cached_property
    def _client(self) -> Client:
        return Client(self.api)

    def get(self, *arguments: str) -> Any:
        """Return what `kubectl get` finds; None where there is no such object."""
        return self._client.get(*arguments)

    def items(self, *arguments: str) -> list[Any]:
        """Return what `kubectl get` lists."""
        return self._client.items(*arguments)

    def apply(self, *objects: dict[str, Any], namespace: str) -> None:
        """Apply objects as a user does with `kubectl apply --server-side`."""
        for each in objects:
            self._client.apply(each, namespace)

    def raw(self, path: str) -> Any:
        """GET a path of the API server, such as a Service's proxy."""
        return self.api.send("GET", path)


def slowness() -> float:
    """Return how many times longer things take than on an idle machine: so many processes want each core."""
    return min(max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)), MOST_SLOWNESS)


def wait_for(what: str, look: Callable[[], T], *, seconds: float = 60, pause: float = 0.25) -> T:
    """Look until there is something to see, and return it; say what was missing when the time is up.

    Parameters
    ----------
    seconds
        How long it may take on an idle machine.
    """
    began = before = time.monotonic()
    while True:
        seen = look()
        if seen:
            return seen
        now = time.monotonic()
        seconds, before = seconds - (now - before) / slowness(), now
        if seconds < 0:
            raise AssertionError(f"after {now - began:.0f} s still no {what}")
        time.sleep(pause)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes that lock the file out."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
