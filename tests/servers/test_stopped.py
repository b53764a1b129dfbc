"""SIGTERM cancels the run, and the next pod goes on with it where the server can."""

from graphcron.contract import Outcome
from tests.runner.conftest import Faults
from tests.runner.harness import Api, Cron, wait_for
from tests.runner.test_stop import stop, thread_of

FIVE = {"assistant": "steps", "input": {"steps": 5, "seconds": 0.8}}
LONG = {"assistant": "steps", "input": {"steps": 90, "seconds": 0.3}}


def test_cancelled_and_resumed(api: Api, cron: Cron, where: dict[str, str]) -> None:
    pod = cron.pod(**FIVE, **where)
    thread = thread_of(api, cron, where)
    wait_for("two steps", lambda: api.steps(thread)[:2] == [1, 2])
    report = stop(pod, 20)
    assert report.outcome is Outcome.STOPPED
    (stopped,) = api.runs(thread)
    assert (stopped["run_id"], stopped["status"]) == (report.runId, "interrupted")
    record = api.record(cron.uid)
    assert record["state"] == "active"
    assert f"{report.runId}/{pod.uid}" in record.values()

    final = cron.pod(**FIVE, **where).wait(25)
    assert final.outcome is Outcome.SUCCEEDED
    assert [run["run_id"] for run in api.runs(thread)] == [report.runId, final.runId]
    assert api.get("GET", f"/threads/{thread}/state")["values"]["done"] == [1, 2, 3, 4, 5]
    done = api.steps(thread)
    assert all(done.count(step) == 1 for step in (1, 2))
    assert set(done) == {1, 2, 3, 4, 5}


def test_stopped_again_and_resumed_by_racing_pods(api: Api, cron: Cron) -> None:
    for _ in range(2):
        pod = cron.pod(**FIVE)
        thread = thread_of(api, cron, {})
        before = len(api.steps(thread))
        wait_for("step", lambda: len(api.steps(thread)) > before)  # noqa: B023
        stop(pod, 20)
    reports = [racer.wait(25) for racer in [cron.pod(**FIVE) for _ in range(3)]]

    assert {report.outcome for report in reports} == {Outcome.SUCCEEDED}
    runs = api.runs(thread)
    assert [run["status"] for run in runs] == ["interrupted", "interrupted", "success"]
    assert {report.runId for report in reports} == {runs[-1]["run_id"]}


def test_stopped_before_the_first_checkpoint(api: Api, cron: Cron) -> None:
    pod = cron.pod(**FIVE)
    wait_for("run", lambda: api.all_runs(cron.uid))
    assert stop(pod, 20).outcome is Outcome.STOPPED
    assert cron.pod(**FIVE).wait(25).outcome is Outcome.SUCCEEDED
    assert [run["status"] for run in api.all_runs(cron.uid)] == ["interrupted", "success"]


def test_during_the_request_that_starts_the_run(api: Api, cron: Cron, faults: Faults) -> None:
    """The server has got it, its answer is on its way: the run is found and cancelled."""
    faults.rules({"method": "POST", "path": "/runs$", "fault": "drop", "seconds": 60})
    pod = cron.pod(**LONG)
    wait_for("run", lambda: api.all_runs(cron.uid))
    report = stop(pod, 20)

    assert report.outcome is Outcome.STOPPED
    (run,) = api.all_runs(cron.uid)
    assert (run["run_id"], run["status"]) == (report.runId, "interrupted")


def test_a_run_that_was_over_keeps_its_verdict(api: Api, cron: Cron, faults: Faults) -> None:
    """The pod is told to stop while it still waits, and the run has succeeded since."""
    faults.rules({"method": "GET", "path": "/(join|stream)$", "fault": "hang", "seconds": 60, "times": None})
    pod = cron.pod(assistant="steps", input={"steps": 1, "seconds": 0.1})
    api.started_run(cron.uid, status="success")
    assert stop(pod, 20).outcome is Outcome.SUCCEEDED
    assert api.record(cron.uid)["outcome"] == "Succeeded"
