"""Objects deleted while the operator was held off and etcd compacted: a watch reports none of these deletions."""

from __future__ import annotations

import os
import signal
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster import Cluster, wait_for
from tests.conftest import ALONE
from tests.objects import Objects, condition
from tests.operator.conftest import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.needs("control-plane")

RUN_NOW = "graphcron.dev/run-requested-at"
EXPECTATIONS_TIMEOUT_SECONDS = 12
"""How long a watch may take to show a write; the tests look for longer than that."""
RELISTED = "Restarting the watch-stream for"
"""What kopf logs of a 410."""


@pytest.fixture
def objects(cluster: Cluster) -> Iterator[Objects]:
    """Make a namespace that only the test's own operator serves."""
    namespace = f"{ALONE}outages-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", namespace)
    yield Objects(cluster, namespace)
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.fixture
def operator(cluster: Cluster, objects: Objects, tmp_path: Path) -> Iterator[Operator]:
    """Start an operator of the checkout."""
    operator = Operator(cluster, objects.namespace, tmp_path / "operator.log")
    settings = {
        "GRAPHCRON_LOG_LEVEL": "debug",
        "GRAPHCRON_EXPECTATIONS_TIMEOUT_SECONDS": str(EXPECTATIONS_TIMEOUT_SECONDS),
    }
    try:
        operator.start(**settings)
        yield operator
    finally:
        assert operator._process
        operator._process.send_signal(signal.SIGCONT)
        operator.stop()
        print(operator.log()[-20_000:])
    assert "Traceback" not in operator.log()


@contextmanager
def held_off(operator: Operator, cluster: Cluster) -> Iterator[None]:
    """Hold the operator off meanwhile, then compact etcd, and let it go on; its watches end with a 410.

    The API server is restarted first: else its events wait in the connections until the operator reads them.
    """
    assert operator._process
    os.kill(operator._process.pid, signal.SIGSTOP)
    try:
        cluster.hack("restart", "kube-apiserver")
        yield
        cluster.hack("compact")
    finally:
        os.kill(operator._process.pid, signal.SIGCONT)


def delete(objects: Objects, kind: str, name: str) -> None:
    """Delete an object and all that it owns, and wait for their end."""
    objects.kubectl("delete", kind, name, "--timeout=100s")
    if kind == "job":
        its_pods = ("pods", "--selector", f"batch.kubernetes.io/job-name={name}")
        objects.kubectl("delete", *its_pods, "--force", "--grace-period=0", "--timeout=100s")
    if kind == "graphcron":
        wait_for(f"end of the CronJob {name}", lambda: objects.get("cronjob", name) is None, seconds=60)


def server(objects: Objects, name: str) -> None:
    body = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphServer", "metadata": {"name": name}}
    objects.cluster.apply({**body, "spec": {"url": "http://langgraph.example.svc:2024"}}, namespace=objects.namespace)


def active(objects: Objects, name: str) -> Any:
    return objects.get("graphcron", name).get("status", {}).get("active")


def versions(objects: Objects) -> dict[str, str]:
    found = [each for kind in ("graphcrons", "cronjobs") for each in objects.all(kind).values()]
    return {each["metadata"]["uid"]: each["metadata"]["resourceVersion"] for each in found}


def test_deletions_that_no_watch_reports_are_found_and_made_good(objects: Objects, operator: Operator):
    cluster = objects.cluster
    for name in ("stays", "gone", "loses-cronjob", "loses-job"):
        objects.apply(name)
    server(objects, "shared")
    objects.apply("names-server", serverRef={"name": "shared"})
    for name in ("stays", "gone", "loses-cronjob", "loses-job", "names-server"):
        objects.wait_ready(name)
    objects.ask(RUN_NOW, "once", name="loses-job")
    job = wait_for("active run", lambda: active(objects, "loses-job"))[0]["job"]
    wait_for("metric", lambda: operator.metric("graphcron_ready", name="gone") == 1)
    before = objects.get("cronjob", "loses-cronjob")["metadata"]["uid"]

    with held_off(operator, cluster):
        delete(objects, "graphcron", "gone")
        delete(objects, "cronjob", "loses-cronjob")
        delete(objects, "job", job)
        delete(objects, "graphserver", "shared")
    resumed = time.monotonic()

    back = objects.wait(
        "that was made again", "cronjob", "loses-cronjob", lambda each: each["metadata"]["uid"] != before, seconds=40
    )
    wait_for("run that is no longer active", lambda: not active(objects, "loses-job"), seconds=40)
    objects.wait_ready("names-server", status="False", reason="GraphServerNotFound")
    wait_for("end of its metrics", lambda: operator.metric("graphcron_ready", name="gone") is None, seconds=40)
    assert operator.metric("graphcron_runs_total", name="gone") is None
    print(f"all was made good {time.monotonic() - resumed:.1f} s after the operator went on")
    assert RELISTED in operator.log()
    assert "missed the deletion of" in operator.log()
    assert condition(objects.wait_ready("loses-cronjob"), "Ready")
    assert objects.get("cronjob", "loses-cronjob")["metadata"]["uid"] == back["metadata"]["uid"]

    # Longer than a write may go unshown: the probe stays well, nothing is made for what is gone, and all is at rest.
    settled = versions(objects)
    until = time.monotonic() + EXPECTATIONS_TIMEOUT_SECONDS + 5
    while time.monotonic() < until:
        assert operator.probe("livez") == 200
        assert objects.get("cronjob", "gone") is None
        time.sleep(1)
    assert not [job for job in objects.all("jobs") if job.startswith("gone")]
    assert versions(objects) == settled


def test_namespace_created_in_the_gap_is_served(cluster: Cluster, objects: Objects, tmp_path: Path):
    """kopf ignores the namespaces that a list shows after a 410, so the operator watches all and selects itself."""
    there = Objects(cluster, f"{objects.namespace}-new")
    operator = Operator(cluster, f"{objects.namespace}*", tmp_path / "operator.log")
    try:
        operator.start(GRAPHCRON_LOG_LEVEL="debug")
        objects.apply()
        objects.wait_ready()  # kopf opens its watches after the readiness probe succeeds
        with held_off(operator, cluster):
            cluster.kubectl("create", "namespace", there.namespace)
        wait_for("relist", lambda: RELISTED in operator.log(), seconds=60)
        there.apply("created")
        there.wait_ready("created")
    finally:
        operator.stop()
        print(operator.log()[-20_000:])
        cluster.kubectl("delete", "namespace", there.namespace, "--ignore-not-found", "--wait=false")


def test_a_cronjob_orphaned_in_the_gap_is_suspended_and_not_adopted(objects: Objects, operator: Operator):
    """The change of the CronJob is seen at once, and asks for a reconcile of the GraphCron that the view still has."""
    for name in ("stays", "gone"):
        objects.apply(name)
        objects.wait_ready(name)
    uid = objects.get("cronjob", "gone")["metadata"]["uid"]
    with held_off(operator, objects.cluster):
        # The garbage collector does so, too, but shortly after a restart of the API server it may not know the CronJob.
        objects.kubectl("patch", "cronjob", "gone", "--type=merge", '--patch={"metadata":{"ownerReferences":null}}')
        objects.kubectl("delete", "graphcron", "gone", "--cascade=orphan", "--timeout=100s")
    suspended = objects.wait("that is suspended", "cronjob", "gone", lambda each: each["spec"]["suspend"], seconds=60)
    assert suspended["metadata"]["uid"] == uid
    assert "ownerReferences" not in suspended["metadata"]
    assert operator.probe("livez") == 200
