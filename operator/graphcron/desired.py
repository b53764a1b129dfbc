"""GraphCron → CronJobs and Jobs. Same input, same bytes; no clock, no cluster."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from graphcron import contract, names
from graphcron.asks import Ask
from graphcron.model import GraphCron, GraphCronSpec, ObjectMeta, rfc3339
from graphcron.names import Purpose
from graphcron.observed import CronJobSeen
from graphcron.pod import Extra, Manifest, labels_for, pod_template_for
from graphcron.reasons import Reason
from graphcron.request import whole_seconds
from graphcron.settings import Settings
from graphcron.timing import calendar_for, lines_of, time_zone_of

BACKOFF_LIMIT: Final = 6
"""Pods after the first that may follow one that was lost. It costs no money: they find the run again."""

JOB_SLACK_SECONDS: Final = 120
"""What a Job gets beyond its run's deadlines before Kubernetes ends it: pulling the image, being scheduled."""

ATTEMPT_SLACK_SECONDS: Final = 90
"""What it gets for each further attempt at a run: the pause before it, and the cancelling of the one before."""

KEPT_SECONDS: Final = 86_400
"""How long a Job that a person asked for is kept after its end; the history limits are for scheduled ones."""

CATCH_UP_SECONDS: Final = 86_400
"""How late a run that is made up for may start after that was decided: what was down may be down still."""

WAKE_BEFORE: Final = timedelta(seconds=60)
"""A CronJob that rests is woken so long before its rest ends; till then its pods would skip."""

_HASH_DIGITS: Final = 16
_SHORT_DIGITS: Final = 10
_LONGEST_STEM: Final = names.MAX_NAME_LENGTH - _SHORT_DIGITS - 1


class Memory(NamedTuple):
    """What the CronJob remembers for the GraphCron, should its status get lost."""

    paused_since: datetime | None = None
    """When failures paused it; None: they have not."""
    handled_trigger: str = ""
    handled_resume: str = ""


def rest_of(graphcron: GraphCron, *, paused: bool, now: datetime) -> Reason | None:
    """Tell why no new runs may start; None: they may."""
    spec = graphcron.spec
    if has_ended(spec, now=now):
        return Reason.ENDED
    if spec.suspend:
        return Reason.SUSPENDED
    if paused:
        return Reason.PAUSED
    rests_until = calendar_for(graphcron).rests_until(now)
    if rests_until is None or rests_until - now <= WAKE_BEFORE:
        return None
    begun = spec.start_time is None or spec.start_time <= now
    return Reason.EXCLUDED if begun else Reason.CAMPAIGN_NOT_BEGUN


def has_ended(spec: GraphCronSpec, *, now: datetime) -> bool:
    """Tell whether the campaign's ``endTime`` has come."""
    return spec.end_time is not None and spec.end_time <= now


def next_change(graphcron: GraphCron, *, now: datetime) -> datetime | None:
    """Return when :func:`rest_of` may say something else by itself; None: never."""
    calendar = calendar_for(graphcron)
    moments = [moment for each in calendar.excluded for moment in (each.start, each.end - WAKE_BEFORE, each.end)]
    moments += [moment for moment in (calendar.start, calendar.end) if moment]
    moments += [calendar.start - WAKE_BEFORE] if calendar.start else []
    return min((moment for moment in moments if moment > now), default=None)


def cronjob_names(graphcron: GraphCron) -> list[str]:
    """Return the names of its CronJobs: the first has the GraphCron's own, those of further lines one that is long."""
    name, uid = graphcron.metadata.name, graphcron.metadata.uid
    further = range(1, len(graphcron.spec.lines))
    return [name] + [
        f"{name[:_LONGEST_STEM].rstrip('-.')}-{digest([uid, number])[:_SHORT_DIGITS]}" for number in further
    ]


