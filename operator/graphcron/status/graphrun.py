"""The status of a GraphRun, and its Events."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from graphcron.api.event import Event, with_link
from graphcron.api.reasons import CANNOT_START, ConditionType, Reason
from graphcron.api.v1alpha1 import RUN_FIELDS, Condition, GraphRunStatus, RecentRun, rfc3339
from graphcron.contract import EXIT_CODES, Outcome
from graphcron.planning.graphrun import ObservedGraphRun


def active_status(observed: ObservedGraphRun, installation: str, *, now: datetime) -> GraphRunStatus:
    """Return the status of a GraphRun whose Job exists."""
    reason, message = _progress(observed)
    return _with_conditions(
        observed,
        [(ConditionType.RECONCILING, reason, message)],
        now=now,
        installation=installation or None,
        job=observed.job,
        graph_cron_uid=_graphcron_uid(observed),
    )


def _graphcron_uid(observed: ObservedGraphRun) -> str | None:
    """Return the UID of the GraphCron that the run belongs to, even if another one has its name by now."""
    return observed.previous.graph_cron_uid or (observed.graphcron["metadata"]["uid"] if observed.graphcron else None)


def _progress(observed: ObservedGraphRun) -> tuple[Reason, str]:
    words = observed.refusals.get(observed.job)
    if words:
        return Reason.POD_CANNOT_START, f"Kubernetes cannot create its pod: {words}. The Job controller retries."
    if observed.is_graphcron_deleted:
        return Reason.GRAPH_CRON_DELETED, "The GraphCron was deleted. The Job is being deleted."
    for pod in observed.pods:
        if not pod.terminal and pod.waiting_reason in CANNOT_START:
            message = f"Pod {pod.name} cannot start ({pod.waiting_reason}): {pod.waiting_message}."
            return Reason.POD_CANNOT_START, message
    return Reason.JOB_CREATED, f"Job {observed.job} exists, and its run is not over."


def waiting_status(
    observed: ObservedGraphRun, reason: Reason, why: object, installation: str, *, now: datetime
) -> GraphRunStatus:
    """Return the status of a GraphRun that has no Job yet."""
    message = f"{why}{_RETRIED}{rfc3339(observed.deadline)}."
    return _with_conditions(
        observed,
        [(ConditionType.RECONCILING, reason, message)],
        now=now,
        installation=installation or None,
    )


_RETRIED: Final = ". The operator retries until "


def delay_in(status: GraphRunStatus) -> str:
    """Return why a GraphRun has no Job yet, according to its status; empty: it does not say."""
    words = (each.message for each in status.conditions or () if each.type == ConditionType.RECONCILING)
    return next((each.partition(_RETRIED)[0] for each in words if _RETRIED in each), "")


def ended_status(observed: ObservedGraphRun, run: RecentRun, installation: str, *, now: datetime) -> GraphRunStatus:
    """Return the final status of a GraphRun."""
    has_failed = EXIT_CODES[Outcome(run.outcome)] != 0 if run.outcome in list(Outcome) else False
    reason, message = run.reason or run.outcome, f"{run.message or run.outcome}."
    return _with_conditions(
        observed,
        [(kind, reason, message) for kind in (_FAILED if has_failed else _COMPLETE)],
        now=now,
        installation=installation or None,
        completion_time=now,
        graph_cron_uid=_graphcron_uid(observed),
        **{name: getattr(run, name) for name in RUN_FIELDS},
    )


_COMPLETE: Final = (ConditionType.COMPLETE,)
_FAILED: Final = (ConditionType.FAILED, ConditionType.STALLED)


def _with_conditions(
    observed: ObservedGraphRun, updates: list[tuple[ConditionType, str, str]], *, now: datetime, **fields: object
) -> GraphRunStatus:
    """Return the status with these conditions, all of which are True, and no others."""
    previous, generation = observed.previous, observed.body["metadata"]["generation"]
    since = {each.type: each.last_transition_time for each in previous.conditions or ()}
    conditions = [
        Condition(
            type=kind,
            status="True",
            reason=reason,
            message=message,
            last_transition_time=since.get(kind, now),
            observed_generation=generation,
        )
        for kind, reason, message in updates
    ]
    return previous.model_copy(update={**fields, "observed_generation": generation, "conditions": conditions})


def events_for(previous: GraphRunStatus, status: GraphRunStatus, scheduled: datetime) -> Iterator[Event]:
    """Yield the Event about the end, or about a new reason why the run cannot start."""
    if status.outcome:
        detail = status.message or f"outcome {status.outcome}"
        normal = status.outcome in {Outcome.SUCCEEDED, Outcome.SKIPPED}
        message = with_link(f"Run of {rfc3339(scheduled)}: {detail}", status.url)
        yield Event(normal, status.outcome, message, key="end")
        return
    known = {each.reason for each in previous.conditions or ()}
    for each in status.conditions or ():
        if each.reason not in known and each.reason != Reason.JOB_CREATED:
            yield Event(False, each.reason, each.message, key=each.reason)
