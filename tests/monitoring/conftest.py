"""The chart's rules and dashboard, and a real Prometheus that scrapes the operator in the cluster."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes import config

from tests.cluster import ROOT, tool, wait_for
from tests.e2e.conftest import crons

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster import Cluster

__all__ = ("crons",)

JOB = "graphcron-metrics"
"""What Prometheus calls the operator: the name of its Service."""

CHART = ROOT / "charts/graphcron"
SERVICE = f"/api/v1/namespaces/graphcron-system/services/{JOB}:8080/proxy"


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the rules as the chart makes them."""
    tools = subprocess.run(
        [sys.executable, str(ROOT / "hack/cluster"), "tools"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    asked = ("prometheusRule.enabled=true", "prometheusRule.renderMode=alwaysRender")
    options = ["--show-only", "templates/prometheusrule.yaml", *(f"--set={each}" for each in asked)]
    command = [f"{tools}/helm", "template", "graphcron", str(CHART), *options]
    made = yaml.safe_load(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    file = tmp_path_factory.mktemp("rules") / "rules.yaml"
    file.write_text(yaml.safe_dump(made["spec"]), encoding="utf-8")
    return file


class Prometheus:
    """A Prometheus of our own that scrapes the operator once a second."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "prometheus.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, cluster: Cluster, rules: Path) -> None:
        """Start it, and wait until it answers."""
        file = self._folder / "prometheus.yaml"
        file.write_text(yaml.safe_dump(_config(cluster, rules)), encoding="utf-8")
        data = f"--storage.tsdb.path={self._folder / 'data'}"
        command = [tool("prometheus"), f"--config.file={file}", data, "--web.listen-address=127.0.0.1:0"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._url = wait_for("address of Prometheus", self._address)
        wait_for("ready Prometheus", self._is_ready)

    def stop(self) -> None:
        """End it."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=30)

    def log(self) -> str:
        """Return what it has logged."""
        return self._log.read_text(encoding="utf-8")

    def ask(self, path: str, **parameters: str) -> Any:
        """Ask its API, and return the data of the answer."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._url}/api/v1/{path}?{query}", timeout=10) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        assert not told.get("warnings"), told
        return told["data"]

    def query(self, expression: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Return what an expression gives now, by labels."""
        found = self.ask("query", query=expression)["result"]
        return {tuple(sorted(each["metric"].items())): float(each["value"][1]) for each in found}

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=10) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            if error.code != 503:  # it listens before its store is open and its rules are read
                raise
            return False

    def _address(self) -> str:
        assert self._process
        assert self._process.poll() is None, self.log()
        found = re.search(r"Listening on.*address=(127\.0\.0\.1:\d+)", self.log())
        return f"http://{found[1]}" if found else ""


def _config(cluster: Cluster, rules: Path) -> dict[str, Any]:
    """Make Prometheus come to the operator as kubectl does: through the API server."""
    ours = config.new_client_from_config(config_file=str(cluster.kubeconfig)).configuration
    server = urllib.parse.urlsplit(ours.host)
    scrape = {
        "job_name": JOB,
        "scheme": server.scheme,
        "metrics_path": f"{SERVICE}/metrics",
        "honor_labels": True,  # as the chart's ServiceMonitor says
        "static_configs": [{"targets": [server.netloc]}],
        "tls_config": {"ca_file": ours.ssl_ca_cert, "cert_file": ours.cert_file, "key_file": ours.key_file},
    }
    often = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    return {"global": often, "rule_files": [str(rules)], "scrape_configs": [scrape]}


@pytest.fixture
def prometheus(cluster: Cluster, operator: None, rules: Path, tmp_path: Path) -> Iterator[Prometheus]:
    """Start a Prometheus; what it logged is shown where the test fails."""
    prometheus = Prometheus(tmp_path)
    try:
        prometheus.start(cluster, rules)
        yield prometheus
    finally:
        prometheus.stop()
        print(prometheus.log())
