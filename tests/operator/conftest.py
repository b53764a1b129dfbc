"""An operator of the checkout, as a process of its own, that sees one namespace only."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster import Cluster, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Operator:
    """The process; it can be killed and started again."""

    def __init__(self, cluster: Cluster, namespace: str, log: Path) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **settings: str) -> None:
        """Start it and wait until it is ready."""
        environment = {
            **os.environ,
            "KUBECONFIG": str(self._cluster.kubeconfig),
            "GRAPHCRON_NAMESPACES": self._namespace,
            "GRAPHCRON_HEALTH_PORT": "0",
            "GRAPHCRON_SERVER_URL": "http://langgraph.example.svc:2024",
            **settings,
        }
        self._log.write_bytes(b"")
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "graphcron.main"]
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        wait_for("readiness", lambda: self.probe("readyz") == 200, seconds=60)

    def log(self) -> str:
        """Return what it has logged since its start."""
        return self._log.read_text()

    def probe(self, path: str) -> int:
        """Ask a probe; 0 where nothing answers."""
        return self._ask(path)[0]

    def metric(self, metric: str, /, **labels: str) -> float | None:
        """Return the first sample of that metric with these labels; None where there is none."""
        families = text_string_to_metric_families(self._ask("metrics")[1])
        samples = [each for family in families for each in family.samples if each.name == metric]
        return next((each.value for each in samples if labels.items() <= each.labels.items()), None)

    def _ask(self, path: str) -> tuple[int, str]:
        port = re.search(r"Probes answer on .*?0\.0\.0\.0:(\d+)", self.log())
        if not port:
            return 0, ""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/{path}", timeout=10) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            return int(error.code), ""
        except OSError:
            return 0, ""

    def kill(self) -> None:
        """End it as a lost node does."""
        assert self._process
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """End it as the kubelet does; return its exit code."""
        assert self._process
        self._process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; return its exit code."""
        assert self._process
        return self._process.wait(timeout=60)


@pytest.fixture
def operator(cluster: Cluster, namespace: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Operator]:
    """Start an operator for the test's namespaces; what it logged is shown where the test fails."""
    both = "elsewhere" in request.fixturenames
    namespaces = f"{namespace},{request.getfixturevalue('elsewhere').namespace}" if both else namespace
    operator = Operator(cluster, namespaces, tmp_path / "operator.log")
    try:
        operator.start()
        yield operator
    finally:
        if operator._process and operator._process.poll() is None:
            operator.stop()
        print(operator.log())
    assert "Traceback" not in operator.log()


class Objects:
    """What the tests make and look at, in one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def apply(self, name: str = "hello", **spec: Any) -> None:
        """Apply a GraphCron; without a preflight, whose Job is none of most tests' business."""
        when = {} if "schedules" in spec else {"schedule": "0 4 * * *"}
        spec = {"assistant": "agent", "preflight": False, **when, **spec}
        body = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphCron", "metadata": {"name": name}, "spec": spec}
        self.cluster.apply(body, namespace=self.namespace)

    def ask(self, annotation: str, value: str, name: str = "hello") -> None:
        """Annotate a GraphCron, as people do to ask for something."""
        self.kubectl("annotate", "graphcron", name, "--overwrite", f"{annotation}={value}")

    def all(self, kind: str) -> dict[str, Any]:
        """Return all objects of a kind, by name."""
        return {each["metadata"]["name"]: each for each in self.cluster.items("--namespace", self.namespace, kind)}

    def kubectl(self, *arguments: str, **options: Any) -> str:
        """Run kubectl in the namespace."""
        return self.cluster.kubectl("--namespace", self.namespace, *arguments, **options).stdout

    def get(self, kind: str, name: str = "hello") -> Any:
        """Return an object; None where there is none."""
        return self.cluster.get("--namespace", self.namespace, kind, name)

    def wait_for(self, what: str, kind: str, holds: Any, *, name: str = "hello", seconds: float = 20) -> Any:
        """Wait until an object is there and something holds of it; return it."""

        def look() -> Any:
            found = self.get(kind, name)
            return found if found and holds(found) else None

        return wait_for(f"{kind} {name} that {what}", look, seconds=seconds)

    def wait_ready(self, status: str = "True", reason: str = "Reconciled", *, name: str = "hello") -> Any:
        """Wait for a Ready condition that is about the newest spec; return the GraphCron."""

        def holds(found: Any) -> bool:
            conditions = found.get("status", {}).get("conditions", [])
            ready = next((each for each in conditions if each["type"] == "Ready"), {})
            newest = ready.get("observedGeneration") == found["metadata"]["generation"]
            return newest and (ready["status"], ready["reason"]) == (status, reason)

        return self.wait_for(f"is Ready={status} because {reason}", "graphcron", holds, name=name)


@pytest.fixture
def objects(cluster: Cluster, namespace: str) -> Objects:
    """Return what the test works with."""
    return Objects(cluster, namespace)


@pytest.fixture
def elsewhere(cluster: Cluster, namespace: str) -> Iterator[Objects]:
    """Return what is made in a second namespace."""
    name = f"{namespace}-b"
    cluster.kubectl("create", "namespace", name)
    yield Objects(cluster, name)
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def condition(graphcron: Any, kind: str) -> Any:
    """Return a condition of a GraphCron."""
    return next((each for each in graphcron["status"]["conditions"] if each["type"] == kind), None)
