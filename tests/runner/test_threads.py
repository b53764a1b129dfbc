"""Threads that the runs of a period share, threads that wait for human input, and how many threads are kept."""

import time
from typing import Any
from uuid import uuid4

import pytest

from graphcron import contract
from graphcron.contract import Outcome
from graphcron.runner.occurrence.identity import uuid5
from tests.runner.harness import Api, Cron, Pod, asked, wait_for
from tests.runner.test_policies import midnight, records, status

QUESTION = {"messages": [{"role": "user", "content": "What time is it?"}]}
PAST = "2020-01-01T00:00:00Z"


def test_the_runs_of_a_day_share_a_thread(api: Api, cron: Cron) -> None:
    request = {**midnight(cron), "input": QUESTION}
    before = cron.pod(minutes_ago=1, **request).wait()
    first = cron.pod(**request).wait()
    second = cron.pod(env=asked("again", scheduled=cron.minute * 60 + 3600), **request).wait()

    assert {each.outcome for each in (before, first, second)} == {Outcome.SUCCEEDED}
    assert before.threadId != first.threadId == second.threadId
    local = time.strftime("%Y-%m-%d", time.gmtime(cron.minute * 60 + request["offsets"][0][1]))
    assert first.threadId == uuid5(f"{cron.uid}/thread/day/{local}")
    metadata = api.get("GET", f"/threads/{first.threadId}")["metadata"]
    assert metadata["graphcron/kind"] == "period"
    assert metadata["graphcron/uid"] == cron.uid
    assert metadata["graphcron/scheduled-time"] == first.scheduledTime
    assert [run["run_id"] for run in api.runs(first.threadId)] == [first.runId, second.runId]
    messages = api.get("GET", f"/threads/{first.threadId}/state")["values"]["messages"]
    assert sum(message["type"] == "human" for message in messages) == 2


def test_racing_pods_on_a_period_s_thread(api: Api, cron: Cron) -> None:
    reports = [pod.wait() for pod in [cron.pod(**midnight(cron), input=QUESTION) for _ in range(4)]]
    assert {report.outcome for report in reports} == {Outcome.SUCCEEDED}
    assert len(api.runs(reports[0].threadId)) == 1


@pytest.mark.parametrize("per", [True, False])
def test_a_new_question_may_replace_one_that_waits(api: Api, cron: Cron, per: bool) -> None:
    where: dict[str, Any] = midnight(cron) if per else {"thread": str(uuid4()), "createThread": True}
    request = {**where, "assistant": "approval"}
    asking = cron.pod(input={"request": "one"}, **request).wait()
    assert (asking.outcome, asking.awaited) == (Outcome.INTERRUPTED, True)
    skipped = cron.pod(env=asked("a"), input={"request": "two"}, **request).wait()
    assert (skipped.outcome, skipped.reason) == (Outcome.SKIPPED, "ThreadAwaitsHuman")
    assert (skipped.awaited, skipped.threadId, skipped.runId) == (True, asking.threadId, "")
    proceeding = cron.pod(env=asked("b"), input={"request": "three"}, onInterrupted="proceed", **request).wait()
    assert proceeding.outcome is Outcome.INTERRUPTED
    (interrupts,) = api.get("GET", f"/threads/{asking.threadId}")["interrupts"].values()
    assert [each["value"]["request"] for each in interrupts] == ["three"]


def test_a_breakpoint_is_gone_over_too(api: Api, cron: Cron) -> None:
    request = {"thread": str(uuid4()), "createThread": True, "input": QUESTION}
    stops = {"run": {"interrupt_before": ["answer"]}, **request}
    assert cron.pod(**stops).wait().reason == "Breakpoint"
    assert cron.pod(env=asked("a"), **request).wait().reason == "ThreadAwaitsHuman"
    assert cron.pod(env=asked("b"), **request, onInterrupted="proceed").wait().outcome is Outcome.SUCCEEDED


def long_ago(api: Api, cron: Cron) -> None:
    """Let all records be old enough to go."""
    for record in records(api, cron):
        api.get("PATCH", f"/threads/{record['thread_id']}", {"metadata": {"graphcron/delete-after": PAST}})


def test_the_newest_threads_are_kept(api: Api, cron: Cron) -> None:
    waiting = cron.pod(minutes_ago=9, assistant="approval", input={"request": "x"}).wait()
    live = cron.pod(minutes_ago=8, assistant="failing").wait()
    stopped = cron.pod(minutes_ago=7, run={"interrupt_before": ["answer"]}, input=QUESTION).wait()
    gone = [cron.pod(minutes_ago=6, assistant="failing").wait(), cron.pod(minutes_ago=5, onRunCompleted="keep").wait()]
    kept = [cron.pod(minutes_ago=4, assistant="failing").wait()]
    cron.pod(minutes_ago=3).wait()  # succeeded: goes anyway, and counts for nothing
    long_ago(api, cron)
    recent = cron.pod(minutes_ago=2, assistant="failing").wait()  # may be asked for by a late pod yet
    body = {"assistant_id": "steps", "input": {"steps": 100, "seconds": 0.3}}
    run = api.get("POST", f"/threads/{live.threadId}/runs", body)

    last = cron.pod(historyThreads=1, onRunCompleted="keep", minutes_ago=0).wait()
    left = {thread["thread_id"] for thread in api.threads(cron.uid)}
    assert left == {each.threadId for each in (waiting, live, stopped, recent, last)}
    assert not left & {each.threadId for each in gone + kept}
    assert status(api, live.threadId, run["run_id"]) in ("pending", "running")


