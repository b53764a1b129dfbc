"""docs/cron-jobs.md, followed from top to bottom in each of its four languages, on a real cluster.

The snippets are read from the page. What they did is asked of the API server and of the LangGraph server.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.api import names
from tests.cluster import ROOT, wait_for
from tests.docs.page import blocks
from tests.docs.session import Session
from tests.occurrence import start_occurrence

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster import Cluster
    from tests.docs.page import Block
    from tests.e2e.api import LangGraph

PAGE = blocks(ROOT / "docs/cron-jobs.md")
TRACKS = ("kubectl", "Python", "JavaScript", "cURL")
STEPS = (
    "1. Set up",
    "2. Create a cron on a thread",
    "3. Delete the cron",
    "4. Create a cron without a thread",
    "5. Delete the second cron",
)
QUESTION = {"messages": [{"role": "user", "content": "What time is it?"}]}
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def snippets(track: str) -> list[Block]:
    """Return a track's snippets; those before all tracks are for the shell."""
    common = [] if track in {"Python", "JavaScript"} else [""]
    return [block for block in PAGE if block.track in {*common, track}]


def code(track: str) -> list[Block]:
    """Return a track's own code, one snippet a step."""
    return [block for block in snippets(track) if block.language != "yaml" and block.track]


@pytest.mark.parametrize("track", TRACKS)
def test_each_step_is_shown_in_each_language(track: str) -> None:
    assert tuple(block.section for block in code(track)) == STEPS


def test_no_snippet_is_left_out() -> None:
    assert {block.track for block in PAGE} == {"", *TRACKS}
    assert {block.language for block in PAGE if not block.track} == {"bash"}


@pytest.mark.parametrize(
    "track", [pytest.param(each, marks=pytest.mark.needs("node") if each == "JavaScript" else ()) for each in TRACKS]
)
@pytest.mark.usefixtures("operator")
def test_the_page_works(
    track: str, cluster: Cluster, server: LangGraph, reader: dict[str, str], tmp_path: Path
) -> None:
    namespace = reader["NAMESPACE"]
    with Session(snippets(track), tmp_path, reader) as session:
        if track in {"kubectl", "cURL"}:
            session.step()  # the settings of the shell
        thread = _thread_of(track, session.step())
        assert server.get(f"/threads/{thread}")["status"] == "idle"

        session.step()
        _assert_graphcron(
            cluster,
            namespace,
            "ask-the-time",
            {
                "assistant": "agent",
                "thread": {"id": thread},
                "schedule": "27 15 * * *",
                "multitaskStrategy": "enqueue",
                "input": QUESTION,
            },
        )
        _assert_cronjob(cluster, namespace, "ask-the-time", zone="Etc/UTC")
        if track == "kubectl":
            _assert_it_runs_in_the_background(cluster, namespace, server, thread)

        session.step()
        _assert_gone(cluster, namespace, "ask-the-time")
        assert server.get(f"/threads/{thread}")["thread_id"] == thread

        session.step()
        _assert_graphcron(
            cluster,
            namespace,
            "ask-afresh",
            {
                "assistant": "agent",
                "schedule": "27 15 * * *",
                "timeZone": "Europe/Berlin",
                "onRunCompleted": "delete",
                "input": QUESTION,
            },
        )
        _assert_cronjob(cluster, namespace, "ask-afresh", zone="Europe/Berlin")
        if track == "Python":
            _assert_it_runs_on_a_fresh_thread(cluster, namespace, server, not_on=thread)

        session.step()
        _assert_gone(cluster, namespace, "ask-afresh")
        session.end()


def _thread_of(track: str, printed: str) -> str:
    """Return the thread that the set-up has made: the page's own in a file, else what was printed last."""
    if track == "kubectl":
        printed = next(block.text for block in snippets(track) if block.language == "yaml")
    return str(re.findall(UUID, printed)[-1])


def _assert_graphcron(cluster: Cluster, namespace: str, name: str, spec: dict[str, Any]) -> None:
    graphcron = cluster.get("graphcron", name, "--namespace", namespace)
    assert graphcron is not None
    assert graphcron["spec"] == spec


