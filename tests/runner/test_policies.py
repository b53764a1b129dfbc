"""What forbids to start: bounds of the schedule, predecessors, a thread that waits for a person."""

import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from graphcron.contract import Outcome
from tests.runner.harness import Api, Cron, wait_for

SLOW = {"assistant": "steps", "input": {"steps": 100, "seconds": 0.3}}


def moment(cron: Cron, minutes: int) -> str:
    at = datetime.fromtimestamp(cron.minute * 60, UTC) + timedelta(minutes=minutes)
    return at.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ({"notBefore": 1}, "ScheduleIsYounger"),
        ({"notBefore": 0}, None),
        ({"notAfter": 0}, "CampaignEnded"),
        ({"notAfter": 1}, None),
    ],
)
def test_bounds_of_the_schedule(api: Api, cron: Cron, bounds: dict[str, int], reason: str | None) -> None:
    report = cron.pod(**{key: moment(cron, minutes) for key, minutes in bounds.items()}).wait()
    if reason:
        assert (report.outcome, report.reason) == (Outcome.SKIPPED, reason)
        assert api.threads(cron.uid) == []
    else:
        assert report.outcome is Outcome.SUCCEEDED


def test_too_late_to_start_but_not_to_attach(api: Api, cron: Cron) -> None:
    late = cron.pod(minutes_ago=5, startingDeadlineSeconds=120).wait()
    assert (late.outcome, late.reason) == (Outcome.SKIPPED, "StartingDeadlineExceeded")
    assert api.threads(cron.uid) == []

    first = cron.pod(minutes_ago=5, startingDeadlineSeconds=1000, **SLOW)
    run = api.started_run(cron.uid)
    first.process.kill()
    second = cron.pod(minutes_ago=5, startingDeadlineSeconds=120, **SLOW)
    wait_for(lambda: run["run_id"] in second.log, what="the attached pod")
    api.get("POST", f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=true")
    report = second.wait()
    assert (report.outcome, report.runId) == (Outcome.CANCELLED, run["run_id"])


@pytest.fixture(params=["fresh", "shared"])
def where(request: pytest.FixtureRequest, api: Api) -> dict[str, str]:
    return {} if request.param == "fresh" else {"thread": api.get("POST", "/threads", {})["thread_id"]}


def running_predecessor(api: Api, cron: Cron, where: dict[str, str]) -> tuple[str, str]:
    """Leave a run of the minute before going on the server, with no pod that follows it."""
    pod = cron.pod(minutes_ago=1, **SLOW, **where)
    wait_for(lambda: api.threads(cron.uid) and api.record(cron.uid).get("run-id"), what="the record")
    pod.process.kill()
    record = api.record(cron.uid)
    return record["thread-id"], record["run-id"]


def status(api: Api, thread: str, run: str) -> str:
    return str(api.get("GET", f"/threads/{thread}/runs/{run}")["status"])


def test_forbid(api: Api, cron: Cron, where: dict[str, str]) -> None:
    thread, run = running_predecessor(api, cron, where)
    report = cron.pod(**where).wait()
    assert (report.outcome, report.reason, report.runId) == (Outcome.SKIPPED, "PredecessorActive", "")
    assert status(api, thread, run) in ("pending", "running")
    assert cron.pod(**where).wait().reason == "PredecessorActive"  # the next pod of the occurrence says the same

    api.get("POST", f"/threads/{thread}/runs/{run}/cancel?wait=true")
    cron.minute += 1
    assert cron.pod(**where).wait().outcome is Outcome.SUCCEEDED


def test_forbid_finds_a_run_that_its_pod_had_no_time_to_write_down(api: Api, cron: Cron, where: dict[str, str]) -> None:
    running_predecessor(api, cron, where)
    record = api.threads(cron.uid)[0]["thread_id"]
    api.get("PATCH", f"/threads/{record}", {"metadata": {"graphcron/run-id": "", "graphcron/thread-id": ""}})
    assert cron.pod(**where).wait().reason == "PredecessorActive"


def test_replace(api: Api, cron: Cron, where: dict[str, str]) -> None:
    first = cron.pod(minutes_ago=1, **SLOW, **where)
    wait_for(lambda: api.threads(cron.uid) and api.record(cron.uid).get("run-id"), what="the record")
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


def test_two_occurrences_at_once(api: Api, cron: Cron) -> None:
    """Both make their records before either has a run: the earlier one goes first."""
    pods = [cron.pod(minutes_ago=ago, assistant="steps", input={"steps": 3, "seconds": 0.5}) for ago in (1, 0)]
    reports = [pod.wait() for pod in pods]
    assert reports[0].outcome is Outcome.SUCCEEDED or reports[1].outcome is Outcome.SUCCEEDED
    assert [report.reason for report in reports].count("PredecessorActive") == 1
    assert len(api.all_runs(cron.uid)) == 1


def test_a_thread_that_waits_for_a_person(api: Api, cron: Cron) -> None:
    thread = api.get("POST", "/threads", {})["thread_id"]
    api.get("POST", f"/threads/{thread}/runs/wait", {"assistant_id": "approval", "input": {"request": "pay"}})
    interrupts = api.get("GET", f"/threads/{thread}")["interrupts"]
    assert interrupts
    report = cron.pod(thread=thread).wait()
    assert (report.outcome, report.reason) == (Outcome.SKIPPED, "ThreadAwaitsHuman")

    # A run cancelled while it was pending makes such a thread "idle"; it waits all the same.
    extra = api.get("POST", f"/threads/{thread}/runs", {"assistant_id": "agent", "input": {}, "after_seconds": 3600})
    api.get("POST", f"/threads/{thread}/runs/{extra['run_id']}/cancel?wait=true")
    assert api.get("GET", f"/threads/{thread}")["status"] == "idle"
    cron.minute += 1
    assert cron.pod(thread=thread).wait().reason == "ThreadAwaitsHuman"
    assert api.get("GET", f"/threads/{thread}")["interrupts"] == interrupts

    api.get("POST", f"/threads/{thread}/runs/wait", {"assistant_id": "approval", "command": {"resume": True}})
    cron.minute += 1
    assert cron.pod(thread=thread).wait().outcome is Outcome.SUCCEEDED


def test_a_thread_at_a_breakpoint_waits_and_a_cancelled_one_does_not(api: Api, cron: Cron) -> None:
    thread = api.get("POST", "/threads", {})["thread_id"]
    body = {"assistant_id": "agent", "input": {"messages": []}, "interrupt_before": ["answer"]}
    api.get("POST", f"/threads/{thread}/runs/wait", body)
    assert cron.pod(thread=thread).wait().reason == "ThreadAwaitsHuman"

    other = api.get("POST", "/threads", {})["thread_id"]
    run = api.get("POST", f"/threads/{other}/runs", {"assistant_id": "steps", "input": {"steps": 50, "seconds": 0.2}})
    wait_for(lambda: status(api, other, run["run_id"]) == "running", what="the run")
    api.get("POST", f"/threads/{other}/runs/{run['run_id']}/cancel?wait=true")
    wait_for(lambda: api.get("GET", f"/threads/{other}")["status"] == "interrupted", what="the thread")
    cron.minute += 1
    assert cron.pod(thread=other).wait().outcome is Outcome.SUCCEEDED


def test_a_thread_that_is_not_there(api: Api, cron: Cron) -> None:
    thread = str(uuid4())
    report = cron.pod(thread=thread).wait()
    assert (report.outcome, report.reason) == (Outcome.REJECTED, "ThreadNotFound")
    assert api.ask("GET", f"/threads/{thread}")[0] == 404


def test_a_busy_thread_is_queued_for_or_skipped(api: Api, cron: Cron) -> None:
    thread = api.get("POST", "/threads", {})["thread_id"]
    body = {"assistant_id": "steps", "input": {"steps": 4, "seconds": 0.5}}
    run = api.get("POST", f"/threads/{thread}/runs", body)
    skipped = cron.pod(minutes_ago=1, thread=thread, run={"multitask_strategy": "reject"}).wait()
    assert (skipped.outcome, skipped.reason) == (Outcome.SKIPPED, "ThreadBusy")
    queued = cron.pod(thread=thread).wait()
    assert queued.outcome is Outcome.SUCCEEDED
    assert status(api, thread, run["run_id"]) == "success"


def test_the_deadline_passes_while_the_thread_is_held(api: Api, cron: Cron) -> None:
    """Nobody starts after the deadline, heirs included: the record has no run, and its pod is gone."""
    began = time.time()
    deadline = int(began - cron.minute * 60) + 2
    record = {"graphcron/uid": cron.uid, "graphcron/pod": "gone", "graphcron/state": "active"}
    probe = cron.pod(notAfter=moment(cron, 0)).wait()
    assert probe.reason == "CampaignEnded"
    from graphcron.runner.identity import lock_id, occurrence

    thread = lock_id(occurrence(cron.uid, cron.minute * 60), 0)
    api.get("POST", "/threads", {"thread_id": thread, "metadata": record})
    report = cron.pod(startingDeadlineSeconds=deadline).wait()
    assert (report.outcome, report.reason) == (Outcome.SKIPPED, "StartingDeadlineExceeded")
    assert api.all_runs(cron.uid) == []
