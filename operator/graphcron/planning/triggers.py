"""Runs that no schedule starts: a person asked for one now, or the last missed one is made up for."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from graphcron.api.names import Purpose
from graphcron.api.reasons import ConditionType, Reason
from graphcron.api.v1alpha1 import GraphCron, GraphCronSpec, GraphCronStatus, RecentRun, rfc3339
from graphcron.cache.objects import SECONDS_PER_MINUTE, CachedCronJob, CachedJob, RequestAnnotation
from graphcron.contract import Outcome
from graphcron.manifests.job import Ask

NAME_CHARACTERS: Final = 52
"""Longest part of a Job's name that comes from the GraphCron: the whole of it."""


def trigger_for(
    graphcron: GraphCron,
    wish: RequestAnnotation | None,
    seen: CachedCronJob | None,
    previous: GraphCronStatus,
    *,
    jobs: Iterable[CachedJob],
    now: datetime,
) -> Ask | RecentRun | None:
    """Decide on a request for a run now: start it, or tell that it has come too late; None: nothing new.

    A request that stands on a GraphCron from the start, as in a repository that is applied again, starts nothing. One
    whose Job is there has started, however late that is seen.
    """
    spec, name, created = graphcron.spec, graphcron.metadata.name, graphcron.metadata.creation_timestamp
    if wish is None or wish.value == handled_trigger(wish, seen, previous):
        return None
    if seen is None and not came_later(wish, created):
        return None
    requested = min(wish.time or now, now)
    digest = hashlib.sha256(wish.value.encode()).hexdigest()[:10]
    ask = Ask(f"{name[:NAME_CHARACTERS]}-{digest}", Purpose.TRIGGER, requested, requested, wish.value)
    is_late = now - requested > timedelta(seconds=spec.starting_deadline_seconds)
    if not is_late or any(job.name == ask.name for job in jobs):
        return ask
    seen_late = f"the operator saw the request more than {spec.starting_deadline_seconds} s late"
    return RecentRun(
        scheduled_time=requested,
        trigger=wish.value,
        outcome=Outcome.SKIPPED.value,
        reason=Reason.STARTING_DEADLINE_EXCEEDED,
        message=_refusal_of(rfc3339(requested), previous) or seen_late,
    )


def came_later(wish: RequestAnnotation, created: datetime | None) -> bool:
    """Return whether a request is known to be younger than its GraphCron."""
    return bool(wish.time and created and wish.time > created)


def handled_trigger(wish: RequestAnnotation | None, seen: CachedCronJob | None, previous: GraphCronStatus) -> str:
    """Return the last request that was acted on, as the CronJob or the status remembers it."""
    known = [seen.handled_trigger if seen else "", previous.last_handled_trigger or ""]
    return wish.value if wish and wish.value in known else known[0] or known[1]


def delay_message(purpose: Purpose, *, scheduled: str, requested: str, why: object) -> str:
    """Say why a run that no schedule starts has not begun.

    Parameters
    ----------
    why
        The API server's words.
    """
    run = _requested_run(requested) if purpose is Purpose.TRIGGER else f"the missed run of {scheduled}"
    return f"{_NO_JOB}{run}: {why}{_RETRIED}"


def _refusal_of(requested: str, previous: GraphCronStatus) -> str:
    """Return what the status says of why the Job of a request could not be made; empty: nothing."""
    told = (each.message for each in previous.conditions or () if each.type == ConditionType.RUN_DELAYED)
    about = f"{_NO_JOB}{_requested_run(requested)}: "
    return next((each.partition(_RETRIED)[0] for each in told if each.startswith(about)), "")


def _requested_run(requested: str) -> str:
    return f"the run requested at {requested}"


_NO_JOB: Final = "No Job could be created for "
_RETRIED: Final = ". The operator retries."


def catch_up_for(
    spec: GraphCronSpec, name: str, missed: Sequence[RecentRun], jobs: Iterable[CachedJob], now: datetime
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