def _assert_cronjob(cluster: Cluster, namespace: str, name: str, *, zone: str) -> None:
    cronjob = wait_for(f"CronJob {name}", lambda: cluster.get("cronjob", name, "--namespace", namespace))
    assert cronjob["spec"]["schedule"] == "27 15 * * *"
    assert cronjob["spec"]["timeZone"] == zone
    assert cronjob["spec"]["suspend"] is False
    (owner,) = cronjob["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("GraphCron", _uid(cluster, namespace, name))
    cluster.kubectl("wait", "--namespace", namespace, "--for=condition=Ready", "--timeout=60s", f"graphcron/{name}")


def _assert_gone(cluster: Cluster, namespace: str, name: str) -> None:
    assert cluster.get("graphcron", name, "--namespace", namespace) is None
    label = f"{names.LABEL_NAME}={name}"
    everything = ("cronjobs,jobs,pods", "--namespace", namespace, "--selector", label)
    wait_for("end of CronJob, Jobs and pods", lambda: not cluster.items(*everything))


def _assert_it_runs_in_the_background(cluster: Cluster, namespace: str, server: LangGraph, thread: str) -> None:
    """While a person's run holds the thread, an occurrence waits its turn; nobody else waits."""
    persons = server.post(f"/threads/{thread}/runs", {"assistant_id": "steps", "input": {"steps": 1, "seconds": 30}})
    wait_for("start of the person's run", lambda: _run(server, thread, persons["run_id"])["status"] == "running")
    job = start_occurrence(cluster, namespace, "ask-the-time")

    uid = _uid(cluster, namespace, "ask-the-time")
    ours = wait_for("run of the GraphCron", lambda: _run_of(server, thread, uid))
    assert ours["multitask_strategy"] == "enqueue"
    assert ours["kwargs"]["input"] == QUESTION
    assert (ours["status"], _run(server, thread, persons["run_id"])["status"]) == ("pending", "running")

    answer = server.post("/runs/wait", {"assistant_id": "agent", "input": QUESTION})
    assert "It is" in answer["messages"][-1]["content"]
    assert _run(server, thread, persons["run_id"])["status"] == "running"

    both = (persons["run_id"], ours["run_id"])
    wait_for("end of both runs", lambda: _statuses(server, thread, both) == ["success", "success"])
    said = [message["content"] for message in server.get(f"/threads/{thread}/state")["values"]["messages"]]
    assert said[0] == "What time is it?"
    assert said[-1].startswith("It is")
    _assert_told(cluster, namespace, "ask-the-time", job, run=ours["run_id"], thread=thread)


def _assert_it_runs_on_a_fresh_thread(cluster: Cluster, namespace: str, server: LangGraph, *, not_on: str) -> None:
    job = start_occurrence(cluster, namespace, "ask-afresh")
    uid = _uid(cluster, namespace, "ask-afresh")
    thread = wait_for("thread of the run", lambda: server.threads(uid))[0]["thread_id"]
    assert thread != not_on
    ours = wait_for("run of the GraphCron", lambda: _run_of(server, thread, uid))
    assert ours["kwargs"]["input"] == QUESTION
    wait_for("end of the run", lambda: _statuses(server, thread, (ours["run_id"],)) == ["success"])
    _assert_told(cluster, namespace, "ask-afresh", job, run=ours["run_id"], thread=thread)


def _assert_told(cluster: Cluster, namespace: str, name: str, job: str, *, run: str, thread: str) -> None:
    """The GraphCron tells the run."""

    def told() -> Any:
        status = cluster.get("graphcron", name, "--namespace", namespace)["status"]
        return next((each for each in status.get("recentRuns", []) if each["job"] == job), None)

    entry = wait_for(f"{job} in the status", told)
    assert (entry["outcome"], entry["runId"], entry["threadId"]) == ("Succeeded", run, thread), json.dumps(entry)


def _run(server: LangGraph, thread: str, run: str) -> Any:
    return server.get(f"/threads/{thread}/runs/{run}")


def _statuses(server: LangGraph, thread: str, runs: tuple[str, ...]) -> list[str]:
    return [_run(server, thread, run)["status"] for run in runs]


def _run_of(server: LangGraph, thread: str, uid: str) -> Any:
    """Return the newest run of a GraphCron on a thread; None where there is none."""
    return next((run for run in reversed(server.runs(thread)) if run["metadata"].get("graphcron/uid") == uid), None)


def _uid(cluster: Cluster, namespace: str, name: str) -> str:
    return str(cluster.get("graphcron", name, "--namespace", namespace)["metadata"]["uid"])
