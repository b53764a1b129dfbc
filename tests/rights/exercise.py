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
    gets a status, and what is wrong is an Event.
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
    about = ("events", *place, "--field-selector", "involvedObject.kind=GraphCron")
    wait_for("Event", lambda: cluster.items(*about))


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
