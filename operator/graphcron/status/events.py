"""Old status, new status → the Events that report the difference."""

from collections.abc import Iterator
from typing import Final

from graphcron.api.event import Event, with_link
from graphcron.api.reasons import ConditionType, Reason
from graphcron.api.v1alpha1 import Condition, GraphCronStatus, RecentRun, rfc3339
from graphcron.contract import Outcome


def events_for(previous: GraphCronStatus, status: GraphCronStatus) -> Iterator[Event]:
    """Yield the Events about new runs, and about conditions that are new or have a new reason.

    A GraphRun has its own Events about its run.
    """
    listed = {_identity(run) for run in previous.recent_runs or ()}
    for run in reversed(status.recent_runs or ()):
        if _identity(run) not in listed and not run.graph_run:
            yield _run_event(run)
    before = {each.type: each for each in previous.conditions or ()}
    for after in status.conditions or ():
        known = before.get(after.type)
        if _has_event(after, known) and (known is None or (known.status, known.reason) != (after.status, after.reason)):
            yield _condition_event(after)


_ABNORMAL: Final = frozenset(
    {
        ConditionType.PAUSED,
        ConditionType.AWAITING_HUMAN,
        ConditionType.BUDGET_EXCEEDED,
        ConditionType.SCHEDULE_TIGHT,
        ConditionType.RUN_DELAYED,
    }
)
"""Conditions that exist only while they hold, and whose Events are warnings."""


def _has_event(condition: Condition, known: Condition | None) -> bool:
    if condition.type == ConditionType.READY:
        as_expected = known is None and condition.status == "True"
        return not as_expected and condition.reason != Reason.PAUSED  # the condition Paused has its own Event
    looked = condition.type == ConditionType.TARGET_RESOLVED and condition.status != "Unknown"
    return looked or condition.type in _ABNORMAL


def _condition_event(condition: Condition) -> Event:
    normal = condition.status != "False" and condition.type not in _ABNORMAL
    key = f"{condition.type}/{condition.reason}/{condition.last_transition_time.isoformat()}"
    reason = condition.type if condition.type in _ABNORMAL else condition.reason
    return Event(normal, reason, condition.message, key=key)


def _identity(run: RecentRun) -> tuple[object, ...]:
    return run.job, run.trigger, run.scheduled_time, run.outcome


def _run_event(run: RecentRun) -> Event:
    detail = run.message or f"outcome {run.outcome}"
    message = f"Run of {rfc3339(run.scheduled_time)}: {detail}"
    key = run.job or message
    normal = run.outcome in {Outcome.SUCCEEDED, Outcome.SKIPPED}
    return Event(normal, run.outcome, with_link(message, run.url), key=key)
