"""What GitOps tools make of what the operator really writes, and what it makes of what they write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster import wait_for
from tests.e2e.crons import QUESTION
from tests.gitops.kstatus import kstatus
from tests.objects import condition

if TYPE_CHECKING:
    from tests.e2e.crons import Crons
    from tests.gitops.argo import Argo, Health

pytestmark = pytest.mark.needs("go")

COUNT = {"graphcron.dev/health-includes-runs": "true"}
"""The annotation by which failing runs turn an application red."""

SPECS: dict[str, dict[str, Any]] = {
    "good": {},
    "invalid": {"timeZone": "Mars/Olympus_Mons"},
    "suspended": {"suspend": True},
    "failing": {"assistant": "failing"},
    "paused": {"assistant": "failing", "failurePolicy": {"pauseAfterConsecutiveFailures": 1}},
}


def test_only_what_a_person_must_put_right_is_red(crons: Crons, argo: Argo) -> None:
    for name, spec in SPECS.items():
        crons.apply(name, **spec)
    for name in ("failing", "paused"):
        crons.wait_ready(name)
        crons.told(crons.start(name), name)
    crons.wait("that is paused", "graphcrons", "paused", lambda found: condition(found, "Paused"))
    wait(crons, "Stalled", "invalid")
    wait(crons, "Ready", *(SPECS.keys() - {"invalid"}))

    live = {name: crons.get("graphcrons", name) for name in SPECS}
    health = {name: argo.health(body) for name, body in live.items()}
    assert {name: each.status for name, each in health.items()} == {
        "good": "Healthy",
        "invalid": "Degraded",
        "suspended": "Healthy",
        "failing": "Healthy",
        "paused": "Healthy",
    }
    assert "Mars/Olympus_Mons" in health["invalid"].message
    assert health["suspended"].message == "Suspended"
    assert health["failing"].message.startswith("The last run failed: ")
    assert health["paused"].message.startswith("Paused: 1 consecutive run has failed")
    assert {name: kstatus(body) for name, body in live.items()} == {
        "good": "Current",
        "invalid": "Failed",
        "suspended": "Current",
        "failing": "Current",
        "paused": "Current",
    }
    counted = {name: argo.health(with_annotations(body, COUNT)).status for name, body in live.items()}
    assert {name for name, status in counted.items() if status == "Degraded"} == {"invalid", "failing", "paused"}

    act(crons, argo, "unpause", "paused")
    crons.wait("that is paused no more", "graphcrons", "paused", lambda found: not condition(found, "Paused"))
    assert argo.actions(crons.get("graphcrons", "paused"))["unpause"] is False


def test_actions_do_what_they_say(crons: Crons, argo: Argo) -> None:
    uid = crons.make(input=QUESTION)
    asked = act(crons, argo, "trigger")["metadata"]["annotations"]["graphcron.dev/run-requested-at"]

    def ran() -> Any:
        return next((run for run in crons.status().get("recentRuns", []) if run.get("trigger") == asked), None)

    assert wait_for("run that was asked for", ran, seconds=90)["outcome"] == "Succeeded"
    assert len(crons.server.runs_of(uid)) == 1

    for action, suspended in (("suspend", True), ("resume", False)):
        act(crons, argo, action)
        crons.wait_ready(reason="Suspended" if suspended else "Reconciled")
        assert crons.get("cronjobs", "hello")["spec"]["suspend"] is suspended
        assert argo.health(crons.get("graphcrons", "hello")).status == "Healthy"


def test_a_server_is_as_healthy_as_it_answers(crons: Crons, argo: Argo) -> None:
    for name, path in (("right", ""), ("wrong", "/nothing/here")):
        spec = {"url": f"{crons.server.url}{path}"}
        body = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphServer", "metadata": {"name": name}, "spec": spec}
        crons.cluster.apply(body, namespace=crons.namespace)
    assert server_health(crons, argo, "right").status == "Healthy"
    assert server_health(crons, argo, "wrong").status == "Degraded"


def server_health(crons: Crons, argo: Argo, name: str) -> Health:
    """Wait until a GraphServer was looked at; return its health."""

    def decided(found: Any) -> bool:
        return condition(found, "Ready").get("status") in ("True", "False")

    return argo.health(crons.wait("that was looked at", "graphservers", name, decided, seconds=120))


def act(crons: Crons, argo: Argo, action: str, name: str = "hello") -> Any:
    """Do an action as Argo CD does it, by a merge patch; return the object that the action made."""
    live = crons.get("graphcrons", name)
    assert argo.actions(live)[action] is True
    after = argo.act(live, action)
    assert {**after, "metadata": live["metadata"], "spec": live["spec"]} == live
    patch = {"metadata": {"annotations": after["metadata"].get("annotations")}, "spec": after["spec"]}
    command = ("patch", "graphcron", name, "--namespace", crons.namespace, "--type=merge", "-p", json.dumps(patch))
    crons.cluster.kubectl(*command)
    return after


def with_annotations(body: Any, annotations: dict[str, str]) -> Any:
    """Return an object with annotations."""
    return {**body, "metadata": {**body["metadata"], "annotations": annotations}}


def wait(crons: Crons, kind: str, *names: str) -> None:
    """Wait for a condition as scripts do, with kubectl."""
    objects = [f"graphcron/{name}" for name in names]
    crons.cluster.kubectl("wait", f"--for=condition={kind}", *objects, "--namespace", crons.namespace, "--timeout=60s")
