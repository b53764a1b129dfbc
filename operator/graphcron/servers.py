"""GraphServers: does the server answer, does it take the key, what is it? Asked by a Job, told in the status."""

from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from graphcron import names, preflight
from graphcron.allowed import check_server
from graphcron.conditions import Verdict
from graphcron.contract import Outcome
from graphcron.errors import ClusterError, NotAllowedError, SpecError
from graphcron.events import Event
from graphcron.kube import Cluster
from graphcron.model import Condition, GraphServerStatus, dump_status, parse_server, rfc3339
from graphcron.observed import Body
from graphcron.preflight import Look, Rhythm
from graphcron.reasons import ConditionType, Reason
from graphcron.reconcile import Key, View
from graphcron.settings import Settings

ANSWERS: Final = "Answers"
"""Reason of ``Ready`` where all is well."""


class ServerReconciler:
    """What looks at GraphServers; the counterpart of :class:`graphcron.reconcile.Reconciler`."""

    def __init__(self, cluster: Cluster, view: View, settings: Settings) -> None:
        self._cluster = cluster
        self._view = view
        self._settings = settings

    async def reconcile(self, key: Key, *, now: datetime) -> datetime | None:
        """Bring one GraphServer's status up to date; returns and raises as the other does."""
        body = self._view.body(key)
        if body is None or body["metadata"].get("deletionTimestamp"):
            return None
        previous, problem, look = status_of(body), None, None
        try:
            look = self._look(body, previous, now=now)
            if look.manifest:
                await self._cluster.create_job(look.manifest)
        except (SpecError, ClusterError) as error:
            problem = error
        status = status_for(body["metadata"]["generation"], previous, look, problem, now=now)
        await self._tell(body, previous, status, now=now)
        if isinstance(problem, ClusterError):
            raise problem
        resync = now + timedelta(seconds=self._settings.resync_seconds)
        return min(resync, look.again) if look and look.again and look.again > now else resync

    def _look(self, body: Body, previous: GraphServerStatus, *, now: datetime) -> Look:
        uid, server = body["metadata"]["uid"], parse_server(body)
        check_server(server, self._settings)
        rhythm = Rhythm(
            good=timedelta(seconds=self._settings.probe_seconds), bad=timedelta(seconds=self._settings.probe_seconds)
        )
        before = _found(previous)
        good = before.status == "True" if before else None
        return preflight.look(
            names.SERVER_KIND,
            preflight.probe_of(server),
            self._settings,
            before=previous.preflight,
            seen=(self._view.jobs(uid), self._view.pods(uid)),
            rhythm=rhythm,
            good=good,
            now=now,
        )

    async def _tell(self, body: Body, previous: GraphServerStatus, status: GraphServerStatus, *, now: datetime) -> None:
        if status == previous or not await self._cluster.patch_status(body, dump_status(status)):
            return
        before, after = _ready(previous), _ready(status)
        if after and after.status != "Unknown" and (before is None or before.reason != after.reason):
            key = f"{after.reason}/{after.last_transition_time.isoformat()}"
            event = Event(after.status == "True", after.reason, after.message, key=key)
            await self._cluster.emit(body, event, now=rfc3339(now))


def status_of(body: Body) -> GraphServerStatus:
    """Read the status as it stands; an empty one where somebody else has made it unreadable."""
    try:
        return GraphServerStatus.model_validate(body.get("status") or {}, by_alias=True, by_name=False)
    except ValidationError:
        return GraphServerStatus()


def status_for(
    generation: int,
    previous: GraphServerStatus,
    look: Look | None,
    problem: SpecError | ClusterError | None,
    *,
    now: datetime,
) -> GraphServerStatus:
    """Make the status."""
    before = _ready(previous)
    same = bool(look and previous.preflight and look.state.key == previous.preflight.key)
    verdict, reason, message = _ready_for(look, problem, _found(previous) if same else None)
    ready = Condition(
        type=ConditionType.READY,
        status=verdict,
        reason=reason,
        message=message,
        last_transition_time=before.last_transition_time if before and before.status == verdict else now,
        observed_generation=generation,
    )
    return previous.model_copy(
        update={
            "observed_generation": generation,
            "conditions": [ready],
            "server": look.state.server if look else previous.server,
            "preflight": look.state if look else previous.preflight,
        }
    )


def _ready_for(
    look: Look | None, problem: SpecError | ClusterError | None, before: Condition | None
) -> tuple[Verdict, str, str]:
    """Return status, reason and message of ``Ready``."""
    if isinstance(problem, SpecError):
        return (
            "False",
            Reason.NOT_ALLOWED if isinstance(problem, NotAllowedError) else Reason.INVALID_SPEC,
            f"{problem}.",
        )
    if problem is not None:
        return "False", Reason.CLUSTER_ERROR, f"{problem}. It will be tried again."
    if look and look.report:
        good = look.report.outcome is Outcome.SUCCEEDED
        reason = ANSWERS if good else look.report.reason or look.report.outcome.value
        return "True" if good else "False", reason, f"{look.report.message}."
    if before is not None:
        return before.status, before.reason, before.message
    return "Unknown", Reason.CHECKING, "A preflight is under way."


def _found(status: GraphServerStatus) -> Condition | None:
    """Return ``Ready`` if it tells what a preflight has found."""
    before = _ready(status)
    ours = {Reason.CHECKING, Reason.INVALID_SPEC, Reason.NOT_ALLOWED, Reason.CLUSTER_ERROR}
    return None if before is None or before.reason in ours else before


def _ready(status: GraphServerStatus) -> Condition | None:
    return next((each for each in status.conditions or () if each.type == ConditionType.READY), None)
