"""What forbids to start, on every server: predecessors that run there, and a thread that waits for human input."""

from typing import Any
from uuid import uuid4

from graphcron.contract import Outcome
from tests.runner.harness import Api, Cron, wait_for
from tests.servers.beds import Bed
from tests.servers.test_followed import QUESTION, SLOW, cancel


def running_predecessor(api: Api, cron: Cron, where: dict[str, str]) -> tuple[str, str]:
    """Leave a run of the minute before going on the server, with no pod that follows it."""
    pod = cron.pod(minutes_ago=1, **SLOW, **where)
    wait_for("record", lambda: api.threads(cron.uid) and api.record(cron.uid).get("run-id"))
    pod.process.kill()
    pod.process.wait()
    record = api.record(cron.uid)
    return record["thread-id"], record["run-id"]


def status(api: Api, thread: str, run: str) -> str:
    return str(api.get("GET", f"/threads/{thread}/runs/{run}")["status"])


def test_forbid(api: Api, cron: Cron, where: dict[str, str]) -> None:
    thread, run = running_predecessor(api, cron, where)
    report = cron.pod(**where).wait()
    assert (report.outcome, report.reason, report.runId) == (Outcome.SKIPPED, "PredecessorActive", "")
    assert status(api, thread, run) in ("pending", "running")

    cancel(api, thread, run)
    cron.next_occurrence()
    assert cron.pod(**where).wait().outcome is Outcome.SUCCEEDED


def test_replace(api: Api, cron: Cron, where: dict[str, str]) -> None:
    first = cron.pod(minutes_ago=1, **SLOW, **where)
    wait_for("record", lambda: api.threads(cron.uid) and api.record(cron.uid).get("run-id"))
    record = api.record(cron.uid)
    report = cron.pod(concurrencyPolicy="Replace", **where).wait()

    assert report.outcome is Outcome.SUCCEEDED
    assert status(api, record["thread-id"], record["run-id"]) == "interrupted"
    replaced = first.wait()
    assert (replaced.outcome, replaced.reason) == (Outcome.CANCELLED, "Replaced")


def test_allow(api: Api, cron: Cron) -> None:
    thread, run = running_predecessor(api, cron, {})
    assert cron.pod(concurrencyPolicy="Allow").wait().outcome is Outcome.SUCCEEDED
    assert status(api, thread, run) in ("pending", "running")
    cancel(api, thread, run)


def test_queue(api: Api, cron: Cron) -> None:
    """The pods start in another order than their scheduled times."""
    first = cron.pod(minutes_ago=2, concurrencyPolicy="Queue", **SLOW)
    run = api.started_run(cron.uid)
    later = cron.pod(concurrencyPolicy="Queue", input=QUESTION)
    wait_for("pod that waits", lambda: "waiting-for-predecessor" in later.log)
    sooner = cron.pod(minutes_ago=1, concurrencyPolicy="Queue", input=QUESTION)
    wait_for("pod that waits", lambda: "waiting-for-predecessor" in sooner.log)
    cancel(api, run["thread_id"], run["run_id"])
    assert first.wait().outcome is Outcome.CANCELLED
    reports = sooner.wait(), later.wait()
    assert {report.outcome for report in reports} == {Outcome.SUCCEEDED}
    (one,), (two,) = (api.runs(report.threadId) for report in reports)
    assert one["updated_at"] <= two["created_at"]


def test_a_thread_of_the_users_own(api: Api, cron: Cron) -> None:
    thread = str(uuid4())
    absent = cron.pod(minutes_ago=2, thread=thread).wait()
    assert (absent.outcome, absent.reason) == (Outcome.REJECTED, "ThreadNotFound")
    assert thread not in {each["thread_id"] for each in api.get("POST", "/threads/search", {"limit": 1000})}

    reports = [cron.pod(minutes_ago=ago, thread=thread, createThread=True, input=QUESTION).wait() for ago in (1, 0)]
    assert [report.outcome for report in reports] == [Outcome.SUCCEEDED, Outcome.SUCCEEDED]
    assert [run["run_id"] for run in api.runs(thread)] == [report.runId for report in reports]
    messages = api.get("GET", f"/threads/{thread}/state")["values"]["messages"]
    assert sum(message["type"] == "human" for message in messages) == 2


def test_a_thread_that_waits_for_a_person(api: Api, cron: Cron) -> None:
    thread = api.get("POST", "/threads", {})["thread_id"]
    run_and_wait(api, thread, {"assistant_id": "approval", "input": {"request": "pay"}})
    waiting = api.get("GET", f"/threads/{thread}/state")["interrupts"]
    assert waiting
    report = cron.pod(thread=thread).wait()
    assert (report.outcome, report.reason) == (Outcome.SKIPPED, "ThreadAwaitsHuman")
    assert api.get("GET", f"/threads/{thread}/state")["interrupts"] == waiting

    run_and_wait(api, thread, {"assistant_id": "approval", "command": {"resume": True}})
    cron.next_occurrence()
    assert cron.pod(thread=thread).wait().outcome is Outcome.SUCCEEDED


def run_and_wait(api: Api, thread: str, body: dict[str, Any]) -> None:
    """Do what somebody else does on a thread."""
    api.get("POST", f"/threads/{thread}/runs/wait", body)
    wait_for("thread at rest", lambda: api.get("GET", f"/threads/{thread}")["status"] != "busy")


def test_a_busy_thread(bed: Bed, api: Api, cron: Cron) -> None:
    thread = api.get("POST", "/threads", {})["thread_id"]
    body = {"assistant_id": "steps", "input": {"steps": 8, "seconds": 0.5}}
    run = api.get("POST", f"/threads/{thread}/runs", body)
    report = cron.pod(thread=thread, run={"multitask_strategy": "reject"}).wait()
    if bed.rejects:
        assert (report.outcome, report.reason) == (Outcome.SKIPPED, "ThreadBusy")
    else:
        assert report.outcome is Outcome.SUCCEEDED  # such a server runs both at once
    cancel(api, thread, run["run_id"])
