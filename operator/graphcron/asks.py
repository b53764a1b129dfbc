"""Runs that no schedule starts: a person asked for one now, or the last missed one is made up for."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from graphcron.contract import Outcome
from graphcron.model import GraphCron, GraphCronSpec, GraphCronStatus, RecentRun
from graphcron.names import Purpose
from graphcron.observed import SECONDS_PER_MINUTE, CronJobSeen, JobSeen, Wish
from graphcron.reasons import Reason

NAME_CHARACTERS: Final = 52
"""Longest part of a Job's name that comes from the GraphCron: the whole of it."""


class Ask(NamedTuple):
    """A Job to be made."""

    name: str
    """The same for the same ask, so that it is made once."""
    purpose: Purpose
    scheduled: datetime
    requested: datetime
    """The start deadline counts from here."""
    trigger: str = ""
    """What the person wrote."""


def trigger_for(
    graphcron: GraphCron, wish: Wish | None, seen: CronJobSeen | None, previous: GraphCronStatus, now: datetime
) -> Ask | RecentRun | None:
    """Decide on a request for a run now: start it, or tell that it has come too late; None: nothing new.

    A request that stands on a GraphCron from the start, as in a repository that is applied anew, starts nothing.
    """
    spec, name, created = graphcron.spec, graphcron.metadata.name, graphcron.metadata.creation_timestamp
    if wish is None or wish.value == handled_trigger(seen, previous):
        return None
    if seen is None and not (wish.time and created and wish.time > created):
        return None
    requested = min(wish.time or now, now)
    if now - requested > timedelta(seconds=spec.starting_deadline_seconds):
        return RecentRun(
            scheduled_time=requested,
            trigger=wish.value,
            outcome=Outcome.SKIPPED.value,
            reason=Reason.STARTING_DEADLINE_EXCEEDED,
            message=f"the operator saw the request more than {spec.starting_deadline_seconds} s late",
        )
    digest = hashlib.sha256(wish.value.encode()).hexdigest()[:10]
    return Ask(f"{name[:NAME_CHARACTERS]}-{digest}", Purpose.TRIGGER, requested, requested, wish.value)


def handled_trigger(seen: CronJobSeen | None, previous: GraphCronStatus) -> str:
    """Return the last request that we acted on."""
    return (seen.handled_trigger if seen else "") or previous.last_handled_trigger or ""


def catch_up_for(
    spec: GraphCronSpec, name: str, missed: Sequence[RecentRun], jobs: Iterable[JobSeen], now: datetime
) -> Ask | None:
    """Decide whether the last of the occurrences that nobody started is to be started late.

    One at a time: while the control plane is down no Job starts, and all that had piled up would start at its return.
    """
    late = [run.scheduled_time for run in missed if run.reason == Reason.NOT_STARTED]
    if spec.catch_up != "last" or not late:
        return None
    moment = max(late)
    if any(job.purpose is Purpose.CATCH_UP and (not job.finished or job.scheduled_time > moment) for job in jobs):
        return None
    # The name that the CronJob controller would have given: should it wake up at this moment, there is one Job.
    minute = int(moment.timestamp()) // SECONDS_PER_MINUTE
    return Ask(f"{name}-{minute}", Purpose.CATCH_UP, moment, now)
