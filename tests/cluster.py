"""The cluster that the tests run on, and small means to wait for it."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from graphcron.unstructured.bounded_json import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]
T = TypeVar("T")


def tool(name: str) -> str:
    """Return the path of a program that the local cluster's builder knows, such as kubeconform; built if missing."""
    command = [sys.executable, str(ROOT / "hack/cluster"), "tool", name]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


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
            timeout=timeout,
            env=self.environment,
        )
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done

    def get(self, *arguments: str) -> Any:
        """Return what `kubectl get … -o json` says; a single object is None where it is not found."""
        done = self.kubectl("get", *arguments, "-o", "json", "--ignore-not-found")
        return loads(done.stdout) if done.stdout.strip() else None

    def items(self, *arguments: str) -> list[Any]:
        """Return the items of a list."""
        return list((self.get(*arguments) or {"items": []})["items"])

    def apply(self, *objects: dict[str, Any], namespace: str) -> None:
        """Apply objects as a user does."""
        text = yaml.safe_dump_all(objects, allow_unicode=True)
        self.kubectl("apply", "--server-side", "--namespace", namespace, "-f", "-", stdin=text)

    def raw(self, path: str) -> Any:
        """GET a path of the API server, such as a Service's proxy."""
        return json.loads(self.kubectl("get", "--raw", path).stdout)


def wait_for(what: str, look: Callable[[], T], *, seconds: float = 60, pause: float = 0.25) -> T:
    """Look until there is something to see, and return it; say what was missing when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:.0f} s still no {what}")
        time.sleep(pause)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes that lock the file out."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
