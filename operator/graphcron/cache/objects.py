"""Cached values of CronJobs, Jobs and Pods: only the fields that the reconcilers read.

Each ``cached_*`` function converts an object as the API server sends it. Any user may have written its fields: a value
that cannot be parsed counts as missing, and no function raises.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.api.restricted import UNREADABLE, RestrictedFields, restricted_fields
from graphcron.cache.managed_fields import needs_upgrade
from graphcron.cache.ownership import controller_uid, owner_uid
from graphcron.cache.termination_message import report_of
from graphcron.contract import Report
from graphcron.unstructured.fields import EARLIEST_YEAR, object_at, objects_at, short_text_at, text_at, time_of

Body = Mapping[str, Any]
"""An object as the API server sends it."""

SECONDS_PER_MINUTE: Final = 60
_READ: Final = ["name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"]
_INITIALIZING: Final = "PodInitializing"
"""Reason of a container that waits for init containers."""


@dataclass(frozen=True, slots=True)
class CachedCronJob:
    """A CronJob with the operator's labels."""

    name: str
    uid: str
    generation: int
    """Increases with each change of the spec, by any client."""
    controller_uid: str
    """UID of its controller; empty: it has none."""
    labels: dict[str, str]
    """The operator's labels."""
    applied: str
    """Hash of the manifest that the operator applied last."""
    schedule_key: str
    """Identifies the schedule that :attr:`schedule_since` belongs to."""
    schedule_since: datetime | None
    """Time when the schedule took effect."""
    last_schedule_time: datetime | None = field(compare=False)
    """Scheduled time of the newest Job; a change alone causes no reconcile, since the Job's own event does."""
    paused_since: datetime | None = None
    """Time when failures paused the GraphCron; None: it is not paused."""
    handled_trigger: str = ""
    """The last handled request for a manual run."""
    handled_resume: str = ""
    """The last handled request to resume."""
    suspended: bool = False
    active_since: datetime | None = None
    """Of one that is suspended: since when its schedule had been in force until then."""
    installation: str = ""
    """Installation of the operator that created it; empty: one without a name, or of an older release."""
    restricted: RestrictedFields = UNREADABLE
    """Properties of its Pods that an administrator can restrict."""
    needs_upgrade: bool = field(default=False, compare=False)
    """Whether its managed fields need an upgrade before an apply."""

    @property
    def owner(self) -> str:
        """UID of its GraphCron, from the label if the owner reference was removed."""
        return self.controller_uid or self.labels.get(names.LABEL_UID, "")

    def belongs_to(self, uid: str) -> bool:
        """Return whether it belongs to the GraphCron with this UID."""
        return self.owner == uid


@dataclass(frozen=True, slots=True)
class CachedJob:
    """A Job of a GraphCron or GraphServer: one occurrence, or a preflight."""

    name: str
    scheduled_time: datetime
    succeeded: bool
    failed: bool
    failure: str
    """Reason of the Job's failure, such as ``PodFailurePolicy`` or ``DeadlineExceeded``."""
    finished_at: datetime | None
    created: datetime
    purpose: Purpose | None = None
    """Purpose of a Job that the operator created; None: its CronJob created it."""
    trigger: str = ""
    """The value of the run request that it answers."""
    uid: str = ""
    owner: str = ""
    """UID of the CronJob that created it, or of its GraphCron or GraphServer."""
    restricted: RestrictedFields = UNREADABLE
    """Properties of its Pods that an administrator can restrict; empty when it has finished."""
    version: str = field(default="", compare=False)
    had_pods: bool = field(default=True, compare=False)
    """Whether its status counts a Pod; a change alone causes no reconcile, since the Pod's own event does."""

    @property
    def finished(self) -> bool:
        """Whether no further Pod will be started."""
        return self.succeeded or self.failed


