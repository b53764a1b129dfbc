"""Deleting a GraphCron: what it made is gone, and nothing of it runs on."""

from __future__ import annotations

import time

import pytest

from tests.cluster import wait_for
from tests.e2e.crons import Crons

GRACE_SECONDS = 30
SLOW = {"steps": 120, "seconds": 1}


def wait_gone(crons: Crons) -> None:
    """Wait until nothing that GraphCrons make is left in the namespace."""
    for kind in ("graphcrons", "cronjobs", "jobs", "pods"):
        wait_for(f"end of all {kind}", lambda kind=kind: not crons.items(kind), seconds=60)


@pytest.mark.parametrize("command", [("hello",), ("--all",), ("hello", "--cascade=foreground")])
def test_deletion_during_run_cancels_it(crons: Crons, command: tuple[str, ...]):
    uid = crons.make(assistant="steps", input=SLOW)
    job, run = crons.start_running(uid=uid)
    crons.wait_steps(run["thread_id"], 1)
    assert crons.get("cronjobs", "hello")
    assert crons.get("jobs", job)

    asked = time.monotonic()
    crons.cluster.kubectl("delete", "graphcron", *command, "--namespace", crons.namespace)
    path = (run["thread_id"], run["run_id"])
    wait_for("end of the run", lambda: crons.server.run(*path)["status"] == "interrupted", seconds=GRACE_SECONDS)
    assert time.monotonic() - asked < GRACE_SECONDS
    wait_gone(crons)

    assert [each["status"] for each in crons.server.runs_of(uid)] == ["interrupted"]
    finished = crons.server.steps(run["thread_id"], "finished")
    time.sleep(1.5)
    assert crons.server.steps(run["thread_id"], "finished") == finished


def test_deleting_several_at_once_ends_all_their_runs(crons: Crons):
    uids = {name: crons.make(name, assistant="steps", input=SLOW) for name in ("one", "two", "three")}
    for name in uids:
        crons.start(name)
    for uid in uids.values():
        crons.wait_running(uid)
    crons.cluster.kubectl("delete", "graphcron", "--all", "--namespace", crons.namespace)
    for uid in uids.values():
        wait_for("end of the runs", lambda uid=uid: not crons.server.live_runs_of(uid), seconds=GRACE_SECONDS)
    wait_gone(crons)
    assert [run["status"] for uid in uids.values() for run in crons.server.runs_of(uid)] == ["interrupted"] * 3


@pytest.mark.parametrize("pause", [0.0, 0.3, 0.6])
def test_deleting_while_the_pod_starts_leaves_no_run_behind(crons: Crons, pause: float):
    """SIGTERM comes before the program in the pod can hear it, or just before its run is there."""
    uid = crons.make(assistant="steps", input=SLOW)
    job = crons.start()
    wait_for("pod", lambda: crons.pods(job), seconds=30, pause=0.05)
    time.sleep(pause)
    crons.cluster.kubectl("delete", "graphcron", "hello", "--namespace", crons.namespace)
    wait_gone(crons)
    assert {run["status"] for run in crons.server.runs_of(uid)} <= {"interrupted"}


def test_new_graphcron_of_old_name_starts_fresh(crons: Crons):
    old = crons.make(assistant="steps", input=SLOW)
    job, _ = crons.start_running(uid=old)
    crons.cluster.kubectl("delete", "graphcron", "hello", "--namespace", crons.namespace)
    new = crons.make(assistant="steps", input={"steps": 1, "seconds": 0.1})
    assert new != old
    wait_for("end of the old Job", lambda: not crons.get("jobs", job), seconds=60)
    wait_for("end of the old run", lambda: not crons.server.live_runs_of(old), seconds=GRACE_SECONDS)
    told = crons.told(crons.start())
    assert told["outcome"] == "Succeeded"
    assert [run["run_id"] for run in crons.server.runs_of(new)] == [told["runId"]]
    assert len(crons.status()["recentRuns"]) == 1
