"""SIGTERM: the run is cancelled and marked, and another pod goes on from its last checkpoint."""

import random
import signal
import socket
import time

import pytest

from graphcron.contract import Outcome, Report
from tests.runner.conftest import Faults
from tests.runner.harness import Api, Cron, Pod, wait_for
from tests.runner.test_at_most_once import where

__all__ = ["where"]  # a fixture

SIX = {"assistant": "steps", "input": {"steps": 6, "seconds": 0.7}}
CREATE_RUN = {"method": "POST", "path": "/runs$"}


def stop(pod: Pod, seconds: float = 10) -> Report:
    pod.process.send_signal(signal.SIGTERM)
    return pod.wait(seconds)


def thread_of(api: Api, cron: Cron, where: dict[str, str]) -> str:
    return where.get("thread") or wait_for("thread", lambda: api.threads(cron.uid))[0]["thread_id"]


def test_resumed_by_the_next_pod(api: Api, cron: Cron, where: dict[str, str]) -> None:
    pod = cron.pod(**SIX, **where)
    thread = thread_of(api, cron, where)
    wait_for("two steps", lambda: api.steps(thread) == [1, 2])
    report = stop(pod)

    assert report.outcome is Outcome.STOPPED
    (stopped,) = api.runs(thread)
    assert (stopped["run_id"], stopped["status"]) == (report.runId, "interrupted")
    record = api.record(cron.uid)
    assert record["state"] == "active"
    assert f"{report.runId}/{pod.uid}" in record.values()

    final = cron.pod(**SIX, **where).wait()
    assert final.outcome is Outcome.SUCCEEDED
    assert [run["run_id"] for run in api.runs(thread)] == [report.runId, final.runId]
    assert api.get("GET", f"/threads/{thread}/state")["values"]["done"] == [1, 2, 3, 4, 5, 6]
    done = api.steps(thread)
    assert all(done.count(step) == 1 for step in (1, 2))
    assert set(done) == {1, 2, 3, 4, 5, 6}
    assert api.record(cron.uid)["run-id"] == final.runId
    assert final.startTime == report.startTime


def test_resumed_twice_and_by_racing_pods(api: Api, cron: Cron, where: dict[str, str]) -> None:
    for _ in range(2):
        pod = cron.pod(**SIX, **where)
        thread = thread_of(api, cron, where)
        before = len(api.steps(thread))
        wait_for("step", lambda: len(api.steps(thread)) > before)  # noqa: B023
        assert stop(pod).outcome is Outcome.STOPPED
    reports = [racer.wait() for racer in [cron.pod(**SIX, **where) for _ in range(3)]]

    assert {report.outcome for report in reports} == {Outcome.SUCCEEDED}
    runs = api.runs(thread)
    assert [run["status"] for run in runs] == ["interrupted", "interrupted", "success"]
    assert {report.runId for report in reports} == {runs[-1]["run_id"]}
    assert api.get("GET", f"/threads/{thread}/state")["values"]["done"] == [1, 2, 3, 4, 5, 6]


def test_stopped_before_the_first_checkpoint(api: Api, cron: Cron, where: dict[str, str]) -> None:
    """A run without a checkpoint can't be resumed with no input: its input is sent again."""
    pod = cron.pod(**SIX, **where)
    api_runs = lambda: api.runs(thread_of(api, cron, where))  # noqa: E731
    wait_for("run", api_runs)
    report = stop(pod)
    assert report.outcome is Outcome.STOPPED

    assert cron.pod(**SIX, **where).wait().outcome is Outcome.SUCCEEDED
    assert [run["status"] for run in api_runs()] == ["interrupted", "success"]


def test_resuming_dies_at_any_moment(api: Api, cron: Cron) -> None:
    rng = random.Random(7)
    pod = cron.pod(**SIX)
    run = api.started_run(cron.uid)
    wait_for("step", lambda: api.steps(run["thread_id"]))
    assert stop(pod).outcome is Outcome.STOPPED
    for _ in range(4):
        pod = cron.pod(**SIX)
        time.sleep(rng.uniform(0.05, 0.4))
        pod.process.kill()
        pod.process.wait()
    assert cron.pod(**SIX).wait().outcome is Outcome.SUCCEEDED
    assert [run["status"] for run in api.all_runs(cron.uid)] == ["interrupted", "success"]


