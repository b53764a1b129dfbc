"""GraphRuns in the operator: what it creates, what it refuses, and what finished ones cost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config

from graphcron.api import names
from tests.cluster import wait_for
from tests.objects import Objects, condition

REF = {"graphCronRef": {"name": "hello"}}
SERVER = "http://langgraph.example.svc:2024"
FINISHED = 1000
REST_SECONDS = 8
"""Time in which an operator without work must send no request about GraphRuns."""


def create(objects: Objects, name: str = "once", **spec: Any) -> None:
    """Create a GraphRun, as people do."""
    body = {"apiVersion": names.API_VERSION, "kind": names.RUN_KIND, "metadata": {"name": name}, "spec": spec}
    objects.kubectl("create", "-f", "-", stdin=json.dumps(body))


def wait_for_reason(objects: Objects, kind: str, reason: str, name: str = "once", *, seconds: float = 30) -> Any:
    """Wait for a condition with that reason; return the GraphRun."""

    def holds(found: Any) -> bool:
        told = condition(found, kind)
        return bool(told and told["reason"] == reason)

    return objects.wait(f"that is {kind} because {reason}", "graphrun", name, holds, seconds=seconds)


@pytest.fixture
def quota(objects: Objects) -> Iterator[str]:
    """Let the namespace take no Jobs, until the quota of this name is deleted."""
    metadata, spec = {"name": "no-jobs"}, {"hard": {"count/jobs.batch": "0"}}
    body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec}
    objects.cluster.apply(body, namespace=objects.namespace)
    objects.wait("that counts", "resourcequota", "no-jobs", lambda found: found.get("status", {}).get("used"))
    yield "no-jobs"
    objects.kubectl("delete", "resourcequota", "no-jobs", "--ignore-not-found")


@pytest.mark.usefixtures("operator")
def test_a_graphrun_has_one_job_with_its_owner(objects: Objects) -> None:
    create(objects, assistant="agent")
    wait_for_reason(objects, "Reconciling", "JobCreated")
    (job,) = objects.all("jobs").values()
    (owner,) = job["metadata"]["ownerReferences"]
    run = objects.get("graphrun", "once")
    assert (owner["kind"], owner["uid"]) == (names.RUN_KIND, run["metadata"]["uid"])
    assert "controller" not in owner
    assert run["status"]["job"] == job["metadata"]["name"]
    objects.kubectl("delete", "job", job["metadata"]["name"])
    wait_for("end", lambda: objects.get("graphrun", "once")["status"].get("outcome"), seconds=30)
    assert not objects.all("jobs")


@pytest.mark.usefixtures("operator")
def test_a_graphrun_waits_for_its_graphcron_and_is_skipped_without_it(objects: Objects) -> None:
    create(objects, **REF)
    wait_for_reason(objects, "Reconciling", "GraphCronNotFound")
    create(objects, "late", graphCronRef={"name": "never"}, startingDeadlineSeconds=10)
    late = wait_for_reason(objects, "Complete", "StartingDeadlineExceeded", "late")
    assert "no GraphCron named never" in late["status"]["message"]
    objects.apply(suspend=True)
    wait_for_reason(objects, "Reconciling", "JobCreated")
    objects.wait("with its GraphRun", "graphcron", "hello", lambda found: found["status"].get("active"))


@pytest.mark.usefixtures("operator")
def test_a_quota_delays_a_graphrun_and_the_reason_is_visible(objects: Objects, quota: str) -> None:
    create(objects, assistant="agent")
    run = wait_for_reason(objects, "Reconciling", "FailedCreate")
    assert "exceeded quota" in condition(run, "Reconciling")["message"]
    objects.kubectl("delete", "resourcequota", quota)
    wait_for_reason(objects, "Reconciling", "JobCreated", seconds=90)
    assert len(objects.all("jobs")) == 1


def test_forbidden_server_gets_no_run_active_one_ends(objects: Objects, operator: Any) -> None:
    create(objects, "before", assistant="agent", server={"url": "http://elsewhere.example:2024"})
    wait_for_reason(objects, "Reconciling", "JobCreated", "before")
    operator.stop()
    operator.start(GRAPHCRON_ALLOWED_SERVERS=SERVER)
    wait_for("end of the Job", lambda: not objects.all("jobs"), seconds=60)
    create(objects, assistant="agent", server={"url": "http://elsewhere.example:2024"})
    wait_for_reason(objects, "Reconciling", "NotAllowed")
    create(objects, "allowed", assistant="agent", server={"url": SERVER})
    wait_for_reason(objects, "Reconciling", "JobCreated", "allowed")
    assert [each["metadata"]["labels"][names.LABEL_NAME] for each in objects.all("jobs").values()] == ["allowed"]


@pytest.mark.usefixtures("operator")
def test_a_hostile_graphrun_harms_only_itself(objects: Objects) -> None:
    body = {"apiVersion": names.API_VERSION, "kind": names.RUN_KIND, "metadata": {"name": "deep"}}
    text = json.dumps({**body, "spec": {"assistant": "agent", "input": "DEEP"}})
    objects.kubectl("create", "-f", "-", stdin=text.replace('"DEEP"', '{"a":' * 900 + "1" + "}" * 900))
    large = {"text": ["x" * 1000] * 300}
    create(objects, "large", assistant="agent", input=large)
    for name in ("deep", "large"):
        rejected = wait_for_reason(objects, "Failed", "InvalidSpec", name)
        assert rejected["status"]["outcome"] == "Rejected"
    absurd = {"conditions": [], "durationSeconds": 1e300, "startTime": "0001-01-01T00:00:00Z", "job": "x" * 1000}
    create(objects, "absurd", **REF, startingDeadlineSeconds=604_800)
    wait_for_reason(objects, "Reconciling", "GraphCronNotFound", "absurd")
    objects.kubectl(
        "patch", "graphrun", "absurd", "--subresource=status", "--type=merge", "-p", json.dumps({"status": absurd})
    )
    create(objects, assistant="agent")
    wait_for_reason(objects, "Reconciling", "JobCreated")


def make_finished(objects: Objects, number: int) -> None:
    """Create GraphRuns that are over."""
    api = client.CustomObjectsApi(config.new_client_from_config(config_file=str(objects.cluster.kubeconfig)))
    where = (names.GROUP, names.VERSION, objects.namespace, names.RUN_PLURAL)
    over = {"type": "Complete", "status": "True", "reason": "Succeeded", "lastTransitionTime": "2026-11-22T12:00:00Z"}
    status = {
        "conditions": [over],
        "outcome": "Succeeded",
        "completionTime": "2026-11-22T12:00:00Z",
        "observedGeneration": 1,
    }
    for each in range(number):
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.RUN_KIND,
            "metadata": {"name": f"done-{each}"},
            "spec": {**REF, "input": {"text": "x" * 2000}},
        }
        made = api.create_namespaced_custom_object(*where, body)
        api.replace_namespaced_custom_object_status(*where, f"done-{each}", {**made, "status": status})


def test_finished_graphruns_cause_no_requests_and_no_reconciles(objects: Objects, operator: Any) -> None:
    """A restarted operator reads them once; then neither a resync nor their GraphCron looks at them again."""
    operator.stop()
    objects.apply(suspend=True)
    make_finished(objects, FINISHED)
    operator.start(GRAPHCRON_RESYNC_SECONDS="10")
    objects.wait_ready(reason="Suspended", seconds=60)
    before = operator.metric("graphcron_api_requests_total", verb="update") or 0
    until = time.monotonic() + REST_SECONDS
    wait_for("rest", lambda: time.monotonic() > until)
    assert (operator.metric("graphcron_api_requests_total", verb="update") or 0) == before
    assert not operator.metric("graphcron_reconcile_total", kind="GraphRun", result="success")
    objects.kubectl("label", "graphcron", "hello", "touched=yes")
    create(objects, **REF)
    wait_for_reason(objects, "Reconciling", "JobCreated")
    reconciles = operator.metric("graphcron_reconcile_total", kind="GraphRun", result="success")
    assert 0 < reconciles < 20
