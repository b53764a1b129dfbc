"""What forbids to start: bounds of the schedule, predecessors, a thread that waits for human input."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from graphcron.contract import ENV_SCHEDULED_TIME, Outcome
from graphcron.runner.admission.predecessors import PROMPT_SECONDS
from graphcron.runner.client.times import rfc3339
from tests.runner.harness import ROOT, Api, Cron, asked, wait_for

SLOW = {"assistant": "steps", "input": {"steps": 100, "seconds": 0.3}}


def moment(cron: Cron, minutes: int) -> str:
    at = datetime.fromtimestamp(cron.minute * 60, UTC) + timedelta(minutes=minutes)
    return at.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ({"notBefore": 1}, "ScheduleIsYounger"),
        ({"notBefore": 0}, None),
        ({"notAfter": 0}, "NoLongerActive"),
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
    wait_for("attached pod", lambda: run["run_id"] in second.log)
    api.get("POST", f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=true")
    report = second.wait()
    assert (report.outcome, report.runId) == (Outcome.CANCELLED, run["run_id"])


def midnight(cron: Cron) -> dict[str, Any]:
    """Return a request for a day's thread, in a zone in which the present minute is the day's first."""
    return {"threadPer": "day", "offsets": ((0, -cron.minute * 60 % 86400),)}


@pytest.fixture(params=["fresh", "shared", "period", "triggered"])
def where(request: pytest.FixtureRequest, api: Api, cron: Cron) -> dict[str, Any]:
    """The request's part that says on which thread; a period's is another one than the predecessor's."""
    kinds: dict[str, Callable[[], dict[str, Any]]] = {
        "shared": lambda: {"thread": api.get("POST", "/threads", {})["thread_id"]},
        "period": lambda: midnight(cron),
    }
    return kinds.get(request.param, dict)()


@pytest.fixture
def before(request: pytest.FixtureRequest, cron: Cron) -> dict[str, str]:
    """The environment of the predecessor's pod: of a scheduled one, or one that a person asked for."""
    kind = request.node.callspec.params.get("where")
    return asked("before", scheduled=cron.minute * 60) if kind == "triggered" else {}


def running_predecessor(
    api: Api, cron: Cron, where: dict[str, Any], before: dict[str, str] | None = None, *, noted: bool = True
) -> tuple[str, str]:
    """Leave a run of the minute before going on the server, with no pod that follows it.

    ``noted``: its record names it; else the pod has died before that.
    """
    pod = cron.pod(minutes_ago=1, env=before, **SLOW, **where)
    (record,) = wait_for("record", lambda: records(api, cron, with_run=True))
    pod.process.kill()
    if not noted:
        api.get("PATCH", f"/threads/{record['thread_id']}", {"metadata": {"graphcron/run-id": ""}})
    return record["metadata"]["graphcron/thread-id"], record["metadata"]["graphcron/run-id"]


def records(api: Api, cron: Cron, *, with_run: bool = False) -> list[dict[str, Any]]:
    """Return the records of occurrences, those with a run if that is asked for."""
    found = [thread for thread in api.threads(cron.uid) if thread["metadata"]["graphcron/kind"] in ("own", "shared")]
    return [each for each in found if not with_run or each["metadata"].get("graphcron/run-id")]


def status(api: Api, thread: str, run: str) -> str:
    return str(api.get("GET", f"/threads/{thread}/runs/{run}")["status"])


def test_forbid(api: Api, cron: Cron, where: dict[str, Any], before: dict[str, str]) -> None:
    thread, run = running_predecessor(api, cron, where, before)
    report = cron.pod(**where).wait()
    assert (report.outcome, report.reason, report.runId) == (Outcome.SKIPPED, "PredecessorActive", "")
    assert status(api, thread, run) in ("pending", "running")
    assert cron.pod(**where).wait().reason == "PredecessorActive"  # the next pod of the occurrence says the same

    api.get("POST", f"/threads/{thread}/runs/{run}/cancel?wait=true")
    cron.next_occurrence()
    after = cron.pod(**where).wait()
    assert after.outcome is Outcome.SUCCEEDED
    assert (after.threadId == thread) is ("thread" in where)


