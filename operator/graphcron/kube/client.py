"""The only room that talks to Kubernetes: a few verbs in, plain values or a ClusterError out."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import aiohttp
from kubernetes.aio import client

from graphcron.api import names
from graphcron.api.event import Event
from graphcron.cache.ownership import owner_uid
from graphcron.errors import ClusterError, ConflictError
from graphcron.kube.api_errors import refusal, refused, unless_changed
from graphcron.kube.listing import Listed, Query, list_all, owners_path
from graphcron.unstructured.bounded_json import as_yaml, fast_loads

REQUEST_SECONDS: Final = 30
"""The longest that we wait for the API server's answer."""

_APPLY: Final = "application/apply-patch+yaml; charset=utf-8"
"""With the charset the client sends our text as it is; without, it writes JSON that is not always YAML."""

_MERGE: Final = "application/merge-patch+json"

_JSON: Final = "application/json"

_HEADS: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Of a list's objects the metadata alone."""

VERBS: Final = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
"""What Kubernetes' rules call the requests that we make."""

Answer = dict[str, Any]
"""An object as the API server sent it."""

logger = logging.getLogger(__name__)


class Cluster:
    """The API server, as the reconciler needs it.

    Parameters
    ----------
    wrote
        Called with each object that we wrote, as the API server answered with it.
    gone
        Called with the UID of each object of which a request has found that it is gone.
    asked
        Called with verb and status of each request; None: there was no answer.
    """

    def __init__(
        self,
        api: client.ApiClient,
        wrote: Callable[[Answer], None],
        asked: Callable[[str, int | None], None] = lambda *_: None,
        gone: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._api = api
        self._wrote = wrote
        self._asked = asked
        self._gone = gone
        self._is_answered = False

    async def close(self) -> None:
        """Give the connections back."""
        await self._api.close()

    async def find_cronjob(self, namespace: str, name: str) -> Answer | None:
        """Return the CronJob of that name, whoever made it; None where there is none."""
        return await self._find(_cronjob_path(namespace, name))

    async def apply_cronjob(self, manifest: Mapping[str, Any], *, uid: str | None) -> Answer:
        """Make a CronJob what the manifest says, by server-side apply.

        Parameters
        ----------
        uid
            UID of the CronJob, which is ours; None: there is none, and it is made.

        Raises
        ------
        ConflictError
            A CronJob of that name has come meanwhile.
        SpecError
            The API server refuses what the GraphCron asks for, such as an impossible affinity.
        ClusterError
            It did not work; try again.
        """
        metadata = manifest["metadata"]
        path = _cronjob_path(metadata["namespace"], metadata["name"])
        # With its UID in the patch, an apply never makes a CronJob anew nor touches a successor of that name. Without
        # force, the apply that makes one is refused by the fields of a CronJob that came between our look and this.
        body = {**manifest, "metadata": {**metadata, "uid": uid}} if uid else dict(manifest)
        try:
            answer = await self._call("PATCH", path, _apply_query(force=uid is not None), as_yaml(body), _APPLY)
        except ClusterError as error:
            # Other 409s pass, such as that of a ResourceQuota which several requests count in at once.
            if "FieldManagerConflict" in error.causes:
                raise ConflictError(f"somebody else has made a CronJob named {metadata['name']}") from error
            if uid:
                await self._is_gone(uid, path, error)
            if error.status == 422:
                raise refused("CronJob", error) from error
            raise
        self._wrote(answer)
        return answer

    async def delete_cronjob(self, namespace: str, name: str, *, uid: str) -> None:
        """Take a CronJob of ours away, with its Jobs."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        path = _cronjob_path(namespace, name)
        await self._of(uid, path, self._call("DELETE", path, [], body, _JSON))

    async def suspend_cronjob(self, namespace: str, name: str, *, uid: str) -> None:
        """Let a CronJob of ours start no more; its schedule takes effect anew once it is applied again."""
        path = _cronjob_path(namespace, name)
        metadata = {"uid": uid, "annotations": {names.ANNOTATION_SCHEDULE_KEY: None}}
        body, query = {"metadata": metadata, "spec": {"suspend": True}}, [("fieldManager", names.FIELD_MANAGER)]
        answer = await self._of(uid, path, self._call("PATCH", path, query, body, _MERGE))
        if answer:
            self._wrote(answer)

    async def create_job(self, manifest: Mapping[str, Any]) -> None:
        """Make a Job, once: one of that name and owner that is there already is left as it is.

        Raises
        ------
        SpecError
            The API server refuses what the GraphCron asks for.
        ConflictError
            The Job of that name has another owner.
        ClusterError
            It did not work; try again.
        """
        path = f"/apis/batch/v1/namespaces/{manifest['metadata']['namespace']}/jobs"
        try:
            await self._call("POST", path, [("fieldManager", names.FIELD_MANAGER)], dict(manifest), _JSON)
        except ClusterError as error:
            if error.status == 422:
                raise refused("Job", error) from error
            if error.reason != "AlreadyExists":
                raise
            await self._check_job(path, manifest, error)

    async def _check_job(self, path: str, manifest: Mapping[str, Any], error: ClusterError) -> None:
        """Make sure that the Job that is in the way is the one that was to be made; the error is raised if none is."""
        name = manifest["metadata"]["name"]
        # A list, since that is what the operator may do with Jobs.
        answer = await self._heads(path, [("fieldSelector", f"metadata.name={name}")])
        found = next(iter(answer["items"] or ()), None)
        if found is None:
            raise error
        if owner_uid(found) != owner_uid(manifest):
            raise ConflictError(
                f"a Job named {name} exists and belongs to something else; delete it: kubectl delete job {name}"
            )

    async def delete_job(self, namespace: str, name: str, *, uid: str, version: str = "") -> None:
        """Delete a Job of ours, with its pods; where a version is given, only that one."""
        conditions = {"uid": uid, **({"resourceVersion": version} if version else {})}
        body = {"preconditions": conditions, "propagationPolicy": "Background"}
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}"
        await unless_changed(self._call("DELETE", path, [], body, _JSON))

    async def end_pod(self, namespace: str, name: str, *, uid: str) -> None:
        """Have the kubelet end a pod of ours that is older than a second; it stays, with its logs."""
        body = {"metadata": {"uid": uid}, "spec": {"activeDeadlineSeconds": 1}}
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        await unless_changed(self._call("PATCH", path, [("fieldManager", names.FIELD_MANAGER)], body, _MERGE))

    async def events_of(self, namespace: str, uid: str) -> list[Answer]:
        """Return the Events on an object."""
        query = [("fieldSelector", f"involvedObject.uid={uid}")]
        answer = await self._call("GET", f"/api/v1/namespaces/{namespace}/events", query, None, _JSON)
        return list(answer["items"] or ())

    async def patch_status(self, owner: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
        """Write the status of a GraphCron or GraphServer; False where it is gone.

        Raises
        ------
        ClusterError
            It did not work, or the object has changed since a watch showed it; look at it again.
        """
        # With its version, so that nothing is told that was decided on an older status, whoever has written since.
        identity = {each: owner["metadata"][each] for each in ("name", "namespace", "uid", "resourceVersion")}
        path = f"{owners_path(owner)}/{identity['name']}/status"
        body = {"apiVersion": names.API_VERSION, "kind": owner["kind"], "metadata": identity, "status": status}
        query = [("fieldManager", names.FIELD_MANAGER)]
        try:
            # Nobody else writes it, so it is put whole: that costs the API server a fifth less than an apply.
            self._wrote(await self._call("PUT", path, query, body, _JSON))
        except ClusterError as error:
            if error.status not in {404, 409} or await self.is_there(owner):
                raise
            return False  # another object may have its name by now
        return True

    async def emit(self, owner: Mapping[str, Any], event: Event, *, now: str) -> None:
        """Post an Event on a GraphCron or GraphServer, if possible; one that was posted before is left as it is."""
        path = f"/api/v1/namespaces/{owner['metadata']['namespace']}/events"
        try:
            await self._call(
                "POST", path, [("fieldManager", names.FIELD_MANAGER)], event.body_for(owner, now=now), _JSON
            )
        except ClusterError as error:
            is_going = error.status == 404 or "NamespaceTerminating" in error.causes
            if error.reason != "AlreadyExists" and not is_going:
                logger.warning("Event %s not posted: %s", event.reason, error)

    async def serves_our_kinds(self) -> bool:
        """Tell whether the CustomResourceDefinitions are in place."""
        answer = await self._find(f"/apis/{names.API_VERSION}")
        known = {each["name"] for each in (answer or {}).get("resources", ())}
        return known >= {names.PLURAL, names.SERVER_PLURAL}

    async def listed(self, namespaces: Sequence[str], serves: Callable[[str], bool]) -> Listed:
        """Return what there is; see :func:`graphcron.kube.listing.list_all`."""
        return await list_all(self._heads, namespaces, serves)

    async def is_there(self, owner: Mapping[str, Any]) -> bool:
        """Tell whether a GraphCron or GraphServer is there, and not about to go: a watch may have missed its end."""
        uid, name = owner["metadata"]["uid"], owner["metadata"]["name"]
        # A list, since that is what the operator may do with them.
        answer = await self._heads(owners_path(owner), [("fieldSelector", f"metadata.name={name}")])
        found = [each["metadata"] for each in answer["items"] or () if each["metadata"]["uid"] == uid]
        if not found:
            self._gone(uid)
        return bool(found) and not found[0].get("deletionTimestamp")

    async def _heads(self, path: str, query: Query) -> Answer:
        return await self._call("GET", path, query, None, _JSON, accept=_HEADS)

    async def _find(self, path: str) -> Answer | None:
        """Return what is at a path; None: nothing."""
        try:
            return await self._call("GET", path, [], None, _JSON)
        except ClusterError as error:
            if error.status == 404:
                return None
            raise

    async def _of(self, uid: str, path: str, call: Awaitable[Answer]) -> Answer | None:
        """Return the answer of a call about the object with that UID; None where it is gone."""
        try:
            return await call
        except ClusterError as error:
            if await self._is_gone(uid, path, error):
                return None
            raise

    async def _is_gone(self, uid: str, path: str, error: ClusterError) -> bool:
        """Tell whether a write was refused since its object is gone."""
        # Of a 409, another object has its name by now, or something else is in the way of the write.
        found = await self._find(path) if error.status == 409 else None
        is_gone = error.status == 404 or (error.status == 409 and (found is None or found["metadata"]["uid"] != uid))
        if is_gone:
            self._gone(uid)
        return is_gone

    async def is_reachable(self) -> bool:
        """Tell whether the API server answers us; it is asked only where our last request had no answer."""
        if self._is_answered:
            return True
        try:
            await self._call("GET", "/version", [], None, _JSON)
        except ClusterError:
            return False
        return True

    async def _call(
        self, method: str, path: str, query: list[tuple[str, str]], body: Any, content: str, *, accept: str = _JSON
    ) -> Answer:
        headers = {"Content-Type": content, "Accept": accept}
        try:
            request = await self._api.param_serialize(
                method, path, query_params=query, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            response = await self._api.call_api(*request, _request_timeout=REQUEST_SECONDS)
            text = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._is_answered = False
            self._asked(VERBS[method], None)
            raise ClusterError(f"{method} {path}: no answer ({type(error).__name__}: {error})") from error
        self._is_answered = response.status < 500
        self._asked(VERBS[method], response.status)
        if response.status >= 400:
            raise refusal(method, path, response.status, text)
        return dict(fast_loads(text))


def _apply_query(*, force: bool) -> list[tuple[str, str]]:
    return [("fieldManager", names.FIELD_MANAGER), ("force", "true" if force else "false")]


def _cronjob_path(namespace: str, name: str) -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/cronjobs/{name}"
