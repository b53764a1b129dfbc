"""Old status, new status → the Events that tell the difference, in plain words."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from graphcron import names
from graphcron.contract import Outcome
from graphcron.model import Condition, GraphCronStatus, RecentRun, rfc3339
from graphcron.reasons import ConditionType, Reason


class Event(NamedTuple):
    """An Event on a GraphCron."""

    normal: bool
    """Normal, or a Warning."""
    reason: str
    message: str
    key: str
    """What the Event is about: the same key gives the same Event name, so that none is told twice."""

    def name_for(self, graphcron: str, uid: str) -> str:
        """Return the Event's name: the same one for the same thing, whoever tells it and however often."""
        digest = hashlib.sha256(f"{uid}/{self.reason}/{self.key}".encode()).hexdigest()[:16]
        return f"{graphcron}.{digest}"

    def body_for(self, owner: Mapping[str, Any], *, now: str) -> dict[str, Any]:
        """Return the Event as the API server takes it, about a GraphCron or GraphServer."""
        metadata = owner["metadata"]
        about = {key: metadata[key] for key in ("name", "namespace", "uid")}
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": self.name_for(metadata["name"], metadata["uid"]),
                "namespace": metadata["namespace"],
            },
            "involvedObject": {"apiVersion": names.API_VERSION, "kind": owner["kind"], **about},
            "type": "Normal" if self.normal else "Warning",
            "reason": self.reason,
            "message": self.message[:1024],
            "source": {"component": names.OPERATOR},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }


def events_for(previous: GraphCronStatus, status: GraphCronStatus) -> Iterator[Event]:
    """Tell what has changed: runs that have finished, and conditions that have come or have a new reason."""
    told = {_identity(run) for run in previous.recent_runs or ()}
    for run in reversed(status.recent_runs or ()):
        if _identity(run) not in told:
            yield _run_event(run)
    before = {each.type: each for each in previous.conditions or ()}
    for after in status.conditions or ():
        known = before.get(after.type)
        if _is_told(after, known) and (known is None or (known.status, known.reason) != (after.status, after.reason)):
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
"""Conditions that are there only while something needs a look."""


def _is_told(condition: Condition, known: Condition | None) -> bool:
    if condition.type == ConditionType.READY:
        as_expected = known is None and condition.status == "True"
        return not as_expected and condition.reason != Reason.PAUSED  # the condition of that name says it better
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
    detail = run.message or f"it ended: {run.outcome}"
    message = f"Run of {rfc3339(run.scheduled_time)}: {detail}"
    return Event(run.outcome in {Outcome.SUCCEEDED, Outcome.SKIPPED}, run.outcome, message, key=run.job or message)
