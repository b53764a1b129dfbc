"""A GraphCron's run from its Job to its place in the status."""

from __future__ import annotations

import json
import re
import time
import uuid
from datetime import datetime
from typing import Any

import pytest

from graphcron.contract import ENV_REQUEST
from tests.cluster import wait_for
from tests.e2e.crons import NEVER, QUESTION, Crons, runner_state
from tests.objects import condition


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def tokens_in(messages: list[Any]) -> int:
    return sum(message["usage_metadata"]["total_tokens"] for message in messages if message.get("usage_metadata"))


def check_success(crons: Crons, uid: str, job: str, told: Any) -> Any:
    """Compare what the status tells of a success with what the server and the Job say; return the run."""
    (run,) = crons.server.runs_of(uid, thread=told["threadId"])
    assert (run["run_id"], run["thread_id"], run["status"]) == (told["runId"], told["threadId"], "success")
    assert told["outcome"] == "Succeeded"
    scheduled = crons.get("jobs", job)["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
    assert moment(told["scheduledTime"]) == moment(scheduled) == moment(run["metadata"]["graphcron/scheduled-time"])
    took = (moment(run["updated_at"]) - moment(run["created_at"])).total_seconds()
    assert told["durationSeconds"] == pytest.approx(took, abs=0.11)
    assert abs((moment(told["startTime"]) - moment(run["created_at"])).total_seconds()) < 1.1

    assert crons.job_end(job) == "Complete"
    assert crons.exit_codes(job) == [0]
    ended = lambda found: "lastSuccessfulTime" in found["status"]  # noqa: E731
    graphcron = crons.wait("that tells its success", "graphcrons", "hello", ended)
    last = condition(graphcron, "LastRunSucceeded")
    assert (last["status"], last["reason"]) == ("True", "Succeeded")
    assert condition(graphcron, "Ready")["status"] == "True"
    status = graphcron["status"]
    (pod,) = crons.pods(job)
    assert status["lastSuccessfulTime"] == runner_state(pod)["terminated"]["finishedAt"]
    assert moment(status["lastScheduleTime"]) == moment(scheduled)
    assert "lastFailureTime" not in status
    assert "active" not in status
    event = crons.wait_event("Succeeded")
    assert event["type"] == "Normal"
    assert told["scheduledTime"] in event["message"]
    return run


def test_a_run_on_a_fresh_thread_is_told_with_all_its_numbers(crons: Crons):
    uid = crons.make(input=QUESTION)
    row = crons.row()
    assert (row["LAST"], row["READY"]) == ("", "True")
    assert re.fullmatch(r"20\d\d-02-29T00:00:00Z", row["NEXT"])

    job = crons.start()
    told = crons.told(job)
    check_success(crons, uid, job, told)
    messages = crons.server.values(told["threadId"])["messages"]
    assert [message["type"] for message in messages] == ["human", "ai", "tool", "ai"]
    assert told["tokens"] == tokens_in(messages) > 0
    wide = crons.row("hello", "--output=wide")
    assert (wide["LAST"], wide["ASSISTANT"], wide["TOKENS"]) == ("Succeeded", "agent", str(told["tokens"]))


def test_run_continues_conversation_of_users_thread(crons: Crons):
    thread = str(uuid.uuid4())
    crons.server.post("/threads", {"thread_id": thread})
    crons.server.finish(thread, {"assistant_id": "agent", "input": QUESTION})
    before = crons.server.values(thread)["messages"]

    uid = crons.make(input=QUESTION, thread={"id": thread})
    job = crons.start()
    told = crons.told(job)
    assert told["threadId"] == thread
    run = check_success(crons, uid, job, told)
    assert [each["run_id"] for each in crons.server.runs(thread)][-1] == run["run_id"]
    after = crons.server.values(thread)["messages"]
    assert after[: len(before)] == before
    assert len(after) == 2 * len(before)


def test_a_thread_that_is_missing_is_made_where_the_spec_says_so(crons: Crons):
    thread = str(uuid.uuid4())
    crons.make(input=QUESTION, thread={"id": thread})
    told = crons.told(crons.start())
    assert (told["outcome"], told["reason"]) == ("Rejected", "ThreadNotFound")
    assert crons.server.thread(thread) is None

    crons.make("maker", input=QUESTION, thread={"id": thread, "create": True})
    told = crons.told(crons.start("maker"), "maker")
    assert (told["outcome"], told["threadId"]) == ("Succeeded", thread)
    assert crons.server.values(thread)["messages"][-1]["content"].startswith("It is ")


ODD = "$(HOME) $$ $$(GRAPHCRON_UID) ${PATH} `id` \\n \"'{{ scheduledTime }} \u00e4\u4e2d\U0001f570 \u2028 end"
"""What a shell, the kubelet, a template or an encoding might change."""


@pytest.mark.parametrize("source", ["input", "configMapKeyRef", "secretKeyRef"])
def test_the_input_arrives_as_it_was_written(crons: Crons, source: str):
    value = {"messages": [{"role": "user", "content": ODD}], "other": [1, 2.5, None, True, {"": "$$"}]}
    text = json.dumps(value, ensure_ascii=False)
    if source == "configMapKeyRef":
        crons.make_config_map("inputs", {"today.json": text})
    if source == "secretKeyRef":
        crons.make_secret("inputs", **{"today.json": text})
    given = {"input": value} if source == "input" else {"inputFrom": {source: {"name": "inputs", "key": "today.json"}}}
    uid = crons.make(**given)

    told = crons.told(crons.start())
    assert told["outcome"] == "Succeeded"
    (run,) = crons.server.runs_of(uid)
    assert run["kwargs"]["input"] == value
    assert crons.server.values(told["threadId"])["messages"][0]["content"] == ODD


def test_characters_that_yaml_refuses_or_folds_reach_the_cronjob_unchanged(crons: Crons):
    """A client may send the GraphCron as JSON; the operator's own apply is read as YAML."""
    content = '\x7f \x85\u2028\u2029 \ufeff \ufffe \U0001f570 \u00e4 \\ud83d \t\n"'
    spec = {"assistant": "agent", "schedule": NEVER, "input": {content: content}}
    body = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphCron", "metadata": {"name": "hello"}, "spec": spec}
    crons.api.send("POST", crons.path("graphcrons"), body)
    crons.wait_ready()
    pod = crons.get("cronjobs", "hello")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (request,) = [each["value"] for each in pod["containers"][0]["env"] if each["name"] == ENV_REQUEST]
    assert json.loads(request.replace("$$", "$"))["input"] == {content: content}


def test_the_rest_of_the_request_arrives_too(crons: Crons):
    uid = crons.make(
        input=QUESTION,
        context={"signature": "$(HOME) \u00e4"},
        metadata={"team": "research", "nested": {"a": [1, None]}},
        config={"recursion_limit": 7, "tags": ["nightly"]},
        durability="sync",
    )
    told = crons.told(crons.start())
    (run,) = crons.server.runs_of(uid)
    assert run["metadata"]["team"] == "research"
    assert run["metadata"]["nested"] == {"a": [1, None]}
    assert run["kwargs"]["config"]["recursion_limit"] == 7
    assert run["kwargs"]["durability"] == "sync"
    assert crons.server.values(told["threadId"])["messages"][-1]["content"].endswith("$(HOME) \u00e4")


def test_a_template_is_filled_in_with_the_occurrence(crons: Crons):
    content = "{{ scheduledTime }} {{name}} {{ namespace }}: $(HOME)"
    uid = crons.make(input={"messages": [{"role": "user", "content": content}]}, inputTemplate=True)
    told = crons.told(crons.start())
    (run,) = crons.server.runs_of(uid)
    assert run["kwargs"]["input"]["messages"][0]["content"] == (
        f"{told['scheduledTime']} hello {crons.namespace}: $(HOME)"
    )


def test_later_run_deletes_finished_thread_unless_kept(crons: Crons):
    """Never by its own run, and not before a late pod that was due by the end of the run could still come."""
    soon = {"input": QUESTION, "startingDeadlineSeconds": 10}
    crons.make("deletes", **soon)
    crons.make("keeps", **soon, onRunCompleted="keep")
    first = {name: crons.told(crons.start(name), name) for name in ("deletes", "keeps")}
    assert {told["outcome"] for told in first.values()} == {"Succeeded"}
    ended = max(time.time(), *(moment(told["scheduledTime"]).timestamp() for told in first.values()))
    threads = {name: told["threadId"] for name, told in first.items()}
    assert all(crons.server.thread(thread)["status"] == "idle" for thread in threads.values())

    wait_for("moment when no late pod can come", lambda: time.time() > ended + 10 + 60, seconds=140)
    minute = int(time.time() // 60) + 1
    for name in threads:
        assert crons.told(crons.start(name, minute=minute), name)["outcome"] == "Succeeded"
    wait_for("deletion of the thread", lambda: crons.server.thread(threads["deletes"]) is None, seconds=20)
    assert crons.server.thread(threads["keeps"])["status"] == "idle"
