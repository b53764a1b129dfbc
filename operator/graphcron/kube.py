"""The only room that talks to Kubernetes: a few verbs in, plain values or a ClusterError out."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import aiohttp
from kubernetes.aio import client
from pydantic_core import from_json

from graphcron import names
from graphcron.errors import ClusterError, ConflictError, SpecError
from graphcron.events import Event
from graphcron.leader import Leadership

REQUEST_SECONDS: Final = 30
"""The longest that we wait for the API server's answer."""

_APPLY: Final = "application/apply-patch+yaml; charset=utf-8"
"""With the charset the client sends our text as it is; without, it writes JSON that is not always YAML."""

_MERGE: Final = "application/merge-patch+json"

_JSON: Final = "application/json"

_HEADS: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Of a list's objects the metadata alone."""

_LISTED: Final = (
    (f"/apis/{names.API_VERSION}", names.SERVER_PLURAL, ""),
    ("/apis/batch/v1", "cronjobs", names.OURS),
    ("/apis/batch/v1", "jobs", names.OURS),
    ("/api/v1", "pods", names.OURS),
)
"""What a look at a GraphCron needs beside it: API group, resource and selector of each."""

LIST_LIMIT: Final = 1000
"""Objects of a list that are asked for at once."""

VERBS: Final = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
"""What Kubernetes' rules call the requests that we make."""

Answer = dict[str, Any]
"""An object as the API server sent it."""


