"""Nothing fires in retrospect, whatever was down, and the status tells what was missed."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.api.names import Purpose
from tests.cluster import wait_for
from tests.e2e.crons import QUESTION, Crons
from tests.objects import condition

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTROLLER_MANAGER = "kube-controller-manager"
DEADLINE = 10
"""Start deadline of the GraphCrons here, in seconds: the shortest there is."""


@contextmanager
def without(crons: Crons, component: str) -> Iterator[None]:
    """Stop a part of the control plane for a while."""
    crons.cluster.hack("stop", component)
    try:
        yield
    finally:
        crons.cluster.hack("start", component)


@contextmanager
def without_operator(crons: Crons) -> Iterator[None]:
    """Stop the operator for a while."""
    scale = ("scale", "deployment", "graphcron", "--namespace", "graphcron-system")
    pods = ("--namespace", "graphcron-system", "--selector", "app.kubernetes.io/name=graphcron")
    crons.cluster.kubectl(*scale, "--replicas=0")
    try:
        crons.cluster.kubectl("wait", "pods", *pods, "--for=delete", "--timeout=60s")
        yield
    finally:
        crons.cluster.kubectl(*scale, "--replicas=1")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def next_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)


def told_at(crons: Crons, due: datetime, name: str) -> Any:
    """Return what the status tells of the occurrence at that time, an entry for several included."""
    for run in crons.status(name).get("recentRuns", []):
        if moment(run.get("firstScheduledTime", run["scheduledTime"])) <= due <= moment(run["scheduledTime"]):
            return run
    return None


CATCH_UP: dict[str, dict[str, Any]] = {"none": {}, "last": {"catchUp": "last"}}


@pytest.mark.needs("control-plane")
def test_missed_runs_controller_away_reported_and_caught_up_if_asked(crons: Crons):
    """What was due while no controller ran is reported, and made up for only if the GraphCron asks for it."""
    usual = {"input": QUESTION, "startingDeadlineSeconds": DEADLINE, "onRunCompleted": "keep"}
    uids = {name: crons.make(name, **usual, **more) for name, more in CATCH_UP.items()}
    away = crons.make("away-for-hours", schedule="* * * * *", **usual)
    with without(crons, CONTROLLER_MANAGER):
        pretend_hours(crons, "away-for-hours")
        due = next_minute()
        for name, more in CATCH_UP.items():
            crons.apply(name, schedule=f"{due.minute} {due.hour} * * *", **usual, **more)
            crons.wait_ready(name)
        for name in CATCH_UP:
            missed = wait_for("missed run", lambda name=name: told_at(crons, due, name), seconds=150)
            assert (missed["outcome"], missed["reason"]) == ("Skipped", "NotStarted")
            assert crons.status(name)["missedRuns"] == 1
    back = datetime.now(UTC)

    told = wait_for("made-up run", lambda: ended_well(crons, due, "last"), seconds=90)
    job = crons.get("jobs", told["job"])
    assert job["metadata"]["labels"]["graphcron.dev/purpose"] == Purpose.CATCH_UP.value
    assert len(crons.server.runs_of(uids["last"])) == 1
    assert told_at(crons, due, "none")["outcome"] == "Skipped"
    assert not crons.server.runs_of(uids["none"])
    assert not [job for job in crons.items("jobs") if job["metadata"]["labels"]["graphcron.dev/name"] == "none"]

    wait_for("run that is due now", lambda: crons.server.runs_of(away), seconds=120)
    earliest = (back - timedelta(seconds=DEADLINE)).replace(second=0, microsecond=0)
    for run in crons.server.runs_of(away):
        assert moment(run["metadata"]["graphcron/scheduled-time"]) >= earliest


def pretend_hours(crons: Crons, name: str) -> None:
    """Make the last Job three hours old, so that more than the hundred times are missed at which Kubernetes warns."""
    past = (datetime.now(UTC) - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:00Z")
    patch = json.dumps({"status": {"lastScheduleTime": past}})
    command = ("patch", "cronjob", name, "--subresource=status", "--type=merge", "-p", patch)
    crons.cluster.kubectl(*command, "--namespace", crons.namespace)


def ended_well(crons: Crons, due: datetime, name: str) -> Any:
    told = told_at(crons, due, name)
    return told if told and told["outcome"] == "Succeeded" else None


def test_an_operator_that_was_away_finds_what_ran_and_starts_nothing(crons: Crons):
    uid = crons.make(input=QUESTION, schedule="* * * * *", onRunCompleted="keep")
    with without_operator(crons):
        runs = wait_for("run without an operator", lambda: ended(crons.server.runs_of(uid)), seconds=100)
    times = {run["metadata"]["graphcron/scheduled-time"] for run in runs}
    wait_for("all told", lambda: times <= {run["scheduledTime"] for run in crons.status().get("recentRuns", [])})
    status = crons.status()
    assert "missedRuns" not in status
    assert all(run["outcome"] == "Succeeded" for run in status["recentRuns"])
    assert len(crons.server.runs_of(uid)) == len({run["thread_id"] for run in crons.server.runs_of(uid)})


def ended(runs: list[Any]) -> list[Any]:
    return [run for run in runs if run["status"] == "success"]


def test_completed_job_pod_gone_while_operator_away_not_success(crons: Crons):
    """The Job's end says that its run has not failed, and no more."""
    crons.make(input=QUESTION)
    with without_operator(crons):
        job = crons.start()
        assert crons.job_end(job) == "Complete"
        (pod,) = crons.pods(job)
        crons.api.send("DELETE", crons.path("pods", pod["metadata"]["name"]))
        wait_for("end of the pod", lambda: not crons.pods(job), seconds=30)
    told = crons.told(job)
    assert (told["outcome"], told["reason"]) == ("Unknown", "PodLost")
    last = condition(crons.get("graphcrons", "hello"), "LastRunSucceeded")
    assert (last["status"], last["reason"]) == ("Unknown", "Unknown")
    assert not {"lastSuccessfulTime", "lastFailureTime", "consecutiveFailures"} & crons.status().keys()
    assert told["message"] in crons.wait_event("Unknown")["message"]
