"""Everything that needs a right of its own, done once: so that each is seen, whichever tests were chosen."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import yaml

from tests.cluster import ROOT, wait_for
from tests.conftest import ALONE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.cluster import Cluster

RELEASE = "graphcron"


def exercise(cluster: Cluster, namespace: str) -> None:
    """Have the operator of a namespace make, change and take away; no server is needed.

    Two lines of a schedule make two CronJobs, and one line leaves one of them. A request for a run makes a Job, a GraphServer
    gets a status, and what is wrong is an Event. A GraphRun that can't start is skipped and deleted. Jobs that stay open are
    brought to their end.
    """
    place = ("--namespace", namespace)
    cluster.apply(_body("GraphServer", "shared", {"url": "http://nowhere.invalid"}), namespace=namespace)
    for lines in (["0 0 29 2 *", "0 6 29 2 *"], ["0 0 29 2 *"]):
        spec = {"assistant": "agent", "preflight": False, "schedules": lines, "serverRef": {"name": "shared"}}
        cluster.apply(_body("GraphCron", "lines", spec), namespace=namespace)
        made = lambda lines=lines: len(cluster.items("cronjobs", *place)) == len(lines)  # noqa: E731
        wait_for(f"{len(lines)} CronJobs", made)
    cluster.kubectl("annotate", "graphcron", "lines", "graphcron.dev/run-requested-at=now", *place)
    wait_for("Job that was asked for", lambda: _of(cluster.items("jobs", *place), "graphcron.dev/trigger"))
    for kind in ("graphcron", "graphserver"):
        wait_for(f"status of the {kind}", lambda kind=kind: cluster.items(kind, *place)[0].get("status"))
    wrong = {"assistant": "agent", "schedule": "0 0 29 2 *", "timeZone": "Mars/Phobos"}
    cluster.apply(_body("GraphCron", "wrong", wrong), namespace=namespace)
    late = {"graphCronRef": {"name": "missing"}, "startingDeadlineSeconds": 10, "ttlSecondsAfterFinished": 0}
    cluster.apply(_body("GraphRun", "late", late), namespace=namespace)
    _leave_open(cluster, namespace)
    wait_for("end of the GraphRun and of its time to live", lambda: not cluster.items("graphruns", *place), seconds=120)
    about = ("events", *place, "--field-selector", "involvedObject.kind=GraphCron")
    wait_for("Event", lambda: cluster.items(*about))


def _leave_open(cluster: Cluster, namespace: str) -> None:
    """Make Jobs that stay open: beside a sidecar after a success and after a failure, and for lack of a pod."""
    place = ("--namespace", namespace)
    (cronjob,) = cluster.items("cronjobs", *place)
    template = cronjob["spec"]["jobTemplate"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", **{key: cronjob["metadata"][key] for key in ("name", "uid")}}
    for name, code, account in (("succeeds", 0, "default"), ("fails", 10, "default"), ("refused", 0, "missing")):
        pod = template["spec"]["template"]["spec"]
        (runner,) = pod["containers"]
        containers = [
            {**runner, "command": ["/usr/bin/python3", "-c", f"raise SystemExit({code})"]},
            {**runner, "name": "beside", "command": ["/usr/bin/python3", "-c", "import time; time.sleep(600)"]},
        ]
        spec = {
            **template["spec"]["template"],
            "spec": {**pod, "serviceAccountName": account, "containers": containers},
        }
        metadata = {"name": name, **template["metadata"], "ownerReferences": [owner]}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}
        cluster.apply({**job, "spec": {**template["spec"], "template": spec}}, namespace=namespace)
    left = lambda: {each["metadata"]["name"] for each in cluster.items("jobs", *place)}  # noqa: E731
    wait_for("deleted Job", lambda: "succeeds" not in left(), seconds=120)
    pods = ("pods", *place, "--selector", "batch.kubernetes.io/job-name=fails")
    wait_for("pod with a deadline", lambda: cluster.items(*pods)[0]["spec"].get("activeDeadlineSeconds"), seconds=120)
    words = lambda: "PodCannotStart" in str(cluster.get("graphcron", "lines", *place).get("status"))  # noqa: E731
    wait_for("word of the pod that is refused", words, seconds=120)


def install_alone(cluster: Cluster) -> str:
    """Install a release that watches its own namespace only, exercise it, and return what the chart made of it."""
    import installing

    namespace = f"{ALONE}rights-{uuid.uuid4().hex[:8]}"
    installing.make_namespace(cluster, namespace)
    values = {**installing.default_values(), "watchNamespaces": [namespace], "crds": {"enabled": False}}
    release = (RELEASE, str(ROOT / "charts/graphcron"), "--namespace", namespace, "--values", "-")
    text = yaml.safe_dump(values)
    try:
        installing.helm(cluster, "install", *release, stdin=text)
        installing.wait_for_rollout(cluster, namespace, RELEASE)
        exercise(cluster, namespace)
        return installing.helm(cluster, "get", "manifest", RELEASE, "--namespace", namespace)
    finally:
        installing.helm(cluster, "uninstall", RELEASE, "--namespace", namespace, "--ignore-not-found", "--wait")
        installing.delete_namespaces(cluster, namespace)


def exercise_shared(cluster: Cluster) -> None:
    """Exercise the operator that serves the whole cluster, in a namespace for that."""
    import installing

    namespace = f"rights-{uuid.uuid4().hex[:8]}"
    installing.make_namespace(cluster, namespace)
    try:
        exercise(cluster, namespace)
    finally:
        installing.delete_namespaces(cluster, namespace)


def _body(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "graphcron.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _of(objects: Iterable[Any], annotation: str) -> list[Any]:
    return [each for each in objects if annotation in each["metadata"].get("annotations", {})]