def test_a_run_that_somebody_else_cancelled_is_not_resumed(api: Api, cron: Cron) -> None:
    pod = cron.pod(**SIX)
    run = api.started_run(cron.uid)
    pod.process.kill()
    api.get("POST", f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=true")

    report = cron.pod(**SIX).wait()
    assert (report.outcome, report.reason) == (Outcome.CANCELLED, "")
    assert len(api.all_runs(cron.uid)) == 1


def test_a_thread_that_has_moved_on_is_not_resumed(api: Api, cron: Cron) -> None:
    thread = api.get("POST", "/threads", {})["thread_id"]
    pod = cron.pod(**SIX, thread=thread)
    wait_for("step", lambda: api.steps(thread))
    assert stop(pod).outcome is Outcome.STOPPED
    api.get("POST", f"/threads/{thread}/runs/wait", {"assistant_id": "steps", "input": {"steps": 0}})

    report = cron.pod(**SIX, thread=thread).wait()
    assert (report.outcome, report.reason) == (Outcome.CANCELLED, "ThreadMovedOn")
    assert len(api.runs(thread)) == 2


def test_during_the_request_that_starts_the_run(api: Api, cron: Cron, faults: Faults, where: dict[str, str]) -> None:
    """The server has got it, its answer is on its way: the run is found and cancelled."""
    faults.rules({**CREATE_RUN, "fault": "drop", "seconds": 60})
    pod = cron.pod(**SIX, **where)
    thread = thread_of(api, cron, where)
    wait_for("run", lambda: api.runs(thread))
    report = stop(pod, 20)

    assert report.outcome is Outcome.STOPPED
    (run,) = api.runs(thread)
    assert (run["run_id"], run["status"]) == (report.runId, "interrupted")
    assert cron.pod(**SIX, **where).wait().outcome is Outcome.SUCCEEDED
    assert [run["status"] for run in api.runs(thread)] == ["interrupted", "success"]


def test_while_the_server_is_away(cron: Cron) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        cron.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    pod = cron.pod()
    wait_for("failed try", lambda: "server-unavailable" in pod.log)
    assert stop(pod).outcome is Outcome.STOPPED


def test_before_anything_was_started_the_next_pod_need_not_wait(api: Api, cron: Cron, faults: Faults) -> None:
    faults.rules({"method": "POST", "path": "/threads/search", "fault": "answer", "status": 503, "times": None})
    pod = cron.pod(env={"GRAPHCRON_GRACE_SECONDS": "60"})
    wait_for("failed try", lambda: "server-unavailable" in pod.log)
    report = stop(pod)
    assert (report.outcome, report.runId) == (Outcome.STOPPED, "")
    assert api.all_runs(cron.uid) == []

    faults.rules()
    assert cron.pod(env={"GRAPHCRON_GRACE_SECONDS": "60"}).wait(50).outcome is Outcome.SUCCEEDED


def test_a_server_that_does_not_answer_the_cancel(api: Api, cron: Cron, faults: Faults) -> None:
    pod = cron.pod(**SIX)
    api.started_run(cron.uid)
    faults.rules({"fault": "hang", "seconds": 60, "times": None})
    report = stop(pod, 30)  # what a pod has: its grace period
    assert (report.outcome, report.reason) == (Outcome.STOPPED, "NotCancelled")


def test_a_run_that_was_over_keeps_its_outcome(api: Api, cron: Cron, faults: Faults) -> None:
    """The join still hangs when SIGTERM comes; the run has succeeded."""
    faults.rules({"path": "/join$", "fault": "hang", "seconds": 60, "times": None})
    pod = cron.pod(assistant="steps", input={"steps": 1, "seconds": 0.1})
    api.started_run(cron.uid, status="success")
    wait_for("join", lambda: faults.requests("GET", "/join"))
    assert stop(pod).outcome is Outcome.SUCCEEDED
    assert api.record(cron.uid)["outcome"] == "Succeeded"


@pytest.mark.parametrize("seed", range(4))
def test_at_any_moment(api: Api, cron: Cron, where: dict[str, str], seed: int) -> None:
    """Wherever the signal hits: a report, no live run left, and each step once in the end."""
    rng = random.Random(seed)
    request = {"assistant": "steps", "input": {"steps": 3, "seconds": 0.3}, **where}
    outcomes = []
    while len(outcomes) < 3:
        pod = cron.pod(**request)
        wait_for("pod's start", lambda: "started" in pod.log)  # noqa: B023
        time.sleep(rng.uniform(0, 1.2))
        outcomes.append(stop(pod).outcome)
        if where or api.threads(cron.uid):
            live = [run for run in api.runs(thread_of(api, cron, where)) if run["status"] in ("pending", "running")]
            assert live == []
    assert set(outcomes) <= {Outcome.STOPPED, Outcome.SUCCEEDED}

    final = cron.pod(**request).wait()
    thread = thread_of(api, cron, where)
    done = api.get("GET", f"/threads/{thread}/state")["values"]["done"]
    history = api.get("POST", f"/threads/{thread}/history", {"limit": 50})
    # Shown by pytest where the test fails:
    print(api.record(cron.uid), *(pod.log for pod in cron.pods), *api.runs(thread), *history, sep="\n")
    assert final.outcome is Outcome.SUCCEEDED
    assert done == [1, 2, 3]
    assert [run["status"] for run in api.runs(thread)].count("success") == 1


def test_a_pod_that_is_stopped_while_it_looks_does_its_part_too(api: Api, cron: Cron, faults: Faults) -> None:
    """It cancels the run of the pod before it, and never wipes out what that pod has noted."""
    first = cron.pod(**SIX)
    run = api.started_run(cron.uid)
    first.process.kill()
    faults.rules({"path": "/threads/search", "fault": "hang", "seconds": 60})
    second = cron.pod(**SIX)
    wait_for("second pod's look", lambda: [each for each in faults.requests() if each["fault"]])
    assert stop(second).runId == run["run_id"]
    assert api.all_runs(cron.uid)[0]["status"] == "interrupted"

    faults.rules({"path": "/threads/search", "fault": "hang", "seconds": 60})
    third = cron.pod(**SIX)
    wait_for("third pod's look", lambda: len([each for each in faults.requests() if each["fault"]]) > 1)
    assert stop(third).outcome is Outcome.STOPPED
    assert f"{run['run_id']}/{second.uid}" in api.record(cron.uid).values()
    assert cron.pod(**SIX).wait().outcome is Outcome.SUCCEEDED
    assert len(api.all_runs(cron.uid)) == 2
