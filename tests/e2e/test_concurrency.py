"""What becomes of an occurrence whose predecessor still runs, on the server."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.runner.client.times import rfc3339
from tests.cluster import wait_for
from tests.e2e.crons import Crons

if TYPE_CHECKING:
    from tests.e2e.killer import Killer

SLOW = {"steps": 90, "seconds": 1}


def start_two(crons: Crons, uid: str) -> tuple[str, Any, str]:
    """Start an occurrence and, while it runs, the next; return the first Job, its run, and the second Job."""
    job, run = crons.start_running(uid=uid)
    return job, run, crons.start(minute=int(job.rpartition("-")[2]) + 1)


def test_replace_cancels_the_predecessor_on_the_server_and_runs(crons: Crons):
    uid = crons.make(assistant="steps", input=SLOW, concurrencyPolicy="Replace")
    first, run, second = start_two(crons, uid)
    new = crons.wait_running(uid, besides={run["run_id"]})
    assert crons.server.run(run["thread_id"], run["run_id"])["status"] == "interrupted"
    assert [each["run_id"] for each in crons.server.live_runs_of(uid)] == [new["run_id"]]
    told = crons.told(first)
    assert (told["outcome"], told["reason"], told["runId"]) == ("Cancelled", "Replaced", run["run_id"])
    assert crons.job_end(first) == "Complete"
    assert [active["job"] for active in crons.status()["active"]] == [second]
    assert len(crons.server.runs_of(uid)) == 2


def test_forbid_skips_the_occurrence_and_says_so(crons: Crons):
    uid = crons.make(assistant="steps", input=SLOW)
    first, run, second = start_two(crons, uid)
    told = crons.told(second)
    assert (told["outcome"], told["reason"]) == ("Skipped", "PredecessorActive")
    assert crons.job_end(second) == "Complete"
    assert run["metadata"]["graphcron/scheduled-time"] in told["message"]
    assert [each["run_id"] for each in crons.server.live_runs_of(uid)] == [run["run_id"]]
    assert [active["job"] for active in crons.status()["active"]] == [first]


def test_forbid_holds_for_a_run_whose_pod_and_job_are_gone(crons: Crons, killer: Killer):
    """The pod dies without a word and its Job is deleted: the run goes on, and the next occurrence sees it."""
    uid = crons.make(assistant="steps", input={"steps": 25, "seconds": 1})
    first, run = crons.start_running(uid=uid)
    (pod,) = crons.pods(first)
    killer.kill(pod["metadata"]["uid"], pod["spec"]["nodeName"])
    crons.api.send("DELETE", crons.path("jobs", first), {"propagationPolicy": "Background"})
    wait_for("end of its pods", lambda: not crons.pods(first), seconds=30)
    assert [each["run_id"] for each in crons.server.live_runs_of(uid)] == [run["run_id"]]

    told = crons.told(crons.start(minute=int(first.rpartition("-")[2]) + 1))
    assert (told["outcome"], told["reason"]) == ("Skipped", "PredecessorActive")
    assert [each["run_id"] for each in crons.server.live_runs_of(uid)] == [run["run_id"]]


def test_queue_graph_slower_than_schedule_runs_one_after_the_other(crons: Crons):
    """Three occurrences are due while the first runs: two wait, the third is one too many."""
    slow = {"steps": 40, "seconds": 1}
    uid = crons.make(
        assistant="steps", input=slow, concurrencyPolicy="Queue", queueLimit=2, startingDeadlineSeconds=900
    )
    assert crons.get("cronjobs")["spec"]["concurrencyPolicy"] == "Allow"
    first, run = crons.start_running(uid=uid)
    minute = int(first.rpartition("-")[2])
    second = crons.start(minute=minute + 1)
    wait_for("second waits", lambda: waits(crons, uid, second), seconds=60)
    third = crons.start(minute=minute + 2)
    wait_for("third waits", lambda: waits(crons, uid, third), seconds=60)
    told = crons.told(crons.start(minute=minute + 3))
    assert (told["outcome"], told["reason"]) == ("Skipped", "QueueFull")
    assert [each["run_id"] for each in crons.server.live_runs_of(uid)] == [run["run_id"]]

    assert [crons.told(job, seconds=300)["outcome"] for job in (first, second, third)] == ["Succeeded"] * 3
    found = sorted(crons.server.runs_of(uid), key=lambda each: each["created_at"])
    due = [each["metadata"]["graphcron/scheduled-time"] for each in found]
    assert len(due) == 3
    assert due == sorted(due)
    assert all(before["updated_at"] <= after["created_at"] for before, after in itertools.pairwise(found))


def waits(crons: Crons, uid: str, job: str) -> bool:
    """Return whether the record of a Job's occurrence says that it waits."""
    due = rfc3339(int(job.rpartition("-")[2]) * 60)
    query = {"metadata": {"graphcron/uid": uid, "graphcron/scheduled-time": due}, "limit": 100}
    return any("graphcron/waiting" in thread["metadata"] for thread in crons.server.post("/threads/search", query))


