"""What the watches have shown, and what we wrote since: the view that decisions are made on.

Of CronJobs, Jobs and pods it keeps what matters; of GraphCrons and GraphServers all but what only the API server needs,
as JSON text, which takes a fifth of the memory of dictionaries.

kopf has indices for this, filled before the first handler runs. Each object that they wait for wakes all that wait: a
start with 4,000 GraphCrons took them four minutes (kopf 1.45). So the view is filled by the handlers, and
:meth:`Shown.lacks` tells whether it is complete.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, Generic, TypeVar

from pydantic_core import from_json, to_json

from graphcron import names
from graphcron.echoes import Echoes
from graphcron.names import Purpose
from graphcron.observed import (
    Body,
    CronJobSeen,
    JobSeen,
    PodSeen,
    cronjob_seen,
    job_seen,
    owner_key,
    pod_seen,
    without_managed_fields,
)
from graphcron.reconcile import Key

Value = TypeVar("Value")

NOBODY: Final[frozenset[Key]] = frozenset()
"""Who has to look where nothing that matters has changed."""


class _Index(Generic[Value]):
    """What was kept of objects, by any number of keys; each object is known by its UID."""

    def __init__(self) -> None:
        self._values: dict[Any, dict[str, Value]] = {}
        self._keys: dict[str, Collection[Any]] = {}

    def put(self, uid: str, keys: Collection[Any], value: Value) -> bool:
        """Keep a value in place of the object's former one; tell whether that is news."""
        is_news = self._keys.get(uid, ()) != keys or any(self._values[key][uid] != value for key in keys)
        if is_news:
            self.drop(uid)
            self._keys[uid] = keys
        for key in keys:
            self._values.setdefault(key, {})[uid] = value
        return is_news

    def drop(self, uid: str) -> None:
        """Forget an object."""
        for key in self._keys.pop(uid, ()):
            left = self._values[key]
            del left[uid]
            if not left:
                del self._values[key]

    def of(self, key: Any) -> list[Value]:
        """Return what is kept under a key, the newest last."""
        return list(self._values.get(key, {}).values())

    def knows(self, uid: str) -> bool:
        """Tell whether something is kept of an object."""
        return uid in self._keys

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._values))


class Shown:
    """The view. Where a watch has yet to show what we wrote, our write counts.

    Parameters
    ----------
    echoes
        Our own writes.
    """

    def __init__(self, echoes: Echoes) -> None:
        self._echoes = echoes
        self._owners: _Index[tuple[str, bytes]] = _Index()
        self._users: _Index[Key] = _Index()
        self._cronjobs: _Index[CronJobSeen] = _Index()
        self._jobs: _Index[JobSeen] = _Index()
        self._pods: _Index[PodSeen] = _Index()

    # --- what the reconcilers ask

    def body(self, key: Key) -> Body | None:
        """Return a GraphCron or GraphServer; None where it is gone."""
        found = self._owners.of(key)
        if not found:
            return None
        uid, text = found[-1]
        body: Body = self._echoes.latest(uid) or from_json(text)
        return body

    def graphcrons(self) -> Iterator[Body]:
        """Return all GraphCrons."""
        for key in self._owners:
            body = self.body(key) if key.kind == names.KIND else None
            if body:
                yield body

    def cronjobs(self, key: Key) -> list[CronJobSeen]:
        """Return the CronJobs that carry our labels for that GraphCron, or its own name."""
        return [self._latest(seen) for seen in self._cronjobs.of(key)]

    def jobs(self, uid: str) -> list[JobSeen]:
        """Return the Jobs of the owner with that UID."""
        return self._jobs.of(uid)

    def pods(self, uid: str) -> list[PodSeen]:
        """Return the pods of the owner with that UID."""
        return self._pods.of(uid)

    def lacks(self, versions: Mapping[str, int]) -> dict[str, int]:
        """Return which of these objects, by UID, no watch has shown in that version or a later one."""
        return {uid: version for uid, version in versions.items() if not self._echoes.has_shown(uid, version)}

    # --- what the watches show; each returns who has to look

    def owner(self, body: Body, *, gone: bool) -> Iterable[Key]:
        """Keep a GraphCron or GraphServer; with a GraphServer, those that name it look anew."""
        metadata = body["metadata"]
        uid, key = metadata["uid"], Key(metadata.get("namespace", ""), metadata["name"], body.get("kind", names.KIND))
        users = self._users.of(key)
        if gone:
            self._owners.drop(uid)
            self._users.drop(uid)
            return (key, *users)
        text = to_json(without_managed_fields(body, names.ANNOTATION_RUN_REQUESTED))
        self._owners.put(uid, (key,), (uid, text))
        server = ((body.get("spec") or {}).get("serverRef") or {}).get("name")
        self._users.put(uid, (Key(key.namespace, str(server), names.SERVER_KIND),) if server else (), key)
        return (key, *users)

    def cronjob(self, body: Body, *, gone: bool) -> Iterable[Key]:
        """Keep a CronJob, for the GraphCron that its label names and for the one of its own name."""
        metadata = body["metadata"]
        namespace, own, owner = metadata.get("namespace", ""), metadata["name"], owner_key(body)[1]
        keys = tuple(Key(namespace, each) for each in dict.fromkeys((own, owner)) if each)
        if gone:
            self._cronjobs.drop(metadata["uid"])
        elif not self._cronjobs.put(metadata["uid"], keys, cronjob_seen(body)):
            return NOBODY
        return keys

    def job(self, body: Body, *, gone: bool) -> Iterable[Key]:
        """Keep a Job."""
        return _child(self._jobs, body, None if gone else job_seen(body))

    def pod(self, body: Body, *, gone: bool) -> Iterable[Key]:
        """Keep a pod. One that is new and silent is no news: its Job is."""
        seen, is_new = None if gone else pod_seen(body), not self._pods.knows(body["metadata"]["uid"])
        keys = _child(self._pods, body, seen)
        return NOBODY if seen and seen.is_silent and is_new else keys

    def _latest(self, seen: CronJobSeen) -> CronJobSeen:
        written = self._echoes.latest(seen.uid)
        return cronjob_seen(written) if written else seen


def _child(index: _Index[Value], body: Body, seen: Value | None) -> Iterable[Key]:
    metadata = body["metadata"]
    labels = metadata.get("labels", {})
    if seen is None:
        index.drop(metadata["uid"])
    elif not index.put(metadata["uid"], (labels.get(names.LABEL_UID, ""),), seen):
        return NOBODY
    namespace, name = owner_key(body)
    keys = [Key(namespace, name)]
    if labels.get(names.LABEL_PURPOSE) == Purpose.PREFLIGHT:
        # A GraphServer may have the name of a GraphCron; asking both costs nothing.
        keys.append(Key(namespace, name, names.SERVER_KIND))
    return keys