def cronjobs_for(
    graphcron: GraphCron,
    settings: Settings,
    seen: Mapping[str, CronJobSeen],
    memory: Memory,
    *,
    now: datetime,
    slept_until: datetime | None = None,
) -> list[Manifest]:
    """Build the CronJobs that a GraphCron wants, one for each line of its schedule.

    Parameters
    ----------
    seen
        The CronJobs as they are, by name: they know since when their schedules have been in force.
    memory
        What the first of them is to remember.
    now
        When a schedule takes effect, where it is a new one.
    slept_until
        When the calendar's rest ended, where nobody was there to wake the CronJobs; the schedule is in force since.

    Raises
    ------
    SpecError
        No server is named, or the request is too large for a pod's environment.
    """
    suspended = rest_of(graphcron, paused=memory.paused_since is not None, now=now) is not None
    remembered = {
        names.ANNOTATION_PAUSED_SINCE: rfc3339(memory.paused_since) if memory.paused_since else "",
        names.ANNOTATION_HANDLED_TRIGGER: memory.handled_trigger,
        names.ANNOTATION_HANDLED_RESUME: memory.handled_resume,
    }
    manifests = []
    for name, line in zip(cronjob_names(graphcron), lines_of(graphcron), strict=True):
        own = seen.get(name)
        since, key = _since(graphcron.spec, line, own, suspended=suspended, now=slept_until or now)
        annotations = {names.ANNOTATION_SCHEDULE_KEY: key, names.ANNOTATION_SCHEDULE_SINCE: rfc3339(since)}
        stretch = in_force(graphcron.spec, line, own, slept_until)
        if suspended and stretch:
            annotations[names.ANNOTATION_RAN_SINCE] = rfc3339(stretch[0])
        if name == graphcron.metadata.name:
            annotations |= {key: value for key, value in remembered.items() if value}
        if settings.installation:
            annotations[names.ANNOTATION_INSTALLATION] = settings.installation
        manifest = _cronjob(graphcron, settings, name, line, suspended=suspended, since=since)
        manifest["metadata"]["annotations"] = annotations
        annotations[names.ANNOTATION_APPLIED] = digest(manifest)
        manifests.append(manifest)
    return manifests


def _since(
    spec: GraphCronSpec, line: str, seen: CronJobSeen | None, *, suspended: bool, now: datetime
) -> tuple[datetime, str]:
    """Return since when a line has been in force, and what this is about."""
    key = schedule_key(spec, line, suspended=suspended)
    kept = seen.schedule_since if seen and seen.schedule_key == key else None
    return kept or whole_seconds(now), key


def in_force(
    spec: GraphCronSpec, line: str, seen: CronJobSeen | None, slept_until: datetime | None = None
) -> tuple[datetime, datetime | None] | None:
    """Return since when a line has been in force as it is, and until when where it is suspended; None: never."""
    if seen is None or seen.schedule_since is None:
        return None
    if seen.schedule_key == schedule_key(spec, line, suspended=False) and not seen.suspended:
        return seen.schedule_since, None
    if seen.schedule_key == schedule_key(spec, line, suspended=True):
        if slept_until:
            return seen.ran_since or slept_until, None
        return (seen.ran_since, seen.schedule_since) if seen.ran_since else None
    return None


def schedule_key(spec: GraphCronSpec, line: str, *, suspended: bool) -> str:
    """Return what must change for a line to take effect anew."""
    return digest([line, time_zone_of(spec), suspended])


def is_in_place(manifest: Manifest, seen: CronJobSeen, *, generation: int | None) -> bool:
    """Tell whether a CronJob needs no apply: it holds this manifest, and nobody has changed it since.

    Parameters
    ----------
    generation
        The CronJob's generation after our last apply, as the status remembers it.
    """
    labels, annotations = manifest["metadata"]["labels"], manifest["metadata"]["annotations"]
    untouched = seen.generation == generation and bool(seen.controller_uid) and seen.labels == labels
    remembered = (names.ANNOTATION_HANDLED_TRIGGER, names.ANNOTATION_HANDLED_RESUME, names.ANNOTATION_INSTALLATION)
    wanted = tuple(annotations.get(each, "") for each in remembered)
    remembers = (seen.handled_trigger, seen.handled_resume, seen.installation) == wanted
    return untouched and remembers and seen.applied == annotations[names.ANNOTATION_APPLIED]