def test_graphrun_without_graphcron_deletes_threads_of_earlier_ones(api: Api, cron: Cron) -> None:
    namespace = f"ns-{uuid4().hex}"

    def once(**request: Any) -> Pod:
        uid = str(uuid4())
        own = {contract.ENV_NAMESPACE: namespace, contract.ENV_UID: uid, contract.ENV_GRAPHRUN_UID: uid}
        return cron.pod(env={**asked(), **own, contract.ENV_GRAPHRUN: "once"}, **request)

    earlier = [pod.wait() for pod in (once(), once(onRunCompleted="keep"), once(assistant="failing"))]
    assert once(assistant="missing").wait().outcome is Outcome.REJECTED
    threads = api.get("POST", "/threads/search", {"metadata": {"graphcron/namespace": namespace}})
    (empty,) = {each["thread_id"] for each in threads} - {each.threadId for each in earlier}
    for each in threads:
        api.get("PATCH", f"/threads/{each['thread_id']}", {"metadata": {"graphcron/delete-after": PAST}})
    recent = once().wait()  # may be asked for by a late pod yet
    last = once().wait()
    ids = [*(each.threadId for each in earlier), empty, recent.threadId, last.threadId]
    assert [api.ask("GET", f"/threads/{each}")[0] for each in ids] == [404, 200, 200, 404, 200, 200]


def test_the_newest_periods_are_kept(api: Api, cron: Cron) -> None:
    def day(number: int, **request: Any) -> Any:
        env = asked(scheduled=cron.minute * 60 - number * 86400)
        return cron.pod(env=env, **{"threadPer": "day", "input": QUESTION, **request})

    waiting = day(6, assistant="approval", input={"request": "x"}).wait()
    gone, needed, kept = (day(number).wait() for number in (5, 4, 3))
    other = cron.pod(env=asked("x"), thread=str(uuid4()), createThread=True).wait()
    record = next(each for each in records(api, cron) if each["metadata"]["graphcron/thread-id"] == needed.threadId)
    api.get("PATCH", f"/threads/{record['thread_id']}", {"metadata": {"graphcron/state": "active"}})

    last = day(0, historyThreads=2).wait()
    there = [
        each
        for each in (waiting, gone, needed, kept, other, last)
        if api.ask("GET", f"/threads/{each.threadId}")[0] == 200
    ]
    assert there == [waiting, needed, kept, other, last]


def test_run_for_an_earlier_period_keeps_the_latest_periods(api: Api, cron: Cron) -> None:
    def day(number: int, **request: Any) -> Pod:
        env = asked(f"{number}", scheduled=cron.minute * 60 - number * 86400)
        return cron.pod(env=env, threadPer="day", input=QUESTION, **request)

    yesterday, today = day(1).wait(), day(0).wait()
    earlier = [day(number, historyThreads=2).wait() for number in (8, 9)]
    there = [api.ask("GET", f"/threads/{each.threadId}")[0] for each in (yesterday, today, *earlier)]
    assert there == [200, 200, 404, 200]  # the last one is in use


def test_records_that_no_pod_will_close_are_closed(api: Api, cron: Cron) -> None:
    """Else every later occurrence would ask after them; a run that goes on keeps its record open."""
    where = {"thread": str(uuid4()), "createThread": True}
    going = cron.pod(minutes_ago=2, assistant="steps", input={"steps": 100, "seconds": 0.3}, **where)
    wait_for("run", lambda: records(api, cron, with_run=True))
    going.process.kill()
    metadata = {"uid": cron.uid, "namespace": "agents", "state": "active", "kind": "own", "pod": "gone"}
    body = {"metadata": {f"graphcron/{key}": value for key, value in metadata.items()}}
    body["metadata"] |= {"graphcron/scheduled-time": PAST, "graphcron/delete-after": PAST}
    over = api.get("POST", "/threads", body)["thread_id"]
    long_ago(api, cron)

    cron.pod(concurrencyPolicy="Allow").wait()
    states = {each["thread_id"]: each["metadata"]["graphcron/state"] for each in records(api, cron)}
    assert states.pop(over) == "done"
    assert sorted(states.values()) == ["active", "done"]
