"""A pod that dies or is moved in the middle of a run: one run, one outcome, and no finished step is paid for twice."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.contract import EXIT_CODES, Outcome
from tests.cluster import wait_for
from tests.e2e.crons import Crons, runner_state
from tests.objects import condition

if TYPE_CHECKING:
    from tests.e2e.killer import Killer

SIX = {"steps": 6, "seconds": 1.5}
TWELVE = {"steps": 12, "seconds": 1.5}
"""Steps that go on while a pod is stopped, also on a machine that is busy."""
ALL = list(range(1, 13))


def evict(crons: Crons, pod: str) -> None:
    """Evict a pod as a drained node does."""
    path = crons.path("pods", pod)
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": crons.namespace}}
    crons.api.send("POST", f"{path}/eviction", body)


def replaced(crons: Crons, job: str, pod: str) -> Any:
    """Wait until a Job has another pod than that one; return it."""

    def look() -> Any:
        return next((each for each in crons.pods(job) if each["metadata"]["name"] != pod), None)

    return wait_for("another pod", look, seconds=60)


def test_killed_pod_replaced_and_run_continues(crons: Crons, killer: Killer):
    uid = crons.make(assistant="steps", input={"steps": 16, "seconds": 1})
    job, run = crons.start_running(uid=uid)
    crons.wait_steps(run["thread_id"], 1)
    (pod,) = crons.pods(job)
    killer.kill(pod["metadata"]["uid"], pod["spec"]["nodeName"])

    def ended(found: Any) -> Any:
        return runner_state(found).get("terminated")

    killed = ended(crons.wait("that is dead", "pods", pod["metadata"]["name"], ended))
    assert killed["exitCode"] == 137
    assert crons.server.run(run["thread_id"], run["run_id"])["status"] == "running", "killed too late to mean something"

    told = crons.told(job)
    assert (told["outcome"], told["runId"]) == ("Succeeded", run["run_id"])
    assert [each["run_id"] for each in crons.server.runs_of(uid)] == [run["run_id"]]
    assert crons.server.run(run["thread_id"], run["run_id"])["status"] == "success"
    assert crons.server.steps(run["thread_id"], "started") == list(range(1, 17))
    assert crons.job_end(job) == "Complete"
    assert crons.exit_codes(job) == [137, 0]
    assert [each["job"] for each in crons.status()["recentRuns"]] == [job]
    assert condition(crons.get("graphcrons", "hello"), "LastRunSucceeded")["status"] == "True"


def test_evicted_pod_run_cancelled_and_resumed_by_next_pod(crons: Crons):
    uid = crons.make(assistant="steps", input=TWELVE)
    job, run = crons.start_running(uid=uid)
    thread = run["thread_id"]
    crons.wait_steps(thread, 2)
    (pod,) = crons.pods(job)
    evict(crons, pod["metadata"]["name"])
    stopped = lambda: crons.server.run(thread, run["run_id"])["status"] == "interrupted"  # noqa: E731
    wait_for("cancelled run", stopped, seconds=20)
    finished = crons.server.steps(thread, "finished")
    assert finished == ALL[: len(finished)]
    assert 2 <= len(finished) < 12, "stopped too late to mean something"

    told = crons.told(job)
    first, second = crons.server.runs_of(uid)
    assert (first["run_id"], first["status"]) == (run["run_id"], "interrupted")
    assert (second["run_id"], second["status"]) == (told["runId"], "success")
    assert (told["outcome"], told["threadId"]) == ("Succeeded", thread)
    assert crons.server.values(thread)["done"] == ALL
    # What had finished ran once; the one step that was cut off has started twice.
    assert crons.server.steps(thread, "finished") == ALL
    assert crons.server.steps(thread, "started") == sorted([*ALL, len(finished) + 1])

    assert crons.job_end(job) == "Complete"
    assert crons.get("jobs", job)["status"].get("failed", 0) == 0, "an eviction counts as a failed try"
    assert [each["outcome"] for each in crons.status()["recentRuns"]] == ["Succeeded"]
    replacement = runner_state(crons.pods(job)[-1])["terminated"]
    assert replacement["exitCode"] == EXIT_CODES[Outcome.SUCCEEDED]


def test_pod_deleted_by_hand_run_cancelled_and_resumed(crons: Crons):
    uid = crons.make(assistant="steps", input=TWELVE)
    job, run = crons.start_running(uid=uid)
    crons.wait_steps(run["thread_id"], 1)
    (pod,) = crons.pods(job)
    crons.api.send("DELETE", crons.path("pods", pod["metadata"]["name"]))
    replaced(crons, job, pod["metadata"]["name"])
    assert crons.server.run(run["thread_id"], run["run_id"])["status"] == "interrupted"

    told = crons.told(job)
    assert told["outcome"] == "Succeeded"
    assert [each["status"] for each in crons.server.runs_of(uid)] == ["interrupted", "success"]
    assert crons.server.steps(run["thread_id"], "finished") == ALL


@pytest.mark.parametrize("pause", [0.0, 0.3, 0.6])
def test_evicted_pod_while_starting_leaves_and_hides_no_run(crons: Crons, pause: float):
    """SIGTERM may come before the program in the pod can hear it, and before or after it has started the run."""
    uid = crons.make(assistant="steps", input=SIX)
    job = crons.start()
    pod = wait_for("pod", lambda: crons.pods(job), seconds=30, pause=0.05)[0]
    time.sleep(pause)
    evict(crons, pod["metadata"]["name"])
    second = replaced(crons, job, pod["metadata"]["name"])
    # The next pod waits for the end of the first one; what that one has started is over by then.
    created = second["metadata"]["creationTimestamp"].removesuffix("Z")  # whole seconds
    earlier = [run for run in crons.server.runs_of(uid) if run["created_at"] < created]
    assert {run["status"] for run in earlier} <= {"interrupted"}

    told = crons.told(job, seconds=120)
    assert told["outcome"] == "Succeeded"
    runs = crons.server.runs_of(uid)
    assert [run["status"] for run in runs] == [*["interrupted"] * (len(runs) - 1), "success"]
    assert (runs[-1]["run_id"], runs[-1]["thread_id"]) == (told["runId"], told["threadId"])
    assert crons.server.steps(told["threadId"], "finished") == ALL[:6]


@pytest.mark.parametrize("outcome", ["Succeeded", "GraphError"])
def test_report_kept_after_pod_deletion(crons: Crons, outcome: str):
    crons.make(assistant="agent" if outcome == "Succeeded" else "failing", input={})
    job = crons.start()
    told = crons.told(job)
    assert told["outcome"] == outcome
    crons.job_end(job)
    (pod,) = crons.pods(job)
    crons.api.send("DELETE", crons.path("pods", pod["metadata"]["name"]))
    wait_for("end of the pod", lambda: not crons.pods(job), seconds=30)
    crons.cluster.kubectl("annotate", "graphcron", "hello", "example.com/look=again", "--namespace", crons.namespace)
    crons.apply(assistant="agent", input={}, suspend=True)
    crons.wait_ready(reason="Suspended")
    assert crons.status()["recentRuns"] == [told]
    assert [event["reason"] for event in crons.events()].count(outcome) == 1