def job_for(graphcron: GraphCron, settings: Settings, ask: Ask, *, since: datetime) -> Manifest:
    """Build the Job for a run that no schedule starts."""
    environment = {
        contract.ENV_SCHEDULED_TIME: rfc3339(ask.scheduled),
        contract.ENV_REQUESTED_TIME: rfc3339(ask.requested),
    }
    if ask.trigger:
        environment[contract.ENV_TRIGGER] = ask.trigger
    annotations = {
        names.ANNOTATION_SCHEDULED_TIMESTAMP: rfc3339(ask.scheduled),
        names.ANNOTATION_REQUESTED_TIME: rfc3339(ask.requested),
    }
    if ask.trigger:
        annotations[names.ANNOTATION_TRIGGER] = ask.trigger
    if ask.purpose is Purpose.CATCH_UP:
        deadline = max(CATCH_UP_SECONDS, graphcron.spec.starting_deadline_seconds)
        late = graphcron.spec.model_copy(update={"starting_deadline_seconds": deadline})
        graphcron = graphcron.model_copy(update={"spec": late})
    spec = _job_spec(graphcron, settings, since, Extra(ask.purpose, environment))
    manifest = owned(names.KIND, graphcron.metadata, ask.name, ask.purpose)
    manifest["metadata"]["annotations"] = annotations
    return {**manifest, "spec": {**spec, "ttlSecondsAfterFinished": KEPT_SECONDS}}


def owned(kind: str, owner: ObjectMeta, name: str, purpose: Purpose) -> Manifest:
    """Return the head of a Job that belongs to a GraphCron or GraphServer."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": owner.namespace,
            "labels": labels_for(owner, purpose),
            # Not its controller: the CronJob controller takes each Job whose controller has the CronJob's name for one
            # of its own, whatever the kind, and would count it in the history.
            "ownerReferences": [owner_reference(kind, owner)],
        },
    }


def pod_failure_policy() -> Manifest:
    """Return which ends of a pod end its Job, and which do not count; after any other Kubernetes starts a new pod."""
    final = {
        "containerName": names.CONTAINER,
        "operator": "In",
        "values": list(contract.FINAL_EXIT_CODES),
    }
    return {
        "rules": [
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            {"action": "FailJob", "onExitCodes": final},
        ]
    }


def owner_reference(kind: str, owner: ObjectMeta) -> Manifest:
    """Return what makes an object go with its owner.

    No ``blockOwnerDeletion``: nothing has to wait for it to go, and it would take a further permission.
    """
    return {"apiVersion": names.API_VERSION, "kind": kind, "name": owner.name, "uid": owner.uid}


def digest(value: Any) -> str:
    """Return a short hash of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_HASH_DIGITS]


def _cronjob(
    graphcron: GraphCron, settings: Settings, name: str, line: str, *, suspended: bool, since: datetime
) -> Manifest:
    spec = graphcron.spec
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": name,
            "namespace": graphcron.metadata.namespace,
            "labels": labels_for(graphcron.metadata),
            "ownerReferences": [{**owner_reference(names.KIND, graphcron.metadata), "controller": True}],
        },
        "spec": {
            "schedule": line,
            "timeZone": time_zone_of(spec),
            "suspend": suspended,
            # Replace is the pods' work alone: Kubernetes would delete the old Job, and with it what became of its run.
            "concurrencyPolicy": "Forbid" if spec.concurrency_policy == "Forbid" else "Allow",
            "startingDeadlineSeconds": spec.starting_deadline_seconds,
            "successfulJobsHistoryLimit": spec.history.successful,
            "failedJobsHistoryLimit": spec.history.failed,
            "jobTemplate": {
                "metadata": {"labels": labels_for(graphcron.metadata)},
                "spec": _job_spec(graphcron, settings, since, None),
            },
        },
    }


def _job_spec(graphcron: GraphCron, settings: Settings, since: datetime, extra: Extra | None) -> Manifest:
    spec = graphcron.spec
    timeout = spec.timeout_seconds or settings.default_timeout_seconds
    further = spec.retry.attempts * (timeout + ATTEMPT_SLACK_SECONDS)
    return {
        "backoffLimit": BACKOFF_LIMIT,
        # Not before the old pod has ended for good: it may still be cancelling its run.
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": pod_failure_policy(),
        "template": pod_template_for(graphcron, settings, since=since, extra=extra),
        # The last net: the runner cancels the run before.
        "activeDeadlineSeconds": timeout + further + spec.starting_deadline_seconds + JOB_SLACK_SECONDS,
    }
