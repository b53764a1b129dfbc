"""What is done to runs: ``run``, ``cancel``, ``logs``, ``suspend``, ``resume``."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from installing import SERVER_NAMESPACE
from tests.cluster import wait_for
from tests.e2e.crons import QUESTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.verbs.conftest import Program
    from tests.e2e.crons import Crons


def events_of(text: str) -> list[str]:
    return [json.loads(line)["event"] for line in text.splitlines()]


def events_in_text(text: str) -> list[str]:
    """Return the events of a log for people: the first word after date, time and level."""
    words = [line.split()[2:] for line in text.splitlines()]
    return [event[1] if event[0].isupper() else event[0] for event in words]


def test_run_waits_and_prints_the_log(crons: Crons, program: Program):
    crons.make(input=QUESTION, suspend=True, ready_reason="Suspended")
    events = events_in_text(program.run("run", "hello", "--logs"))
    assert events[0] == "started"
    assert events[-1] == "ended"
    (told,) = crons.status()["recentRuns"]
    assert told["outcome"] == "Succeeded"
    assert told["trigger"] == crons.status()["lastHandledTrigger"]

    for which in ("latest", told["job"], told["runId"]):
        assert events_of(program.run("logs", "hello", "--run", which, "-o", "json")) == events
        assert events_in_text(program.run("logs", "hello", "--run", which)) == events
    said = program.run("logs", "hello", "--run", "other", code=1)
    assert said.startswith("error: hello has no pod of run other; ")

    assert program.run("run", "hello", "--wait").startswith("the run of hello succeeded (")
    assert len(crons.status()["recentRuns"]) == 2


def test_run_says_how_a_run_failed(crons: Crons, program: Program):
    crons.make(assistant="failing")
    said = program.run("run", "hello", "--wait", code=1)
    assert said.startswith("error: the run of hello ended with GraphError")
    assert len(said.splitlines()) == 1
    command = said.partition("; ")[2].removesuffix(" shows more\n")
    assert command == f"graphcron describe hello -n {crons.namespace}"
    page = program.typed(command)
    (told,) = crons.status()["recentRuns"]
    assert f"\nLast run, on the server\n  Thread: {told['threadId']}\n  Run:    {told['runId']}\n" in page
    # What troubleshooting asks for with it is there.
    assert "EmptyInputError" in str(crons.server.thread(told["threadId"])["error"])


def test_run_times_out_and_cancel_ends_server_run(crons: Crons, program: Program):
    uid = crons.make(assistant="steps", input={"steps": 300, "seconds": 1})
    said = program.run("run", "hello", "--wait", "--timeout", "1s", code=1)
    cancel = f"graphcron cancel hello -n {crons.namespace}"
    assert said == f"error: the run of hello has not ended in time, and continues; {cancel} ends it\n"
    run = crons.wait_running(uid)
    (job,) = [each["metadata"]["name"] for each in crons.items("jobs")]
    assert job in program.run("describe", "hello")

    said = program.run("cancel", "hello", "--run", "other", code=1)
    assert said == f"error: hello has no active run with the Job other; active are {job}\n"
    with program.started("logs", "hello", "--follow", "-o", "json") as following:
        assert json.loads(following.stdout.readline())["event"] == "started"
        assert program.run("cancel", "hello") == f"{job} is deleted; its pod cancels the run on the server\n"
        assert "stopping" in events_of(following.communicate(timeout=60)[0])
    wait_for("end of the run", lambda: crons.server.run(run["thread_id"], run["run_id"])["status"] == "interrupted")
    assert program.run("cancel", "hello") == "hello has no active run\n"
    told = crons.told(job)
    assert (told["outcome"], told["reason"], told["runId"]) == ("Cancelled", "JobDeleted", run["run_id"])
    assert told["threadId"] == run["thread_id"]
    assert told["trigger"] == crons.status()["lastHandledTrigger"]


def test_run_tells_that_its_job_was_deleted(crons: Crons, program: Program):
    uid = crons.make(assistant="steps", input={"steps": 300, "seconds": 1})
    with program.started("run", "hello", "--wait") as waiting:
        crons.wait_running(uid)
        program.run("cancel", "hello")
        _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 1
    assert said.startswith("error: the run of hello ")
    assert ": its Job " in said


def test_suspend_and_resume(crons: Crons, program: Program):
    crons.make()
    said = program.run("suspend", "hello")
    command = said.partition("(")[2].removesuffix(" ends them)\n")
    assert program.typed(command) == "hello has no active run\n"
    crons.wait_ready(reason="Suspended")
    assert program.run("resume", "hello") == "hello is no longer suspended\n"
    crons.wait_ready()
    assert program.run("resume", "hello") == "hello was neither suspended nor paused\n"


def test_suspend_and_resume_by_labels_and_all(crons: Crons, program: Program):
    for name in ("one", "two", "three"):
        crons.make(name)
    here = ("--namespace", crons.namespace)
    crons.cluster.kubectl("label", "graphcron", "one", "two", "team=a", *here)
    assert len(program.run("suspend", "-l", "team=a").splitlines()) == 2
    for name, reason in (("one", "Suspended"), ("two", "Suspended"), ("three", "Reconciled")):
        crons.wait_ready(name, reason=reason)
    assert len(program.run("suspend", "--all").splitlines()) == 3
    crons.wait_ready("three", reason="Suspended")
    said = program.run("resume", "--all").splitlines()
    assert sorted(said) == [f"{name} is no longer suspended" for name in ("one", "three", "two")]
    assert program.run("suspend", "-l", "team=b") == ""


def test_resume_ends_a_pause(crons: Crons, program: Program):
    crons.make(assistant="failing", failurePolicy={"pauseAfterConsecutiveFailures": 1})
    program.run("run", "hello", "--wait", code=1)
    crons.wait_ready(reason="Paused")
    assert program.run("resume", "hello") == "hello is no longer paused after failures\n"
    crons.wait_ready()


def test_the_answer_comes_from_the_server_with_the_users_own_key(crons: Crons, program: Program):
    crons.make(input=QUESTION, onRunCompleted="keep")
    said = program.run("logs", "hello", "--answer", code=1)
    listed = f"graphcron history hello -o wide -n {crons.namespace}"
    assert said == f"error: hello has no such run that has ended; {listed} lists them\n"
    program.run("run", "hello", "--wait")
    (told,) = crons.status()["recentRuns"]
    expected = crons.server.values(told["threadId"])["messages"][-1]["content"]

    assert "with --url" in program.run("logs", "hello", "--answer", code=1)
    with forwarded(crons) as url:
        assert program.run("logs", "hello", "--answer", "--url", url) == f"{expected}\n"
        run = told["runId"]
        assert program.run("logs", "hello", "--answer", "--run", run, "--url", url) == f"{expected}\n"
        crons.server.ask("DELETE", f"/threads/{told['threadId']}")
        said = program.run("logs", "hello", "--answer", "--url", url, code=1)
        assert said.startswith("error: the server no longer has the thread of this run; ")
    assert "can't be asked" in program.run("logs", "hello", "--answer", "--url", url, code=1)


def test_the_answer_of_a_graph_without_messages_is_its_state(crons: Crons, program: Program):
    crons.make(assistant="steps", input={"steps": 2, "seconds": 0.1}, onRunCompleted="keep")
    program.run("run", "hello", "--wait")
    (told,) = crons.status()["recentRuns"]
    values = crons.server.values(told["threadId"])
    assert "messages" not in values
    with forwarded(crons) as url:
        assert json.loads(program.run("logs", "hello", "--answer", "--url", url)) == values


def test_a_preflight_is_no_run_whose_log_is_meant(crons: Crons, program: Program):
    crons.make(preflight=True, input=QUESTION)
    crons.wait_target()
    assert len(crons.items("pods")) == 1, "the preflight's pod is still there"
    assert program.run("logs", "hello", code=1).startswith("error: hello has no pod; ")
    crons.wait_ready()
    program.run("run", "hello", "--wait")
    assert events_in_text(program.run("logs", "hello"))[0] == "started"


@contextmanager
def forwarded(crons: Crons) -> Iterator[str]:
    """Reach the server as a person does; yields its URL."""
    forward = ["kubectl", "port-forward", "--namespace", SERVER_NAMESPACE, "service/langgraph", ":2024"]
    pipe = subprocess.PIPE
    with subprocess.Popen(forward, stdout=pipe, text=True, env=crons.cluster.environment) as forwarding:
        try:
            port = re.search(r":(\d+) ->", forwarding.stdout.readline())[1]
            yield f"http://127.0.0.1:{port}"
        finally:
            forwarding.terminate()
