"""An operator of the checkout, as a process of its own, that sees one namespace only."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster import Cluster, slowness, wait_for
from tests.objects import Objects

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
        port = re.search(r"Serving probes and metrics on .*?0\.0\.0\.0:(\d+)", self.log())
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
        return self._process.wait(timeout=60 * slowness())


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
