"""What the watches have shown, and what we wrote since: the view that decisions are made on.

Of CronJobs, Jobs and pods it keeps what matters; of GraphCrons and GraphServers the spec, unless it is oversized, the
status and the metadata that is read, as JSON text, which takes a fifth of the memory of dictionaries.

kopf has indices for this, filled before the first handler runs. Each object that they wait for wakes all that wait: a
start with 4,000 GraphCrons took them four minutes (kopf 1.45). So the view is filled by the handlers, and
:meth:`Shown.lacks` tells whether it is complete.

A watch may miss deletions: after a 410 kopf lists again, and reports what is there, not what has gone. So
:mod:`graphcron.controller.relist` compares the view with a list, and :meth:`Shown.missed` drops what the list lacks.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Generic, NamedTuple, TypeVar

from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.cache.expectations import Expectations
from graphcron.cache.objects import (
    Body,
    CachedCronJob,
    CachedJob,
    CachedPod,
    cached_cronjob,
    cached_job,
    cached_pod,
    without_unread_metadata,
)
from graphcron.cache.ownership import claimed_group, group_of, head_of, owner_key
from graphcron.unstructured.bounded_json import dumps, fast_loads
from graphcron.unstructured.fields import object_at


class Key(NamedTuple):
    """Which object: a GraphCron, or a GraphServer."""

    namespace: str
    name: str
    kind: str = names.KIND


Value = TypeVar("Value")
Child = TypeVar("Child", CachedJob, CachedPod)

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

    def drop(self, uid: str) -> Collection[Any]:
        """Forget an object; return the keys that it had."""
        keys = self._keys.pop(uid, ())
        for key in keys:
            left = self._values[key]
            del left[uid]
            if not left:
                del self._values[key]
        return keys

    def keys_of(self, uid: str) -> Collection[Any]:
        """Return the keys of an object."""
        return self._keys.get(uid, ())

    def of(self, key: Any) -> list[Value]:
        """Return what is kept under a key, the newest last."""
        return list(self._values.get(key, {}).values())

    def get(self, uid: str) -> Value | None:
        """Return what is kept of an object."""
        return next((self._values[key][uid] for key in self.keys_of(uid)), None)

    def knows(self, uid: str) -> bool:
        """Tell whether something is kept of an object."""
        return uid in self._keys

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._values))


class Shown:
    """The view. Where a watch has yet to show what we wrote, our write counts.

    Parameters
    ----------
    expectations
        Our own writes.
    """

    def __init__(self, expectations: Expectations) -> None:
        self._expectations = expectations
        self._owners: _Index[tuple[str, bytes]] = _Index()
        self._users: _Index[Key] = _Index()
        self._cronjobs: _Index[CachedCronJob] = _Index()
        self._jobs: _Index[CachedJob] = _Index()
        self._pods: _Index[CachedPod] = _Index()

    # --- what the reconcilers ask

    def body(self, key: Key) -> Body | None:
        """Return a GraphCron or GraphServer; None where it is gone."""
        found = self._owners.of(key)
        if not found:
            return None
        uid, text = found[-1]
        body: Body = self._expectations.pending_write(uid) or fast_loads(text)
        return body

    def graphcrons(self) -> Iterator[Body]:
        """Return all GraphCrons."""
        for key in self._owners:
            body = self.body(key) if key.kind == names.KIND else None
            if body:
                yield body

    def cronjobs(self, key: Key) -> list[CachedCronJob]:
        """Return the CronJobs that carry our labels for that GraphCron, or its own name."""
        return [self._latest(seen) for seen in self._cronjobs.of(key)]

    def orphans(self, key: Key) -> list[CachedCronJob]:
        """Return the CronJobs without an owner that were made for a GraphCron of that name which is gone."""
        return [
            each
            for each in self.cronjobs(key)
            if each.labels.get(names.LABEL_NAME) == key.name
            and not each.controller_uid
            and not self._owners.knows(each.labels.get(names.LABEL_UID, ""))
        ]

    def all_orphans(self) -> Iterator[tuple[Key, CachedCronJob]]:
        """Return all of those, each with the GraphCron that is gone."""
        return ((key, each) for key in self._cronjobs for each in self.orphans(key))

    def jobs(self, key: Key, uid: str) -> list[CachedJob]:
        """Return the Jobs of a GraphCron or GraphServer with that UID: its own, and those of its CronJobs."""
        makers = {uid, *(each.uid for each in self._cronjobs.of(key) if each.belongs_to(uid))}
        return [job for job in self._jobs.of(group_of(key.namespace, uid)) if job.owner in makers]

    def pods(self, key: Key, uid: str) -> list[CachedPod]:
        """Return the pods of those Jobs."""
        makers = {uid, *(job.uid for job in self.jobs(key, uid))}
        return [pod for pod in self._pods.of(group_of(key.namespace, uid)) if pod.owner in makers]

    def preflights(self) -> Iterator[tuple[Key, CachedJob]]:
        """Return the preflight Jobs that are under way, with their owners."""
        for key in self._owners:
            for uid, _ in self._owners.of(key):
                jobs = self.jobs(key, uid)
                yield from ((key, job) for job in jobs if job.purpose is Purpose.PREFLIGHT and not job.finished)

    def lacks(self, versions: Mapping[str, int]) -> dict[str, int]:
        """Return which of these objects, by UID, no watch has shown in that version or a later one."""
        return {uid: version for uid, version in versions.items() if not self._expectations.has_observed(uid, version)}

    # --- what the watches show; each returns who has to look

    def owner(self, body: Body, *, deleted: bool) -> Iterable[Key]:
        """Keep a GraphCron or GraphServer; with a GraphServer, those that name it look anew."""
        metadata = body["metadata"]
        uid, key = metadata["uid"], Key(metadata.get("namespace", ""), metadata["name"], body.get("kind", names.KIND))
        users = self._users.of(key)
        if deleted:
            self._owners.drop(uid)
            self._users.drop(uid)
            return (key, *users)
        text = dumps(without_unread_metadata(body, names.ANNOTATION_RUN_REQUESTED))
        self._owners.put(uid, (key,), (uid, text))
        server = object_at(body, "spec", "serverRef").get("name")
        self._users.put(uid, (Key(key.namespace, str(server), names.SERVER_KIND),) if server else (), key)
        return (key, *users)

    def cronjob(self, body: Body, *, deleted: bool) -> Iterable[Key]:
        """Keep a CronJob, for the GraphCron that its label names and for the one of its own name."""
        metadata = body["metadata"]
        namespace, own, owner = metadata.get("namespace", ""), metadata["name"], owner_key(body)[1]
        keys = tuple(Key(namespace, each) for each in dict.fromkeys((own, owner)) if each)
        if deleted:
            self._drop_cronjob(metadata["uid"])
        elif not self._cronjobs.put(metadata["uid"], keys, cached_cronjob(body)):
            return NOBODY
        return keys

    def job(self, body: Body, *, deleted: bool) -> Iterable[Key]:
        """Keep a Job."""
        uid = body["metadata"]["uid"]
        if deleted:
            self._drop_job(uid)
        elif not _keep(self._jobs, body, cached_job(body)):
            return NOBODY
        return _who_looks(body)

    def pod(self, body: Body, *, deleted: bool) -> Iterable[Key]:
        """Keep a pod. One that is new and silent is no news: its Job is."""
        uid, seen = body["metadata"]["uid"], cached_pod(body)
        is_new = not self._pods.knows(uid)
        if deleted:
            self._pods.drop(uid)
        elif not _keep(self._pods, body, seen) or (is_new and seen.is_silent):
            return NOBODY
        return _who_looks(body)

    def missed(self, uid: str, version: int = 0) -> Iterable[Key]:
        """Drop an object that is gone, at that version if it is known, though no watch has shown its end."""
        self._expectations.observe_deletion(uid, version)
        owners = self._owners.drop(uid)
        self._users.drop(uid)
        users = [user for owner in owners for user in self._users.of(owner)]
        groups = (*self._drop_job(uid), *self._pods.drop(uid))
        parents = [key for group in groups for key in self._owners.keys_of(head_of(group))]
        return {*owners, *users, *self._drop_cronjob(uid), *parents}

    def _drop_cronjob(self, uid: str) -> Collection[Key]:
        """Forget a CronJob; what it made remains its GraphCron's."""
        seen = self._cronjobs.get(uid)
        keys = self._cronjobs.drop(uid)
        for key in list(keys)[:1]:
            if seen:
                _hand_over(self._jobs, group_of(key.namespace, seen.owner), uid)
        return keys

    def _drop_job(self, uid: str) -> Collection[str]:
        """Forget a Job; its pods, which end after it and tell what became of the run, remain its GraphCron's."""
        job, groups = self._jobs.get(uid), self._jobs.keys_of(uid)
        for group in groups:
            if job and self._is_known(job, group):
                _hand_over(self._pods, group, uid)
        return self._jobs.drop(uid)

    def _is_known(self, job: CachedJob, group: str) -> bool:
        """Return whether a Job belongs to the GraphCron or GraphServer of its group."""
        made_by = self._cronjobs.get(job.owner)
        return job.owner == head_of(group) or bool(made_by and made_by.belongs_to(head_of(group)))

    def _latest(self, seen: CachedCronJob) -> CachedCronJob:
        written = self._expectations.pending_write(seen.uid)
        return cached_cronjob(written) if written else seen


def _keep(index: _Index[Child], body: Body, seen: Child) -> bool:
    """Keep a Job or pod; return whether that is news."""
    group, former = claimed_group(body), index.get(seen.uid)
    if former and seen.owner and former.owner == head_of(group):
        seen = replace(seen, owner=former.owner)  # it was handed over
    return index.put(body["metadata"]["uid"], (group,), seen)


def _hand_over(index: _Index[Child], group: str, gone: str) -> None:
    """Let the head of a group own what an object owned that is gone."""
    for child in index.of(group):
        if child.owner == gone:
            index.put(child.uid, (group,), replace(child, owner=head_of(group)))


def _who_looks(body: Body) -> list[Key]:
    """Return those that look again for a Job or pod: whom its labels name, since a look without news costs nothing."""
    namespace, name = owner_key(body)
    keys = [Key(namespace, name)]
    if object_at(body, "metadata", "labels").get(names.LABEL_PURPOSE) == Purpose.PREFLIGHT:
        # A GraphServer may have the name of a GraphCron; asking both costs nothing.
        keys.append(Key(namespace, name, names.SERVER_KIND))
    return keys
