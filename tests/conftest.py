"""Fixtures that more than one floor of tests uses."""

from __future__ import annotations

import os
import sys
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests import left_out
from tests.cluster import ENV_CLUSTER, ROOT, Cluster, locked, wait_for

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from contextlib import AbstractContextManager

    from tests.client import Api
    from tests.e2e.api import LangGraph

sys.path[:0] = [str(ROOT / "hack" / each) for each in ("demo", "docs", "release")]  # tests install what the demo does

ALONE = "alone-"
"""The operator in the cluster leaves namespaces with this prefix alone."""

ALONE_FLOORS = ("api", "chart", "install", "operator")
"""Tests that want no operator, or one of their own."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(left_out)
    config.pluginmanager.register(_Failures(config))


class _Failures:
    """Show a failure at once: the end of a long run may never come."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal:
            terminal.write_line(f"\n{report.nodeid}: {report.when} failed\n{report.longreprtext[-2000:]}")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add what the cluster looked like: it is gone when somebody reads of the failure."""
        report = yield
        cluster = getattr(item, "funcargs", {}).get("cluster")
        if report.failed and isinstance(cluster, Cluster):
            report.sections.append(("The cluster", seen_of(cluster)))
        return report


def seen_of(cluster: Cluster) -> str:
    """Return what tells most of a cluster's state: pods that are not well, the Lease, and the operator's last words."""
    import installing

    system = ("--namespace", installing.OPERATOR_NAMESPACE)
    asked = (
        ("get", "pods", "--all-namespaces", "--field-selector=status.phase!=Succeeded", "--no-headers"),
        ("get", "namespaces", "--no-headers", "--output=custom-columns=:.status.phase"),
        ("get", "lease", *system),
        ("logs", f"deployment/{installing.RELEASE}", *system, "--all-containers", "--tail=40"),
    )
    found = []
    for arguments in asked:
        done = cluster.kubectl(*arguments, check=False)
        lines = (done.stdout + done.stderr).splitlines()
        if arguments[1] == "namespaces":
            lines = [f"{count} {phase}" for phase, count in Counter(lines).items()]
        found.append(f"kubectl {' '.join(arguments)}\n" + "\n".join(line[:400] for line in lines[-60:]))
    return "\n\n".join(found)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each worker begin with its share of the end-to-end tests: they wait, while the other tests compute."""
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    waiting = [item for item in items if item.path.is_relative_to(ROOT / "tests" / "e2e")]
    others = [item for item in items if not item.path.is_relative_to(ROOT / "tests" / "e2e")]
    share = -(-len(others) // workers)
    items[:] = [
        item
        for worker in range(workers)
        for item in (*waiting[worker::workers], *others[worker * share : (worker + 1) * share])
    ]


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """Return the cluster, with our CRD in it."""
    name = os.environ.get(ENV_CLUSTER)
    if not name:
        pytest.fail(f"this test needs a cluster: run `make test`, or set {ENV_CLUSTER} to the name of one that runs")
    cluster = Cluster(name)
    with one_at_a_time(cluster):
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
        established = ("wait", "--for=condition=Established", "--timeout=60s", "-f", str(ROOT / "crds"))
        # A CRD that has no conditions yet is an error to kubectl, and none to us.
        wait_for("established CRDs", lambda: cluster.kubectl(*established, check=False).returncode == 0)
    return cluster


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """Make a namespace under the *restricted* Pod Security Standard; delete it afterwards."""
    floor = request.path.parent.name
    name = f"{ALONE if floor in ALONE_FLOORS else ''}{floor}-{uuid.uuid4().hex[:8]}"
    metadata = {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    cluster.api.send("POST", "/api/v1/namespaces", {"metadata": metadata})
    yield name
    cluster.api.send("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
def operator(cluster: Cluster) -> None:
    """Install the operator into the cluster, from the chart."""
    install_operator(cluster)


def install_operator(cluster: Cluster) -> None:
    """Install the operator as most tests want it, or bring it back to that."""
    import installing

    with one_at_a_time(cluster):
        installing.install_operator(cluster, operator_values())


def operator_values() -> dict[str, Any]:
    """Return the chart's values for most tests.

    Whoever installs other values takes rights away that the former pod has until its end: see tests/rights.
    """
    import installing

    return {**installing.default_values(), "watchNamespaces": [f"!{ALONE}*"]}


@pytest.fixture(scope="session")
def api(cluster: Cluster) -> Api:
    """Return a way to the API server."""
    return cluster.api


@pytest.fixture(scope="session")
def server(cluster: Cluster, api: Api) -> LangGraph:
    """Install a real LangGraph server into the cluster."""
    import installing
    from tests.e2e.api import LangGraph

    with one_at_a_time(cluster):
        installing.install_server(cluster)
    return LangGraph(api, installing.SERVER_NAMESPACE)


def one_at_a_time(cluster: Cluster) -> AbstractContextManager[None]:
    """Keep the other workers of this test run out."""
    return locked(cluster.kubeconfig.with_suffix(".lock"))
