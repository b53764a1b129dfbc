"""The informer cache: the watched objects as the operator last observed them, with its own pending writes.

Of CronJobs, Jobs and Pods, it keeps the fields that the reconcilers read. Of GraphCrons, GraphRuns and GraphServers, it
keeps the spec, unless it is oversized, the status and the metadata that is read. They are stored as JSON text, which
takes a fifth of the memory of dictionaries. Of a GraphRun that is over, hardly more than the status is kept.

kopf has indices for this purpose, filled before the first handler runs. But each object that they wait for wakes all
that wait: with 4,000 GraphCrons a start took four minutes (kopf 1.45). So the handlers fill the store, and
:meth:`Store.missing` tells whether it is synced.

A watch may miss deletions: after a 410, kopf lists again and reports the objects that exist, not those that were
deleted. So :mod:`graphcron.controller.relist` compares the store with a list, and :meth:`Store.remove` drops what the
list lacks.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple, TypeVar

from graphcron.api import names
from graphcron.api.graphruns import is_over
from graphcron.api.names import Purpose
from graphcron.cache.expectations import Expectations
from graphcron.cache.graphruns import CachedGraphRun, cached_graph_run, compact, references_of, ttl_seconds
from graphcron.cache.index import Index
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
    """Identifies a GraphCron, a GraphRun or a GraphServer."""

    namespace: str
    name: str
    kind: str = names.KIND


Child = TypeVar("Child", CachedJob, CachedPod)

NO_KEYS: Final[frozenset[Key]] = frozenset()
"""Nothing to reconcile."""


class Store:
    """The informer cache. A pending write of the operator takes precedence over what a watch has delivered.

    Parameters
    ----------
    expectations
        The operator's own writes.
    """

    def __init__(self, expectations: Expectations) -> None:
        self._expectations = expectations
        self._owners: Index[tuple[str, bytes]] = Index()
        self._users: Index[Key] = Index()
        """GraphCrons and unfinished GraphRuns by the objects that they reference."""
        self._graph_runs: Index[CachedGraphRun] = Index()
        """GraphRuns by the GraphCron that they reference."""
        self._cronjobs: Index[CachedCronJob] = Index()
        self._jobs: Index[CachedJob] = Index()
        self._pods: Index[CachedPod] = Index()

    # --- what the reconcilers read

    def body(self, key: Key) -> Body | None:
        """Return a GraphCron, GraphRun or GraphServer; None if it does not exist."""
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
        """Return the CronJobs that have the operator's labels for a GraphCron, or the GraphCron's name."""
        return [self._latest(each) for each in self._cronjobs.of(key)]

    def graph_runs(self, key: Key, uid: str) -> list[CachedGraphRun]:
        """Return the GraphRuns of the GraphCron with this UID that have a Job, or had one."""
        runs = (self._latest_run(each) for each in self._graph_runs.of(key))
        return [each for each in runs if each.graphcron_uid == uid]

    def orphans(self, key: Key) -> list[CachedCronJob]:
        """Return the CronJobs without an owner whose GraphCron, which had this name, was deleted."""
        return [
            each
            for each in self.cronjobs(key)
            if each.labels.get(names.LABEL_NAME) == key.name
            and not each.controller_uid
            and not self._owners.knows(each.labels.get(names.LABEL_UID, ""))
        ]

    def all_orphans(self) -> Iterator[tuple[Key, CachedCronJob]]:
        """Return all orphaned CronJobs, each with the key of its deleted GraphCron."""
        return ((key, each) for key in self._cronjobs for each in self.orphans(key))

    def jobs(self, key: Key, uid: str) -> list[CachedJob]:
        """Return the Jobs of the object with this UID, including those of its CronJobs."""
        makers = {uid, *(each.uid for each in self._cronjobs.of(key) if each.belongs_to(uid))}
        return [job for job in self._jobs.of(group_of(key.namespace, uid)) if job.owner in makers]

    def pods(self, key: Key, uid: str) -> list[CachedPod]:
        """Return the pods of those Jobs."""
        makers = {uid, *(job.uid for job in self.jobs(key, uid))}
        return [pod for pod in self._pods.of(group_of(key.namespace, uid)) if pod.owner in makers]

    def pods_of_jobs(self, namespace: str, jobs: Collection[str]) -> list[CachedPod]:
        """Return the pods of these Jobs, by their names, if their owner may be deleted; all pods are searched."""
        groups = [group for group in self._pods if group.startswith(group_of(namespace, ""))]
        found = [group for group in groups if any(pod.job in jobs for pod in self._pods.of(group))]
        return [pod for each in found for pod in self.pods(Key(namespace, ""), head_of(each)) if pod.job in jobs]

    def preflights(self) -> Iterator[tuple[Key, CachedJob]]:
        """Return the unfinished preflight Jobs with the keys of their owners."""
        for key in self._owners:
            for uid, _ in self._owners.of(key):
                jobs = self.jobs(key, uid)
                yield from ((key, job) for job in jobs if job.purpose is Purpose.PREFLIGHT and not job.finished)

    def missing(self, versions: Mapping[str, int]) -> dict[str, int]:
        """Return the objects, by UID, that no watch has delivered in this version or a later one."""
        return {uid: version for uid, version in versions.items() if not self._expectations.has_observed(uid, version)}

    # --- what the watches deliver

    def update(self, body: Body, *, deleted: bool) -> Iterable[Key]:
        """Store an object that a watch has delivered, or its deletion; return the keys to reconcile.

        An event that delivers only the operator's own write returns none.
        """
        if self._expectations.is_stale(body):
            return NO_KEYS
        # The version counts as observed first: nothing may wait for an object that cannot be read.
        is_news = self._expectations.observe(body, deleted=deleted)
        match body["kind"]:
            case "CronJob":
                keys = self._update_cronjob(body, deleted=deleted)
            case "Job":
                keys = self._update_job(body, deleted=deleted)
            case "Pod":
                keys = self._update_pod(body, deleted=deleted)
            case names.RUN_KIND:
                keys = self._update_graph_run(body, deleted=deleted)
            case _:
                keys = self._update_owner(body, deleted=deleted)
        return keys if is_news else NO_KEYS

    def remove(self, uid: str, version: int = 0) -> Iterable[Key]:
        """Remove an object that was deleted without an event; return the keys to reconcile."""
        self._expectations.observe_deletion(uid, version)
        owners = self._owners.drop(uid)
        self._users.drop(uid)
        users = [user for owner in owners for user in self._users_of(owner)]
        graphcrons = self._graph_runs.drop(uid)
        groups = (*self._drop_job(uid), *self._pods.drop(uid))
        parents = [key for group in groups for key in self._owners.keys_of(head_of(group))]
        return {*owners, *users, *graphcrons, *self._drop_cronjob(uid), *parents}

    def _update_owner(self, body: Body, *, deleted: bool) -> Iterable[Key]:
        """Store a GraphCron or GraphServer; the objects that depend on it are reconciled, too."""
        metadata = body["metadata"]
        uid, key = metadata["uid"], Key(metadata.get("namespace", ""), metadata["name"], body["kind"])
        if deleted:
            self._owners.drop(uid)
            self._users.drop(uid)
        else:
            text = dumps(without_unread_metadata(body, names.ANNOTATION_RUN_REQUESTED))
            self._owners.put(uid, (key,), (uid, text))
            self._users.put(uid, _references(body), key)
        return (key, *self._users_of(key))

    def _update_graph_run(self, body: Body, *, deleted: bool) -> Iterable[Key]:
        """Store a GraphRun. One that is over is reconciled only if it has a TTL, and depends on nothing any more."""
        metadata = body["metadata"]
        uid, key = metadata["uid"], Key(metadata.get("namespace", ""), metadata["name"], names.RUN_KIND)
        references = _references(body)
        graphcrons = [each for each in references if each.kind == names.KIND]
        if deleted:
            for index in (self._owners, self._users, self._graph_runs):
                index.drop(uid)
            return (key, *graphcrons)
        over = is_over(body)
        self._owners.put(uid, (key,), (uid, dumps(compact(body))))
        self._users.put(uid, () if over else references, key)
        has_changed = self._graph_runs.put(uid, tuple(graphcrons), cached_graph_run(body))
        own = () if over and ttl_seconds(body) is None else (key,)
        return (*own, *(graphcrons if has_changed else ()))

    def _users_of(self, key: Key) -> Collection[Key]:
        """Return the objects that depend on an object, directly or through a GraphCron."""
        users = self._users.of(key)
        return {*users, *(further for user in users for further in self._users.of(user))}

    def _update_cronjob(self, body: Body, *, deleted: bool) -> Iterable[Key]:
        """Store a CronJob for the GraphCron in its label and for the GraphCron that has its name."""
        metadata = body["metadata"]
        namespace, own, owner = metadata.get("namespace", ""), metadata["name"], owner_key(body)[1]
        keys = tuple(Key(namespace, each) for each in dict.fromkeys((own, owner)) if each)
        if deleted:
            self._drop_cronjob(metadata["uid"])
        elif not self._cronjobs.put(metadata["uid"], keys, cached_cronjob(body)):
            return NO_KEYS
        return keys

    def _update_job(self, body: Body, *, deleted: bool) -> Iterable[Key]:
        """Store a Job."""
        if deleted:
            self._drop_job(body["metadata"]["uid"])
        elif not _put(self._jobs, body, cached_job(body)):
            return NO_KEYS
        return _keys_of(body)

    def _update_pod(self, body: Body, *, deleted: bool) -> Iterable[Key]:
        """Store a Pod. The owner of a new, silent Pod is not reconciled, since its Job's event has done so."""
        uid, pod = body["metadata"]["uid"], cached_pod(body)
        is_new = not self._pods.knows(uid)
        if deleted:
            self._pods.drop(uid)
        elif not _put(self._pods, body, pod) or (is_new and pod.is_silent):
            return NO_KEYS
        return _keys_of(body)

    def _drop_cronjob(self, uid: str) -> Collection[Key]:
        """Remove a CronJob; its Jobs remain those of its GraphCron."""
        cronjob = self._cronjobs.get(uid)
        keys = self._cronjobs.drop(uid)
        for key in list(keys)[:1]:
            if cronjob:
                _adopt(self._jobs, group_of(key.namespace, cronjob.owner), uid)
        return keys

    def _drop_job(self, uid: str) -> Collection[str]:
        """Remove a Job; its Pods, which end after it and report its run, remain those of its GraphCron."""
        job, groups = self._jobs.get(uid), self._jobs.keys_of(uid)
        for group in groups:
            if job and self._is_owned(job, group):
                _adopt(self._pods, group, uid)
        return self._jobs.drop(uid)

    def _is_owned(self, job: CachedJob, group: str) -> bool:
        """Return whether a Job belongs to the GraphCron or GraphServer of its group."""
        made_by = self._cronjobs.get(job.owner)
        return job.owner == head_of(group) or bool(made_by and made_by.belongs_to(head_of(group)))

    def _latest(self, cronjob: CachedCronJob) -> CachedCronJob:
        written = self._expectations.pending_write(cronjob.uid)
        return cached_cronjob(written) if written else cronjob

    def _latest_run(self, run: CachedGraphRun) -> CachedGraphRun:
        written = self._expectations.pending_write(run.uid)
        return cached_graph_run(written) if written else run


