"""Old status, new status → the Events that tell the difference, in plain words."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from graphcron.contract import Outcome
from graphcron.model import Condition, GraphCronStatus, RecentRun, rfc3339
from graphcron.reasons import ConditionType


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


def events_for(previous: GraphCronStatus, status: GraphCronStatus) -> Iterator[Event]:
    """Tell what has changed: runs that have finished, and a new reason of ``Ready``."""
    told = {(run.job, run.outcome) for run in previous.recent_runs or ()}
    for run in reversed(status.recent_runs or ()):
        if (run.job, run.outcome) not in told:
            yield _run_event(run)
    before, after = _ready(previous), _ready(status)
    if after and (before is None or (before.status, before.reason) != (after.status, after.reason)):
        moment = after.last_transition_time
        yield Event(after.status == "True", after.reason, after.message, key=f"{after.reason}/{moment.isoformat()}")


def _run_event(run: RecentRun) -> Event:
    outcome = Outcome(run.outcome)
    detail = run.message or f"it ended: {outcome.value}"
    message = f"Run of {rfc3339(run.scheduled_time)}: {detail}"
    return Event(outcome in {Outcome.SUCCEEDED, Outcome.SKIPPED}, outcome.value, message, key=run.job or message)


def _ready(status: GraphCronStatus) -> Condition | None:
    return next((each for each in status.conditions or () if each.type == ConditionType.READY), None)
