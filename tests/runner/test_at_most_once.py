"""One occurrence makes at most one run."""

import random
import signal
import time
from typing import Any
from uuid import uuid4

import pytest

from graphcron.contract import Outcome
from tests.runner.conftest import Faults
from tests.runner.harness import Api, Cron, wait_for

CREATE_RUN = {"method": "POST", "path": "/runs$"}
CREATE_THREAD = {"method": "POST", "path": "/threads$"}
SLOW = {"assistant": "steps", "input": {"steps": 4, "seconds": 0.3}}


@pytest.fixture(params=["fresh", "shared"])
def where(request: pytest.FixtureRequest, api: Api) -> dict[str, str]:
    """The request's part that says on which thread: a fresh one, or the user's."""
    if request.param == "fresh":
        return {}
    return {"thread": api.get("POST", "/threads", {})["thread_id"]}


def runs_of(api: Api, cron: Cron, where: dict[str, str]) -> list[dict[str, Any]]:
    return api.runs(where["thread"]) if where else api.all_runs(cron.uid)


def test_racing_pods(api: Api, cron: Cron, where: dict[str, str]) -> None:
    pods = [cron.pod(**SLOW, **where) for _ in range(4)]
    reports = [pod.wait() for pod in pods]

    assert {report.outcome for report in reports} == {Outcome.SUCCEEDED}
    (run,) = runs_of(api, cron, where)
    assert {report.runId for report in reports} == {run["run_id"]}


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_moment(api: Api, cron: Cron, where: dict[str, str], seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(4):
        pod = cron.pod(**SLOW, **where)
        time.sleep(rng.uniform(0.03, 0.7))  # what is tested is that the moment does not matter
        pod.process.kill()
        pod.process.wait()
    report = cron.pod(**SLOW, **where).wait()

    assert report.outcome is Outcome.SUCCEEDED
    (run,) = runs_of(api, cron, where)
    assert run["run_id"] == report.runId
    assert api.steps(str(run["thread_id"])) == [1, 2, 3, 4]


@pytest.mark.parametrize("fault", [CREATE_RUN, CREATE_THREAD], ids=["run", "thread"])
def test_the_answer_is_lost(api: Api, cron: Cron, faults: Faults, where: dict[str, str], fault: dict[str, str]) -> None:
    faults.rules({**fault, "fault": "drop"})
    report = cron.pod(**SLOW, **where).wait()

    assert report.outcome is Outcome.SUCCEEDED
    assert [request for request in faults.requests() if request["fault"]]
    (run,) = runs_of(api, cron, where)
    assert run["run_id"] == report.runId


def test_a_proxy_answers_502_for_a_run_that_was_made(
    api: Api, cron: Cron, faults: Faults, where: dict[str, str]
) -> None:
    faults.rules({**CREATE_RUN, "fault": "late-answer", "status": 502})
    assert cron.pod(**SLOW, **where).wait().outcome is Outcome.SUCCEEDED
    assert len(runs_of(api, cron, where)) == 1


def test_a_request_that_really_was_lost_is_sent_again(
    api: Api, cron: Cron, faults: Faults, where: dict[str, str]
) -> None:
    faults.rules({**CREATE_RUN, "fault": "hang", "seconds": 0.1})
    assert cron.pod(**SLOW, **where).wait().outcome is Outcome.SUCCEEDED
    assert len(runs_of(api, cron, where)) == 1
    assert len(faults.requests("POST", "/runs")) == 2


def test_the_winner_dies_before_its_request(api: Api, cron: Cron, faults: Faults, where: dict[str, str]) -> None:
    faults.rules({**CREATE_RUN, "fault": "hang", "seconds": 600})
    dead = cron.pod(**SLOW, **where)
    wait_for("request", lambda: faults.requests("POST", "/runs"))
    heirs = [cron.pod(**SLOW, **where) for _ in range(2)]
    dead.process.kill()
    reports = [heir.wait() for heir in heirs]

    assert {report.outcome for report in reports} == {Outcome.SUCCEEDED}
    assert len(runs_of(api, cron, where)) == 1
    locks = api.threads(cron.uid, kind="lock")
    assert len(locks) == 1


def test_a_winner_that_slept_is_no_winner_any_more(api: Api, cron: Cron, faults: Faults, where: dict[str, str]) -> None:
    """The search for predecessors hangs for longer than the grace time: another pod has started the run since."""
    faults.rules({"method": "POST", "path": "/threads/search", "fault": "delay", "seconds": 6})
    slow = cron.pod(**SLOW, **where)
    wait_for("winner at its checks", lambda: faults.requests("POST", "/search"))
    quick = cron.pod(**SLOW, **where)
    reports = [slow.wait(), quick.wait()]

    assert {report.outcome for report in reports} == {Outcome.SUCCEEDED}
    assert len(runs_of(api, cron, where)) == 1
    assert len(faults.requests("POST", "/runs")) == 1


def test_a_thread_with_many_other_runs(api: Api, cron: Cron) -> None:
    """The list of runs has pages, and no filter by metadata."""
    thread = api.get("POST", "/threads", {})["thread_id"]
    first = cron.pod(thread=thread).wait()
    record = api.threads(cron.uid)[0]["thread_id"]
    api.get("PATCH", f"/threads/{record}", {"metadata": {"graphcron/run-id": "", "graphcron/outcome": ""}})
    for _ in range(120):
        api.get("POST", f"/threads/{thread}/runs", {"assistant_id": "agent", "input": {}, "after_seconds": 3600})

    again = cron.pod(thread=thread).wait()
    assert again.runId == first.runId
    assert len(api.runs(thread)) == 121


def test_manual_job_is_skipped_by_one_pod(api: Api, cron: Cron) -> None:
    report = cron.pod(env={"GRAPHCRON_JOB": "nightly-by-hand"}).wait()
    assert (report.outcome, report.reason) == (Outcome.SKIPPED, "NotScheduled")
    assert api.threads(cron.uid) == []


def test_a_pod_without_its_environment(cron: Cron) -> None:
    pod = cron.pod(env={"GRAPHCRON_REQUEST": "{"})
    assert pod.process.wait(20) == 1
    assert "WrongPod" in pod.log


def test_sigint_is_a_stop_too(cron: Cron, api: Api) -> None:
    pod = cron.pod(assistant="steps", input={"steps": 50, "seconds": 1})
    api.started_run(cron.uid)
    pod.process.send_signal(signal.SIGINT)
    assert pod.wait().outcome is Outcome.STOPPED


def test_uids_come_apart(api: Api, cron: Cron) -> None:
    """Another GraphCron of the same name and minute has its own run."""
    first = cron.pod().wait()
    cron.uid = str(uuid4())
    assert cron.pod().wait().runId != first.runId
