"""What failed is tried again where that is allowed, as often as that is allowed, and finished steps are not repeated."""

import random
import signal
import threading
import time
from uuid import uuid4

import pytest

from graphcron.contract import Outcome, Report
from tests.runner.conftest import Faults
from tests.runner.harness import Api, Cron, Pod, asked, wait_for
from tests.runner.test_at_most_once import runs_of, where

__all__ = ["where"]  # a fixture

LIVE = ("pending", "running")


def flaky(fail: int = 0, hang: int = 0, attempts: int = 2, seconds: float = 0.1) -> dict[str, object]:
    value = {"fail": fail, "hang": hang, "seconds": seconds}
    return {"assistant": "flaky", "input": value, "retryAttempts": attempts, "retryOnGraphError": True}


def done(api: Api, thread: str) -> list[int]:
    return list(api.get("GET", f"/threads/{thread}/state")["values"]["done"])


def stop(pod: Pod) -> Report:
    pod.process.send_signal(signal.SIGTERM)
    return pod.wait(20)


def trying_again(pod: Pod) -> None:
    wait_for("pause before a further run", lambda: "retrying" in pod.log)


def test_from_the_last_checkpoint(api: Api, cron: Cron, where: dict[str, str]) -> None:
    report = cron.pod(**flaky(fail=2), **where).wait()

    assert (report.outcome, report.attempts) == (Outcome.SUCCEEDED, 3)
    runs = runs_of(api, cron, where)
    assert [run["status"] for run in runs] == ["error", "error", "success"]
    assert report.runId == runs[-1]["run_id"]
    assert [run["kwargs"]["input"] for run in runs][1:] == [None, None]
    assert report.durationSeconds is not None
    assert report.durationSeconds > 2  # of all runs together
    assert done(api, report.threadId) == [1, 2, 3]
    assert api.steps(report.threadId) == [1, 2, 3]
    assert api.steps(report.threadId, "started") == [1, 2, 2, 2, 3]
    (record,) = [each for each in api.threads(cron.uid) if each["metadata"]["graphcron/kind"] != "lock"]
    assert record["metadata"]["graphcron/attempts"] == "3"
    assert record["metadata"]["graphcron/outcome"] == "Succeeded"


def test_with_the_input_again(api: Api, cron: Cron) -> None:
    report = cron.pod(**flaky(fail=1), retryResume=False).wait()
    assert (report.outcome, report.attempts) == (Outcome.SUCCEEDED, 2)
    assert api.steps(report.threadId) == [1, 1, 2, 3]
    assert [run["kwargs"]["input"] for run in api.runs(report.threadId)] == [flaky(fail=1)["input"]] * 2


def test_no_more_often_than_allowed(api: Api, cron: Cron) -> None:
    reports = [cron.pod(**flaky(fail=9, attempts=1)).wait() for _ in range(2)]
    assert reports[0] == reports[1]  # the second pod finds that all is over
    assert (reports[0].outcome, reports[0].reason, reports[0].attempts) == (Outcome.GRAPH_ERROR, "ValueError", 2)
    assert len(api.all_runs(cron.uid)) == 2


