"""One occurrence makes at most one run, on every server."""

import random
import time

from graphcron.contract import Outcome
from tests.runner.conftest import Faults
from tests.runner.harness import Api, Cron, wait_for
from tests.runner.test_at_most_once import CREATE_RUN, CREATE_THREAD, runs_of

SLOW = {"assistant": "steps", "input": {"steps": 3, "seconds": 0.3}}


def test_racing_pods(api: Api, cron: Cron, where: dict[str, str]) -> None:
    reports = [pod.wait() for pod in [cron.pod(**SLOW, **where) for _ in range(4)]]

    assert {report.outcome for report in reports} == {Outcome.SUCCEEDED}
    (run,) = runs_of(api, cron, where)
    assert {report.runId for report in reports} == {run["run_id"]}
    assert api.steps(run["thread_id"]) == [1, 2, 3]


def test_killed_at_any_moment(api: Api, cron: Cron, where: dict[str, str]) -> None:
    rng = random.Random(11)
    for _ in range(4):
        pod = cron.pod(**SLOW, **where)
        time.sleep(rng.uniform(0.03, 0.6))  # what is tested is that the moment does not matter
        pod.process.kill()
        pod.process.wait()
    report = cron.pod(**SLOW, **where).wait()

    assert report.outcome is Outcome.SUCCEEDED
    (run,) = runs_of(api, cron, where)
    assert run["run_id"] == report.runId
    assert api.steps(run["thread_id"]) == [1, 2, 3]


def test_killed_between_the_request_and_its_answer(api: Api, cron: Cron, faults: Faults, where: dict[str, str]) -> None:
    faults.rules({**CREATE_RUN, "fault": "drop", "seconds": 600, "times": None})
    pod = cron.pod(**SLOW, **where)
    (made,) = wait_for("run", lambda: runs_of(api, cron, where), seconds=10)
    pod.process.kill()
    pod.process.wait()

    report = cron.pod(**SLOW, **where).wait()
    assert (report.outcome, report.runId) == (Outcome.SUCCEEDED, made["run_id"])
    assert len(runs_of(api, cron, where)) == 1


def test_the_answer_is_lost(api: Api, cron: Cron, faults: Faults, where: dict[str, str]) -> None:
    faults.rules({**CREATE_RUN, "fault": "drop"}, {**CREATE_THREAD, "fault": "drop"})
    report = cron.pod(**SLOW, **where).wait()

    assert report.outcome is Outcome.SUCCEEDED
    assert len([request for request in faults.requests() if request["fault"]]) == 2
    (run,) = runs_of(api, cron, where)
    assert run["run_id"] == report.runId


def test_a_proxy_answers_502_for_a_run_that_was_made(api: Api, cron: Cron, faults: Faults) -> None:
    faults.rules({**CREATE_RUN, "fault": "late-answer", "status": 502})
    assert cron.pod(**SLOW).wait().outcome is Outcome.SUCCEEDED
    assert len(api.all_runs(cron.uid)) == 1


def test_the_winner_dies_before_its_request(api: Api, cron: Cron, faults: Faults) -> None:
    faults.rules({**CREATE_RUN, "fault": "hang", "seconds": 600})
    dead = cron.pod(**SLOW)
    wait_for("request", lambda: faults.requests("POST", "/runs"))
    pods = [cron.pod(**SLOW) for _ in range(2)]
    dead.process.kill()

    assert {pod.wait().outcome for pod in pods} == {Outcome.SUCCEEDED}
    assert len(api.all_runs(cron.uid)) == 1
