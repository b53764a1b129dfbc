"""The demo, as a newcomer meets it, and its end: what is deleted is gone, on the LangGraph server too."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.cluster import ROOT, wait_for
from tests.conftest import ALONE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster import Cluster
    from tests.e2e.api import LangGraph

NAMESPACE = "demo"


def active_runs(server: LangGraph, **metadata: str) -> list[str]:
    """Return the runs of the demo's GraphCrons that are pending or running, by the server's own word."""
    return [
        run["run_id"]
        for thread in server.threads(**{"graphcron/namespace": NAMESPACE}, **metadata)
        for run in server.runs(thread["thread_id"])
        if run["status"] in {"pending", "running"}
    ]


def shown(text: str, label: str) -> str:
    """Return what the demo shows behind a label."""
    found = re.search(rf"^  {label} +(.*)$", text, re.MULTILINE)
    assert found, f"no {label} in:\n{text}"
    return found[1].strip()


def commands_in(text: str) -> list[str]:
    """Return the commands that the demo offers to try."""
    lines = text.partition("Try next:\n")[2].splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def typed(command: str) -> str:
    """Run a command as a person does who has pasted it; return what it printed."""
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@pytest.mark.usefixtures("operator")
def test_the_demo_shows_a_finished_run_and_deleting_leaves_nothing(cluster: Cluster, server: LangGraph, tmp_path: Path):
    import installing

    installing.make_namespace(cluster, NAMESPACE)
    # Beside what the demo applies, one whose run is still under way when everything is deleted.
    cluster.kubectl("apply", "--namespace", NAMESPACE, "-f", str(ROOT / "examples/slow.yaml"))
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"watchNamespaces": [f"!{ALONE}*"]}))  # as the other tests need it

    demo = [sys.executable, str(ROOT / "hack/demo"), "up", "--cluster", cluster.name, "--loaded"]
    done = subprocess.run([*demo, "--values", str(values)], capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    text = done.stdout

    # What it shows is what the API server and the LangGraph server say.
    assert shown(text, "Outcome").startswith("Succeeded")
    thread, run_id = shown(text, "Thread"), shown(text, "Run")
    assert server.get(f"/threads/{thread}/runs/{run_id}")["status"] == "success"
    question, *_, answer = server.get(f"/threads/{thread}/state")["values"]["messages"]
    assert shown(text, "Question") == question["content"] == "What time is it?"
    assert shown(text, "Answer") == answer["content"]
    assert re.fullmatch(r"It is \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\.", answer["content"])
    hello = cluster.get("graphcron", "hello", "--namespace", NAMESPACE)
    (told,) = [each for each in hello["status"]["recentRuns"] if each.get("runId") == run_id]
    assert (told["outcome"], told["threadId"]) == ("Succeeded", thread)
    assert told["scheduledTime"] in text
    table = [line.split() for line in text.partition(" get gcron\n")[2].splitlines()]
    assert {"hello", "on-a-thread", "nightly-report"} <= {row[0] for row in table if row}
    assert re.search(r"hello is due at \d\d:\d\d:00 UTC, \d+ s to go|Now it is due", done.stderr)

    # Its commands can be pasted.
    look, describe, delete, down = commands_in(text)
    typed(f"{look} --export {tmp_path / 'page.html'}")
    assert run_id in (tmp_path / "page.html").read_text()
    assert "Succeeded" in typed(describe)
    assert down.endswith(f"hack/demo down --cluster {cluster.name}")

    # Deleting leaves nothing, and nothing runs on.
    slow = {"graphcron/name": "slow"}
    wait_for("run of slow", lambda: active_runs(server, **slow), seconds=90)
    assert "deleted" in typed(delete)
    cluster.kubectl("delete", "graphcron", "--all", "--namespace", NAMESPACE)
    kinds = "cronjobs,jobs,pods"
    wait_for(f"end of all {kinds}", lambda: not cluster.items(kinds, "--namespace", NAMESPACE), seconds=90)
    assert not active_runs(server)
    assert server.threads(**slow), "the server knows nothing of slow: the assertion before says nothing"