@dataclass(frozen=True, slots=True)
class CachedPod:
    """A Pod of a Job: one attempt at an occurrence."""

    name: str
    job: str
    created: datetime
    terminal: bool
    """Whether the runner has terminated, even if a sidecar still runs."""
    report: Report | None
    """The report in its termination message; None: there is no valid one."""
    waiting_reason: str
    """Reason why the runner has not started, such as ``CreateContainerConfigError``; empty: it has."""
    waiting_message: str
    finished_at: datetime | None
    purpose: Purpose | None = None
    """Purpose of its Job; None: a CronJob created the Job."""
    uid: str = ""
    owner: str = ""
    """UID of its Job."""
    exit_code: int | None = None
    """The runner's exit code; None: it has not terminated, or the code is unknown."""
    failed: bool = False
    """Whether the Pod's phase is ``Failed``."""
    sidecars: str = ""
    """Names of the containers that still run."""

    @property
    def is_silent(self) -> bool:
        """Whether it has neither terminated nor reported anything."""
        return not (self.terminal or self.report or self.waiting_reason)


def _created(metadata: Body) -> datetime:
    return time_of(metadata.get("creationTimestamp")) or datetime(EARLIEST_YEAR, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RequestAnnotation:
    """A request that a user made with an annotation."""

    value: str
    """Any text; a new value is a new request."""
    time: datetime | None
    """When the annotation was written, according to ``metadata.managedFields``."""


def read_request_annotation(body: Body, annotation: str) -> RequestAnnotation | None:
    """Return the request in an object's annotation; None if it is not set."""
    metadata = body["metadata"]
    value = short_text_at(object_at(metadata, "annotations"), annotation)
    if not value:
        return None
    moments = [entry.get("time") for entry in objects_at(metadata, "managedFields") if _owns(entry, annotation)]
    return RequestAnnotation(value, max(filter(None, map(time_of, moments)), default=None))


def without_unread_metadata(body: Body, annotation: str) -> dict[str, Any]:
    """Return a GraphCron or GraphServer without unread metadata; keep only the annotation's managed fields."""
    metadata = {key: value for key, value in body["metadata"].items() if key in _READ}
    annotations = object_at(body["metadata"], "annotations")
    metadata["annotations"] = {key: each for key in names.REQUESTS if (each := short_text_at(annotations, key))}
    kept: list[dict[str, Any]] = [
        {"time": entry.get("time"), "fieldsV1": {"f:metadata": {"f:annotations": {f"f:{annotation}": {}}}}}
        for entry in objects_at(body["metadata"], "managedFields")
        if _owns(entry, annotation)
    ]
    return {**body, "metadata": {**metadata, "managedFields": kept} if kept else metadata}


def _owns(entry: Mapping[str, Any], annotation: str) -> bool:
    return f"f:{annotation}" in object_at(entry, "fieldsV1", "f:metadata", "f:annotations")


def cached_cronjob(body: Body) -> CachedCronJob:
    """Return the cached value of a CronJob."""
    metadata = body["metadata"]
    annotations = object_at(metadata, "annotations")
    return CachedCronJob(
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        controller_uid=controller_uid(body),
        labels={key: value for key, value in object_at(metadata, "labels").items() if key in names.MANAGED_LABELS},
        applied=short_text_at(annotations, names.ANNOTATION_APPLIED),
        schedule_key=short_text_at(annotations, names.ANNOTATION_SCHEDULE_KEY),
        schedule_since=time_of(annotations.get(names.ANNOTATION_SCHEDULE_SINCE)),
        last_schedule_time=time_of(object_at(body, "status").get("lastScheduleTime")),
        paused_since=time_of(annotations.get(names.ANNOTATION_PAUSED_SINCE)),
        handled_trigger=short_text_at(annotations, names.ANNOTATION_HANDLED_TRIGGER),
        handled_resume=short_text_at(annotations, names.ANNOTATION_HANDLED_RESUME),
        suspended=bool(object_at(body, "spec").get("suspend")),
        active_since=time_of(annotations.get(names.ANNOTATION_RAN_SINCE)),
        installation=short_text_at(annotations, names.ANNOTATION_INSTALLATION),
        restricted=restricted_fields(object_at(body, "spec", "jobTemplate", "spec")),
        needs_upgrade=needs_upgrade(body),
    )


def cached_job(body: Body) -> CachedJob:
    """Return the cached value of a Job."""
    metadata = body["metadata"]
    status = object_at(body, "status")
    conditions = {
        text_at(condition, "type"): condition
        for condition in objects_at(status, "conditions")
        if condition.get("status") == "True"
    }
    failure = conditions.get("Failed")
    end = conditions.get("Complete") or failure or {}
    return CachedJob(
        name=metadata["name"],
        scheduled_time=_scheduled_time(metadata),
        succeeded="Complete" in conditions,
        failed=failure is not None,
        failure=text_at(failure or {}, "reason"),
        finished_at=time_of(status.get("completionTime") or end.get("lastTransitionTime")),
        created=_created(metadata),
        purpose=_purpose(metadata),
        trigger=short_text_at(object_at(metadata, "annotations"), names.ANNOTATION_TRIGGER),
        uid=text_at(metadata, "uid"),
        owner=owner_uid(body),
        restricted=UNREADABLE if end else restricted_fields(object_at(body, "spec")),
        version=text_at(metadata, "resourceVersion"),
        had_pods=any(status.get(each) for each in _POD_COUNTS)
        or any(object_at(status, "uncountedTerminatedPods").values()),
    )


_POD_COUNTS: Final = ("active", "succeeded", "failed", "terminating")
"""Fields of a Job's status that count its Pods."""


def _purpose(metadata: Body) -> Purpose | None:
    """Return the purpose of a Job or Pod; an unknown purpose of a newer version counts as a preflight, not as a run."""
    text = object_at(metadata, "labels").get(names.LABEL_PURPOSE)
    return None if text is None else Purpose(text) if text in list(Purpose) else Purpose.PREFLIGHT


def cached_pod(body: Body) -> CachedPod:
    """Return the cached value of a Pod."""
    metadata = body["metadata"]
    status = object_at(body, "status")
    # By name: the kubelet sorts them, and istio-proxy or linkerd-proxy come before the runner.
    states = {text_at(each, "name"): object_at(each, "state") for each in objects_at(status, "containerStatuses")}
    state = states.pop(names.CONTAINER, {})
    ended = object_at(state, "terminated")
    over = status.get("phase") in ("Succeeded", "Failed")
    waiting = _waiting(state, status)
    return CachedPod(
        name=metadata["name"],
        job=text_at(object_at(metadata, "labels"), names.LABEL_JOB_NAME),
        created=_created(metadata),
        terminal=over or bool(ended),
        report=report_of(text_at(ended, "message")),
        waiting_reason=text_at(waiting, "reason"),
        waiting_message=text_at(waiting, "message"),
        finished_at=time_of(ended.get("finishedAt")),
        purpose=_purpose(metadata),
        uid=text_at(metadata, "uid"),
        owner=owner_uid(body),
        exit_code=exit_code if isinstance(exit_code := ended.get("exitCode"), int) else None,
        failed=status.get("phase") == "Failed",
        sidecars="" if over else ", ".join(name for name, each in states.items() if "terminated" not in each),
    )


def _waiting(state: Mapping[str, Any], status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return why the runner has not started, possibly because of an init container."""
    waiting = object_at(state, "waiting")
    if waiting.get("reason", _INITIALIZING) != _INITIALIZING:
        return waiting
    for container in objects_at(status, "initContainerStatuses"):
        why = object_at(object_at(container, "state"), "waiting")
        if why.get("reason", _INITIALIZING) != _INITIALIZING:
            return {**why, "message": f"container {text_at(container, 'name')}: {text_at(why, 'message')}"}
    return waiting or _unscheduled(status)


def _unscheduled(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the condition that reports why the Pod is not scheduled; empty if it is."""
    conditions = objects_at(status, "conditions")
    return next(
        (each for each in conditions if (each.get("type"), each.get("status")) == ("PodScheduled", "False")), {}
    )


def scheduled_time_of(job: str) -> datetime | None:
    """Parse the scheduled time from the name of a CronJob's Job, which ends with the Unix time in minutes."""
    minute = job.rpartition("-")[2]
    if not minute.isascii() or not minute.isdigit() or len(minute) > len("99999999"):
        return None
    return datetime.fromtimestamp(int(minute) * SECONDS_PER_MINUTE, tz=UTC)


def _scheduled_time(metadata: Body) -> datetime:
    annotated = time_of(object_at(metadata, "annotations").get(names.ANNOTATION_SCHEDULED_TIMESTAMP))
    return annotated or scheduled_time_of(metadata["name"]) or _created(metadata)
