"""Requests to the API server; each returns a plain value or raises a ClusterError."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from kubernetes.aio import client

from graphcron.api import names
from graphcron.api.event import Event
from graphcron.cache.managed_fields import upgraded
from graphcron.cache.ownership import owner_uid
from graphcron.errors import ClusterError, ConflictError, NameTakenError
from graphcron.kube.api_errors import ignore_changed, spec_error
from graphcron.kube.listing import Listed, cronjob_path, list_all, owners_path
from graphcron.kube.transport import JSON, Answer, Transport
from graphcron.unstructured.bounded_json import as_yaml

_APPLY: Final = "application/apply-patch+yaml; charset=utf-8"
"""With the charset, the client sends the text as it is; without it, the client writes JSON that may not be YAML."""

_MERGE: Final = "application/merge-patch+json"

_AS_MANAGER: Final = [("fieldManager", names.FIELD_MANAGER)]
"""The query of a write, which names the owner of the fields."""

logger = logging.getLogger(__name__)


class Cluster(Transport):
    """A client of the API server.

    Parameters
    ----------
    on_write
        Called with each written object, as the API server returned it.
    on_request
        Called with the verb and the HTTP status of each request; the status is None without a response.
    on_deleted
        Called with the UID of each object that a request found to be deleted.
    """

    def __init__(
        self,
        api: client.ApiClient,
        on_write: Callable[[Answer], None],
        on_request: Callable[[str, int | None], None] = lambda *_: None,
        on_deleted: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(api, on_request)
        self._on_write = on_write
        self._on_deleted = on_deleted

    async def get_cronjob(self, namespace: str, name: str) -> Answer | None:
        """Return a CronJob, even if the operator did not create it; None if it does not exist."""
        return await self._get(cronjob_path(namespace, name))

    async def create_cronjob(self, manifest: Mapping[str, Any]) -> Answer:
        """Create a CronJob.

        Raises
        ------
        NameTakenError
            A CronJob of this name exists.
        SpecError
            The API server rejects a field of the GraphCron, such as an invalid affinity.
        ClusterError
            The request failed; retry it.
        """
        path = f"/apis/batch/v1/namespaces/{manifest['metadata']['namespace']}/cronjobs"
        try:
            # With one request the API server does less for a POST than for an apply that creates.
            answer = await self._call("POST", path, _AS_MANAGER, dict(manifest), JSON)
        except ClusterError as error:
            if error.reason == "AlreadyExists":
                raise NameTakenError(str(error)) from error
            if error.status == 422:
                raise spec_error("CronJob", error) from error
            raise
        self._on_write(answer)
        return answer

    async def apply_cronjob(self, manifest: Mapping[str, Any], *, uid: str, upgrade: bool = False) -> Answer:
        """Update the operator's CronJob by server-side apply.

        Parameters
        ----------
        uid
            UID of the CronJob.
        upgrade
            Whether the operator owns fields of it that an apply does not remove; see
            :mod:`graphcron.cache.managed_fields`.

        Raises
        ------
        SpecError
            The API server rejects a field of the GraphCron.
        ClusterError
            The request failed; retry it.
        """
        metadata = manifest["metadata"]
        path = cronjob_path(metadata["namespace"], metadata["name"])
        # With the UID, an apply neither recreates a deleted CronJob nor updates another one of the same name.
        body = {**manifest, "metadata": {**metadata, "uid": uid}}
        try:
            if upgrade:
                await self._upgrade_managed_fields(path, uid)
            answer = await self._call("PATCH", path, [*_AS_MANAGER, ("force", "true")], as_yaml(body), _APPLY)
        except ClusterError as error:
            await self._is_deleted(uid, path, error)
            if error.status == 422:
                raise spec_error("CronJob", error) from error
            raise
        self._on_write(answer)
        return answer

    async def _upgrade_managed_fields(self, path: str, uid: str) -> None:
        found = await self._get(path)
        if found and found["metadata"]["uid"] == uid:
            # With the version, the fields that another client has come to own meanwhile remain its own.
            kept = {each: found["metadata"][each] for each in ("uid", "resourceVersion")}
            body = {"metadata": {**kept, "managedFields": upgraded(found)}}
            await self._call("PATCH", path, _AS_MANAGER, body, _MERGE)

    async def delete_cronjob(self, namespace: str, name: str, *, uid: str) -> None:
        """Delete a CronJob and its Jobs."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        path = cronjob_path(namespace, name)
        await self._unless_deleted(uid, path, self._call("DELETE", path, [], body, JSON))

    async def suspend_cronjob(self, namespace: str, name: str, *, uid: str) -> None:
        """Suspend a CronJob; its schedule takes effect again with the next apply."""
        path = cronjob_path(namespace, name)
        metadata = {"uid": uid, "annotations": {names.ANNOTATION_SCHEDULE_KEY: None}}
        body = {"metadata": metadata, "spec": {"suspend": True}}
        answer = await self._unless_deleted(uid, path, self._call("PATCH", path, _AS_MANAGER, body, _MERGE))
        if answer:
            self._on_write(answer)

    async def create_job(self, manifest: Mapping[str, Any]) -> None:
        """Create a Job; an existing Job of the same name and owner stays as it is.

        Raises
        ------
        SpecError
            The API server rejects a field of the GraphCron.
        ConflictError
            The Job of this name has another owner.
        ClusterError
            The request failed; retry it.
        """
        path = f"/apis/batch/v1/namespaces/{manifest['metadata']['namespace']}/jobs"
        try:
            await self._call("POST", path, _AS_MANAGER, dict(manifest), JSON)
        except ClusterError as error:
            if error.status == 422:
                raise spec_error("Job", error) from error
            if error.reason != "AlreadyExists":
                raise
            await self._check_job(path, manifest, error)

    async def _check_job(self, path: str, manifest: Mapping[str, Any], error: ClusterError) -> None:
        """Check that the existing Job has the same owner; raise the error if the Job does not exist."""
        name = manifest["metadata"]["name"]
        # The operator has the right to list Jobs, not to get them.
        answer = await self._list_metadata(path, [("fieldSelector", f"metadata.name={name}")])
        found = next(iter(answer["items"] or ()), None)
        if found is None:
            raise error
        if owner_uid(found) != owner_uid(manifest):
            raise ConflictError(
                f"a Job named {name} exists and has another owner; delete it: kubectl delete job {name}"
            )

    async def delete_job(self, namespace: str, name: str, *, uid: str, version: str = "") -> None:
        """Delete a Job and its Pods; with a version, only if the Job still has it."""
        conditions = {"uid": uid, **({"resourceVersion": version} if version else {})}
        body = {"preconditions": conditions, "propagationPolicy": "Background"}
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}"
        await ignore_changed(self._call("DELETE", path, [], body, JSON))

    async def has_job(self, namespace: str, name: str, *, owner: str) -> bool:
        """Return whether a Job of this name exists and belongs to the object with this UID; a watch may be late."""
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        answer = await self._list_metadata(path, [("fieldSelector", f"metadata.name={name}")])
        return any(owner_uid(each) == owner for each in answer["items"] or ())

    async def list_pods(self, namespace: str, job: str) -> list[Answer]:
        """List the Pods of a Job; a watch may be late."""
        query = [("labelSelector", f"{names.MANAGED_SELECTOR},{names.LABEL_JOB_NAME}={job}")]
        answer = await self._call("GET", f"/api/v1/namespaces/{namespace}/pods", query, None, JSON)
        return list(answer["items"] or ())

    async def delete_graphrun(self, namespace: str, name: str, *, uid: str) -> None:
        """Delete a GraphRun and its Job."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        path = f"/apis/{names.API_VERSION}/namespaces/{namespace}/{names.RUN_PLURAL}/{name}"
        await ignore_changed(self._call("DELETE", path, [], body, JSON))

    async def terminate_pod(self, namespace: str, name: str, *, uid: str) -> None:
        """Terminate a Pod that is older than a second; the Pod and its logs are kept."""
        body = {"metadata": {"uid": uid}, "spec": {"activeDeadlineSeconds": 1}}
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        await ignore_changed(self._call("PATCH", path, _AS_MANAGER, body, _MERGE))

    async def list_events(self, namespace: str, uid: str) -> list[Answer]:
        """List the Events about an object."""
        query = [("fieldSelector", f"involvedObject.uid={uid}")]
        answer = await self._call("GET", f"/api/v1/namespaces/{namespace}/events", query, None, JSON)
        return list(answer["items"] or ())

    async def update_status(self, owner: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
        """Write the status of a GraphCron, GraphRun or GraphServer; return False if the object was deleted.

        Raises
        ------
        ClusterError
            The request failed, or the object has changed since it was cached; reconcile it again.
        """
        # With the version, a status that was decided on an older object is never written.
        identity = {each: owner["metadata"][each] for each in ("name", "namespace", "uid", "resourceVersion")}
        path = f"{owners_path(owner)}/{identity['name']}/status"
        body = {"apiVersion": names.API_VERSION, "kind": owner["kind"], "metadata": identity, "status": status}
        try:
            # No other client writes the status. A replacement costs the API server a fifth less than an apply.
            self._on_write(await self._call("PUT", path, _AS_MANAGER, body, JSON))
        except ClusterError as error:
            if error.status == 404:
                self._on_deleted(identity["uid"])
            elif error.status != 409 or await self.exists(owner):  # after a 409, another object may have the name
                raise
            return False
        return True

    async def create_event(self, owner: Mapping[str, Any], event: Event, *, now: str) -> None:
        """Create an Event about a GraphCron, GraphRun or GraphServer if possible; an existing Event stays as it is."""
        path = f"/api/v1/namespaces/{owner['metadata']['namespace']}/events"
        try:
            await self._call("POST", path, _AS_MANAGER, event.body_for(owner, now=now), JSON)
        except ClusterError as error:
            is_terminating = error.status == 404 or "NamespaceTerminating" in error.causes
            if error.reason != "AlreadyExists" and not is_terminating:
                logger.warning("Cannot create Event %s: %s", event.reason, error)

    async def has_crds(self) -> bool:
        """Return whether the CustomResourceDefinitions exist."""
        answer = await self._get(f"/apis/{names.API_VERSION}")
        known = {each["name"] for each in (answer or {}).get("resources", ())}
        return known >= {names.PLURAL, names.RUN_PLURAL, names.SERVER_PLURAL}

    async def list_metadata(self, namespaces: Sequence[str], serves: Callable[[str], bool]) -> Listed:
        """List the versions of all objects; see :func:`graphcron.kube.listing.list_all`."""
        return await list_all(self._list_metadata, namespaces, serves)

    async def exists(self, owner: Mapping[str, Any]) -> bool:
        """Return whether an object exists and is not terminating; a watch may miss its deletion."""
        uid, name = owner["metadata"]["uid"], owner["metadata"]["name"]
        # The operator has the right to list them, not to get them.
        answer = await self._list_metadata(owners_path(owner), [("fieldSelector", f"metadata.name={name}")])
        found = [each["metadata"] for each in answer["items"] or () if each["metadata"]["uid"] == uid]
        if not found:
            self._on_deleted(uid)
        return bool(found) and not found[0].get("deletionTimestamp")

    async def _unless_deleted(self, uid: str, path: str, call: Awaitable[Answer]) -> Answer | None:
        """Return the response to a write to the object with this UID; None if the object was deleted."""
        try:
            return await call
        except ClusterError as error:
            if await self._is_deleted(uid, path, error):
                return None
            raise

    async def _is_deleted(self, uid: str, path: str, error: ClusterError) -> bool:
        """Return whether a write failed because its object was deleted."""
        # After a 409, another object may have the name, or the conflict has another cause.
        found = await self._get(path) if error.status == 409 else None
        is_deleted = error.status == 404 or (error.status == 409 and (found is None or found["metadata"]["uid"] != uid))
        if is_deleted:
            self._on_deleted(uid)
        return is_deleted
