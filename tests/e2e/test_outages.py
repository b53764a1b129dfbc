"""A server that is not there: at the tick, past the deadline, and in the middle of a run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from graphcron.contract import EXIT_CODES, Outcome
from tests.cluster import wait_for
from tests.e2e.crons import QUESTION, Crons
from tests.e2e.faulty import CREATE_RUN, NAME
from tests.objects import condition

if TYPE_CHECKING:
    from tests.e2e.faulty import Faulty


def wait_tried(crons: Crons, job: str) -> None:
    """Wait until a Job's pod has found that the server is not there."""
    wait_for("first vain try", lambda: "server-unavailable" in crons.log(job), seconds=30)


def test_a_server_that_comes_back_within_the_deadline_gets_one_run(crons: Crons, faulty: Faulty):
    uid = crons.make(input=QUESTION, server={"url": faulty.url})
    job = crons.start()
    wait_tried(crons, job)
    assert not crons.server.threads(uid)
    assert crons.status()["active"][0]["job"] == job
    back = time.time()
    faulty.start()
    told = crons.told(job)
    (run,) = crons.server.runs_of(uid)
    assert (told["outcome"], told["runId"]) == ("Succeeded", run["run_id"])
    assert time.time() - back < 40
    assert len(crons.pods(job)) == 1


def test_a_server_that_is_busy_for_a_while_gets_one_run(crons: Crons, faulty: Faulty):
    faulty.start()
    busy = {"fault": "answer", "status": 503, "headers": {"Retry-After": "1"}}
    full = {"fault": "answer", "status": 429}
    faulty.rules({**busy, "times": 2}, {**CREATE_RUN, **full, "times": 2})
    uid = crons.make(input=QUESTION, server={"url": faulty.url})
    told = crons.told(crons.start())
    assert [each["fault"] for each in faulty.requests()].count("answer") == 4
    (run,) = crons.server.runs_of(uid)
    assert (told["outcome"], told["runId"]) == ("Succeeded", run["run_id"])


def test_a_server_that_is_down_past_the_deadline_gets_no_run_ever(crons: Crons, faulty: Faulty):
    uid = crons.make(input=QUESTION, server={"url": faulty.url}, startingDeadlineSeconds=10)
    job = crons.start()
    told = crons.told(job, seconds=150)
    assert told["outcome"] == "ServerUnreachable"
    assert "runId" not in told
    assert crons.job_end(job) == "PodFailurePolicy"
    assert crons.exit_codes(job) == [EXIT_CODES[Outcome.SERVER_UNREACHABLE]]
    last = condition(crons.get("graphcrons", "hello"), "LastRunSucceeded")
    assert (last["status"], last["reason"]) == ("False", "ServerUnreachable")
    assert crons.wait_event("ServerUnreachable")["type"] == "Warning"

    faulty.start()
    time.sleep(3)
    assert not faulty.requests()
    assert not crons.server.threads(uid)
    # The next occurrence finds the server as it should be.
    told = crons.told(crons.start(minute=int(time.time() // 60) + 1))
    assert told["outcome"] == "Succeeded"
    assert len(crons.server.runs_of(uid)) == 1


def test_outage_during_a_run_is_survived(crons: Crons, faulty: Faulty):
    faulty.start()
    uid = crons.make(assistant="steps", input={"steps": 6, "seconds": 1}, server={"url": faulty.url})
    job, run = crons.start_running(uid=uid)
    crons.api.send("DELETE", crons.path("pods", NAME))
    over = lambda: crons.server.run(run["thread_id"], run["run_id"])["status"] == "success"  # noqa: E731
    wait_for("end of the run, unseen by its pod", over, seconds=30)
    assert "recentRuns" not in crons.status()
    faulty.start()
    told = crons.told(job)
    assert (told["outcome"], told["runId"]) == ("Succeeded", run["run_id"])
    assert len(crons.server.runs_of(uid)) == 1
    assert len(crons.pods(job)) == 1
