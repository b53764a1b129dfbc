"""What is found before the first run, and GraphServers."""

from __future__ import annotations

from typing import Any

from tests.cluster import wait_for
from tests.e2e.crons import QUESTION, Crons
from tests.objects import condition

NOBODY = "http://nobody.example.svc:2024"
NO_THREAD = "7b0e7d2a-5a0f-4f5e-9d5e-5a1d0e6f1c11"


def test_a_target_that_is_right_is_found_without_a_run(crons: Crons):
    uid = crons.make(input=QUESTION, preflight=True)
    said = crons.wait_target()
    assert (said["status"], said["reason"]) == ("True", "Resolved")
    assert crons.status()["preflight"]["server"].startswith("langgraph-api ")
    assert crons.server.threads(uid) == []
    assert "recentRuns" not in crons.status(), "a preflight is no run"
    assert "active" not in crons.status()
    (job,) = crons.items("jobs")
    assert job["spec"]["ttlSecondsAfterFinished"] == 300
    assert crons.wait_event("Resolved")["type"] == "Normal"


def test_preflight_gives_reason_for_each_problem(crons: Crons):
    crons.make_secret("wrong", key="no such key")
    wrong = {
        "assistant": {"assistant": "agnet"},
        "thread": {"thread": {"id": NO_THREAD}},
        "input": {"input": {"mesages": []}},
        "nobody": {"server": {"url": NOBODY}},
    }
    for name, spec in wrong.items():
        crons.apply(name, **{"input": QUESTION, "preflight": True, **spec})
    reasons = {name: crons.wait_target(name)["reason"] for name in wrong}
    assert reasons == {
        "assistant": "AssistantNotFound",
        "thread": "ThreadNotFound",
        "input": "InputMismatch",
        "nobody": "ServerUnreachable",
    }
    for name in wrong:
        assert crons.wait_target(name)["status"] == "False"
        ready = condition(crons.get("graphcrons", name), "Ready")
        assert ready["status"] == "True", "what a preflight finds is no matter of Ready"
    said = crons.wait_target("input")["message"]
    assert "has no key that the graph knows" in said
    assert "mesages" not in said

    crons.apply("assistant", input=QUESTION, preflight=True, assistant="agent")
    crons.wait(
        "that is right now", "graphcrons", "assistant", lambda it: condition(it, "TargetResolved")["status"] == "True"
    )


def test_a_graphserver_tells_whether_it_answers_and_what_it_is(crons: Crons):
    for name, url in (("good", crons.server.url), ("bad", NOBODY)):
        server = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphServer", "metadata": {"name": name}}
        crons.cluster.apply({**server, "spec": {"url": url, "maxConcurrentRuns": 2}}, namespace=crons.namespace)

    def decided(server: Any) -> bool:
        return condition(server, "Ready").get("status") in ("True", "False")

    good = crons.wait("that was looked at", "graphservers", "good", decided, seconds=90)
    bad = crons.wait("that was looked at", "graphservers", "bad", decided, seconds=90)
    assert condition(good, "Ready")["reason"] == "Answers"
    assert good["status"]["server"].startswith("langgraph-api ")
    assert (condition(bad, "Ready")["status"], condition(bad, "Ready")["reason"]) == ("False", "ServerUnreachable")

    uid = crons.make(input=QUESTION, serverRef={"name": "good"}, onRunCompleted="keep")
    told = crons.told(crons.start())
    assert told["outcome"] == "Succeeded"
    wait_for("run", lambda: len(crons.server.runs_of(uid)) == 1)