@pytest.mark.parametrize(
    "request_",
    [{"retryAttempts": 0}, {"retryOnGraphError": False}, {"assistant": "approval"}, {"interrupt": True}],
    ids=["none", "graph-error", "interrupted", "cancelled"],
)
def test_what_is_not_tried_again(api: Api, cron: Cron, request_: dict[str, object]) -> None:
    cancel = request_.pop("interrupt", False)
    pod = cron.pod(**{**flaky(fail=0 if cancel else 1, hang=9), **request_})
    if cancel:
        run = api.started_run(cron.uid)
        api.get("POST", f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=true")
    report = pod.wait()
    assert report.outcome in (Outcome.GRAPH_ERROR, Outcome.INTERRUPTED, Outcome.CANCELLED)
    assert report.attempts is None
    assert len(api.all_runs(cron.uid)) == 1


def test_the_time_limit_holds_for_each_run(api: Api, cron: Cron, where: dict[str, str]) -> None:
    report = cron.pod(**flaky(hang=1) | {"retryOnGraphError": False}, timeoutSeconds=3, **where).wait()
    assert (report.outcome, report.attempts) == (Outcome.SUCCEEDED, 2)
    assert [run["status"] for run in runs_of(api, cron, where)] == ["interrupted", "success"]
    assert api.steps(report.threadId) == [1, 2, 3]

    cron.uid = str(uuid4())
    where = {"thread": api.get("POST", "/threads", {})["thread_id"]} if where else {}
    report = cron.pod(**flaky(hang=9, attempts=1), timeoutSeconds=2, **where).wait()
    assert (report.outcome, report.attempts) == (Outcome.TIMEOUT, 2)
    assert api.steps(report.threadId) == [1]


@pytest.mark.parametrize("lost", ["run", "checkpoints", "all"])
def test_a_run_that_the_server_has_lost(api: Api, cron: Cron, faults: Faults, where: dict[str, str], lost: str) -> None:
    """Where the thread has checkpoints left the next run goes on from them; else it starts over."""
    if where and lost == "all":
        where["createThread"] = True
    pod = cron.pod(**flaky(hang=1), **where)
    thread = wait_for("run", lambda: runs_of(api, cron, where))[0]["thread_id"]
    wait_for("first step", lambda: api.steps(thread) == [1] and api.steps(thread, "started") == [1, 2])
    (run,) = api.runs(thread)
    path = f"/threads/{thread}/runs/{run['run_id']}"
    wait_for("note on the record", lambda: api.record(cron.uid).get("run-id"))
    if lost == "run":  # no server here loses only that: the proxy says so
        faults.rules({"method": "GET", "path": f"{run['run_id']}$", "fault": "answer", "status": 404, "times": None})
        api.get("POST", f"{path}/cancel?wait=true")
    elif lost == "checkpoints":
        api.get("POST", f"{path}/cancel?wait=true&action=rollback")
    else:
        for each in {thread, *(each["thread_id"] for each in api.threads(cron.uid))}:
            api.get("DELETE", f"/threads/{each}")
    report = pod.wait()
    assert (report.outcome, report.attempts) == (Outcome.SUCCEEDED, 2)
    (again,) = [each for each in api.runs(thread) if each["run_id"] != run["run_id"]]
    assert again["run_id"] == report.runId
    assert (again["kwargs"]["input"] is None) is (lost == "run")
    assert api.steps(thread).count(1) == (1 if lost == "run" else 2)


def test_a_thread_on_which_somebody_else_went_on(api: Api, cron: Cron) -> None:
    thread = api.get("POST", "/threads", {})["thread_id"]
    pod = cron.pod(**flaky(fail=9), thread=thread)
    trying_again(pod)
    api.get("POST", f"/threads/{thread}/runs/wait", {"assistant_id": "agent", "input": {}})
    report = pod.wait()
    assert (report.outcome, report.attempts) == (Outcome.GRAPH_ERROR, None)
    assert "ThreadMovedOn" in pod.log
    assert len(api.runs(thread)) == 2


def test_doubled_and_killed_pods_make_one_further_run(api: Api, cron: Cron, where: dict[str, str]) -> None:
    pods = [cron.pod(**flaky(fail=1, seconds=0.5), **where) for _ in range(3)]
    trying_again(pods[0])
    pods.pop(0).process.kill()
    reports = [pod.wait() for pod in pods]
    assert {(report.outcome, report.attempts) for report in reports} == {(Outcome.SUCCEEDED, 2)}
    assert len(runs_of(api, cron, where)) == 2
    assert api.steps(reports[0].threadId) == [1, 2, 3]


def test_stopped_before_the_further_run(api: Api, cron: Cron, where: dict[str, str]) -> None:
    pod = cron.pod(**flaky(fail=2), **where)
    trying_again(pod)
    stopped = stop(pod)
    assert (stopped.outcome, stopped.attempts) == (Outcome.STOPPED, None)
    assert api.record(cron.uid)["state"] == "active"

    report = cron.pod(**flaky(fail=2), **where).wait()
    assert (report.outcome, report.attempts) == (Outcome.SUCCEEDED, 3)
    assert report.startTime == stopped.startTime
    assert api.steps(report.threadId) == [1, 2, 3]


def test_stopped_during_the_further_run(api: Api, cron: Cron) -> None:
    """Going on after a stop is no attempt."""
    request = flaky(fail=1, attempts=1, seconds=2)
    pod = cron.pod(**request)
    wait_for("further run", lambda: len(api.all_runs(cron.uid)) == 2)
    thread = api.all_runs(cron.uid)[0]["thread_id"]
    wait_for("step", lambda: 2 in api.steps(thread))
    stopped = stop(pod)
    assert (stopped.outcome, stopped.attempts) == (Outcome.STOPPED, 2)
    report = cron.pod(**request).wait()
    assert (report.outcome, report.attempts) == (Outcome.SUCCEEDED, 2)
    assert [run["status"] for run in api.runs(thread)] == ["error", "interrupted", "success"]
    assert api.steps(thread).count(1) == api.steps(thread).count(2) == 1


def test_the_next_occurrence_finds_it_under_way(api: Api, cron: Cron, where: dict[str, str]) -> None:
    pod = cron.pod(**flaky(fail=2), **where)
    trying_again(pod)
    pod.process.kill()
    cron.next_occurrence()
    skipped = cron.pod(**flaky(), **where).wait()
    assert (skipped.outcome, skipped.reason) == (Outcome.SKIPPED, "PredecessorActive")

    record = next(each for each in api.threads(cron.uid) if each["metadata"].get("graphcron/awaited-for"))
    past = {"metadata": {"graphcron/awaited-for": "0"}}
    api.get("PATCH", f"/threads/{record['thread_id']}", past)  # no pod has come back in time
    assert cron.pod(env=asked("later"), **flaky(), **where).wait().outcome is Outcome.SUCCEEDED


def test_replace_ends_it(api: Api, cron: Cron) -> None:
    pod = cron.pod(**flaky(fail=99, attempts=9))
    trying_again(pod)
    cron.next_occurrence()
    assert cron.pod(**flaky(), concurrencyPolicy="Replace").wait().outcome is Outcome.SUCCEEDED
    report = pod.wait()
    assert (report.outcome, report.reason) == (Outcome.CANCELLED, "Replaced")
    assert max(api.all_runs(cron.uid), key=lambda run: run["created_at"])["status"] == "success"


def test_one_that_comes_back_too_late_leaves_the_field(api: Api, cron: Cron) -> None:
    """Its pause was over long ago when the next pod comes, and another occurrence runs by now."""
    pod = cron.pod(**flaky(fail=1))
    trying_again(pod)
    pod.process.kill()
    record = api.threads(cron.uid)[0]["thread_id"]
    api.get("PATCH", f"/threads/{record}", {"metadata": {"graphcron/awaited-for": "0"}})
    cron.pod(env=asked("other"), assistant="steps", input={"steps": 100, "seconds": 0.3})
    wait_for("other's run", lambda: len(api.all_runs(cron.uid)) == 2)

    again = cron.pod(**flaky(fail=1))
    report = again.wait()
    assert (report.outcome, report.reason, report.attempts) == (Outcome.GRAPH_ERROR, "ValueError", None)
    assert "PredecessorActive" in again.log
    assert len(api.runs(record)) == 1


def test_chaos(api: Api, cron: Cron, where: dict[str, str]) -> None:
    """Doubled pods, kill -9 and SIGTERM at random moments, a graph that fails twice: three runs that were not cut off."""
    request = {**flaky(fail=2, attempts=2, seconds=0.3), **where}
    ends = time.monotonic() + 10

    def one_place(number: int) -> None:
        mine = random.Random(number)
        while time.monotonic() < ends:
            pod = cron.pod(**request)
            time.sleep(mine.uniform(0.2, 3))  # what is tested is that the moment does not matter
            pod.process.send_signal(mine.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            pod.process.wait()

    places = [threading.Thread(target=one_place, args=(number,)) for number in range(2)]
    for place in places:
        place.start()
    for place in places:
        place.join()
    report = cron.pod(**request).wait()

    runs = runs_of(api, cron, where)
    print(*(pod.log for pod in cron.pods), *api.threads(cron.uid), *runs, sep="\n")  # where the test fails
    assert (report.outcome, report.attempts) == (Outcome.SUCCEEDED, 3)
    assert [run["status"] for run in runs if run["status"] != "interrupted"] == ["error", "error", "success"]
    assert done(api, report.threadId) == [1, 2, 3]
    stops = sum(run["status"] == "interrupted" for run in runs)
    assert len(runs) - stops == 3
    finished = api.steps(report.threadId)
    assert len(finished) - 3 <= stops  # a stop may cut a step off between its note and its checkpoint
    assert not [run for run in runs if run["status"] in LIVE]
