"""A model of the API server, which processes or rejects requests of the operator as the real one does.

Objects are never changed in place, so a watch, a list and an answer may share them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from graphcron.api.names import LABEL_MANAGED_BY, MANAGED_BY
from tests.simulation.kernel import Kernel

Body = dict[str, Any]
Path = tuple[str, ...]

CRONJOBS: Final = "cronjobs"
JOBS: Final = "jobs"
PODS: Final = "pods"
EVENTS: Final = "events"
GRAPHCRONS: Final = "graphcrons"
GRAPHSERVERS: Final = "graphservers"
GRAPHRUNS: Final = "graphruns"

RIGHTS: Final = {
    GRAPHCRONS: {"GET list", "PUT status"},
    GRAPHRUNS: {"GET list", "PUT status", "DELETE"},
    GRAPHSERVERS: {"GET list", "PUT status"},
    CRONJOBS: {"GET", "GET list", "POST", "PATCH", "DELETE"},
    JOBS: {"GET list", "POST", "DELETE"},
    PODS: {"GET list", "PATCH"},
    EVENTS: {"GET list", "POST"},
}
"""What the operator's ClusterRole lets it do."""

_SYSTEM: Final = ("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
_KEPT: Final = (*_SYSTEM, "deletionTimestamp", "finalizers")


class Refusal(Exception):
    """What a request is refused with."""

    def __init__(self, status: int, reason: str, message: str = "", cause: str = "") -> None:
        self.status = status
        self.body = {"kind": "Status", "reason": reason, "message": message or reason, "code": status}
        if cause:
            self.body["details"] = {"causes": [{"reason": cause}]}
        super().__init__(f"{status} {reason} {message}")


class Change(NamedTuple):
    """One entry of the log that the watches show."""

    version: int
    resource: str
    before: Body | None
    after: Body | None
    """None: the object was deleted."""
    by: str
    """Who made the change: a replica, a controller, or a user."""

    @property
    def body(self) -> Body:
        """The object as it is then, or as it was last, in the version of its end."""
        found = self.after or self.before
        assert found
        if self.after is None:
            return {**found, "metadata": {**found["metadata"], "resourceVersion": str(self.version)}}
        return found


def is_ours(body: Body | None) -> bool:
    """Return whether the watches' selector takes an object."""
    return bool(body) and (body["metadata"].get("labels") or {}).get(LABEL_MANAGED_BY) == MANAGED_BY


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the fields of an object that have owners; lists are one field, owner references one each."""
    for key, each in value.items():
        here = (*path, key)
        if here in {("apiVersion",), ("kind",), ("status",)} or (path == ("metadata",) and key in _KEPT):
            continue
        if here == ("metadata", "ownerReferences"):
            yield from (((*here, reference["uid"]), reference) for reference in each)
        elif isinstance(each, dict) and each:
            yield from leaves(each, here)
        else:
            yield here, each


def _built(fields: dict[Path, Any], head: Body) -> Body:
    """Make an object of its fields, with the metadata that the API server keeps, and the status, of another one."""
    kept = {key: each for key, each in head["metadata"].items() if key in _KEPT}
    body: Body = {**{key: head[key] for key in ("apiVersion", "kind", "status") if key in head}, "metadata": kept}
    for path, each in fields.items():
        if path[:2] == ("metadata", "ownerReferences"):
            body["metadata"].setdefault("ownerReferences", []).append(each)
            continue
        place = body
        for key in path[:-1]:
            place = place.setdefault(key, {})
        place[path[-1]] = each
    return body


def _fields(paths: Iterable[Path]) -> Body:
    """Return a set of fields as ``managedFields`` holds it."""
    root: Body = {}
    for path in sorted(paths):
        place = root
        for key in path:
            place = place.setdefault(f"f:{key}", {})
    return root


def _paths(fields: Body, path: Path = ()) -> Iterator[Path]:
    """Yield the fields of such a set."""
    for key, below in fields.items():
        here = (*path, key.removeprefix("f:"))
        if below:
            yield from _paths(below, here)
        else:
            yield here


def merged(body: Any, patch: Any) -> Any:
    """Return what a merge patch makes of a value."""
    if not isinstance(patch, dict):
        return patch
    result = dict(body) if isinstance(body, dict) else {}
    for key, each in patch.items():
        if each is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), each)
    return result


class ApiServer:
    """Objects, and the log of their changes.

    Parameters
    ----------
    changed
        Called with each change, once it is made.
    """

    def __init__(self, kernel: Kernel, changed: Callable[[Change], None]) -> None:
        self._kernel = kernel
        self._changed = changed
        self.objects: dict[tuple[str, str, str], Body] = {}
        self.log: list[Change] = []
        self.terminating: set[str] = set()
        self.quotas: dict[str, Refusal] = {}
        """What the creation of objects is refused with, by resource."""
        self.version = 1000
        self._asker = ""
        """Who makes the request that is being answered."""
        self._uids = 0
        self._owners: dict[str, dict[tuple[str, str], set[Path]]] = {}
        """By UID, which manager and operation own which fields."""

    # --- what controllers, users and the operator do

    def all(self, resource: str) -> list[Body]:
        """Return all objects of a resource."""
        return [body for (kind, _, _), body in self.objects.items() if kind == resource]

    def find(self, resource: str, namespace: str, name: str, uid: str = "") -> Body:
        """Return an object; that one, where a UID is given."""
        body = self.objects.get((resource, namespace, name))
        if body is None:
            raise Refusal(404, "NotFound", f'{resource} "{name}" not found')
        if uid and body["metadata"]["uid"] != uid:
            raise Refusal(409, "Conflict", f"Precondition failed: UID in precondition: {uid}")
        return body

    def create(self, resource: str, body: Body, by: str) -> Body:
        """Make an object."""
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        if namespace in self.terminating:
            raise Refusal(403, "Forbidden", f"namespace {namespace} is being terminated", "NamespaceTerminating")
        if resource in self.quotas:
            raise self.quotas[resource]  # admission is asked before the name
        if (resource, namespace, name) in self.objects:
            raise Refusal(409, "AlreadyExists", f'{resource} "{name}" already exists')
        self._uids += 1
        uid = str(UUID(int=self._uids, version=4))
        made = {"uid": uid, "generation": 1, "creationTimestamp": self.now()}
        self._owners[uid] = {(by, "Update"): {path for path, _ in leaves(body)}}
        return self._put(resource, None, {**body, "metadata": {**body["metadata"], **made}}, by)

    def update(self, resource: str, before: Body, after: Body, by: str) -> Body:
        """Change an object; a manager owns what it changes."""
        old, new = dict(leaves(before)), dict(leaves(after))
        changed = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
        owners = self._owners[before["metadata"]["uid"]]
        for paths in owners.values():
            paths.difference_update(changed)
        owners.setdefault((by, "Update"), set()).update(changed & new.keys())
        return self._put(resource, before, after, by)

    def apply(self, resource: str, manifest: Body, by: str, *, force: bool) -> Body:
        """Apply a manifest to an object, as server-side apply does."""
        metadata, me = manifest["metadata"], (by, "Apply")
        before = self.objects.get((resource, metadata["namespace"], metadata["name"]))
        if before is None:
            if "uid" in metadata:
                raise Refusal(409, "Conflict", "the object with that uid does not exist")
            made = self.create(resource, manifest, by)
            self._owners[made["metadata"]["uid"]] = {me: {path for path, _ in leaves(manifest)}}
            return made
        self.find(resource, metadata["namespace"], metadata["name"], metadata.get("uid", ""))
        old, new = dict(leaves(before)), dict(leaves(manifest))
        owners = self._owners[before["metadata"]["uid"]]
        others = [paths for manager, paths in owners.items() if manager != me]
        taken = {path for path, each in new.items() if old.get(path) != each and any(path in paths for paths in others)}
        if taken and not force:
            raise Refusal(409, "Conflict", f"Apply failed with {len(taken)} conflicts", "FieldManagerConflict")
        for paths in others:
            paths.difference_update(taken)
        left = {path for path in owners.get(me, set()) - new.keys() if not any(path in paths for paths in others)}
        owners[me] = set(new)
        fields = {path: each for path, each in old.items() if path not in left} | new
        return self._put(resource, before, _built(fields, before), by)

    def delete(self, resource: str, before: Body, by: str, policy: str = "Background") -> None:
        """Delete an object; it remains as long as it waits for its dependents or for the kubelet."""
        if policy == "Background" and resource != PODS:
            self.remove(resource, before, by)
        elif "deletionTimestamp" not in before["metadata"]:
            going = {"deletionTimestamp": self.now(), "finalizers": [policy]}
            self._put(resource, before, {**before, "metadata": {**before["metadata"], **going}}, by)

    def remove(self, resource: str, before: Body, by: str) -> None:
        """Remove an object immediately."""
        metadata = before["metadata"]
        del self.objects[resource, metadata["namespace"], metadata["name"]]
        self.version += 1
        self._note(Change(self.version, resource, before, None, by))

    def set_status(self, resource: str, before: Body, status: Body, by: str) -> Body:
        """Write a status."""
        return self._put(resource, before, {**before, "status": status}, by)

    def now(self) -> str:
        """Return the time as objects hold it."""
        return rfc3339(self._kernel.now)

    def _put(self, resource: str, before: Body | None, after: Body, by: str) -> Body:
        if resource == CRONJOBS:
            after = {**after, "metadata": {**after["metadata"], "managedFields": self._managed_fields(after)}}
        if before == after:
            return before
        self.version += 1
        metadata = after["metadata"]
        further = before is not None and before.get("spec") != after.get("spec")
        counted = {"resourceVersion": str(self.version), "generation": metadata["generation"] + further}
        after = {**after, "metadata": {**metadata, **counted}}
        self.objects[resource, metadata["namespace"], metadata["name"]] = after
        self._note(Change(self.version, resource, before, after, by))
        return after

    def _managed_fields(self, body: Body) -> list[Body]:
        owners = self._owners[body["metadata"]["uid"]].items()
        return [
            {"manager": manager, "operation": operation, "fieldsV1": _fields(paths)}
            for (manager, operation), paths in sorted(owners)
            if paths
        ]

    def _note(self, change: Change) -> None:
        change = change._replace(by=self._asker or change.by)
        self.log.append(change)
        self._changed(change)

    # --- what the operator asks

    def answer(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], sent: Any, *, by: str
    ) -> Any:
        """Process a request, and return the response."""
        self._asker = by
        try:
            return self._answer(method, path, query, headers, sent)
        finally:
            self._asker = ""

    def _answer(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], sent: Any) -> Any:
        by = self._asker
        _, _, scope = path.partition("v1alpha1/" if "/v1alpha1/" in path else "/v1/")
        namespace, resource, name, sub = _parts(scope)
        body = json.loads(sent) if isinstance(sent, str) else sent
        verb = f"{method} {sub or ('' if name or method != 'GET' else 'list')}".strip()
        if verb not in RIGHTS[resource]:
            raise Refusal(403, "Forbidden", f"{by} may not {verb} {resource}")
        simple: dict[str, Callable[[], Any]] = {
            "GET": lambda: self.find(resource, namespace, name),
            "GET list": lambda: self._list(resource, namespace, query, headers["Accept"]),
            "POST": lambda: self.create(resource, body, query["fieldManager"]),
            "PUT status": lambda: self._put_status(resource, namespace, name, body, by),
            "DELETE": lambda: self._delete(resource, namespace, name, body, by),
        }
        if verb in simple:
            return simple[verb]()
        if "apply-patch" in headers["Content-Type"]:
            return self.apply(resource, body, query["fieldManager"], force=query["force"] == "true")
        before = self.find(resource, namespace, name, body["metadata"].get("uid", ""))
        if "managedFields" in body["metadata"]:
            return self._set_managed_fields(resource, before, body["metadata"], by)
        return self.update(resource, before, merged(before, body), query["fieldManager"])

    def _set_managed_fields(self, resource: str, before: Body, metadata: Body, by: str) -> Body:
        if metadata["resourceVersion"] != before["metadata"]["resourceVersion"]:
            raise Refusal(409, "Conflict", "the object has been modified")
        self._owners[metadata["uid"]] = {
            (each["manager"], each["operation"]): set(_paths(each["fieldsV1"])) for each in metadata["managedFields"]
        }
        return self._put(resource, before, before, by)

    def _list(self, resource: str, namespace: str, query: dict[str, str], accept: str) -> Body:
        found = [each for each in self.all(resource) if namespace in ("", each["metadata"]["namespace"])]
        if "labelSelector" in query:
            wanted = dict(each.split("=") for each in query["labelSelector"].split(","))
            assert wanted[LABEL_MANAGED_BY] == MANAGED_BY
            found = [each for each in found if wanted.items() <= (each["metadata"].get("labels") or {}).items()]
        field, _, value = query.get("fieldSelector", "").partition("=")
        if field == "metadata.name":
            found = [each for each in found if each["metadata"]["name"] == value]
        elif field:
            assert field == "involvedObject.uid"
            found = [each for each in found if each["involvedObject"]["uid"] == value]
        if "PartialObjectMetadataList" in accept:
            found = [{"metadata": each["metadata"]} for each in found]
        return {"metadata": {"resourceVersion": str(self.version)}, "items": found}

    def _delete(self, resource: str, namespace: str, name: str, options: Body, by: str) -> Body:
        conditions = options.get("preconditions", {})
        before = self.find(resource, namespace, name, conditions.get("uid", ""))
        if (
            conditions.get("resourceVersion", before["metadata"]["resourceVersion"])
            != before["metadata"]["resourceVersion"]
        ):
            raise Refusal(409, "Conflict", "Precondition failed: ResourceVersion in precondition")
        self.delete(resource, before, by, options["propagationPolicy"])
        return {"kind": "Status", "status": "Success"}

    def _put_status(self, resource: str, namespace: str, name: str, body: Body, by: str) -> Body:
        before = self.find(resource, namespace, name, body["metadata"]["uid"])
        if body["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]:
            raise Refusal(409, "Conflict", f"Operation cannot be fulfilled on {resource}: the object has been modified")
        return self.set_status(resource, before, body["status"], by)


def _parts(scope: str) -> tuple[str, str, str, str]:
    """Return namespace, resource, name and subresource of a path."""
    parts = scope.split("/")
    namespace = ""
    if parts[0] == "namespaces":
        namespace, parts = parts[1], parts[2:]
    resource, name, sub, *_ = [*parts, "", ""]
    return namespace, resource, name, sub


def rfc3339(seconds: float) -> str:
    """Return a time as objects hold it: whole seconds, rounded down."""
    return datetime.fromtimestamp(int(seconds), tz=UTC).isoformat().replace("+00:00", "Z")
