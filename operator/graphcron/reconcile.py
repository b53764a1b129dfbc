"""The verb: look at one GraphCron, make its CronJobs and Jobs right, write its status, tell what has changed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from graphcron import names, unstarted
from graphcron.allowed import check_graphcron
from graphcron.desired import cronjob_names, is_in_place, next_change
from graphcron.errors import ClusterError, ConflictError, NotAllowedError, SpecError
from graphcron.events import events_for
from graphcron.kube import Cluster
from graphcron.model import (
    GraphCron,
    GraphCronStatus,
    GraphServer,
    RecentRun,
    dump_status,
    parse,
    parse_server,
    rfc3339,
)
from graphcron.observed import Body, CronJobSeen, JobSeen, PodSeen, cronjob_seen, wish_of
from graphcron.plan import Plan, Seen, plan_for, told_without_plan
from graphcron.ready import LONG_START, Observed, waiting_pods
from graphcron.resolved import resolved
from graphcron.settings import Settings
from graphcron.status import status_for, status_of
from graphcron.timing import calendar_for

AFTER_DUE: Final = timedelta(seconds=15)
"""How long after a due time the status is looked at again: the Job's own event, if there is one, has come by then.

Kubernetes takes some twelve seconds to make 500 Jobs that are due in the same minute.
"""


class Key(NamedTuple):
    """Which object: a GraphCron, or a GraphServer."""

    namespace: str
    name: str
    kind: str = names.KIND


class View(Protocol):
    """What the watches have shown."""

    def body(self, key: Key) -> Body | None:
        """Return a GraphCron or GraphServer; None where it is gone."""

    def graphcrons(self) -> Iterable[Body]:
        """Return all GraphCrons."""

    def cronjobs(self, key: Key) -> Sequence[CronJobSeen]:
        """Return the CronJobs that carry our labels for that GraphCron, or its own name."""

    def jobs(self, uid: str) -> Sequence[JobSeen]:
        """Return the Jobs of the owner with that UID."""

    def pods(self, uid: str) -> Sequence[PodSeen]:
        """Return the pods of the owner with that UID."""


Ended = Callable[[tuple[str, str], Sequence[RecentRun], Sequence[RecentRun]], None]
"""Called with a GraphCron's namespace and name, the runs that its status told before, and those that are new."""


