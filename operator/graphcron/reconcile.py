"""The verb: look at one GraphCron, make its CronJob right, write its status, tell what has changed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from graphcron.desired import cronjob_for, is_in_place
from graphcron.errors import ClusterError, ConflictError, SpecError
from graphcron.events import events_for
from graphcron.kube import Cluster
from graphcron.model import GraphCron, GraphCronStatus, dump_status, parse, rfc3339
from graphcron.observed import Body, CronJobSeen, JobSeen, PodSeen, cronjob_seen
from graphcron.settings import Settings
from graphcron.status import LONG_START, Observed, status_for, status_of, waiting_pods

AFTER_DUE: Final = timedelta(seconds=5)
"""How long after a due time the status is looked at again: the Job's own event, if there is one, has come by then."""


class Key(NamedTuple):
    """Which GraphCron."""

    namespace: str
    name: str


class View(Protocol):
    """What the watches have shown."""

    def graphcron(self, key: Key) -> Body | None:
        """Return the object; None where it is gone."""

    def cronjob(self, key: Key) -> CronJobSeen | None:
        """Return the CronJob of that name with our labels."""

    def jobs(self, uid: str) -> Sequence[JobSeen]:
        """Return the Jobs of the GraphCron with that UID."""

    def pods(self, uid: str) -> Sequence[PodSeen]:
        """Return the pods of the GraphCron with that UID."""


class Reconciler:
    """What reconciles: told once what it works with, then asked for one GraphCron at a time."""

    def __init__(self, cluster: Cluster, view: View, settings: Settings) -> None:
        self._cluster = cluster
        self._view = view
        self._settings = settings

    async def reconcile(self, key: Key, *, now: datetime) -> datetime | None:
        """Bring one GraphCron up to date.

        Returns
        -------
        datetime or None
            When to look again without a reason; None: the GraphCron is gone.

        Raises
        ------
        ClusterError
            It did not work; the status says so where it could be written. Try again.
        """
        body = self._view.graphcron(key)
        if body is None or body["metadata"].get("deletionTimestamp"):
            return None
        previous, uid = status_of(body), body["metadata"]["uid"]
        cronjob, problem, graphcron = self._view.cronjob(key), None, None
        try:
            graphcron = parse(body)
            cronjob = await self._put_in_place(graphcron, cronjob, previous, now=now)
        except (SpecError, ClusterError) as error:
            problem = error
        observed = Observed(
            generation=body["metadata"]["generation"],
            spec=graphcron.spec if graphcron else None,
            problem=problem,
            cronjob=cronjob,
            jobs=self._view.jobs(uid),
            pods=self._view.pods(uid),
            previous=previous,
            now=now,
        )
        status = status_for(observed)
        await self._tell(body, previous, status, now=now)
        if isinstance(problem, ClusterError):
            raise problem
        return self._next_look(status, observed)

    async def _put_in_place(
        self, graphcron: GraphCron, seen: CronJobSeen | None, previous: GraphCronStatus, *, now: datetime
    ) -> CronJobSeen:
        """Apply the CronJob unless it is in place, and return it as it is then."""
        metadata = graphcron.metadata
        if seen is None:
            # Our watch shows CronJobs with our labels only; this one may have none, and be ours or somebody else's.
            found = await self._cluster.find_cronjob(metadata.namespace or "", metadata.name)
            seen = cronjob_seen(found) if found else None
        if seen is not None and not seen.belongs_to(metadata.uid or ""):
            raise ConflictError(
                f"a CronJob named {metadata.name} exists and does not belong to this GraphCron; "
                f"rename the GraphCron, or delete the CronJob: kubectl delete cronjob {metadata.name}"
            )
        manifest = cronjob_for(graphcron, self._settings, seen, now=now)
        generation = previous.cron_job.generation if previous.cron_job else None
        if seen is not None and is_in_place(manifest, seen, generation=generation):
            return seen
        return cronjob_seen(await self._cluster.apply_cronjob(manifest, uid=seen.uid if seen else None))

    async def _tell(self, body: Body, previous: GraphCronStatus, status: GraphCronStatus, *, now: datetime) -> None:
        """Write the status if it differs, and post the Events that tell the difference."""
        if status == previous or not await self._cluster.patch_status(body, dump_status(status)):
            return
        for event in events_for(previous, status):
            await self._cluster.emit(body, event, now=rfc3339(now))

    def _next_look(self, status: GraphCronStatus, observed: Observed) -> datetime:
        moments = [observed.now + timedelta(seconds=self._settings.resync_seconds)]
        if status.next_schedule_time:
            moments.append(status.next_schedule_time + AFTER_DUE)
        if observed.spec and observed.spec.end_time:
            moments.append(observed.spec.end_time)
        moments += [pod.created + LONG_START for pod in waiting_pods(observed)]
        return min(moment for moment in moments if moment > observed.now)
