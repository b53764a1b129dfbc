"""Pods into which a mesh has put a sidecar that sorts before our container, and does not end with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from graphcron.api import names
from tests.cluster import wait_for
from tests.e2e.crons import QUESTION, Crons, runner_state
from tests.e2e.mesh import SIDECAR, SLEEPS, Mesh
from tests.objects import condition

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def mesh(crons: Crons) -> Iterator[Crons]:
    """Have a sidecar injected into the pods of the namespace that ask for one."""
    mesh = Mesh(crons)
    mesh.install()
    yield crons
    mesh.remove()


def meshed(seconds: int) -> dict[str, Any]:
    return {"runner": {"labels": {SLEEPS: str(seconds)}}, "input": QUESTION}


def test_sidecar_stays_run_reported_and_job_ended(mesh: Crons):
    uid = mesh.make(**meshed(3600))
    job = mesh.start()
    told = mesh.told(job)
    assert (told["outcome"], bool(told["runId"]), told["tokens"] > 0) == ("Succeeded", True, True)
    (pod,) = mesh.pods(job)
    assert pod["status"]["phase"] == "Running"
    assert "terminated" in runner_state(pod)
    status = mesh.status()
    assert "active" not in status
    assert condition(mesh.get("graphcrons", "hello"), "LastRunSucceeded")["status"] == "True"

    wait_for("deleted Job", lambda: mesh.get("jobs", job) is None, seconds=90)
    event = mesh.wait_event("SidecarKeepsPodRunning")
    assert SIDECAR in event["message"]
    assert len(mesh.server.runs_of(uid)) == 1
    assert [run["outcome"] for run in mesh.status()["recentRuns"]] == ["Succeeded"]


def test_sidecar_stays_graph_error_fails_job_and_keeps_log(mesh: Crons):
    mesh.make(assistant="failing", **meshed(3600))
    job = mesh.start()
    told = mesh.told(job)
    assert (told["outcome"], bool(told["runId"])) == ("GraphError", True)
    assert mesh.job_end(job) == "PodFailurePolicy"
    (pod,) = mesh.pods(job)
    assert runner_state(pod)["terminated"]["exitCode"] == 10
    log = f"{mesh.path('pods', pod['metadata']['name'])}/log?container={names.CONTAINER}"
    assert mesh.api.ask("GET", log)[0] == 200
    assert condition(mesh.get("graphcrons", "hello"), "LastRunSucceeded")["reason"] == "GraphError"


def test_job_with_ending_sidecar_completes(mesh: Crons):
    mesh.make(**meshed(20))
    job = mesh.start()
    assert mesh.told(job)["outcome"] == "Succeeded"
    assert mesh.job_end(job) == "Complete"
    assert not [event for event in mesh.events() if event["reason"] == "SidecarKeepsPodRunning"]


def test_each_minutes_run_happens_though_each_sidecar_stays(mesh: Crons):
    uid = mesh.make(schedules=["* * * * *"], **meshed(3600))
    runs = lambda: [run for run in mesh.status().get("recentRuns", ()) if run["outcome"] == "Succeeded"]  # noqa: E731
    wait_for("three runs", lambda: len(runs()) >= 3, seconds=300)
    minutes = sorted(run["scheduledTime"] for run in runs())
    assert len(mesh.server.runs_of(uid)) >= 3
    assert [run["reason"] for run in mesh.status()["recentRuns"] if run["outcome"] != "Succeeded"] == []
    assert len(set(minutes)) == len(minutes)


def test_preflight_beside_a_sidecar_is_told_and_its_job_goes(mesh: Crons):
    mesh.apply(preflight=True, **meshed(3600))
    assert mesh.wait_target()["status"] == "True"
    wait_for("deleted Job", lambda: not mesh.items("jobs"), seconds=90)
    assert condition(mesh.get("graphcrons", "hello"), "TargetResolved")["status"] == "True"
