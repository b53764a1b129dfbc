"""Tests that need what this machine or this cluster has not: they are left out, and counted at the end.

A test says what it needs by a marker, such as ``@pytest.mark.needs("go")``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import ENV_CLUSTER, ROOT

PAGE = ROOT / "operator/graphcron/cli/dashboard/page"
"""The source of the dashboard's page."""

NEEDS = {
    "browser": "a browser: Chromium or Chrome",
    "go": "Go, with which the programs that they use are built",
    "node": "Node.js with npm",
    "page-modules": "the Node modules of the dashboard's page",
    "linux": "Linux",
    "control-plane": "the local provider, which can stop parts of Kubernetes (CLUSTER=local, on Linux as root)",
    "audit-log": "a cluster that is made for the tests, with an audit log (CLUSTER=kind or CLUSTER=local)",
}
"""What a test may need, as a person reads it."""

PROVIDERS = {"control-plane": {"local"}, "audit-log": {"local", "kind"}}
"""Which providers of a cluster have what depends on the cluster."""

ENV_FILE = "GRAPHCRON_LEFT_OUT"
"""A file to which each run of pytest appends its counts, as one JSON object."""

LEFT_OUT = pytest.StashKey[dict[str, set[str]]]()
"""The ids of the tests that are left out, by what they need."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", f"needs(what): leave the test out where that is missing: {', '.join(NEEDS)}")
    config.stash[LEFT_OUT] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests whose needs are not met."""
    needs = {item.nodeid: needs_of(item) for item in items}
    missing = missing_here({need for each in needs.values() for need in each})
    left = {item.nodeid: missing.intersection(needs[item.nodeid]) for item in items}
    for nodeid, lacking in left.items():
        for need in sorted(lacking)[:1]:
            config.stash[LEFT_OUT].setdefault(need, set()).add(nodeid)
    config.hook.pytest_deselected(items=[item for item in items if left[item.nodeid]])
    items[:] = [item for item in items if not left[item.nodeid]]


def needs_of(item: pytest.Item) -> set[str]:
    """Return what a test needs.

    Raises
    ------
    pytest.UsageError
        A marker names what is none of `NEEDS`.
    """
    found = {str(need) for marker in item.iter_markers("needs") for need in marker.args}
    if not found <= NEEDS.keys():
        raise pytest.UsageError(f"{item.nodeid} needs {found - NEEDS.keys()}: it is one of {', '.join(NEEDS)}")
    return found


def missing_here(needs: set[str]) -> set[str]:
    """Return those of the needs that this machine, or the cluster that the tests run on, does not meet."""
    present = {
        "go": bool(shutil.which("go")),
        "node": bool(shutil.which("node")) and (ROOT / "tests/docs/node_modules").exists(),
        "page-modules": bool(shutil.which("node")) and (PAGE / "node_modules/esbuild").exists(),
        "linux": sys.platform == "linux",
    }
    if "browser" in needs:
        present["browser"] = bool(browser())
    provider = provider_of(os.environ.get(ENV_CLUSTER)) if needs & PROVIDERS.keys() else ""
    by_cluster = {need for need, providers in PROVIDERS.items() if provider and provider not in providers}
    return needs & ({need for need, here in present.items() if not here} | by_cluster)


def browser() -> str:
    """Return the path of Chromium or Chrome; empty where neither is installed."""
    command = [sys.executable, str(ROOT / "hack/cluster"), "browser"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def provider_of(name: str | None) -> str:
    """Return the provider of the cluster that the tests run on; empty where there is none, which they say themselves."""
    command = [sys.executable, str(ROOT / "hack/cluster"), "info", "--name", str(name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False) if name else None
    return str(json.loads(done.stdout)["provider"]) if done and not done.returncode else ""


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that runs the workers."""
    if hasattr(session.config, "workeroutput"):
        left = session.config.stash[LEFT_OUT]
        session.config.workeroutput["left_out"] = {need: sorted(ids) for need, ids in left.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker has left out: each of them collects all tests."""
    for need, ids in getattr(node, "workeroutput", {}).get("left_out", {}).items():
        node.config.stash[LEFT_OUT].setdefault(need, set()).update(ids)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Count what was left out, and why."""
    if hasattr(config, "workerinput"):
        return
    counts = {NEEDS[need]: len(ids) for need, ids in sorted(config.stash[LEFT_OUT].items())}
    for need, number in counts.items():
        terminalreporter.write_line(f"tests left out: {number}, for lack of {need}", yellow=True)
    if counts and ENV_FILE in os.environ:
        with Path(os.environ[ENV_FILE]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(counts) + "\n")
