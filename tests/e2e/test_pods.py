"""The pod itself: what it may not do, and what is said when it cannot start."""

from __future__ import annotations

import json

from tests.cluster import wait_for
from tests.e2e.crons import QUESTION, Crons
from tests.objects import condition

LOOK = """
import json, os
def can_write(path):
    try:
        open(path, "w").close()
    except OSError as error:
        return error.strerror
    return "can"
status = dict(line.rstrip().split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
print(json.dumps({
    "user": os.getuid(),
    "write": {can_write(path) for path in ("/x", "/app/x", "/tmp/x", "/etc/x")}.pop(),
    "token": os.path.exists("/var/run/secrets/kubernetes.io"),
    "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16),
    "no_new_privileges": status["NoNewPrivs"],
    "seccomp": status["Seccomp"],
    "services": [name for name in os.environ if name.endswith("_SERVICE_HOST") and not name.startswith("KUBERNETES")],
}))
"""
"""What the pod says of itself, in the words of its kernel."""


def test_pod_has_no_token_and_read_only_root(crons: Crons):
    labels = crons.api.get(f"/api/v1/namespaces/{crons.namespace}")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    loose = {
        "metadata": {"name": "loose"},
        "spec": {"containers": [{"name": "loose", "image": "graphcron/runner:dev"}]},
    }
    status, text = crons.api.ask("POST", crons.path("pods"), loose)
    assert status == 403, "the namespace enforces nothing"
    assert "restricted" in text

    uid = crons.make(assistant="steps", input={"steps": 60, "seconds": 1})
    job, _ = crons.start_running(uid=uid)
    (pod,) = crons.pods(job)
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert not spec.get("volumes")
    (container,) = spec["containers"]
    assert not container.get("volumeMounts")
    assert container["securityContext"]["readOnlyRootFilesystem"] is True

    look = ("exec", pod["metadata"]["name"], "--namespace", crons.namespace, "--", "/usr/bin/python3", "-I", "-c", LOOK)
    seen = json.loads(crons.cluster.kubectl(*look).stdout)
    assert seen == {
        "user": 65532,
        "write": "Read-only file system",
        "token": False,
        "capabilities": 0,
        "no_new_privileges": "1",
        "seccomp": "2",
        "services": [],
    }


def test_a_missing_secret_is_named_and_all_is_well_when_it_comes(crons: Crons):
    uid = crons.make(input=QUESTION, server={"apiKeySecretRef": {"name": "the-missing-secret", "key": "api-key"}})
    job = crons.start()
    graphcron = crons.wait_ready(status="False", reason="PodCannotStart")
    assert "the-missing-secret" in condition(graphcron, "Ready")["message"]
    assert condition(graphcron, "Stalled")["status"] == "True"
    assert crons.row()["READY"] == "False"
    event = crons.wait_event("PodCannotStart")
    assert event["type"] == "Warning"
    assert "the-missing-secret" in event["message"]
    assert not crons.server.threads(uid)

    crons.make_secret("the-missing-secret", **{"api-key": "anything"})
    told = crons.told(job)
    assert told["outcome"] == "Succeeded"
    ready = condition(crons.wait_ready(), "Ready")
    assert ready["status"] == "True"
    assert not condition(crons.get("graphcrons", "hello"), "Stalled")
    assert len(crons.server.runs_of(uid)) == 1


def test_missing_config_map_reported_and_recovered_from(crons: Crons):
    """A missing ConfigMap is reported after a minute, and the run starts once it exists."""
    crons.make(inputFrom={"configMapKeyRef": {"name": "the-missing-map", "key": "input"}}, startingDeadlineSeconds=600)
    job = crons.start()
    wait_for("word of the pod", lambda: "kubectl describe pod" in ready_message(crons), seconds=120)
    crons.make_config_map("the-missing-map", {"input": json.dumps(QUESTION)})
    assert crons.told(job, seconds=150)["outcome"] == "Succeeded"
    crons.wait_ready()


def ready_message(crons: Crons) -> str:
    """Return what ``Ready`` says while a pod can't start; empty while it says something else."""
    ready = condition(crons.get("graphcrons", "hello"), "Ready")
    return str(ready["message"]) if ready["reason"] == "PodCannotStart" else ""


def test_a_wrong_image_is_named(crons: Crons):
    crons.make(input=QUESTION, runner={"image": "127.0.0.1:1/graphcron/nowhere:1"})
    crons.start()

    wait_for("word of the image", lambda: "127.0.0.1:1/graphcron/nowhere:1" in ready_message(crons), seconds=90)


def test_service_selecting_runner_pod_has_no_ready_endpoint(crons: Crons):
    """The pod answers nothing, so no Service may send it requests, whatever labels it has."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "database"},
        "spec": {"selector": {"app": "database"}, "ports": [{"port": 5432}]},
    }
    crons.cluster.apply(service, namespace=crons.namespace)
    uid = crons.make(assistant="steps", input={"steps": 8, "seconds": 1}, runner={"labels": {"app": "database"}})
    job, _ = crons.start_running(uid=uid)

    def is_ready() -> bool | None:
        found = crons.api.get(f"/apis/discovery.k8s.io/v1/namespaces/{crons.namespace}/endpointslices")["items"]
        slices = [each for each in found if each["metadata"]["labels"]["kubernetes.io/service-name"] == "database"]
        return next((endpoint["conditions"]["ready"] for each in slices for endpoint in each["endpoints"] or ()), None)

    def conditions() -> dict[str, str]:
        return {each["type"]: each["status"] for each in crons.pods(job)[0]["status"]["conditions"]}

    wait_for("containers that are ready", lambda: conditions()["ContainersReady"] == "True")
    wait_for("endpoint", lambda: is_ready() is not None)
    assert conditions()["Ready"] == "False"
    assert is_ready() is False
    shown = crons.cluster.kubectl("get", "pods", "--namespace", crons.namespace, "--output", "wide").stdout
    header, row = shown.splitlines()
    assert row[header.index("READY") :].split()[:2] == ["1/1", "Running"]
    assert row[header.index("READINESS GATES") :].strip() == "0/1"
    wait = ("wait", f"job/{job}", "--for=condition=Complete", "--timeout=60s")
    crons.cluster.kubectl(*wait, "--namespace", crons.namespace)
    assert crons.told(job)["outcome"] == "Succeeded"
    assert crons.row()["READY"] == "True"
