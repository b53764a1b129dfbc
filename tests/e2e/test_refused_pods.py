"""Jobs for which Kubernetes cannot create a pod."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import wait_for
from tests.e2e.crons import QUESTION, Crons
from tests.objects import condition

QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "none"},
    "spec": {"hard": {"pods": "0"}},
}
LIMITS = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "large"},
    "spec": {"limits": [{"type": "Container", "min": {"memory": "2Gi"}}]},
}
MISSING = {"runner": {"serviceAccountName": "missing"}}


def not_ready(crons: Crons, name: str = "hello") -> str:
    """Wait until a GraphCron says that no pod can be created; return its words.

    The next run is due within a minute, and its Job has a quarter of a minute to get a pod.
    """
    graphcron = crons.wait_ready(name, status="False", reason="PodCannotStart", seconds=120)
    assert condition(graphcron, "Stalled")["status"] == "True"
    return str(condition(graphcron, "Ready")["message"])


@pytest.mark.parametrize(
    ("objects", "spec", "words"),
    [
        ([QUOTA], {}, "exceeded quota: none"),
        ([LIMITS], {}, "minimum memory usage per Container is 2Gi"),
        ([], MISSING, 'serviceaccount "missing" not found'),
    ],
    ids=["quota", "limit range", "service account"],
)
def test_refused_pod_reported_with_kubernetes_message(
    crons: Crons, objects: list[Any], spec: dict[str, Any], words: str
):
    for each in objects:
        crons.cluster.apply(each, namespace=crons.namespace)
    crons.apply(input=QUESTION, preflight=True, **spec)
    assert words in not_ready(crons)
    target = condition(crons.get("graphcrons", "hello"), "TargetResolved")
    assert (target["status"], target["reason"]) == ("Unknown", "PodCannotStart")
    assert words in target["message"]
    assert crons.wait_event("PodCannotStart")["type"] == "Warning"


def test_refused_pods_quota_freed_next_run_starts(crons: Crons):
    """Refused runs are reported with their cause, and the next run starts once the quota allows it."""
    crons.cluster.apply(QUOTA, namespace=crons.namespace)
    uid = crons.make(schedules=["* * * * *"], input=QUESTION, startingDeadlineSeconds=20)
    assert "exceeded quota: none" in not_ready(crons)

    def refused() -> int:
        runs = [run for run in crons.status().get("recentRuns", ()) if run["reason"] == "PodCannotStart"]
        return sum(run.get("count", 1) for run in runs)

    wait_for("two refused occurrences", lambda: refused() >= 2, seconds=240)
    status = crons.status()
    assert {(run["outcome"], run["reason"]) for run in status["recentRuns"]} == {("Skipped", "PodCannotStart")}
    assert status["missedRuns"] == refused()
    assert condition(crons.get("graphcrons", "hello"), "Ready")["reason"] == "PodCannotStart"
    assert crons.server.runs_of(uid) == []

    crons.cluster.kubectl("delete", "resourcequota", "none", "--namespace", crons.namespace)
    wait_for("run", lambda: _outcomes(crons)[:1] == ["Succeeded"], seconds=180)
    crons.wait_ready()
    assert {run["reason"] for run in crons.status()["recentRuns"] if "reason" in run} == {"PodCannotStart"}


def _outcomes(crons: Crons) -> list[str]:
    return [run["outcome"] for run in crons.status().get("recentRuns", ())]