def test_forbid_skips_what_was_due_during_a_run_that_is_over(
    api: Api, cron: Cron, where: dict[str, Any], before: dict[str, str]
) -> None:
    """Kubernetes makes the Job when the earlier one has ended; what was due after the run starts, however late."""
    first = cron.pod(minutes_ago=1, env=before, assistant="steps", input={"steps": 10, "seconds": 0.5}, **where)
    wait_for("record", lambda: records(api, cron, with_run=True))
    during = time.time() + 1
    assert first.wait().outcome is Outcome.SUCCEEDED
    after = time.time() + 1
    wait_for("late pod", lambda: time.time() > after + PROMPT_SECONDS + 0.5)
    report = cron.pod(env={ENV_SCHEDULED_TIME: rfc3339(during)}, **where).wait()
    assert (report.outcome, report.reason) == (Outcome.SKIPPED, "PredecessorActive")
    assert cron.pod(env={ENV_SCHEDULED_TIME: rfc3339(after)}, **where).wait().outcome is Outcome.SUCCEEDED
    allowed = cron.pod(env={ENV_SCHEDULED_TIME: rfc3339(during - 1)}, concurrencyPolicy="Allow", **where).wait()
    assert allowed.outcome is Outcome.SUCCEEDED


def test_forbid_finds_unrecorded_run(api: Api, cron: Cron, where: dict[str, Any], before: dict[str, str]) -> None:
    running_predecessor(api, cron, where, before, noted=False)
    assert cron.pod(**where).wait().reason == "PredecessorActive"


def test_a_record_of_an_older_version_does_not_name_its_thread(api: Api, cron: Cron) -> None:
    where = {"thread": api.get("POST", "/threads", {})["thread_id"]}
    running_predecessor(api, cron, where, noted=False)
    (record,) = records(api, cron)
    api.get("PATCH", f"/threads/{record['thread_id']}", {"metadata": {"graphcron/thread-id": ""}})
    assert cron.pod(**where).wait().reason == "PredecessorActive"


@pytest.mark.parametrize("noted", [True, False])
def test_replace_finds_a_run_whose_pod_is_gone(
    api: Api, cron: Cron, where: dict[str, Any], before: dict[str, str], noted: bool
) -> None:
    thread, run = running_predecessor(api, cron, where, before, noted=noted)
    assert cron.pod(concurrencyPolicy="Replace", **where).wait().outcome is Outcome.SUCCEEDED
    assert status(api, thread, run) == "interrupted"


def test_replace(api: Api, cron: Cron, where: dict[str, Any], before: dict[str, str]) -> None:
    first = cron.pod(minutes_ago=1, env=before, **SLOW, **where)
    (record,) = wait_for("record", lambda: records(api, cron, with_run=True))
    thread, run = record["metadata"]["graphcron/thread-id"], record["metadata"]["graphcron/run-id"]
    assert cron.pod(concurrencyPolicy="Replace", **where).wait().outcome is Outcome.SUCCEEDED
    assert status(api, thread, run) == "interrupted"
    replaced = first.wait()
    assert (replaced.outcome, replaced.reason) == (Outcome.CANCELLED, "Replaced")


