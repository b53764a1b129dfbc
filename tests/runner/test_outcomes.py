"""Each way in which a run can end, and its outcome."""

import pytest

from graphcron.contract import Outcome
from tests.runner.conftest import Faults
from tests.runner.harness import Api, Cron, wait_for

SLOW = {"assistant": "steps", "input": {"steps": 50, "seconds": 0.3}}


def test_graph_error(api: Api, cron: Cron) -> None:
    pod = cron.pod(assistant="failing", input={"request": "x"})
    report = pod.wait()

    assert (report.outcome, report.reason) == (Outcome.GRAPH_ERROR, "ValueError")
    assert "hunter2" in str(api.get("GET", f"/threads/{report.threadId}")["error"])
    assert "hunter2" not in pod.log + report.to_json() + str(api.record(cron.uid))


def test_interrupt(api: Api, cron: Cron) -> None:
    report = cron.pod(assistant="approval", input={"request": "x"}).wait()
    assert (report.outcome, report.reason) == (Outcome.INTERRUPTED, "")
    assert api.runs(report.threadId)[0]["status"] == "success"
    assert api.get("GET", f"/threads/{report.threadId}")["interrupts"]


@pytest.mark.parametrize("where", ["interrupt_before", "interrupt_after"])
def test_breakpoint(cron: Cron, where: str) -> None:
    report = cron.pod(run={where: ["think"]}).wait()
    assert (report.outcome, report.reason) == (Outcome.INTERRUPTED, "Breakpoint")


def test_timeout(api: Api, cron: Cron) -> None:
    report = cron.pod(**SLOW, timeoutSeconds=2).wait()
    assert report.outcome is Outcome.TIMEOUT
    (run,) = api.all_runs(cron.uid)
    assert run["status"] == "interrupted"
    assert report.durationSeconds is not None
    assert 1.5 < report.durationSeconds < 20
    assert cron.pod(**SLOW, timeoutSeconds=2).wait().outcome is Outcome.TIMEOUT  # another pod says the same


def test_timeout_by_default(api: Api, cron: Cron) -> None:
    report = cron.pod(**SLOW, defaultTimeoutSeconds=2).wait()
    assert (report.outcome, report.reason) == (Outcome.TIMEOUT, "DefaultTimeout")
    (run,) = api.all_runs(cron.uid)
    assert run["status"] == "interrupted"
    again = cron.pod(**SLOW, defaultTimeoutSeconds=2).wait()
    assert (again.outcome, again.reason) == (Outcome.TIMEOUT, "DefaultTimeout")  # another pod says the same
    (run,) = api.all_runs(cron.uid)


def test_timeout_counts_from_the_run_s_creation(api: Api, cron: Cron) -> None:
    pod = cron.pod(**SLOW, timeoutSeconds=8)
    thread = api.started_run(cron.uid)["thread_id"]
    wait_for("steps of four seconds", lambda: len(api.steps(thread)) >= 14)
    pod.process.kill()
    report = cron.pod(**SLOW, timeoutSeconds=8).wait()
    assert report.outcome is Outcome.TIMEOUT
    assert report.durationSeconds is not None
    assert report.durationSeconds < 12  # as it would not be if it counted from the second pod's start


def test_cancelled_by_somebody(api: Api, cron: Cron) -> None:
    pod = cron.pod(**SLOW)
    run = api.started_run(cron.uid)
    api.get("POST", f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=true")
    report = pod.wait()
    assert (report.outcome, report.reason) == (Outcome.CANCELLED, "")


@pytest.mark.parametrize("rollback", [True, False], ids=["rollback", "thread-deleted"])
def test_gone(api: Api, cron: Cron, rollback: bool) -> None:
    pod = cron.pod(**SLOW)
    run = api.started_run(cron.uid)
    if rollback:
        api.get("POST", f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=true&action=rollback")
    else:
        api.get("DELETE", f"/threads/{run['thread_id']}")
    report = pod.wait()
    assert (report.outcome, report.reason) == (Outcome.CANCELLED, "RunNotFound")


def test_a_later_run_on_the_users_thread_does_not_change_the_outcome(api: Api, cron: Cron, faults: Faults) -> None:
    """The thread's status and error are of its last run, and that is not always ours."""
    for assistant, outcome in (("agent", Outcome.SUCCEEDED), ("failing", Outcome.GRAPH_ERROR)):
        thread = api.get("POST", "/threads", {})["thread_id"]
        faults.rules({"path": "/join$", "fault": "delay", "seconds": 3})
        pod = cron.pod(assistant=assistant, thread=thread, minutes_ago=1 if assistant == "agent" else 0)
        wait_for("end", lambda: api.runs(thread) and api.runs(thread)[0]["status"] in ("success", "error"))  # noqa: B023
        api.get("POST", f"/threads/{thread}/runs/wait", {"assistant_id": "approval", "input": {}})
        report = pod.wait()
        assert (report.outcome, report.reason) == (outcome, "")


def test_joins_that_are_cut_all_the_time(api: Api, cron: Cron, faults: Faults) -> None:
    faults.rules({"path": "/join$", "fault": "cut", "seconds": 0.3, "times": None})
    report = cron.pod(assistant="steps", input={"steps": 3, "seconds": 1}).wait()
    assert report.outcome is Outcome.SUCCEEDED
    assert len(faults.requests("GET", "/join")) > 2
    assert len(api.all_runs(cron.uid)) == 1


def test_the_server_goes_away_while_the_run_is_followed(api: Api, cron: Cron, faults: Faults) -> None:
    pod = cron.pod(assistant="steps", input={"steps": 4, "seconds": 0.5})
    api.started_run(cron.uid)
    wait_for("join", lambda: faults.requests("GET", "/join"))
    faults.rules(
        {"path": "/join$", "fault": "answer", "status": 503, "times": 2},
        {"method": "GET", "fault": "answer", "status": 401, "times": 2},
        {"method": "GET", "fault": "hang", "seconds": 0.2, "times": 2},
    )
    assert pod.wait().outcome is Outcome.SUCCEEDED


def test_no_run_outlives_the_outcome_of_a_second_pod(api: Api, cron: Cron) -> None:
    """Two pods follow the same run; both say how it ended."""
    pods = [cron.pod(assistant="failing", input={}) for _ in range(2)]
    reports = [pod.wait() for pod in pods]
    assert {(report.outcome, report.reason) for report in reports} == {(Outcome.GRAPH_ERROR, "ValueError")}
    assert len(api.all_runs(cron.uid)) == 1