def test_allow_lets_both_run(crons: Crons):
    uid = crons.make(assistant="steps", input=SLOW, concurrencyPolicy="Allow")
    _, run, _ = start_two(crons, uid)
    crons.wait_running(uid, besides={run["run_id"]})
    assert len(crons.server.live_runs_of(uid)) == 2


@pytest.mark.parametrize("strategy", ["enqueue", "reject"])
def test_a_thread_that_somebody_else_uses_is_waited_for_or_left_alone(crons: Crons, strategy: str):
    thread = crons.server.post("/threads", {})["thread_id"]
    other = crons.server.post(f"/threads/{thread}/runs", {"assistant_id": "steps", "input": SLOW})
    path = f"/threads/{thread}/runs/{other['run_id']}/cancel?wait=1"
    spec = {"thread": {"id": thread}, "multitaskStrategy": strategy}
    uid = crons.make(assistant="steps", input={"steps": 5, "seconds": 0.2}, **spec)
    job = crons.start()
    if strategy == "reject":
        told = crons.told(job)
        assert (told["outcome"], told["reason"]) == ("Skipped", "ThreadBusy")
        assert not crons.server.runs_of(uid, thread=thread)
        crons.server.post(path)
    else:
        (own,) = wait_for("run in the queue", lambda: crons.server.runs_of(uid, thread=thread))
        assert own["status"] == "pending"
        crons.server.post(path)
        told = crons.told(job)
        assert (told["outcome"], told["runId"]) == ("Succeeded", own["run_id"])


def test_the_next_of_the_schedule_replaces_the_one_that_goes_on(crons: Crons):
    """Kubernetes starts both Jobs; the new pod cancels the old run, and the old pod tells of it."""
    uid = crons.make(assistant="steps", input={**SLOW, "steps": 300}, schedule="* * * * *", concurrencyPolicy="Replace")
    first = wait_for("first run", lambda: crons.server.live_runs_of(uid), seconds=90)[0]
    (old,) = [job["metadata"]["name"] for job in crons.items("jobs")]
    told = crons.told(old, seconds=120)
    assert (told["outcome"], told["reason"], told["runId"]) == ("Cancelled", "Replaced", first["run_id"])
    assert crons.job_end(old) == "Complete"
    assert crons.server.run(first["thread_id"], first["run_id"])["status"] == "interrupted"
    (live,) = wait_for("second run", lambda: crons.server.live_runs_of(uid), seconds=90)
    assert live["run_id"] != first["run_id"]


def test_forbid_long_run_no_run_right_after_it(crons: Crons):
    """Kubernetes holds the Job back and makes it when the earlier one has ended; the runner skips it."""
    uid = crons.make(assistant="steps", input={"steps": 75, "seconds": 1}, schedule="* * * * *")
    first = wait_for("first run", lambda: crons.server.live_runs_of(uid), seconds=90)[0]
    due = datetime.fromisoformat(first["metadata"]["graphcron/scheduled-time"])
    name = f"hello-{int(due.timestamp()) // 60}"
    assert crons.told(name, seconds=150)["outcome"] == "Succeeded"
    held_back = crons.told(f"hello-{int(due.timestamp()) // 60 + 1}", seconds=90)
    assert (held_back["outcome"], held_back["reason"]) == ("Skipped", "PredecessorActive")
    second = wait_for("second run", lambda: crons.server.live_runs_of(uid), seconds=120)[0]
    scheduled = datetime.fromisoformat(second["metadata"]["graphcron/scheduled-time"])
    assert scheduled - due == timedelta(minutes=2)
