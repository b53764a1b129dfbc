"""Read access to the cache, as the reconcilers have it."""

from collections.abc import Collection, Sequence
from typing import Protocol

from graphcron.cache.graphruns import CachedGraphRun
from graphcron.cache.objects import Body, CachedCronJob, CachedJob, CachedPod
from graphcron.cache.store import Key


class Reader(Protocol):
    """The part of :class:`graphcron.cache.store.Store` that the reconcilers use."""

    def body(self, key: Key) -> Body | None:
        """Return a GraphCron, GraphRun or GraphServer; None if it does not exist."""

    def graph_runs(self, key: Key, uid: str) -> Sequence[CachedGraphRun]:
        """Return the GraphRuns of the GraphCron with this UID that have a Job, or had one."""

    def cronjobs(self, key: Key) -> Sequence[CachedCronJob]:
        """Return the CronJobs that have the operator's labels for a GraphCron, or the GraphCron's name."""

    def orphans(self, key: Key) -> Sequence[CachedCronJob]:
        """Return the CronJobs without an owner whose GraphCron, which had this name, was deleted."""

    def jobs(self, key: Key, uid: str) -> Sequence[CachedJob]:
        """Return the Jobs of the object with this UID, including those of its CronJobs."""

    def pods(self, key: Key, uid: str) -> Sequence[CachedPod]:
        """Return the Pods of those Jobs."""

    def pods_of_jobs(self, namespace: str, jobs: Collection[str]) -> Sequence[CachedPod]:
        """Return the Pods of these Jobs, by their names, if their owner may be deleted; all Pods are searched."""
