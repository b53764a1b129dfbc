"""The requests of the test to Kubernetes, with the token of its pod."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from kubernetes import client, config
from urllib3.exceptions import HTTPError

from graphcron.api import names
from graphcron.errors import ClusterError

Json = dict[str, Any]

REQUEST_SECONDS = 10
"""Timeout of a request to the API server."""


class Pod(NamedTuple):
    """A pod of the GraphCron."""

    name: str
    how: str
    """Its state, in words that follow its name."""


class Cluster:
    """The API server, for one namespace."""

    def __init__(self, namespace: str) -> None:
        try:
            config.load_incluster_config()
        except config.ConfigException:  # outside a cluster, such as on a developer's machine
            config.load_kube_config()
        self._where = (names.GROUP, names.VERSION, namespace, names.PLURAL)
        self._namespace = namespace
        self._objects = client.CustomObjectsApi()
        self._batch = client.BatchV1Api()
        self._core = client.CoreV1Api()

    def create(self, graphcron: Json) -> Json:
        """Create a GraphCron."""
        with _answer("create the GraphCron"):
            made: Json = self._objects.create_namespaced_custom_object(
                *self._where, graphcron, _request_timeout=REQUEST_SECONDS
            )
        return made

    def read(self, name: str) -> Json | None:
        """Return the GraphCron; None: it was deleted."""
        try:
            with _answer("read the GraphCron"):
                found: Json = self._objects.get_namespaced_custom_object(
                    *self._where, name, _request_timeout=REQUEST_SECONDS
                )
        except ClusterError as error:
            if error.status == 404:
                return None
            raise
        return found

    def annotate(self, name: str, annotations: dict[str, str]) -> None:
        """Set annotations of the GraphCron."""
        body = {"metadata": {"annotations": annotations}}
        with _answer("annotate the GraphCron"):
            self._objects.patch_namespaced_custom_object(*self._where, name, body, _request_timeout=REQUEST_SECONDS)

    def delete(self, name: str) -> None:
        """Delete the GraphCron if it exists."""
        try:
            with _answer("delete the GraphCron"):
                self._objects.delete_namespaced_custom_object(*self._where, name, _request_timeout=REQUEST_SECONDS)
        except ClusterError as error:
            if error.status != 404:
                raise

    def pods(self, uid: str) -> list[Pod]:
        """Return the pods of the GraphCron."""
        with _answer("list pods"):
            found = self._core.list_namespaced_pod(self._namespace, **_of(uid)).items
        return [Pod(each.metadata.name, _how(each.status)) for each in found]

    def children(self, uid: str) -> list[str]:
        """Return the existing objects of the GraphCron, each as kind and name."""
        with _answer("list CronJobs and Jobs"):
            cronjobs = self._batch.list_namespaced_cron_job(self._namespace, **_of(uid)).items
            jobs = self._batch.list_namespaced_job(self._namespace, **_of(uid)).items
        found = [("CronJob", each.metadata.name) for each in cronjobs] + [("Job", each.metadata.name) for each in jobs]
        return [f"{kind} {name}" for kind, name in [*found, *(("Pod", pod.name) for pod in self.pods(uid))]]


def _of(uid: str) -> Json:
    return {"label_selector": f"{names.LABEL_UID}={uid}", "_request_timeout": REQUEST_SECONDS}


def _how(status: Any) -> str:
    """Return the state of a pod, and the reason if it waits."""
    if status.phase == "Running":
        return "runs"
    if status.phase != "Pending":
        return "has ended"
    for container in status.container_statuses or ():
        waiting = container.state.waiting
        if waiting:
            return _waits(waiting)
    unplaced = (each for each in status.conditions or () if each.type == "PodScheduled" and each.status == "False")
    return next(map(_waits, unplaced), "is about to start")


def _waits(why: Any) -> str:
    return f"waits ({why.reason}): {why.message}" if why.message else f"waits ({why.reason})"


@contextmanager
def _answer(what: str) -> Iterator[None]:
    """Raise an error response, or a missing response, as this package's error."""
    try:
        yield
    except client.ApiException as error:
        raise ClusterError(f"cannot {what}: {_said(error)}", status=error.status or 0) from error
    except HTTPError as error:
        raise ClusterError(f"cannot {what}: the API server does not answer ({type(error).__name__})") from error


def _said(error: Any) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"
