"""Two users with `edit` in a namespace each: what one of them can do to the other, and past the list of servers."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron.api import names
from tests.cluster import ROOT, Cluster, wait_for
from tests.objects import Objects

if TYPE_CHECKING:
    pass

ALLOWED = "http://langgraph.example.svc:2024"
EVIL = "http://evil.example.net:2024"
LATE = {"schedule": "0 0 29 2 *"}
REPORT = {"outcome": "GraphError", "reason": "GraphError", "message": "the attacker's words", "runId": "x"}
RIGHTS = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER = {"name": "runner", "image": "registry.example.com/none:1", "securityContext": RIGHTS}
POD = {"containers": [CONTAINER], "restartPolicy": "Never", "schedulingGates": [{"name": "example.com/never"}]}


class User:
    """Somebody with the ClusterRole `edit` in one namespace."""

    def __init__(self, objects: Objects, name: str) -> None:
        self.objects = objects
        self._as = f"--as={name}"
        binding = ("create", "rolebinding", "edit", "--clusterrole=edit", f"--user={name}")
        objects.kubectl(*binding)

    def create(self, body: dict[str, Any], namespace: str = "") -> Any:
        """Create an object; return it, or what the API server says against it."""
        space = namespace or self.objects.namespace
        command = ("create", self._as, "--namespace", space, "--output=json", "--filename=-")
        done = self.objects.cluster.kubectl(*command, stdin=json.dumps(body), check=False)
        return done.stderr if done.returncode else json.loads(done.stdout)

    def can(self, verb: str, what: str, namespace: str) -> bool:
        """Return whether RBAC lets the user do something."""
        kind, _, part = what.partition("/")
        command = ("auth", "can-i", verb, kind, f"--subresource={part}", self._as, "--namespace", namespace)
        return self.objects.cluster.kubectl(*command, check=False).stdout.strip() == "yes"


@pytest.fixture
def roles(cluster: Cluster) -> None:
    """Apply the roles by which the chart adds GraphCrons to `view`, `edit` and `admin`."""
    command = ["helm", "template", "x", str(ROOT / "charts/graphcron"), "--show-only=templates/aggregated.yaml"]
    text = subprocess.run(command, check=True, capture_output=True, text=True, env=cluster.environment).stdout
    cluster.kubectl("apply", "--filename=-", stdin=text)
    assert "aggregate-to-edit" in str(list(yaml.safe_load_all(text)))


@pytest.fixture
def victim(objects: Objects, roles: None) -> User:
    return User(objects, "victim")


@pytest.fixture
def attacker(elsewhere: Objects, roles: None) -> User:
    return User(elsewhere, "attacker")


def labels(uid: str, **more: str) -> dict[str, str]:
    return {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_NAME: "hello", names.LABEL_UID: uid, **more}


def job(uid: str, name: str, *owners: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "labels": labels(uid), "ownerReferences": list(owners)}
    template = {"metadata": {"labels": labels(uid)}, "spec": POD}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}


def pod(uid: str, name: str, of: str, *owners: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        "name": name,
        "labels": labels(uid, **{names.LABEL_JOB_NAME: of}),
        "ownerReferences": list(owners),
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": POD}


def owner(body: Any) -> dict[str, Any]:
    metadata = body["metadata"]
    reference = {"apiVersion": body["apiVersion"], "kind": body["kind"], "name": metadata["name"]}
    return {**reference, "uid": metadata["uid"], "controller": True}


def report_failure(objects: Objects, name: str) -> None:
    """Let a pod end as the runner does after a failure; done by the kubelet on a node of one's own."""
    ended = {"exitCode": 10, "message": json.dumps(REPORT), "finishedAt": "2026-11-22T12:00:00Z"}
    state = {**CONTAINER, "imageID": "", "ready": False, "restartCount": 0, "state": {"terminated": ended}}
    state.pop("securityContext")
    change = json.dumps({"status": {"phase": "Failed", "containerStatuses": [state]}})
    objects.kubectl("patch", "pod", name, "--subresource=status", "--type=merge", f"--patch={change}")


def told(objects: Objects) -> str:
    """Return all that users read of the GraphCron."""
    events = objects.cluster.items("--namespace", objects.namespace, "events")
    return json.dumps([objects.get("graphcron")["status"], [each["message"] for each in events]])


def test_jobs_and_pods_of_another_namespace_do_nothing_to_a_graphcron(victim, attacker, operator):
    objects, theirs = victim.objects, attacker.objects
    objects.apply(**LATE, failurePolicy={"pauseAfterConsecutiveFailures": 1})
    found = objects.wait_ready()
    uid = found["metadata"]["uid"]
    before = told(objects)
    mine = attacker.create({
        "apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": "hello"},
        "spec": {"assistant": "agent", "preflight": False, **LATE},
    })  # fmt: skip
    assert mine["metadata"]["uid"] != uid
    made = attacker.create(job(uid, "hello-29000000"))
    for name, of in {
        "labels-alone": pod(uid, "labels-alone", made["metadata"]["name"]),
        "of-a-job": pod(uid, "of-a-job", made["metadata"]["name"], owner(made)),
    }.items():
        assert "uid" in attacker.create(of)["metadata"]
        report_failure(theirs, name)
    # Owner references cross no namespace: the garbage collector deletes what has one, after a while.
    attacker.create(job(uid, "of-their-graphcron", {**owner(found), "controller": False}))
    attacker.create(pod(uid, "of-their-cronjob", "hello-1", owner(objects.get("cronjob"))))
    theirs.wait_ready()
    objects.ask(names.ANNOTATION_RUN_REQUESTED, "")  # the GraphCron is looked at again
    objects.apply(schedule="0 1 29 2 *", failurePolicy={"pauseAfterConsecutiveFailures": 1})
    objects.wait_ready()
    assert "attacker" not in told(objects)
    assert "attacker" not in before
    status = objects.get("graphcron")["status"]
    assert not status.get("recentRuns")
    assert not status.get("active")
    assert not objects.get("cronjob")["spec"]["suspend"]
    assert "attacker" not in told(theirs)  # nor does the attacker's own GraphCron know them: the UID is another's


