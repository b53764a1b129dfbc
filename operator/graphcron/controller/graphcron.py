"""Reconcile a GraphCron: write its CronJobs and Jobs, then its status and Events."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.api.server_ref import resolved
from graphcron.api.v1alpha1 import (
    GraphCron,
    GraphCronStatus,
    RecentRun,
    dump_status,
    parse,
    rfc3339,
)
from graphcron.api.v1alpha1.parsing import status_of
from graphcron.cache.objects import Body, CachedCronJob, cached_cronjob, read_request_annotation
from graphcron.cache.reader import Reader
from graphcron.cache.store import Key
from graphcron.controller.attempts import PlanResult, collect_errors, raise_cluster_error
from graphcron.controller.cleanup import read_refusals, stop_forbidden, stop_terminating, suspend, terminate_stuck
from graphcron.controller.graphserver import graphserver_of
from graphcron.errors import (
    ClusterError,
    ConflictError,
    GraphCronError,
    NameTakenError,
    OtherInstallationError,
    SpecError,
)
from graphcron.kube.client import Cluster
from graphcron.manifests.cronjob import cronjob_names, is_up_to_date
from graphcron.manifests.pod import Manifest
from graphcron.planning.allowed_servers import check_graphcron, suspension_of, to_suspend
from graphcron.planning.graphrun_history import deleted_graph_runs, graph_run_entries
from graphcron.planning.installation import (
    ACKNOWLEDGE_TIMEOUT,
    adoptable,
    check_owner,
    is_reported_by_other,
    owner_of,
    with_contender,
)
from graphcron.planning.observed import GraphRunEntries, ObservedState
from graphcron.planning.plan import Plan, history_for, plan_for, runs_kept
from graphcron.planning.preflight_limiter import PreflightLimiter
from graphcron.planning.stuck_jobs import recheck_times, terminations_for
from graphcron.settings import Settings
from graphcron.status.events import events_for
from graphcron.status.ready import StatusInputs
from graphcron.status.status import requeue_after, status_for
from graphcron.unstructured.fields import time_of

Limiter = PreflightLimiter[Key]

OnRunFinished = Callable[[tuple[str, str], Sequence[RecentRun], Sequence[RecentRun]], None]
"""Called with a GraphCron's namespace and name, the runs in its previous status, and the new or changed runs."""


