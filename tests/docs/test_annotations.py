"""The commands of the pages with which a person steps in: run now, and go on after a pause."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.api import names
from tests.cluster import ROOT, wait_for
from tests.docs.page import blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster import Cluster

NAME = "by-hand"
NEVER = "0 0 29 2 *"

pytestmark = pytest.mark.usefixtures("operator", "server")


def command(page: Path, section: str) -> str:
    """Return the shell snippet of a section, for our GraphCron."""
    (block,) = (each for each in blocks(page) if each.section == section and each.language == "bash")
    return block.text.replace(" NAME ", f" {NAME} ")


def typed(text: str, reader: dict[str, str]) -> None:
    """Run a snippet as a person does who has pasted it."""
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, timeout=60, env=reader, check=False)
    assert done.returncode == 0, done.stderr


def apply(cluster: Cluster, namespace: str, **spec: Any) -> None:
    """Apply a GraphCron that never runs by itself, and wait until it is ready."""
    body = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": NAME}}
    cluster.apply({**body, "spec": {"schedule": NEVER, **spec}}, namespace=namespace)
    cluster.kubectl("wait", "--namespace", namespace, "--for=condition=Ready", "--timeout=60s", f"graphcron/{NAME}")


def status(cluster: Cluster, namespace: str) -> Any:
    """Return the status."""
    return cluster.get("graphcron", NAME, "--namespace", namespace)["status"]


def handled(cluster: Cluster, reader: dict[str, str], annotation: str, member: str) -> str:
    """Wait until the operator has acted on an annotation; return its value."""
    namespace = reader["NAMESPACE"]
    written = cluster.get("graphcron", NAME, "--namespace", namespace)["metadata"]["annotations"][annotation]
    wait_for(f"{member} {written}", lambda: status(cluster, namespace).get(member) == written)
    return str(written)


def ended(cluster: Cluster, namespace: str, trigger: str) -> Any:
    """Wait for the end of a run that somebody asked for."""

    def look() -> Any:
        runs = status(cluster, namespace).get("recentRuns", [])
        return next((run for run in runs if run.get("trigger") == trigger), None)

    return wait_for(f"end of the run {trigger}", look, seconds=90)


def conditions(cluster: Cluster, namespace: str) -> set[str]:
    """Return the types of the conditions that hold."""
    return {each["type"] for each in status(cluster, namespace)["conditions"] if each["status"] == "True"}


def test_run_now(cluster: Cluster, reader: dict[str, str]) -> None:
    namespace = reader["NAMESPACE"]
    apply(cluster, namespace, assistant="agent", suspend=True, input={"messages": [{"role": "user", "content": "Hi"}]})
    typed(command(ROOT / "docs/schedules.md", "Run now"), reader)
    trigger = handled(cluster, reader, names.ANNOTATION_RUN_REQUESTED, "lastHandledTrigger")
    assert ended(cluster, namespace, trigger)["outcome"] == "Succeeded"


def test_pause_and_go_on(cluster: Cluster, reader: dict[str, str]) -> None:
    namespace = reader["NAMESPACE"]
    policy = {"pauseAfterConsecutiveFailures": 1}
    apply(cluster, namespace, assistant="failing", input={}, failurePolicy=policy)
    typed(command(ROOT / "docs/schedules.md", "Run now"), reader)
    trigger = handled(cluster, reader, names.ANNOTATION_RUN_REQUESTED, "lastHandledTrigger")
    assert ended(cluster, namespace, trigger)["outcome"] == "GraphError"
    wait_for("pause", lambda: "Paused" in conditions(cluster, namespace))

    typed(command(ROOT / "docs/runs.md", "Pause after failures"), reader)
    handled(cluster, reader, names.ANNOTATION_RESUME_REQUESTED, "lastHandledResume")
    wait_for("end of the pause", lambda: "Paused" not in conditions(cluster, namespace))