def test_a_user_of_one_namespace_reaches_nothing_in_the_other(victim, attacker):
    there = victim.objects.namespace
    for what in ("graphcrons", "graphservers", "cronjobs", "jobs", "pods", "secrets"):
        assert attacker.can("create", what, attacker.objects.namespace)
        assert not any(attacker.can(verb, what, there) for verb in ("get", "create", "patch", "delete"))
    for what in ("graphcrons/status", "graphservers/status"):
        assert not any(attacker.can(verb, what, attacker.objects.namespace) for verb in ("update", "patch"))
    assert "forbidden" in attacker.create(job("x", "hello-1"), there)


def test_labels_alone_count_for_nothing_in_the_namespace_itself(victim, operator):
    objects = victim.objects
    objects.apply(**LATE, failurePolicy={"pauseAfterConsecutiveFailures": 1})
    uid = objects.wait_ready()["metadata"]["uid"]
    made = victim.create(job(uid, "hello-29000000"))
    victim.create(pod(uid, "of-a-job", "hello-29000000", owner(made)))
    report_failure(objects, "of-a-job")
    objects.apply(schedule="0 1 29 2 *", failurePolicy={"pauseAfterConsecutiveFailures": 1})
    objects.wait_ready()
    assert "attacker" not in told(objects)
    assert not objects.get("graphcron")["status"].get("active")


# --- a list of servers that became shorter


FORBIDDEN: dict[str, dict[str, Any]] = {
    "image": {"image": "registry.example.com/mine:1"},
    "proxy": {"env": [{"name": "HTTPS_PROXY", "value": EVIL}]},
    "istio": {"annotations": {"sidecar.istio.io/proxyImage": "registry.example.com/mine:1"}},
    "vault": {"annotations": {"vault.hashicorp.com/agent-inject": "true"}},
    "service": {"labels": {"app": "postgres"}},
    "account": {"serviceAccountName": "workload-identity"},
}
"""What leads a Secret away although the server is allowed, by the name of a GraphCron."""


def set_time_zone(objects: Objects, name: str) -> None:
    objects.kubectl("patch", "graphcron", name, "--type=merge", '--patch={"spec":{"timeZone":"Mars/Olympus"}}')
    objects.wait_ready(name, status="False", reason="InvalidSpec")


def delete_server(objects: Objects, name: str) -> None:
    objects.kubectl("delete", "graphserver", name)
    objects.wait_ready(name, status="False", reason="GraphServerNotFound")


def delete_with_finalizer(objects: Objects, name: str) -> None:
    change = {"metadata": {"finalizers": ["example.com/never"]}}
    objects.kubectl("patch", "graphcron", name, "--type=merge", f"--patch={json.dumps(change)}")
    objects.kubectl("delete", "graphcron", name, "--wait=false")


@pytest.mark.parametrize("spoil", [set_time_zone, delete_server, delete_with_finalizer])
def test_no_longer_allowed_stops_despite_other_problems(victim, operator, spoil):
    objects = victim.objects
    attacks: dict[str, dict[str, Any]] = {"fine": {}, "server": {}, **FORBIDDEN}
    for name, runner in attacks.items():
        server = {"apiVersion": names.API_VERSION, "kind": "GraphServer", "metadata": {"name": name}}
        url = EVIL if name == "server" else ALLOWED
        objects.cluster.apply({**server, "spec": {"url": url}}, namespace=objects.namespace)
        objects.apply(name, **LATE, serverRef={"name": name}, runner=runner)
        objects.wait_ready(name)
        objects.ask(names.ANNOTATION_RUN_REQUESTED, "now", name)

    def running() -> set[str]:
        labels = [each["metadata"]["labels"] for each in objects.all("jobs").values()]
        return {
            each[names.LABEL_NAME] for each in labels if each.get(names.LABEL_PURPOSE) == names.Purpose.TRIGGER
        } & set(attacks)

    wait_for("Jobs", lambda: running() == set(attacks))
    try:
        for name in attacks:
            spoil(objects, name)
        assert not any(each["spec"]["suspend"] for each in objects.all("cronjobs").values())
        operator.stop()
        operator.start(GRAPHCRON_ALLOWED_SERVERS=ALLOWED)
        for name in attacks.keys() - {"fine"}:
            objects.wait("that is suspended", "cronjob", name, lambda found: found["spec"]["suspend"])
        wait_for("end of all Jobs that are not allowed", lambda: running() == {"fine"}, seconds=60)
        assert not objects.get("cronjob", "fine")["spec"]["suspend"]
    finally:
        for name in attacks:
            objects.kubectl("patch", "graphcron", name, "--type=merge", '--patch={"metadata":{"finalizers":null}}')


# --- what other controllers would act on, which the pod must not get where the servers are limited


def test_allow_list_prevents_other_ways_to_leak_secrets(victim, operator):
    objects = victim.objects
    operator.stop()
    operator.start(GRAPHCRON_ALLOWED_SERVERS=ALLOWED)
    attacks: dict[str, dict[str, Any]] = {
        "server": {"server": {"url": EVIL}},
        **{name: {"runner": runner} for name, runner in FORBIDDEN.items()},
    }
    for name, spec in attacks.items():
        objects.apply(name, **LATE, **spec)
    for name in attacks:
        objects.wait_ready(name, status="False", reason="NotAllowed")
    assert not objects.all("cronjobs")
    assert not objects.all("jobs")