class Reconciler:
    """Reconciles GraphCrons, one at a time."""

    def __init__(
        self,
        cluster: Cluster,
        reader: Reader,
        settings: Settings,
        limiter: Limiter,
        on_run_finished: OnRunFinished = lambda *_: None,
    ) -> None:
        self._cluster = cluster
        self._reader = reader
        self._settings = settings
        self._limiter = limiter
        self._on_run_finished = on_run_finished

    async def reconcile(self, key: Key, *, now: datetime) -> datetime | None:
        """Reconcile a GraphCron.

        Returns
        -------
        datetime or None
            Time to reconcile it again; None: the GraphCron does not exist.

        Raises
        ------
        ClusterError
            A request failed. The status reports it if it could be written. Retry with back-off.
        """
        try:
            return await self._reconcile(key, now=now)
        except NameTakenError:
            return await self._reconcile(key, now=now, looks_up=True)

    async def _reconcile(self, key: Key, *, now: datetime, looks_up: bool = False) -> datetime | None:
        """Reconcile a GraphCron.

        Parameters
        ----------
        looks_up
            Whether to look up the CronJobs that the cache lacks even if the GraphCron is new.

        Raises
        ------
        NameTakenError
            The GraphCron is new, and a CronJob of its name exists that the cache lacks.
        """
        body = self._reader.body(key)
        orphan_problem = await self._suspend_orphans(key)
        if body is None or body["metadata"].get("deletionTimestamp"):
            return await self._reconcile_terminating(key, body, orphan_problem, now=now)
        observed = await self._observe(key, body, now=now)
        graphcron: GraphCron | None = None
        plan, result = None, PlanResult(list(observed.cronjobs.values()))
        try:
            check_owner(observed.cronjobs.values(), body, self._settings.installation)
            graphcron = parse(body)
            graphcron = resolved(graphcron, graphserver_of(self._reader, graphcron))
            check_graphcron(graphcron, self._settings)
            observed = await self._with_unlabelled(graphcron, observed, looks_up=looks_up)
            check_owner(observed.cronjobs.values(), body, self._settings.installation)
            plan = plan_for(graphcron, self._settings, observed, now=now)
            if plan.creates(observed) and not await self._cluster.exists(body):
                return None
            result = await self._execute(key, body, plan, observed, now=now)
            plan = plan.without(result.refused)
        except OtherInstallationError as error:
            return await self._report_contention(body, observed.previous, error.owner, now=now)
        except (SpecError, ClusterError) as error:
            result = result._replace(problems=[error])
        problem = next(iter(result.problems), None)
        not_allowed = to_suspend(observed.cronjobs.values(), body["metadata"]["uid"], self._settings, problem)
        stopped = not_allowed if problem else ()
        unsuspended, denied = await stop_forbidden(self._cluster, body, stopped, observed.jobs, self._settings, now=now)
        inputs = StatusInputs(
            generation=body["metadata"]["generation"],
            graphcron=graphcron,
            problem=problem,
            refused=result.refused,
            unsuspended=unsuspended,
            limited=next(filter(None, (suspension_of(each, self._settings) for each in not_allowed)), ""),
            observed=observed,
            cronjobs=result.cronjobs,
            plan=plan,
            history=history_for(plan, problem, observed, graphcron),
            now=now,
            settings=self._settings,
        )
        status = status_for(inputs)
        planned = graphcron if plan and not problem else None
        terminations = terminations_for(planned, observed.jobs, observed.pods, observed.refusals, now)
        if await self._update_status(body, inputs, status):  # the status has recorded their runs
            await terminate_stuck(self._cluster, body, terminations, now=now)
        raise_cluster_error(*result.problems, unsuspended, *result.refused.values(), result.unrecorded, orphan_problem)
        rechecks = recheck_times(observed.jobs, observed.pods, observed.refusals, terminations + denied, now)
        return requeue_after(status, inputs, resync=timedelta(seconds=self._settings.resync_seconds), further=rechecks)

    async def _observe(self, key: Key, body: Body, *, now: datetime) -> ObservedState:
        uid, previous = body["metadata"]["uid"], status_of(body)
        graph_runs = self._graph_runs(key, uid, previous, now=now)
        left = {run.job for run in graph_runs.deleted}
        observed = ObservedState(
            cronjobs={each.name: each for each in self._reader.cronjobs(key)},
            jobs=self._reader.jobs(key, uid),
            pods=[*self._reader.pods(key, uid), *(self._reader.pods_of_jobs(key.namespace, left) if left else ())],
            previous=previous,
            created=time_of(body["metadata"].get("creationTimestamp")),
            trigger=read_request_annotation(body, names.ANNOTATION_RUN_REQUESTED),
            resume=read_request_annotation(body, names.ANNOTATION_RESUME_REQUESTED),
            runs_kept=runs_kept(body),
            graph_runs=graph_runs,
            preflight_is_due=self._limiter.is_due(key),
        )
        refusals = await read_refusals(self._cluster, key.namespace, observed.jobs, observed.pods, now=now)
        return replace(observed, refusals=refusals) if refusals else observed

    def _graph_runs(self, key: Key, uid: str, previous: GraphCronStatus, *, now: datetime) -> GraphRunEntries:
        def key_of(name: str) -> Key:
            return Key(key.namespace, name, names.RUN_KIND)

        def read(name: str) -> Body | None:
            return self._reader.body(key_of(name))

        runs, deleted = self._reader.graph_runs(key, uid), deleted_graph_runs(previous.active or (), read)
        if not (runs or deleted):
            return GraphRunEntries()
        entries = graph_run_entries(runs, read, lambda run: self._reader.pods(key_of(run.name), run.uid), now=now)
        return entries._replace(deleted=deleted)

    async def _with_unlabelled(self, graphcron: GraphCron, observed: ObservedState, *, looks_up: bool) -> ObservedState:
        """Add the required CronJobs that lack the operator's labels, which the watch selects by.

        Such a CronJob may be the GraphCron's own, or a conflict. A new GraphCron has none as a rule. If it does, the
        creation of its CronJob fails.
        """
        metadata, cronjobs = graphcron.metadata, dict(observed.cronjobs)
        looks_up = looks_up or observed.previous.observed_generation is not None
        for name in cronjob_names(graphcron):
            if looks_up and name not in cronjobs:
                found = await self._cluster.get_cronjob(metadata.namespace or "", name)
                cronjobs |= {name: cached_cronjob(found)} if found else {}
            if name in cronjobs and not cronjobs[name].belongs_to(metadata.uid or ""):
                remedy = f"kubectl delete cronjob {name} --namespace={metadata.namespace}"
                raise ConflictError(
                    f"a CronJob named {name} exists and does not belong to this GraphCron; "
                    f"rename the GraphCron, or delete the CronJob: {remedy}"
                )
        return replace(observed, cronjobs=cronjobs)

    async def _execute(self, key: Key, body: Body, plan: Plan, observed: ObservedState, *, now: datetime) -> PlanResult:
        """Write the planned CronJobs, then create the planned Jobs.

        An error prevents no other write of its kind, but no Job is created if a CronJob could not be written.
        """
        self._limiter.observe(key, plan.preflight, refused=observed.refusals, now=now)
        cronjobs, problems = await self._apply_cronjobs(body, plan, observed)
        if problems:
            return PlanResult(cronjobs, problems)
        refused, unrecorded = await self._create_jobs(key, body, plan, observed, now=now), None
        if plan.cronjob_with_trigger and Purpose.TRIGGER not in refused:
            # If the operator stops before this write, the name of the Job prevents a second run for the request.
            with collect_errors(problems):
                await self._apply_cronjob(plan.cronjob_with_trigger, cronjobs[0])
            unrecorded = next(iter(problems), None)
        return PlanResult(cronjobs, [], refused, unrecorded)

    async def _apply_cronjobs(
        self, body: Body, plan: Plan, observed: ObservedState
    ) -> tuple[list[CachedCronJob], list[GraphCronError]]:
        """Apply, delete and suspend CronJobs; return the applied ones and the errors."""
        metadata, applied, problems = body["metadata"], [], list[GraphCronError]()
        generations = {each.name: each.generation for each in observed.previous.cron_jobs or ()}
        for manifest in plan.cronjobs:
            name = manifest["metadata"]["name"]
            own = observed.cronjobs.get(name)
            with collect_errors(problems):
                if own is None:
                    own = cached_cronjob(await self._cluster.create_cronjob(manifest))
                elif not is_up_to_date(manifest, own, generation=generations.get(name)):
                    own = await self._apply_cronjob(manifest, own)
                applied.append(own)
        for each in plan.orphaned:
            busy = any(job.name.startswith(f"{each.name}-") and not job.finished for job in observed.jobs)
            if not each.belongs_to(metadata["uid"]):
                continue
            with collect_errors(problems):
                if not busy:
                    await self._cluster.delete_cronjob(metadata["namespace"], each.name, uid=each.uid)
                elif not each.suspended:
                    await self._cluster.suspend_cronjob(metadata["namespace"], each.name, uid=each.uid)
        return applied, problems

    async def _apply_cronjob(self, manifest: Manifest, own: CachedCronJob) -> CachedCronJob:
        answer = await self._cluster.apply_cronjob(manifest, uid=own.uid, upgrade=own.needs_upgrade)
        return cached_cronjob(answer)

    async def _create_jobs(
        self, key: Key, body: Body, plan: Plan, observed: ObservedState, *, now: datetime
    ) -> dict[Purpose, GraphCronError]:
        """Create the Jobs that do not exist yet; return the errors.

        An existing Job is not created again, since a ResourceQuota may reject the request before its name is checked.
        """
        refused, known = dict[Purpose, GraphCronError](), {job.name for job in observed.jobs}
        for purpose, manifest in plan.jobs.items():
            if manifest["metadata"]["name"] in known:
                continue
            preflight = plan.preflight if purpose is Purpose.PREFLIGHT else None
            try:
                if preflight:
                    self._limiter.acquire(key, preflight, now=now)
                    if observed.previous.observed_generation is not None and not await self._cluster.exists(body):
                        continue  # as in :meth:`Plan.creates`
                await self._cluster.create_job(manifest)
            except GraphCronError as error:
                refused[purpose] = error
                if preflight:
                    self._limiter.release(key, preflight, now=now)
        return refused

    async def _suspend_orphans(self, key: Key) -> GraphCronError | None:
        orphans = adoptable(self._reader.orphans(key), self._settings.installation)
        return await suspend(self._cluster, orphans, namespace=key.namespace)

    async def _reconcile_terminating(
        self, key: Key, body: Body | None, orphan_problem: GraphCronError | None, *, now: datetime
    ) -> datetime | None:
        """Stop what is not allowed of a terminating GraphCron; return when to reconcile it again."""
        again = None
        if body:
            cronjobs, jobs = self._reader.cronjobs(key), self._reader.jobs(key, body["metadata"]["uid"])
            again = await stop_terminating(self._cluster, body, cronjobs, jobs, self._settings, now=now)
        raise_cluster_error(orphan_problem)
        return again

    async def _report_contention(self, body: Body, previous: GraphCronStatus, owner: str, *, now: datetime) -> datetime:
        """Leave a GraphCron to the installation that owns it, and report the contention in its status."""
        metadata, own = body["metadata"], self._settings.installation
        self._limiter.forget(Key(metadata["namespace"], metadata["name"]), now=now)
        where = {"namespace": metadata["namespace"], "generation": metadata["generation"]}
        status = with_contender(previous, owner, own, **where, now=now)
        if status != previous and await self._cluster.update_status(body, dump_status(status)):
            for event in events_for(previous, status):
                await self._cluster.create_event(body, event, now=rfc3339(now))
        waits = status.contender is not None and not status.contender.acknowledged
        return now + (ACKNOWLEDGE_TIMEOUT if waits else timedelta(seconds=self._settings.resync_seconds))

    async def _update_status(self, body: Body, inputs: StatusInputs, status: GraphCronStatus) -> bool:
        """Write a changed status, and create its Events; return whether the status is written."""
        previous, metadata = inputs.observed.previous, body["metadata"]
        if inputs.plan is None and isinstance(inputs.problem, SpecError):
            self._limiter.forget(Key(metadata["namespace"], metadata["name"]), now=inputs.now)
        if status == previous:
            return True
        owner = owner_of(inputs.cronjobs, metadata["name"], metadata["uid"]) or None
        if inputs.problem and owner != inputs.installation and is_reported_by_other(previous, status):
            return False  # two installations without CronJobs would overwrite each other's status forever
        if not await self._cluster.update_status(body, dump_status(status)):
            return False
        # The others are counted with their GraphRuns.
        left = {run.job for run in inputs.observed.graph_runs.deleted}
        finished = [run for run in inputs.history.new if not run.graph_run or run.job in left]
        self._on_run_finished((metadata["namespace"], metadata["name"]), previous.recent_runs or (), finished)
        for event in events_for(previous, status):
            await self._cluster.create_event(body, event, now=rfc3339(inputs.now))
        return True
