"""What a run can come to: each outcome is told apart, ends the Job at once, and says no more than it may.

The Job fails when, and only when, its run has failed.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from graphcron.contract import EXIT_CODES, Outcome
from tests.cluster import wait_for
from tests.e2e.crons import QUESTION, Crons
from tests.objects import condition

SECRETS = ("hunter2", "sk-sample-0000")
"""What the error of the graph ``failing`` says."""

SLOW = {"steps": 60, "seconds": 1}


def check_end(crons: Crons, job: str, outcome: Outcome, *, verdict: str) -> Any:
    """Compare what the status tells with the Job and its one pod; return what it tells."""
    told = crons.told(job)
    assert told["outcome"] == outcome.value
    assert crons.job_end(job) == ("PodFailurePolicy" if verdict == "False" else "Complete")
    assert crons.exit_codes(job) == [EXIT_CODES[outcome]]
    if verdict == "False":
        ended = lambda found: "lastFailureTime" in found["status"]  # noqa: E731
        crons.wait("that tells its failure", "graphcrons", "hello", ended)
    graphcron = crons.get("graphcrons", "hello")
    last = condition(graphcron, "LastRunSucceeded")
    expected = "NoRunYet" if outcome is Outcome.SKIPPED else outcome.value
    assert (last["status"], last["reason"]) == (verdict, expected)
    assert ("lastFailureTime" in graphcron["status"]) == (verdict == "False")
    assert "lastSuccessfulTime" not in graphcron["status"]
    assert crons.row()["LAST"] == outcome.value
    event = crons.wait_event(outcome.value)
    assert event["type"] == ("Normal" if outcome is Outcome.SKIPPED else "Warning")
    assert told["message"] in event["message"]
    return told


def test_graph_error_reported_by_class_only(crons: Crons):
    uid = crons.make(assistant="failing", input={"request": "Log in"})
    job = crons.start()
    told = check_end(crons, job, Outcome.GRAPH_ERROR, verdict="False")
    assert told["reason"] == "ValueError"

    (run,) = crons.server.runs_of(uid)
    assert (run["run_id"], run["status"]) == (told["runId"], "error")
    assert SECRETS[0] in str(crons.server.thread(told["threadId"])["error"]), "the server has no secret to tell"
    said = crons.everything_said(job)
    assert "ValueError" in said
    assert not [secret for secret in SECRETS if secret in said]


def test_interrupt_is_neither_success_nor_failure(crons: Crons):
    uid = crons.make(assistant="approval", input={"request": "Send it"})
    told = check_end(crons, crons.start(), Outcome.INTERRUPTED, verdict="Unknown")
    (run,) = crons.server.runs_of(uid)
    assert (run["run_id"], run["status"]) == (told["runId"], "success")
    thread = crons.server.thread(told["threadId"])
    assert thread["status"] == "interrupted"
    assert thread["interrupts"]

    # The person answers, and the graph goes on.
    body = {"assistant_id": "approval", "command": {"resume": True}}
    crons.server.finish(told["threadId"], body)
    assert crons.server.values(told["threadId"])["approved"] is True


def test_shared_thread_open_question_survives_next_run(crons: Crons):
    thread = crons.server.post("/threads", {})["thread_id"]
    crons.server.finish(thread, {"assistant_id": "approval", "input": {"request": "mine"}})
    question = crons.server.thread(thread)["interrupts"]
    assert question

    uid = crons.make(assistant="approval", input={"request": "the cron's"}, thread={"id": thread})
    job = crons.start()
    told = crons.told(job)
    assert (told["outcome"], told["reason"]) == ("Skipped", "ThreadAwaitsHuman")
    assert crons.job_end(job) == "Complete"
    assert not crons.server.runs_of(uid, thread=thread)
    assert crons.server.thread(thread)["interrupts"] == question
    assert condition(crons.get("graphcrons", "hello"), "LastRunSucceeded")["reason"] == "NoRunYet"


def test_a_run_that_is_too_old_is_cancelled_on_the_server(crons: Crons):
    uid = crons.make(assistant="steps", input=SLOW, timeoutSeconds=3)
    told = check_end(crons, crons.start(), Outcome.TIMEOUT, verdict="False")
    (run,) = crons.server.runs_of(uid)
    assert (run["run_id"], run["status"]) == (told["runId"], "interrupted")
    assert 3 <= told["durationSeconds"] < 30
    finished = len(crons.server.steps(told["threadId"], "finished"))
    assert finished < 30

    # It is over on the server, too: no further step is made.
    time.sleep(1.5)
    assert len(crons.server.steps(told["threadId"], "finished")) == finished


@pytest.mark.parametrize("how", ["cancelled", "deleted"])
def test_a_run_that_somebody_else_ends_is_not_started_again(crons: Crons, how: str):
    uid = crons.make(assistant="steps", input=SLOW)
    job, run = crons.start_running(uid=uid)
    path = f"/threads/{run['thread_id']}/runs/{run['run_id']}"
    if how == "cancelled":
        crons.server.post(f"{path}/cancel?wait=true&action=interrupt")
    else:
        crons.server.post(f"{path}/cancel?wait=true&action=rollback")
    told = check_end(crons, job, Outcome.CANCELLED, verdict="Unknown")
    assert told["runId"] == run["run_id"]
    assert told.get("reason") == (None if how == "cancelled" else "RunNotFound")
    assert [each["status"] for each in crons.server.runs_of(uid)] == (["interrupted"] if how == "cancelled" else [])


def test_an_unknown_assistant_is_refused_in_known_words(crons: Crons):
    uid = crons.make(assistant="nobody", input=QUESTION)
    told = check_end(crons, crons.start(), Outcome.REJECTED, verdict="False")
    assert told["reason"] == "HTTP422"
    assert told["message"] == "the server refused POST /threads/ID/runs (422): it has no such assistant"
    assert not crons.server.runs_of(uid)


def test_an_input_that_is_no_json_is_refused_and_not_shown(crons: Crons):
    crons.make_config_map("inputs", {"today.json": "{not JSON, but private}"})
    uid = crons.make(inputFrom={"configMapKeyRef": {"name": "inputs", "key": "today.json"}})
    job = crons.start()
    told = check_end(crons, job, Outcome.REJECTED, verdict="False")
    assert told["reason"] == "InvalidInput"
    assert "private" not in crons.everything_said(job)
    assert not crons.server.threads(uid)


def test_an_occurrence_that_comes_too_late_is_skipped(crons: Crons):
    """A Job that waited too long for its pod: it says why nothing ran."""
    uid = crons.make(input=QUESTION, startingDeadlineSeconds=10)
    minute = int(time.time() // 60) + 1
    wait_for("moment after the deadline", lambda: time.time() > minute * 60 + 11, seconds=90)
    told = check_end(crons, crons.start(minute=minute), Outcome.SKIPPED, verdict="Unknown")
    assert told["reason"] == "StartingDeadlineExceeded"
    assert not crons.server.runs_of(uid)


@pytest.mark.parametrize(("outcome", "code"), [("Interrupted", 11), ("Cancelled", 13), ("Skipped", 14)])
def test_report_of_an_earlier_runner_is_believed_though_its_job_failed(crons: Crons, outcome: str, code: int):
    """Until Jobs failed with their runs only, these outcomes had exit codes; a Job or an image may be older."""
    crons.make(input=QUESTION)
    report = json.dumps({"outcome": outcome, "reason": "Earlier", "message": "as an earlier runner reports it"})
    program = f"import sys; open('/dev/termination-log', 'w').write({report!r}); sys.exit({code})"
    job = crons.start(container={"command": ["/usr/bin/python3", "-c", program]})
    told = crons.told(job)
    assert (told["outcome"], told["reason"]) == (outcome, "Earlier")
    assert crons.job_end(job) == "PodFailurePolicy"
    assert crons.exit_codes(job) == [code], "another pod followed"
    assert not {"lastFailureTime", "consecutiveFailures"} & crons.status().keys()