def _references(body: Body) -> tuple[Key, ...]:
    """Return the objects that a GraphCron or GraphRun depends on; a GraphServer depends on none."""
    namespace = body["metadata"].get("namespace", "")
    return tuple(Key(namespace, name, kind) for kind, name in references_of(body))


def _put(index: Index[Child], body: Body, child: Child) -> bool:
    """Store a Job or Pod; return whether it has changed."""
    group, former = claimed_group(body), index.get(child.uid)
    if former and child.owner and former.owner == head_of(group):
        child = replace(child, owner=former.owner)  # it was adopted
    return index.put(body["metadata"]["uid"], (group,), child)


def _adopt(index: Index[Child], group: str, deleted: str) -> None:
    """Make the head of a group the owner of the children of a deleted object."""
    for child in index.of(group):
        if child.owner == deleted:
            index.put(child.uid, (group,), replace(child, owner=head_of(group)))


def _keys_of(body: Body) -> list[Key]:
    """Return the keys to reconcile for a Job or Pod, by its labels; a reconcile without any change costs little."""
    namespace, name = owner_key(body)
    # A GraphRun or GraphServer may have the name of a GraphCron; both are reconciled.
    match object_at(body, "metadata", "labels").get(names.LABEL_PURPOSE):
        case Purpose.PREFLIGHT:
            return [Key(namespace, name), Key(namespace, name, names.SERVER_KIND)]
        case Purpose.RUN:
            return [Key(namespace, name), Key(namespace, name, names.RUN_KIND)]
        case _:
            return [Key(namespace, name)]
