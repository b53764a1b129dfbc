"""One occurrence, one run: however many Jobs it has, and whatever becomes of the server's answers."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster import wait_for
from tests.e2e.crons import QUESTION, Crons
from tests.e2e.faulty import CREATE_RUN, CREATE_THREAD

if TYPE_CHECKING:
    from tests.e2e.faulty import Faulty

STEPS = {"steps": 3, "seconds": 1}


@pytest.fixture(params=["fresh-thread", "own-thread"])
def where(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the part of the spec that says on which thread the runs are."""
    return {} if request.param == "fresh-thread" else {"thread": {"id": str(uuid.uuid4()), "create": True}}


def thread_of(where: dict[str, Any]) -> str:
    return str(where["thread"]["id"]) if where else ""


def test_two_jobs_of_one_occurrence_share_a_run(crons: Crons, where: dict[str, Any]):
    uid = crons.make(assistant="steps", input=STEPS, **where)
    first = crons.start()
    twin = crons.start(minute=int(first.rpartition("-")[2]), job="twin")
    assert [crons.job_end(job) for job in (first, twin)] == ["Complete", "Complete"]
    (run,) = crons.server.runs_of(uid, thread=thread_of(where))
    assert run["status"] == "success"
    (told,) = wait_for("outcome", lambda: crons.status().get("recentRuns"))
    assert (told["outcome"], told["runId"]) == ("Succeeded", run["run_id"])
    assert crons.server.steps(run["thread_id"], "started") == [1, 2, 3]


def test_five_jobs_of_one_occurrence_share_a_run(crons: Crons):
    uid = crons.make(assistant="steps", input=STEPS, history={"successful": 10})
    first = crons.start()
    minute = int(first.rpartition("-")[2])
    jobs = [first, *(crons.start(minute=minute, job=f"twin{number}") for number in range(4))]
    assert {crons.job_end(job) for job in jobs} == {"Complete"}
    assert crons.job_end(crons.start(minute=minute, job="late")) == "Complete"
    (run,) = crons.server.runs_of(uid)
    (told,) = wait_for("outcome", lambda: crons.status().get("recentRuns"))
    assert (told["outcome"], told["runId"]) == ("Succeeded", run["run_id"])


def test_two_different_occurrences_are_two_runs(crons: Crons):
    uid = crons.make(input=QUESTION)
    first = crons.start()
    assert crons.told(first)["outcome"] == "Succeeded"
    second = crons.start(minute=int(first.rpartition("-")[2]) + 1)
    assert crons.told(second)["outcome"] == "Succeeded"
    assert len({run["thread_id"] for run in crons.server.runs_of(uid)}) == 2
    assert [run["job"] for run in crons.status()["recentRuns"]] == [second, first]


def test_a_run_whose_acceptance_got_lost_is_not_started_again(crons: Crons, faulty: Faulty, where: dict[str, Any]):
    faulty.start()
    faulty.rules({**CREATE_RUN, "fault": "drop"})
    uid = crons.make(assistant="steps", input=STEPS, server={"url": faulty.url}, **where)
    job = crons.start()
    told = crons.told(job)
    faults = [each["fault"] for each in faulty.requests() if each["path"].endswith("/runs")]
    assert "drop" in faults, "the fault has not happened"
    (run,) = crons.server.runs_of(uid, thread=thread_of(where))
    assert (told["outcome"], told["runId"]) == ("Succeeded", run["run_id"])
    assert crons.server.steps(run["thread_id"], "started") == [1, 2, 3]
    assert len(crons.pods(job)) == 1


def test_a_thread_whose_creation_got_lost_is_found_again(crons: Crons, faulty: Faulty, where: dict[str, Any]):
    faulty.start()
    faulty.rules({**CREATE_THREAD, "fault": "drop", "times": 2})
    uid = crons.make(input=QUESTION, server={"url": faulty.url}, **where)
    told = crons.told(crons.start())
    assert next(each["fault"] for each in faulty.requests() if each["path"] == "/threads") == "drop"
    (run,) = crons.server.runs_of(uid, thread=thread_of(where))
    assert (told["outcome"], told["runId"]) == ("Succeeded", run["run_id"])


def test_500_after_accepted_run_starts_no_second(crons: Crons, faulty: Faulty):
    faulty.start()
    faulty.rules({**CREATE_RUN, "fault": "late-answer", "status": 502})
    uid = crons.make(assistant="steps", input=STEPS, server={"url": faulty.url})
    told = crons.told(crons.start())
    assert "late-answer" in [each["fault"] for each in faulty.requests()]
    (run,) = crons.server.runs_of(uid)
    assert (told["outcome"], told["runId"]) == ("Succeeded", run["run_id"])


def test_run_followed_through_cutting_proxy(crons: Crons, faulty: Faulty):
    faulty.start()
    faulty.rules({"path": "/join", "fault": "cut", "seconds": 0.5, "times": None})
    uid = crons.make(assistant="steps", input={"steps": 6, "seconds": 1}, server={"url": faulty.url})
    told = crons.told(crons.start())
    assert len([each for each in faulty.requests() if "/join" in each["path"]]) > 1
    (run,) = crons.server.runs_of(uid)
    assert (told["outcome"], told["runId"]) == ("Succeeded", run["run_id"])
    assert told["durationSeconds"] > 5


def test_lost_pod_run_accepted_replacement_finds_run(crons: Crons, faulty: Faulty):
    """The answer never comes, and the pod that waits for it is evicted: the run is found, cancelled and resumed."""
    faulty.start()
    faulty.rules({**CREATE_RUN, "fault": "drop", "seconds": 60})
    uid = crons.make(assistant="steps", input={"steps": 5, "seconds": 1.5}, server={"url": faulty.url})
    job, run = crons.start_running(uid=uid)
    (pod,) = crons.pods(job)
    name = pod["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    crons.api.send("POST", f"{crons.path('pods', name)}/eviction", eviction)
    over = lambda: crons.server.run(run["thread_id"], run["run_id"])["status"] == "interrupted"  # noqa: E731
    wait_for("cancelled run", over, seconds=29)
    told = crons.told(job)
    assert told["outcome"] == "Succeeded"
    assert [each["status"] for each in crons.server.runs_of(uid)] == ["interrupted", "success"]
    assert crons.server.steps(run["thread_id"], "finished") == [1, 2, 3, 4, 5]
