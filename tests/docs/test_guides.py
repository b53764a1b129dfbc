"""The guides for a person in the loop and for several teams, followed on a real cluster.

The snippets are read from the pages. What they did is asked of the API server and of the LangGraph server.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from graphcron.api import names
from tests.cluster import ROOT, wait_for
from tests.docs.page import blocks, resource
from tests.docs.session import Session
from tests.objects import condition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cluster import Cluster
    from tests.docs.page import Block
    from tests.e2e.api import LangGraph

HUMAN = blocks(ROOT / "docs/human-in-the-loop.md")
TENANTS = blocks(ROOT / "docs/multi-tenant.md")


def of(page: list[Block], language: str) -> list[Block]:
    """Return the blocks of one language."""
    return [block for block in page if block.language == language]


def file_of(name: str) -> Block:
    """Return the YAML that says it is this file."""
    return next(block for block in HUMAN if block.file_name == name)


class Asked:
    """A GraphCron that is asked to run now, as often as a test likes."""

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        self._cluster = cluster
        self._it = ("graphcron", name, "--namespace", namespace)
        self._runs = 0

    def apply(self, body: dict[str, Any], namespace: str) -> None:
        """Apply it and wait until it is ready."""
        self._cluster.apply(body, namespace=namespace)
        self._cluster.kubectl("wait", *self._it, "--for=condition=Ready", "--timeout=60s")

    def get(self) -> Any:
        """Return it."""
        return self._cluster.get(*self._it)

    def run(self) -> Any:
        """Ask for a run, and return how it ended."""
        self._runs += 1
        value = f"run-{self._runs}"
        self._cluster.kubectl("annotate", *self._it, "--overwrite", f"{names.ANNOTATION_RUN_REQUESTED}={value}")

        def ended() -> Any:
            runs = self.get().get("status", {}).get("recentRuns", [])
            return next((run for run in runs if run.get("trigger") == value), None)

        return wait_for(f"end of {value}", ended, seconds=90)


def test_the_graph_asks_and_goes_on() -> None:
    graph, _ = of(HUMAN, "python")
    made: dict[str, Any] = {}
    exec(graph.text, made)
    compiled = made["builder"].compile(checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "one"}}
    (asked,) = compiled.invoke({"request": "Send it"}, thread)["__interrupt__"]
    assert asked.value == {"question": "May I?", "request": "Send it"}
    assert compiled.invoke(Command(resume=True), thread) == {"request": "Send it", "approved": True}


@pytest.mark.usefixtures("operator")
def test_a_question_is_seen_and_answered(
    cluster: Cluster, server: LangGraph, reader: dict[str, str], tmp_path: Path
) -> None:
    newsletter = Asked(cluster, reader["NAMESPACE"], "newsletter")
    with Session([file_of("newsletter.yaml"), *of(HUMAN, "bash")], tmp_path, reader) as session:
        session.step()
        told = newsletter.get()
        (run,) = told["status"]["recentRuns"]
        assert (run["outcome"], condition(told, "LastRunSucceeded")["status"]) == ("Interrupted", "Unknown")
        assert run["threadId"] in condition(told, "AwaitingHuman")["message"]
        _assert_shown(cluster, reader["NAMESPACE"])

        (waiting,) = json.loads(session.step())
        assert waiting.keys() == {"thread_id", "interrupts"}
        assert waiting["thread_id"] == run["threadId"]
        ((question,),) = waiting["interrupts"].values()
        assert question["value"] == {"question": "May I?", "request": "Send the newsletter"}

        ended = json.loads(session.step())
        assert ended == {"request": "Send the newsletter", "approved": True}
        assert f"`{json.dumps(ended, separators=(',', ':'))}`" in HUMAN[0].page.read_text(encoding="utf-8")
        session.end()
    assert server.get(f"/threads/{run['threadId']}")["status"] == "idle"

    again = newsletter.run()
    assert again["outcome"] == "Interrupted"
    assert again["threadId"] != run["threadId"]
    _, answer = of(HUMAN, "python")
    program = [sys.executable, "-c", answer.text]
    done = subprocess.run(program, input="n\n", capture_output=True, text=True, check=False, env=reader, timeout=60)
    assert done.returncode == 0, done.stderr
    thread = server.get(f"/threads/{again['threadId']}")
    assert (thread["status"], thread["values"]["approved"]) == ("idle", False)


def _assert_shown(cluster: Cluster, namespace: str) -> None:
    """What `kubectl get` shows is what the page shows, but for the times."""
    (shown,) = of(HUMAN, "console")
    command, *rows = shown.text.splitlines()
    printed = cluster.kubectl(*command.split()[2:], "--namespace", namespace).stdout.splitlines()
    told, real = ([row.split() for row in table] for table in (rows, printed))
    assert real[0] == told[0]
    assert real[1][:-2] == told[1][:-2]


@pytest.mark.usefixtures("operator")
def test_a_shared_thread_waits_for_the_answer(cluster: Cluster, server: LangGraph, namespace: str) -> None:
    body = yaml.safe_load(file_of("approvals.yaml").text)
    # The page's thread may be there from an earlier run of this test: a thread of this test's own.
    thread = body["spec"]["thread"]["id"] = server.post("/threads", {})["thread_id"]
    approvals = Asked(cluster, namespace, body["metadata"]["name"])
    approvals.apply(body, namespace)
    assert approvals.run()["outcome"] == "Interrupted"
    skipped = approvals.run()
    assert (skipped["outcome"], skipped["reason"]) == ("Skipped", "ThreadAwaitsHuman")
    assert thread in condition(approvals.get(), "AwaitingHuman")["message"]
    server.post(f"/threads/{thread}/runs/wait", {"assistant_id": "approval", "command": {"resume": True}})
    assert len(server.runs(thread)) == 2
    assert approvals.run()["outcome"] == "Interrupted"
    assert len(server.runs(thread)) == 3


@pytest.mark.usefixtures("operator")
def test_a_breakpoint_goes_on_with_nothing(cluster: Cluster, server: LangGraph, namespace: str) -> None:
    body = resource(of(HUMAN, "yaml")[-1])
    assert body is not None
    assert body["spec"]["interruptBefore"]
    question = {"messages": [{"role": "user", "content": "Hi"}]}
    body["spec"] |= {"assistant": "agent", "interruptBefore": ["answer"], "input": question}
    stopped = Asked(cluster, namespace, body["metadata"]["name"])
    stopped.apply(body, namespace)
    run = stopped.run()
    assert (run["outcome"], run["reason"]) == ("Interrupted", "Breakpoint")
    assert condition(stopped.get(), "AwaitingHuman")["status"] == "True"
    state = server.post(f"/threads/{run['threadId']}/runs/wait", {"assistant_id": "agent", "input": None})
    assert state["messages"][-1]["content"] == "You said: Hi"


# --- several teams ------------------------------------------------------------------------------------------------


@pytest.fixture
def own(cluster: Cluster, namespace: str, server: LangGraph) -> Iterator[Callable[[str], str]]:
    """Put names of this test's own in the place of the page's, and the server that is there; clean up."""
    ours = {name: f"{namespace}-{name}" for name in ("team-a", "team-b", "graphcron-author")}
    policy = "graphcrons-use-the-graphserver"
    ours |= {
        policy: f"{namespace}-{policy}",
        "https://langgraph.example.com": server.url,
        "graphcron.dev=20": "graphcron.dev=2",
    }

    def put(text: str) -> str:
        for theirs, mine in ours.items():
            text = text.replace(theirs, mine)
        return text

    yield put
    policies = ("validatingadmissionpolicy", "validatingadmissionpolicybinding")
    for kind, name in (("clusterrole", "graphcron-author"), *((each, policy) for each in policies)):
        cluster.kubectl("delete", kind, ours[name], "--ignore-not-found")
    for name in ("team-a", "team-b"):
        cluster.kubectl("delete", "namespace", ours[name], "--ignore-not-found", "--wait=false")


def test_the_values_of_the_page_make_what_it_says(cluster: Cluster, tmp_path: Path) -> None:
    values = next(block for block in TENANTS if block.file_name == "values.yaml")
    (tmp_path / "values.yaml").write_text(values.text, encoding="utf-8")
    command = ["helm", "template", "graphcron", str(ROOT / "charts/graphcron"), "--values", "values.yaml"]
    made = subprocess.run(
        command, cwd=tmp_path, env=cluster.environment, check=True, capture_output=True, text=True
    ).stdout
    objects = [each for each in yaml.safe_load_all(made) if each]
    assert "ClusterRoleBinding" in {each["kind"] for each in objects}
    policies = [each["spec"] for each in objects if each["kind"] == "ValidatingAdmissionPolicy"]
    assert len(policies) == 4
    assert all("^team-.*$" in str(each["matchConditions"]) for each in policies)
    assert sum("https://langgraph" in str(each["variables"]) for each in policies) == 3


@pytest.mark.usefixtures("operator")
def test_teams_can_do_what_the_page_says_and_no_more(
    cluster: Cluster, reader: dict[str, str], own: Callable[[str], str]
) -> None:
    shell = [block for block in of(TENANTS, "bash") if not block.text.startswith("helm")]
    for block in shell:
        script = f"set -euo pipefail\nTEAM_B_KEY=none\n{own(block.text)}"
        done = subprocess.run(
            ["bash", "-c", script], env=reader, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, f"{block}: {done.stderr}"

    asked = [line for block in of(TENANTS, "console") for line in block.text.splitlines()]
    for command, answer in zip(asked[::2], asked[1::2], strict=True):
        done = cluster.kubectl(*own(command).split()[2:], check=False)
        assert done.stdout.strip() == answer, command

    team = own("team-b")
    _assert_fenced(cluster, team)
    digest = Asked(cluster, team, "digest")
    digest.apply(_graphcron("digest", serverRef={"name": "company"}), team)
    assert digest.run()["outcome"] == "Succeeded"
    server = wait_for(
        "GraphServer that is ready", lambda: _ready(cluster.get("graphserver", "company", "--namespace", team))
    )
    assert server["spec"]["maxConcurrentRuns"] == 4


def _assert_fenced(cluster: Cluster, team: str) -> None:
    """What a team that only schedules may not write is refused, with the page's words."""

    def refusal(body: dict[str, Any], *options: str) -> str:
        who = ("--as=joe", f"--as-group={team}", "--namespace", team)
        return cluster.kubectl("create", *who, *options, "-f", "-", stdin=json.dumps(body), check=False).stderr

    ours = {"serverRef": {"name": "company"}}
    dry = "--dry-run=server"
    wait_for("policy", lambda: "spec.serverRef must be" in refusal(_graphcron("one"), dry), seconds=30)
    assert "spec.serverRef must be" in refusal(_graphcron("one", serverRef={"name": "mine"}), dry)
    assert "spec.budget is the GraphServer's" in refusal(_graphcron("one", **ours, budget={}), dry)
    run = {"apiVersion": names.API_VERSION, "kind": names.RUN_KIND, "metadata": {"name": "once"}}
    assert "spec.serverRef must be" in refusal({**run, "spec": {"assistant": "agent"}}, dry)
    assert refusal({**run, "spec": {"assistant": "agent", **ours}}, dry) == ""
    assert refusal({**run, "spec": {"graphCronRef": {"name": "digest"}}}, dry) == ""
    server = {"apiVersion": names.API_VERSION, "kind": names.SERVER_KIND, "metadata": {"name": "mine"}}
    assert "graphservers.graphcron.dev is forbidden" in refusal({**server, "spec": {"url": "http://one"}})
    # The quota, of two here, is counted by a controller, which first has to come to know the kind.
    quota = ("resourcequota", "graphcrons", "--namespace", team)
    counted = "count/graphcrons.graphcron.dev"
    wait_for("quota that counts", lambda: counted in cluster.get(*quota).get("status", {}).get("used", {}))
    assert refusal(_graphcron("one", **ours)) == refusal(_graphcron("two", **ours)) == ""
    assert "exceeded quota: graphcrons" in refusal(_graphcron("three", **ours))
    cluster.kubectl("delete", "graphcrons", "one", "two", "--namespace", team)
    wait_for("room", lambda: cluster.get(*quota)["status"]["used"][counted] == "0")


def _graphcron(name: str, **spec: Any) -> dict[str, Any]:
    body = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}}
    question = {"messages": [{"role": "user", "content": "Hi"}]}
    return {**body, "spec": {"assistant": "agent", "schedule": "0 0 29 2 *", "input": question, **spec}}


def _ready(found: Any) -> Any:
    return found if condition(found, "Ready").get("status") == "True" else None