class Cluster:
    """The API server, as the reconciler needs it.

    Parameters
    ----------
    wrote
        Called with each object that we wrote, as the API server answered with it.
    asked
        Called with verb and status of each request; None: there was no answer.
    """

    def __init__(
        self,
        api: client.ApiClient,
        wrote: Callable[[Answer], None],
        asked: Callable[[str, int | None], None] = lambda *_: None,
    ) -> None:
        self._api = api
        self._wrote = wrote
        self._asked = asked
        self._is_answered = False

    def leadership(self, name: str, namespace: str, *, identity: str, seconds: int) -> Leadership:
        """Return our part in an election; see :class:`graphcron.leader.Leadership`."""
        return Leadership(self._api, name, namespace, identity=identity, seconds=seconds)

    async def close(self) -> None:
        """Give the connections back."""
        await self._api.close()

    async def find_cronjob(self, namespace: str, name: str) -> Answer | None:
        """Return the CronJob of that name, whoever made it; None where there is none."""
        return await _unless_gone(self._call("GET", _cronjob_path(namespace, name), [], None, _JSON))

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
            if error.status == 409 and uid is None:
                raise ConflictError(f"somebody else has made a CronJob named {metadata['name']}") from error
            if error.status == 422:
                raise _refused("CronJob", error) from error
            raise
        self._wrote(answer)
        return answer

    async def delete_cronjob(self, namespace: str, name: str, *, uid: str) -> None:
        """Take a CronJob of ours away, with its Jobs."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        await _unless_gone(self._call("DELETE", _cronjob_path(namespace, name), [], body, _JSON))

    async def suspend_cronjob(self, namespace: str, name: str, *, uid: str) -> None:
        """Let a CronJob of ours start no more; its schedule takes effect anew once it is applied again."""
        metadata = {"uid": uid, "annotations": {names.ANNOTATION_SCHEDULE_KEY: None}}
        body, query = {"metadata": metadata, "spec": {"suspend": True}}, [("fieldManager", names.FIELD_MANAGER)]
        answer = await _unless_gone(self._call("PATCH", _cronjob_path(namespace, name), query, body, _MERGE))
        if answer:
            self._wrote(answer)

    async def create_job(self, manifest: Mapping[str, Any]) -> None:
        """Make a Job, once: one of that name that is there already is left as it is.

        Raises
        ------
        SpecError
            The API server refuses what the GraphCron asks for.
        ClusterError
            It did not work; try again.
        """
        path = f"/apis/batch/v1/namespaces/{manifest['metadata']['namespace']}/jobs"
        try:
            await self._call("POST", path, [("fieldManager", names.FIELD_MANAGER)], dict(manifest), _JSON)
        except ClusterError as error:
            if error.status == 422:
                raise _refused("Job", error) from error
            if error.status != 409:
                raise

    async def patch_status(self, owner: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
        """Write the status of a GraphCron or GraphServer; False where it is gone, or has changed meanwhile."""
        # With its version, so that nothing is told that was decided on an older status, whoever has written since.
        identity = {each: owner["metadata"][each] for each in ("name", "namespace", "uid", "resourceVersion")}
        plural = names.SERVER_PLURAL if owner["kind"] == names.SERVER_KIND else names.PLURAL
        path = f"/apis/{names.API_VERSION}/namespaces/{identity['namespace']}/{plural}/{identity['name']}/status"
        body = {"apiVersion": names.API_VERSION, "kind": owner["kind"], "metadata": identity, "status": status}
        query = [("fieldManager", names.FIELD_MANAGER)]
        try:
            # Nobody else writes it, so it is put whole: that costs the API server a fifth less than an apply.
            self._wrote(await self._call("PUT", path, query, body, _JSON))
        except ClusterError as error:
            if error.status in {404, 409}:
                return False
            raise
        return True

    async def emit(self, owner: Mapping[str, Any], event: Event, *, now: str) -> None:
        """Post an Event on a GraphCron or GraphServer; one that was posted before is left as it is."""
        metadata = owner["metadata"]
        name = event.name_for(metadata["name"], metadata["uid"])
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": names.API_VERSION,
                "kind": owner["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "type": "Normal" if event.normal else "Warning",
            "reason": event.reason,
            "message": event.message[:1024],
            "source": {"component": names.OPERATOR},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        path = f"/api/v1/namespaces/{metadata['namespace']}/events"
        try:
            await self._call("POST", path, [("fieldManager", names.FIELD_MANAGER)], body, _JSON)
        except ClusterError as error:
            # 409: told before. 403 and 404: the namespace is going away.
            if error.status not in {403, 404, 409}:
                raise

    async def serves_our_kinds(self) -> bool:
        """Tell whether the CustomResourceDefinitions are in place."""
        answer = await _unless_gone(self._call("GET", f"/apis/{names.API_VERSION}", [], None, _JSON))
        known = {each["name"] for each in (answer or {}).get("resources", ())}
        return known >= {names.PLURAL, names.SERVER_PLURAL}

    async def versions(self, namespaces: Sequence[str], serves: Callable[[str], bool]) -> dict[str, int]:
        """Return the versions, by UID, of all GraphServers there are, and of the CronJobs, Jobs and pods of ours.

        Parameters
        ----------
        namespaces
            Where to look, by their names; empty: in all of them at once.
        serves
            Tells which namespaces count.
        """
        found: dict[str, int] = {}
        for group, plural, selector in _LISTED:
            for scope in [f"namespaces/{each}/" for each in namespaces] or [""]:
                async for metadata in self._heads(f"{group}/{scope}{plural}", selector):
                    if serves(metadata["namespace"]):
                        found[metadata["uid"]] = int(metadata["resourceVersion"])
        return found

    async def _heads(self, path: str, selector: str) -> AsyncIterator[Answer]:
        """Yield the metadata of all objects of a list."""
        following = ""
        while True:
            query = [("limit", str(LIST_LIMIT)), ("labelSelector", selector), ("continue", following)]
            given = [(name, value) for name, value in query if value]
            answer = await self._call("GET", path, given, None, _JSON, accept=_HEADS)
            for each in answer["items"] or ():
                yield each["metadata"]
            following = answer["metadata"].get("continue", "")
            if not following:
                return

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
            raise ClusterError(_refusal(method, path, response.status, text), status=response.status)
        return dict(from_json(text))


def as_yaml(body: Any) -> str:
    """Write JSON that is YAML too: no pairs of surrogates; escapes for what YAML refuses or takes for a line's end."""
    return _UNFIT.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(body, ensure_ascii=False))


_UNFIT: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


async def _unless_gone(call: Awaitable[Answer]) -> Answer | None:
    """Return the answer of a call about an object of ours; None where that is gone, or another one by now."""
    try:
        return await call
    except ClusterError as error:
        if error.status in {404, 409}:
            return None
        raise


def _apply_query(*, force: bool) -> list[tuple[str, str]]:
    return [("fieldManager", names.FIELD_MANAGER), ("force", "true" if force else "false")]


def _cronjob_path(namespace: str, name: str) -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/cronjobs/{name}"


def _refused(what: str, error: ClusterError) -> SpecError:
    return SpecError(field="spec", problem=f"the API server refuses the {what}: {error}", remedy="change what it names")


def _refusal(method: str, path: str, status: int, text: bytes) -> str:
    try:
        message = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        message = text[:200].decode(errors="replace")
    return f"{method} {path}: {status} {message}"