class Reconciler:
    """What reconciles: told once what it works with, then asked for one GraphCron at a time."""

    def __init__(self, cluster: Cluster, view: View, settings: Settings, ended: Ended = lambda *_: None) -> None:
        self._cluster = cluster
        self._view = view
        self._settings = settings
        self._ended = ended

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
        body = self._view.body(key)
        if body is None or body["metadata"].get("deletionTimestamp"):
            return None
        seen = self._seen(key, body)
        graphcron: GraphCron | None = None
        plan, problem, cronjobs = None, None, list(seen.cronjobs.values())
        try:
            graphcron = parse(body)
            graphcron = resolved(graphcron, self._server_of(graphcron))
            check_graphcron(graphcron, self._settings)
            seen = replace(seen, cronjobs=await self._with_unlabelled(graphcron, seen.cronjobs))
            plan = plan_for(graphcron, self._settings, seen, now=now)
            cronjobs = await self._carry_out(graphcron, plan, seen)
        except (SpecError, ClusterError) as error:
            problem = error
        if isinstance(problem, NotAllowedError):
            await self._suspend(seen, uid=body["metadata"]["uid"], namespace=key.namespace)
        observed = Observed(
            generation=body["metadata"]["generation"],
            graphcron=graphcron,
            problem=problem,
            seen=seen,
            cronjobs=cronjobs,
            plan=plan,
            # What was not carried out is decided anew: nothing of it may be told before.
            told=plan.told if plan and not problem else told_without_plan(seen, graphcron.spec if graphcron else None),
            now=now,
        )
        status = status_for(observed)
        await self._tell(body, observed, status)
        if isinstance(problem, ClusterError):
            raise problem
        return self._next_look(status, observed)

    def _seen(self, key: Key, body: Body) -> Seen:
        uid = body["metadata"]["uid"]
        return Seen(
            cronjobs={each.name: each for each in self._view.cronjobs(key)},
            jobs=self._view.jobs(uid),
            pods=self._view.pods(uid),
            previous=status_of(body),
            trigger=wish_of(body, names.ANNOTATION_RUN_REQUESTED),
            resume=wish_of(body, names.ANNOTATION_RESUME_REQUESTED),
        )

    def _server_of(self, graphcron: GraphCron) -> GraphServer | None:
        """Return the GraphServer that a GraphCron names; None: it names none, or none that is there and valid."""
        reference = graphcron.spec.server_ref
        key = Key(graphcron.metadata.namespace or "", reference.name, names.SERVER_KIND) if reference else None
        body = self._view.body(key) if key else None
        try:
            return parse_server(body) if body else None
        except SpecError:
            return None

    async def _with_unlabelled(self, graphcron: GraphCron, known: Mapping[str, CronJobSeen]) -> dict[str, CronJobSeen]:
        """Add the CronJobs of the names that we need which our watch does not show; refuse those of somebody else.

        Our watch shows CronJobs with our labels only; one that has none may be ours or somebody else's.
        """
        metadata, cronjobs = graphcron.metadata, dict(known)
        for name in cronjob_names(graphcron):
            if name not in cronjobs:
                found = await self._cluster.find_cronjob(metadata.namespace or "", name)
                cronjobs |= {name: cronjob_seen(found)} if found else {}
            if name in cronjobs and not cronjobs[name].belongs_to(metadata.uid or ""):
                raise ConflictError(
                    f"a CronJob named {name} exists and does not belong to this GraphCron; "
                    f"rename the GraphCron, or delete the CronJob: kubectl delete cronjob {name}"
                )
        return cronjobs

    async def _carry_out(self, graphcron: GraphCron, plan: Plan, seen: Seen) -> list[CronJobSeen]:
        """Make Jobs and CronJobs what the plan says, and return the CronJobs as they are then."""
        metadata, applied = graphcron.metadata, []
        generations = {each.name: each.generation for each in seen.previous.cron_jobs or ()}
        for job in plan.jobs:
            await self._cluster.create_job(job)
        for manifest in plan.cronjobs:
            name = manifest["metadata"]["name"]
            own = seen.cronjobs.get(name)
            if own is None or not is_in_place(manifest, own, generation=generations.get(name)):
                own = cronjob_seen(await self._cluster.apply_cronjob(manifest, uid=own.uid if own else None))
            applied.append(own)
        for each in plan.surplus:
            busy = any(job.name.startswith(f"{each.name}-") and not job.finished for job in seen.jobs)
            if not each.belongs_to(metadata.uid or ""):
                continue
            if not busy:
                await self._cluster.delete_cronjob(metadata.namespace or "", each.name, uid=each.uid)
            elif not each.suspended:
                await self._cluster.suspend_cronjob(metadata.namespace or "", each.name, uid=each.uid)
        return applied

    async def _suspend(self, seen: Seen, *, uid: str, namespace: str) -> None:
        """Let nothing more start of what was made before."""
        for each in seen.cronjobs.values():
            if each.belongs_to(uid) and not each.suspended:
                await self._cluster.suspend_cronjob(namespace, each.name, uid=each.uid)

    async def _tell(self, body: Body, observed: Observed, status: GraphCronStatus) -> None:
        """Write the status if it differs; count the runs that it tells anew, and post the Events that tell it."""
        previous, metadata = observed.seen.previous, body["metadata"]
        if status == previous or not await self._cluster.patch_status(body, dump_status(status)):
            return
        self._ended((metadata["namespace"], metadata["name"]), previous.recent_runs or (), observed.told.new)
        for event in events_for(previous, status):
            await self._cluster.emit(body, event, now=rfc3339(observed.now))

    def _next_look(self, status: GraphCronStatus, observed: Observed) -> datetime:
        now, graphcron, plan = observed.now, observed.graphcron, observed.plan
        moments = [now + timedelta(seconds=self._settings.resync_seconds)]
        if status.next_schedule_time:
            moments.append(status.next_schedule_time + AFTER_DUE)
        if graphcron:
            moments += [moment for moment in [next_change(graphcron, now=now)] if moment]
            patience = unstarted.patience(graphcron.spec)
            open_times = calendar_for(graphcron).due_between(now - patience, now, 1)
            moments += [moment + patience + AFTER_DUE for moment in open_times]
        if status.budget and status.budget.window_end:
            moments.append(status.budget.window_end)
        if plan and plan.look and plan.look.again:
            moments.append(plan.look.again)
        moments += [pod.created + LONG_START for pod in waiting_pods(observed)]
        return min(moment for moment in moments if moment > now)
