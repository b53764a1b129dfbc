"""Runs outside the schedule: requested by an annotation, or catching up on the last missed one."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from graphcron.api.names import Purpose
from graphcron.api.reasons import ConditionType, Reason
from graphcron.api.v1alpha1 import GraphCron, GraphCronSpec, GraphCronStatus, RecentRun, rfc3339
from graphcron.cache.objects import SECONDS_PER_MINUTE, CachedCronJob, CachedJob, RequestAnnotation
from graphcron.contract import Outcome
from graphcron.manifests.job import JobRequest

NAME_CHARACTERS: Final = 52
"""How much of a Job's name comes from the GraphCron: its whole name."""


def trigger_for(
    graphcron: GraphCron,
    annotation: RequestAnnotation | None,
    cronjob: CachedCronJob | None,
    previous: GraphCronStatus,
    *,
    jobs: Iterable[CachedJob],
    now: datetime,
) -> JobRequest | RecentRun | None:
    """Decide on the request for a manual run: a Job to create, or a skipped run if it is too late; None: no request.

    An annotation that the GraphCron was created with, as from a repository that is applied again, starts nothing. One
    whose Job exists has started, however late the operator sees it.
    """
    spec, name, created = graphcron.spec, graphcron.metadata.name, graphcron.metadata.creation_timestamp
    if annotation is None or annotation.value == handled_trigger(annotation, cronjob, previous):
        return None
    if cronjob is None and not is_younger(annotation, created):
        return None
    requested = min(annotation.time or now, now)
    digest = hashlib.sha256(annotation.value.encode()).hexdigest()[:10]
    job_request = JobRequest(
        f"{name[:NAME_CHARACTERS]}-{digest}", Purpose.TRIGGER, requested, requested, annotation.value
    )
    is_late = now - requested > timedelta(seconds=spec.starting_deadline_seconds)
    if not is_late or any(job.name == job_request.name for job in jobs):
        return job_request
    too_late = f"the operator saw the request more than {spec.starting_deadline_seconds} s late"
    return RecentRun(
        scheduled_time=requested,
        trigger=annotation.value,
        outcome=Outcome.SKIPPED.value,
        reason=Reason.STARTING_DEADLINE_EXCEEDED,
        message=_refusal_of(rfc3339(requested), previous) or too_late,
    )


def is_younger(annotation: RequestAnnotation, created: datetime | None) -> bool:
    """Return whether a request is known to be younger than its GraphCron."""
    return bool(annotation.time and created and annotation.time > created)


def handled_trigger(
    annotation: RequestAnnotation | None, cronjob: CachedCronJob | None, previous: GraphCronStatus
) -> str:
    """Return the last handled request, from the CronJob's annotation or the status."""
    known = [cronjob.handled_trigger if cronjob else "", previous.last_handled_trigger or ""]
    return annotation.value if annotation and annotation.value in known else known[0] or known[1]


def delay_message(purpose: Purpose, *, scheduled: str, requested: str, why: object) -> str:
    """Return the message for a run outside the schedule whose Job could not be created.

    Parameters
    ----------
    why
        The API server's message.
    """
    run = _requested_run(requested) if purpose is Purpose.TRIGGER else f"the missed run of {scheduled}"
    return f"{_NO_JOB}{run}: {why}{_RETRIED}"


def _refusal_of(requested: str, previous: GraphCronStatus) -> str:
    """Return why the Job of a request could not be created, from the status; empty: it does not say."""
    messages = (each.message for each in previous.conditions or () if each.type == ConditionType.RUN_DELAYED)
    about = f"{_NO_JOB}{_requested_run(requested)}: "
    return next((each.partition(_RETRIED)[0] for each in messages if each.startswith(about)), "")


def _requested_run(requested: str) -> str:
    return f"the run requested at {requested}"


_NO_JOB: Final = "No Job could be created for "
_RETRIED: Final = ". The operator retries."


def catch_up_for(
    spec: GraphCronSpec, name: str, missed: Sequence[RecentRun], jobs: Iterable[CachedJob], now: datetime
) -> JobRequest | None:
    """Return the Job that catches up on the last occurrence that was not started; None: none.

    One at a time: while the control plane is down no Job starts, and all of them would start when it is back.
    """
    late = [run.scheduled_time for run in missed if run.reason == Reason.NOT_STARTED]
    if spec.catch_up != "last" or not late:
        return None
    moment = max(late)
    if any(job.purpose is Purpose.CATCH_UP and (not job.finished or job.scheduled_time > moment) for job in jobs):
        return None
    # The name that the CronJob controller would use: should it create the Job in the same moment, there is one.
    minute = int(moment.timestamp()) // SECONDS_PER_MINUTE
    return JobRequest(f"{name}-{minute}", Purpose.CATCH_UP, moment, now)
