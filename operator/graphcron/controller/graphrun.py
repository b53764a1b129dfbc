"""Reconcile a GraphRun: create its Job once, follow it to its end, and write the status and the Events."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from graphcron.api import names
from graphcron.api.graphrun_ref import effective_graphcron
from graphcron.api.graphruns import graphcron_name_of, is_over
from graphcron.api.reasons import Reason
from graphcron.api.server_ref import resolved
from graphcron.api.v1alpha1 import (
    GraphCron,
    GraphRun,
    GraphRunStatus,
    RecentRun,
    dump_status,
    parse_run,
    rfc3339,
)
from graphcron.api.v1alpha1.parsing import run_status_of
from graphcron.cache.graphruns import ttl_seconds
from graphcron.cache.objects import Body, cached_pod
from graphcron.cache.reader import Reader
from graphcron.cache.store import Key
from graphcron.contract import Outcome
from graphcron.controller.cleanup import read_refusals, stop_forbidden, terminate_stuck
from graphcron.controller.graphserver import graphserver_of
from graphcron.errors import ClusterError, GraphCronError, SpecError
from graphcron.kube.client import Cluster
from graphcron.manifests.job import graph_run_job_for, graph_run_job_name
from graphcron.planning.allowed_servers import check_graphcron
from graphcron.planning.graphrun import (
    ObservedGraphRun,
    is_left_to_other,
    jobs_to_end,
    reason_of,
)
from graphcron.planning.graphrun_history import recent_run, times_of
from graphcron.planning.installation import is_others
from graphcron.planning.stuck_jobs import outlived_by_sidecars, recheck_times
from graphcron.settings import Settings
from graphcron.status.graphrun import active_status, delay_in, ended_status, events_for, waiting_status
from graphcron.status.links import with_links

LISTED_AFTER: Final = timedelta(seconds=10)
"""Time for a GraphCron to list a GraphRun that is over, before the TTL may delete it."""

REQUEUE_DELAY: Final = timedelta(seconds=5)
"""When to look for a Job again that exists and that no watch has delivered."""

OnRunFinished = Callable[[tuple[str, str], RecentRun], None]
"""Called with the namespace and the name of the GraphCron, which is empty without one, and the run."""


class GraphRunReconciler:
    """Reconciles GraphRuns; the counterpart of :class:`graphcron.controller.graphcron.Reconciler`.

    Parameters
    ----------
    enqueue
        Called with the key of a GraphCron whose status lists the GraphRun, when that has changed.
    """

    def __init__(
        self,
        cluster: Cluster,
        reader: Reader,
        settings: Settings,
        *,
        enqueue: Callable[[Key], None] = lambda _: None,
        on_run_finished: OnRunFinished = lambda *_: None,
    ) -> None:
        self._cluster = cluster
        self._reader = reader
        self._settings = settings
        self._enqueue = enqueue
        self._on_run_finished = on_run_finished

    async def reconcile(self, key: Key, *, now: datetime) -> datetime | None:
        """Reconcile a GraphRun; see :meth:`graphcron.controller.graphcron.Reconciler.reconcile`.

        Returns
        -------
        datetime or None
            Time to reconcile it again; None: it is over or does not exist.
        """
        body = self._reader.body(key)
        if body is None:
            return None
        if is_over(body) or body["metadata"].get("deletionTimestamp"):
            return await self._reconcile_over(key, body, now=now)
        resync = now + timedelta(seconds=self._settings.resync_seconds)
        observed = self._observe(key, body, now=now)
        graphcron_key = Key(key.namespace, observed.graphcron_name)
        cronjobs = self._reader.cronjobs(graphcron_key) if observed.graphcron else ()
        if is_left_to_other(observed, cronjobs, self._settings.installation, now):
            return resync
        refusals = await read_refusals(self._cluster, key.namespace, observed.jobs, observed.pods, now=now)
        observed = replace(observed, refusals=refusals)
        if not observed.is_started:
            return await self._start(observed, resync, now=now)
        return await self._follow(observed, resync, now=now)

    def _observe(self, key: Key, body: Body, *, now: datetime) -> ObservedGraphRun:
        metadata, previous = body["metadata"], run_status_of(body)
        scheduled, created = times_of(body)
        name = previous.job or graph_run_job_name(metadata["name"], metadata["uid"])
        graphcron_name = graphcron_name_of(body)
        return ObservedGraphRun(
            body=body,
            previous=previous,
            created=created or now,
            scheduled=scheduled or now,
            job=name,
            jobs=[job for job in self._reader.jobs(key, metadata["uid"]) if job.name == name],
            pods=[pod for pod in self._reader.pods(key, metadata["uid"]) if pod.job == name],
            graphcron=self._reader.body(Key(key.namespace, graphcron_name)) if graphcron_name else None,
            graphcron_name=graphcron_name,
        )

    # --- before there is a Job

    async def _start(self, observed: ObservedGraphRun, resync: datetime, *, now: datetime) -> datetime | None:
        """Create the Job if possible; otherwise report why not, and skip the run after the deadline."""
        body, error = observed.body, None
        try:
            run = parse_run(body)
        except SpecError as problem:
            rejected = observed.not_run(Outcome.REJECTED, Reason.INVALID_SPEC, str(problem))
            return await self._end(observed, rejected, now=now)
        if now > observed.deadline:
            return await self._skip(observed, delay_in(observed.previous), now=now)
        try:
            if not await self._create_job(observed, run):
                return None
        except (SpecError, ClusterError) as problem:
            error = problem
        if error is None:
            await self._update_status(observed, active_status(observed, self._settings.installation, now=now), now=now)
            return resync
        reason = reason_of(error, observed)
        if reason is Reason.INVALID_SPEC:
            rejected = observed.not_run(Outcome.REJECTED, reason, str(error))
            return await self._end(observed, rejected, now=now)
        await self._report_delay(observed, reason, error, now=now)
        return min(resync, observed.deadline + timedelta(seconds=1))

    async def _report_delay(
        self, observed: ObservedGraphRun, reason: Reason, error: GraphCronError, *, now: datetime
    ) -> None:
        status = waiting_status(observed, reason, error, self._settings.installation, now=now)
        await self._update_status(observed, status, now=now)
        if isinstance(error, ClusterError):
            raise error

    async def _skip(self, observed: ObservedGraphRun, why: str, *, now: datetime) -> datetime | None:
        """Skip a run that is too late, unless a watch has not delivered its Job yet."""
        if await self._has_job(observed):
            return now + REQUEUE_DELAY
        return await self._end(observed, observed.too_late(why), now=now)

    async def _create_job(self, observed: ObservedGraphRun, run: GraphRun) -> bool:
        """Create the Job; return False if the GraphRun was deleted.

        Raises
        ------
        SpecError, ClusterError
            There is no Job, or the request had no response.
        """
        body, graphcron = observed.body, self._graphcron_for(observed, run)
        manifest = graph_run_job_for(
            graphcron, self._settings, run.metadata, scheduled=observed.scheduled, created=observed.created
        )
        # A watch may have missed a deletion.
        if not await self._cluster.exists(body):
            return False
        if observed.graphcron and not await self._cluster.exists(observed.graphcron):
            raise _graphcron_missing(observed.graphcron_name)
        await self._cluster.create_job(manifest)
        return True

    def _graphcron_for(self, observed: ObservedGraphRun, run: GraphRun) -> GraphCron:
        """Return the GraphCron with all settings of the run."""
        referenced = observed.graphcron
        if observed.graphcron_name and (referenced is None or referenced["metadata"].get("deletionTimestamp")):
            raise _graphcron_missing(observed.graphcron_name)
        graphcron = effective_graphcron(run, observed.body, referenced)
        graphcron = resolved(graphcron, graphserver_of(self._reader, graphcron))
        check_graphcron(graphcron, self._settings)
        return graphcron

    # --- from the Job to the end

    async def _follow(self, observed: ObservedGraphRun, resync: datetime, *, now: datetime) -> datetime | None:
        """Report the state of the run, and end what must not run any more."""
        body, installation = observed.body, self._settings.installation
        run = observed.ended
        if run and not observed.is_reported(run):
            if observed.is_lost and await self._has_job(observed):
                return now + REQUEUE_DELAY
            observed = await self._with_all_pods(observed)
            run = observed.ended
        if observed.without_pod(now):
            observed = await self._with_all_pods(observed)
            run = observed.without_pod(now) or observed.ended
        if run:
            written = await self._end(observed, run, now=now)
            await terminate_stuck(self._cluster, body, jobs_to_end(observed, now), now=now)
            return written
        await self._update_status(observed, active_status(observed, installation, now=now), now=now)
        terminations = jobs_to_end(observed, now)
        await terminate_stuck(self._cluster, body, terminations, now=now)
        _, forbidden = await stop_forbidden(self._cluster, body, (), observed.jobs, self._settings, now=now)
        moments = recheck_times(observed.jobs, observed.pods, observed.refusals, terminations + forbidden, now)
        moments += [observed.pod_deadline] if observed.refusals else []
        return min([resync, *(moment for moment in moments if moment > now)])

    async def _with_all_pods(self, observed: ObservedGraphRun) -> ObservedGraphRun:
        """Add the pods that no watch has delivered: an end is final, so no report may come after it."""
        metadata = observed.body["metadata"]
        pods = map(cached_pod, await self._cluster.list_pods(metadata["namespace"], observed.job))
        owners = {metadata["uid"], *(each.owner for each in observed.pods), *(each.uid for each in observed.jobs)}
        found = {each.uid: each for each in pods if each.owner in owners or observed.is_lost}
        return replace(observed, pods=[*found.values(), *(each for each in observed.pods if each.uid not in found)])

    async def _has_job(self, observed: ObservedGraphRun) -> bool:
        metadata = observed.body["metadata"]
        return await self._cluster.has_job(metadata["namespace"], observed.job, owner=metadata["uid"])

    # --- the end

    async def _end(self, observed: ObservedGraphRun, run: RecentRun, *, now: datetime) -> datetime | None:
        """Write the final status; return when to reconcile the GraphRun again."""
        linked = self._with_link(observed, run)
        status = ended_status(observed, linked, self._settings.installation, now=now)
        if not await self._update_status(observed, status, now=now):
            return None
        metadata = observed.body["metadata"]
        final = recent_run(observed.body, status)
        if final:
            self._on_run_finished((metadata["namespace"], observed.graphcron_name), final)
        sidecars = [each.at for each in outlived_by_sidecars(observed.jobs, observed.pods)]
        expiry = self._expiry(observed.body, status)
        return min([*([expiry] if expiry else []), *(max(at, now + REQUEUE_DELAY) for at in sidecars)], default=None)

    def _with_link(self, observed: ObservedGraphRun, run: RecentRun) -> RecentRun:
        """Return a run with its link, if the settings of the run are still known."""
        try:
            graphcron = self._graphcron_for(observed, parse_run(observed.body))
        except GraphCronError:
            return run
        return next(iter(with_links([run], graphcron, self._settings)))

    async def _reconcile_over(self, key: Key, body: Body, *, now: datetime) -> datetime | None:
        """Delete a GraphRun whose TTL has passed; end what still runs of one that is over or terminating."""
        metadata, status = body["metadata"], run_status_of(body)
        if is_others(status.installation, self._settings.installation):
            return None
        jobs = [job for job in self._reader.jobs(key, metadata["uid"]) if not job.finished]
        sidecars = list(outlived_by_sidecars(jobs, self._reader.pods(key, metadata["uid"]))) if jobs else []
        await terminate_stuck(self._cluster, body, sidecars, now=now)
        _, forbidden = await stop_forbidden(self._cluster, body, (), jobs, self._settings, now=now)
        expiry = None if metadata.get("deletionTimestamp") else self._expiry(body, status)
        if expiry and expiry <= now:
            await self._cluster.delete_graphrun(metadata["namespace"], metadata["name"], uid=metadata["uid"])
            return None
        moments = recheck_times((), (), {}, [*sidecars, *forbidden], now)
        return min([*moments, *([expiry] if expiry else [])], default=None)

    @staticmethod
    def _expiry(body: Body, status: GraphRunStatus) -> datetime | None:
        """Return when a GraphRun that is over is deleted; None: never."""
        seconds = ttl_seconds(body)
        if seconds is None or status.completion_time is None:
            return None
        delay = timedelta(seconds=seconds)
        return status.completion_time + (max(delay, LISTED_AFTER) if graphcron_name_of(body) else delay)

    async def _update_status(self, observed: ObservedGraphRun, status: GraphRunStatus, *, now: datetime) -> bool:
        """Write a changed status, and create its Events; return False if the GraphRun was deleted."""
        body, previous = observed.body, observed.previous
        if status == previous:
            return True
        if not await self._cluster.update_status(body, dump_status(status)):
            return False
        for event in events_for(previous, status, observed.scheduled):
            await self._cluster.create_event(body, event, now=rfc3339(now))
        if observed.graphcron_name and (status.job, status.outcome) != (previous.job, previous.outcome):
            self._enqueue(Key(body["metadata"]["namespace"], observed.graphcron_name, names.KIND))
        return True


def _graphcron_missing(name: str) -> SpecError:
    return SpecError(
        field="spec.graphCronRef",
        problem=f"there is no GraphCron named {name} in this namespace",
        remedy="apply it, or specify another GraphCron",
    )
