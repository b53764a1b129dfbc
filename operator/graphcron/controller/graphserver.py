"""Reconcile a GraphServer: a preflight Job checks the server and its API key, and the status reports the result."""

from datetime import datetime, timedelta
from typing import Final

from graphcron.api import names
from graphcron.api.event import Event
from graphcron.api.reasons import ConditionType, Reason
from graphcron.api.v1alpha1 import (
    Condition,
    GraphCron,
    GraphServer,
    GraphServerStatus,
    dump_status,
    parse_server,
    read_status,
    rfc3339,
)
from graphcron.cache.objects import Body
from graphcron.cache.reader import Reader
from graphcron.cache.store import Key
from graphcron.contract import Outcome
from graphcron.controller.cleanup import read_refusals, stop_forbidden, stop_terminating, terminate_stuck
from graphcron.errors import ClusterError, NotAllowedError, PreflightPendingError, SpecError
from graphcron.kube.client import Cluster
from graphcron.planning import preflight
from graphcron.planning.allowed_servers import check_server
from graphcron.planning.installation import is_others, is_reported_by_other
from graphcron.planning.preflight import PreflightDecision, PreflightIntervals
from graphcron.planning.preflight_limiter import PreflightLimiter
from graphcron.planning.stuck_jobs import outlived_by_sidecars, recheck_times, refused_report
from graphcron.settings import Settings
from graphcron.status.conditions import NO_RESULT, ConditionStatus, last_result

MISSED_PROBES: Final = 3
"""Number of missed probes after which this installation takes over another's GraphServer."""

ANSWERS: Final = "Answers"
"""Reason of ``Ready`` with the status True."""


class ServerReconciler:
    """Reconciles GraphServers; the counterpart of :class:`graphcron.controller.graphcron.Reconciler`."""

    def __init__(self, cluster: Cluster, reader: Reader, settings: Settings, limiter: PreflightLimiter[Key]) -> None:
        self._cluster = cluster
        self._reader = reader
        self._settings = settings
        self._limiter = limiter

    async def reconcile(self, key: Key, *, now: datetime) -> datetime | None:
        """Reconcile a GraphServer; see :meth:`graphcron.controller.graphcron.Reconciler.reconcile`."""
        body = self._reader.body(key)
        if body is None or body["metadata"].get("deletionTimestamp"):
            return await self._reconcile_terminating(key, body, now=now)
        previous, decision = status_of(body), None
        uid = body["metadata"]["uid"]
        jobs, pods = self._reader.jobs(key, uid), self._reader.pods(key, uid)
        problem: SpecError | ClusterError | PreflightPendingError | None = None
        resync = now + timedelta(seconds=self._settings.resync_seconds)
        if self._is_probed_by_other(previous, now=now):
            self._limiter.forget(key, now=now)
            return resync
        refusals = await read_refusals(self._cluster, key.namespace, jobs, pods, now=now)
        try:
            decision = self._preflight(key, body, previous, now=now)
            decision = decision._replace(report=refused_report(jobs, refusals, decision.report))
            self._limiter.observe(key, decision, refused=refusals, now=now)
            if not await self._probe(key, body, decision, is_new=previous.observed_generation is None, now=now):
                return None
        except (SpecError, ClusterError, PreflightPendingError) as error:
            problem = error
            self._limiter.release(key, decision, now=now)
        if decision and problem and not isinstance(problem, SpecError):
            decision = decision.not_created(problem)
        status = status_for(body["metadata"]["generation"], previous, decision, problem, now=now)
        status = status.model_copy(update={"installation": self._settings.installation or None})
        terminations = list(outlived_by_sidecars(jobs, pods))
        _, forbidden = await stop_forbidden(self._cluster, body, (), jobs, self._settings, now=now)
        is_ours = not (problem and is_reported_by_other(previous, status))
        if is_ours and await self._update_status(body, previous, status, now=now):
            await terminate_stuck(self._cluster, body, terminations, now=now)
        if isinstance(problem, ClusterError):
            raise problem
        moments = [
            decision.next_time if decision else None,
            *recheck_times(jobs, pods, refusals, terminations + forbidden, now),
        ]
        return min([resync, *(moment for moment in moments if moment and moment > now)])

    async def _reconcile_terminating(self, key: Key, body: Body | None, *, now: datetime) -> datetime | None:
        """Terminate the forbidden Jobs of a terminating GraphServer; return when to reconcile it again."""
        if body is None or self._is_probed_by_other(status_of(body), now=now):
            return None
        jobs = self._reader.jobs(key, body["metadata"]["uid"])
        return await stop_terminating(self._cluster, body, (), jobs, self._settings, now=now)

    async def _probe(self, key: Key, body: Body, decision: PreflightDecision, *, is_new: bool, now: datetime) -> bool:
        """Create the preflight's Job if it does not exist; return False if the GraphServer was deleted."""
        if decision.manifest and not decision.is_cached:
            self._limiter.acquire(key, decision, now=now)
            # A watch may have missed the deletion.
            if not is_new and not await self._cluster.exists(body):
                return False
            await self._cluster.create_job(decision.manifest)
        return True

    def _is_probed_by_other(self, status: GraphServerStatus, *, now: datetime) -> bool:
        """Return whether another installation of the operator probes the server."""
        probed = status.preflight.time if status.preflight else None
        patience = timedelta(seconds=MISSED_PROBES * self._settings.probe_seconds)
        others = is_others(status.installation, self._settings.installation)
        return others and probed is not None and now - probed < patience

    def _preflight(self, key: Key, body: Body, previous: GraphServerStatus, *, now: datetime) -> PreflightDecision:
        uid, server = body["metadata"]["uid"], parse_server(body)
        check_server(server, self._settings)
        interval = timedelta(seconds=self._settings.probe_seconds)
        result, before = _found(previous), previous.preflight
        if before and result is None:  # another problem has replaced its result
            before = before.model_copy(update={"outcome": None})
        return preflight.plan_preflight(
            names.SERVER_KIND,
            preflight.probe_of(server),
            self._settings,
            previous=before,
            objects=(self._reader.jobs(key, uid), self._reader.pods(key, uid)),
            intervals=PreflightIntervals(after_success=interval, longest=interval),
            succeeded=result.status == "True" if result else None,
            is_due=self._limiter.is_due(key),
            now=now,
        )

    async def _update_status(
        self, body: Body, previous: GraphServerStatus, status: GraphServerStatus, *, now: datetime
    ) -> bool:
        if status == previous:
            return True
        if not await self._cluster.update_status(body, dump_status(status)):
            return False
        before, after = _ready(previous), _ready(status)
        if after and after.status != "Unknown" and (before is None or before.reason != after.reason):
            key = f"{after.reason}/{after.last_transition_time.isoformat()}"
            event = Event(after.status == "True", after.reason, after.message, key=key)
            await self._cluster.create_event(body, event, now=rfc3339(now))
        return True


