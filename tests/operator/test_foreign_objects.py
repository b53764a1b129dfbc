"""Objects that a stranger made, of all kinds that we watch: whatever they hold, all others go on being served."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from graphcron.api import names
from tests.cluster import wait_for
from tests.objects import Objects, condition
from tests.operator.conftest import Operator

if TYPE_CHECKING:
    pass

ABSURD = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "10000-01-01T00:00:00Z", "soon"]
REPORT = {
    "outcome": "Succeeded", "durationSeconds": 10**18, "tokens": 10**30, "cost": "1e999999999", "startTime": ABSURD[0],
    "windowEnd": ABSURD[1], "windowCost": "NaN", "runId": "x" * 1000, "attempts": -1,
}  # fmt: skip
STATUS = {
    "conditions": [],
    "recentRuns": [
        {"scheduledTime": "2026-11-22T12:00:00Z", "outcome": "Postponed", "job": "of-a-newer-version"},
        {"scheduledTime": ABSURD[0], "outcome": "Succeeded", "durationSeconds": 1e300, "cost": "1e999999999"},
    ],
    "lastScheduleTime": ABSURD[1],
    "missedRuns": 2**62,
    "budget": {"windowEnd": ABSURD[1], "tokens": -1, "cost": "NaN"},
}
RIGHTS = {
    "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip
CONTAINER = {"name": names.CONTAINER, "image": "registry.example.com/none:1"}
POD = {
    "containers": [{**CONTAINER, "securityContext": RIGHTS}],
    "restartPolicy": "Never",
    "schedulingGates": [{"name": "example.com/never"}],
}


def make_deep(objects: Objects, name: str, levels: int) -> None:
    metadata = {"name": name, "namespace": objects.namespace}
    body = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata}
    text = json.dumps({**body, "spec": {"assistant": "agent", "schedule": "0 9 * * *", "input": "DEEP"}})
    objects.kubectl("create", "-f", "-", stdin=text.replace('"DEEP"', '{"a":' * levels + "1" + "}" * levels))


def make_children(objects: Objects, of: str) -> None:
    """Make Jobs, CronJobs and pods that a GraphCron owns, as the operator labels them; no pod ever starts."""
    uid = objects.get("graphcron", of)["metadata"]["uid"]
    labels = {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_NAME: of, names.LABEL_UID: uid}
    owner = {"apiVersion": names.API_VERSION, "kind": names.KIND, "name": of, "uid": uid, "controller": True}
    template = {"metadata": {"labels": labels}, "spec": POD}
    times = [each for each in vars(names) if each.startswith("ANNOTATION_")]
    for number, moment in enumerate(ABSURD):
        annotations = {getattr(names, each): moment for each in times}
        metadata = {"name": f"stranger-{number}", "labels": labels, "annotations": annotations}
        metadata |= {"ownerReferences": [owner]}
        job = {"backoffLimit": 0, "template": template}
        cronjob = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": template}}}
        objects.cluster.apply(
            {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job},
            {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": cronjob},
            namespace=objects.namespace,
        )
        report(objects, f"stranger-{number}")


def make_run(objects: Objects, of: str) -> None:
    """Make the Job of a scheduled run, as the CronJob controller does, and report its end."""
    cronjob = objects.get("cronjob", of)["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": of, "uid": cronjob["uid"], "controller": True}
    due = (datetime.now(UTC) + timedelta(minutes=1)).replace(second=0, microsecond=0)
    metadata = {
        "name": f"{of}-{int(due.timestamp()) // 60}",
        "labels": cronjob["labels"],
        "annotations": {names.ANNOTATION_SCHEDULED_TIMESTAMP: due.isoformat()},
        "ownerReferences": [owner],
    }
    spec = {"backoffLimit": 0, "template": {"metadata": {"labels": cronjob["labels"]}, "spec": POD}}
    objects.cluster.apply(
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}, namespace=objects.namespace
    )
    report(objects, metadata["name"])


def report(objects: Objects, job: str) -> None:
    """Let the pod of a Job end with an absurd report."""
    pods = wait_for(
        f"pod of {job}", lambda: objects.cluster.items("--namespace", objects.namespace, "pod", f"-ljob-name={job}")
    )
    ended = {"exitCode": 0, "message": json.dumps(REPORT), "finishedAt": "2026-11-22T12:00:00Z"}
    state = {**CONTAINER, "imageID": "", "ready": False, "restartCount": 0, "state": {"terminated": ended}}
    status = {"phase": "Succeeded", "containerStatuses": [state]}
    patch(objects, "pod", pods[0]["metadata"]["name"], status)


def patch(objects: Objects, kind: str, name: str, status: Any) -> None:
    text = json.dumps({"status": status})
    objects.kubectl("patch", kind, name, "--subresource=status", "--type=merge", f"--patch={text}")


def assert_served(objects: Objects, operator: Operator, hour: int) -> None:
    """Change the good GraphCron, and see its CronJob follow; see that all probes are answered well."""
    objects.apply("good", schedule=f"0 {hour} * * *")
    objects.wait_ready("good")
    assert objects.get("cronjob", "good")["spec"]["schedule"] == f"0 {hour} * * *"
    assert {each: operator.probe(each) for each in ("livez", "readyz", "metrics")} == {
        "livez": 200, "readyz": 200, "metrics": 200
    }  # fmt: skip


def run_cli(objects: Objects, *arguments: str) -> str:
    command = [sys.executable, "-m", "graphcron.cli", *arguments, "--namespace", objects.namespace]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=objects.cluster.environment)
    assert "Traceback" not in done.stderr
    return done.stdout


def test_a_zoo_of_strange_objects_harms_nobody_else_and_no_restart(objects, elsewhere, operator):
    for each in (objects, elsewhere):
        assert_served(each, operator, 1)
    make_deep(objects, "deep-1500", 1500)
    make_deep(objects, "deep-300", 300)
    objects.apply("rolled-back")
    objects.apply("visited")
    for name in ("rolled-back", "visited"):
        objects.wait_ready(name)
    patch(objects, "graphcron", "rolled-back", STATUS)
    make_run(objects, "visited")
    make_children(objects, "visited")
    for hour in (2, 3):
        for name in ("deep-1500", "deep-300"):
            found = objects.wait_ready(name, status="False", reason="InvalidSpec")
            message = condition(found, "Ready")["message"]
            assert message.startswith("spec.input: is nested more than 64 levels deep; make it flatter")
        visited = objects.wait("with its run", "graphcron", "visited", lambda each: each["status"].get("recentRuns"))
        [run] = [each for each in visited["status"]["recentRuns"] if each["job"].startswith("visited-")]
        assert run.keys() == {"scheduledTime", "outcome", "job"}
        assert run["outcome"] == "Succeeded"
        assert objects.all("cronjob").keys() == {"good", "rolled-back", "visited"}
        found = objects.wait_ready("rolled-back")
        assert [each["outcome"] for each in found["status"]["recentRuns"]] == ["Postponed"]
        for each in (objects, elsewhere):
            assert_served(each, operator, hour)
        if hour == 2:
            operator.kill()
            operator.start()
    listed = run_cli(objects, "list")
    assert {"good", "deep-1500", "deep-300", "rolled-back", "visited"} <= set(listed.split())
    for arguments in (
        ["doctor"],
        ["top"],
        ["forecast"],
        ["history", "rolled-back"],
        ["describe", "deep-1500"],
        ["list", "-o", "yaml"],
    ):
        assert run_cli(objects, *arguments)
    objects.kubectl("delete", "graphcron", "deep-1500", "visited")
    wait_for("CronJob of it", lambda: objects.get("cronjob", "visited") is None)
    assert_served(objects, operator, 4)