def test_page_lists_questions_without_replaced_runs(api: Api, cron: Cron) -> None:
    asking = cron.pod(minutes_ago=3, assistant="approval", input={"request": "x"}).wait()
    replaced = cron.pod(minutes_ago=2, **SLOW)
    thread = api.started_run(cron.uid)["thread_id"]
    assert cron.pod(minutes_ago=1, concurrencyPolicy="Replace").wait().outcome is Outcome.SUCCEEDED
    assert replaced.wait().reason == "Replaced"
    assert api.get("GET", f"/threads/{thread}")["status"] == "interrupted"

    page = (ROOT / "docs/human-in-the-loop.md").read_text()
    query = json.loads(page.partition("/threads/search")[2].partition("<<EOF\n")[2].partition("EOF")[0])
    ours = {"graphcron/namespace": "agents", "graphcron/name": "nightly", "graphcron/uid": cron.uid}
    found = api.get("POST", "/threads/search", {**query, "metadata": {**query["metadata"], **ours}})
    assert [each["thread_id"] for each in found] == [asking.threadId]
    (question,) = found[0]["interrupts"].values()
    assert question[0]["value"]["question"] == "May I?"


def test_allow(api: Api, cron: Cron, where: dict[str, Any], before: dict[str, str]) -> None:
    thread, run = running_predecessor(api, cron, where, before)
    last = cron.pod(concurrencyPolicy="Allow", **where)
    wait_for("second run", lambda: "run-created" in last.log)
    assert status(api, thread, run) in ("pending", "running")
    if "thread" in where:  # it is queued behind the first
        api.get("POST", f"/threads/{thread}/runs/{run}/cancel?wait=true")
    assert last.wait().outcome is Outcome.SUCCEEDED


def test_a_predecessor_on_a_thread_that_was_the_graphcron_s_own(api: Api, cron: Cron) -> None:
    """The kind of thread was changed in between: each record tells where its run is."""
    pod = cron.pod(minutes_ago=2, **SLOW)
    api.started_run(cron.uid)
    pod.process.kill()
    assert cron.pod(minutes_ago=1, **midnight(cron)).wait().reason == "PredecessorActive"
    cron.uid = str(uuid4())
    running_predecessor(api, cron, midnight(cron), noted=False)
    assert cron.pod().wait().reason == "PredecessorActive"
    assert cron.pod(env=asked("a"), thread=str(uuid4()), createThread=True).wait().reason == "PredecessorActive"


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
    cron.next_occurrence()
    assert cron.pod(thread=thread).wait().reason == "ThreadAwaitsHuman"
    assert api.get("GET", f"/threads/{thread}")["interrupts"] == interrupts

    api.get("POST", f"/threads/{thread}/runs/wait", {"assistant_id": "approval", "command": {"resume": True}})
    cron.next_occurrence()
    assert cron.pod(thread=thread).wait().outcome is Outcome.SUCCEEDED


def test_a_thread_at_a_breakpoint_waits_and_a_cancelled_one_does_not(api: Api, cron: Cron) -> None:
    thread = api.get("POST", "/threads", {})["thread_id"]
    body = {"assistant_id": "agent", "input": {"messages": []}, "interrupt_before": ["answer"]}
    api.get("POST", f"/threads/{thread}/runs/wait", body)
    assert cron.pod(thread=thread).wait().reason == "ThreadAwaitsHuman"

    other = api.get("POST", "/threads", {})["thread_id"]
    run = api.get("POST", f"/threads/{other}/runs", {"assistant_id": "steps", "input": {"steps": 50, "seconds": 0.2}})
    wait_for("run", lambda: status(api, other, run["run_id"]) == "running")
    api.get("POST", f"/threads/{other}/runs/{run['run_id']}/cancel?wait=true")
    wait_for("thread", lambda: api.get("GET", f"/threads/{other}")["status"] == "interrupted")
    cron.next_occurrence()
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
    assert probe.reason == "NoLongerActive"
    from graphcron.runner.occurrence.identity import lock_id, occurrence

    thread = lock_id(occurrence(cron.uid, cron.minute * 60), 0)
    api.get("POST", "/threads", {"thread_id": thread, "metadata": record})
    report = cron.pod(startingDeadlineSeconds=deadline).wait()
    assert (report.outcome, report.reason) == (Outcome.SKIPPED, "StartingDeadlineExceeded")
    assert api.all_runs(cron.uid) == []