def graphserver_of(reader: Reader, graphcron: GraphCron) -> GraphServer | None:
    """Return the GraphServer that a GraphCron references; None if there is no valid one."""
    reference = graphcron.spec.server_ref
    key = Key(graphcron.metadata.namespace or "", reference.name, names.SERVER_KIND) if reference else None
    body = reader.body(key) if key else None
    try:
        return parse_server(body) if body else None
    except SpecError:
        return None


def status_of(body: Body) -> GraphServerStatus:
    """Return the current status."""
    return read_status(GraphServerStatus, body)


def status_for(
    generation: int,
    previous: GraphServerStatus,
    decision: PreflightDecision | None,
    problem: SpecError | ClusterError | PreflightPendingError | None,
    *,
    now: datetime,
) -> GraphServerStatus:
    """Return the new status."""
    before = _ready(previous)
    same = bool(decision and previous.preflight and decision.state.key == previous.preflight.key)
    ready_status, reason, message = _ready_for(decision, problem, _found(previous) if same else None)
    ready = Condition(
        type=ConditionType.READY,
        status=ready_status,
        reason=reason,
        message=message,
        last_transition_time=before.last_transition_time if before and before.status == ready_status else now,
        observed_generation=generation,
    )
    return previous.model_copy(
        update={
            "observed_generation": generation,
            "conditions": [ready],
            "server": decision.state.server if decision else previous.server,
            "preflight": decision.state if decision else previous.preflight,
        }
    )


def _ready_for(
    decision: PreflightDecision | None,
    problem: SpecError | ClusterError | PreflightPendingError | None,
    before: Condition | None,
) -> tuple[ConditionStatus, str, str]:
    """Return status, reason and message of ``Ready``."""
    if isinstance(problem, SpecError):
        return (
            "False",
            Reason.NOT_ALLOWED if isinstance(problem, NotAllowedError) else Reason.INVALID_SPEC,
            f"{problem}.",
        )
    if decision and decision.report:
        good = decision.report.outcome is Outcome.SUCCEEDED
        reason = ANSWERS if good else decision.report.reason or decision.report.outcome.value
        return "True" if good else "False", reason, f"{decision.report.message}."
    return last_result(before, problem)


def _found(status: GraphServerStatus) -> Condition | None:
    """Return ``Ready`` if it contains the result of a preflight."""
    before = _ready(status)
    ours = {*NO_RESULT, Reason.INVALID_SPEC, Reason.NOT_ALLOWED, Reason.POD_CANNOT_START}
    return None if before is None or before.reason in ours else before


def _ready(status: GraphServerStatus) -> Condition | None:
    return next((each for each in status.conditions or () if each.type == ConditionType.READY), None)
