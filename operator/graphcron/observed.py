"""What the operator keeps of the cluster's objects: the few members that decisions need, as plain values.

Each ``*_seen`` function takes an object as the API server sends it and forgets the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter

from graphcron import names
from graphcron.contract import Report
from graphcron.names import Purpose

Body = Mapping[str, Any]
"""An object as the API server sends it."""

SECONDS_PER_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class CronJobSeen:
    """A CronJob that carries our labels."""

    name: str
    uid: str
    generation: int
    """Moves with each change of the spec, ours or somebody else's."""
    controller_uid: str
    """UID of the owner that controls it; empty where none does."""
    labels: dict[str, str]
    """Those of our labels that it carries."""
    applied: str
    """Hash of the manifest that we applied last."""
    schedule_key: str
    """What :attr:`schedule_since` belongs to."""
    schedule_since: datetime | None
    """When the schedule took effect."""
    last_schedule_time: datetime | None = field(compare=False)
    """Scheduled time of the newest Job, as the CronJob controller tells it; no news by itself, since the Job comes."""
    paused_since: datetime | None = None
    """When failures paused the GraphCron; None: they have not."""
    handled_trigger: str = ""
    """The last request for a run now that we acted on."""
    handled_resume: str = ""
    """The last request to end a pause that we acted on."""
    suspended: bool = False
    ran_since: datetime | None = None
    """Of one that is suspended: since when its schedule had been in force until then."""

    def belongs_to(self, uid: str) -> bool:
        """Tell whether it is that GraphCron's, even if somebody has removed the owner reference."""
        return (self.controller_uid or self.labels.get(names.LABEL_UID)) == uid


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A Job of a GraphCron: one occurrence."""

    name: str
    scheduled_time: datetime
    succeeded: bool
    failed: bool
    failure: str
    """Reason of the Job's failure, such as ``PodFailurePolicy`` or ``DeadlineExceeded``."""
    finished_at: datetime | None
    created: datetime
    purpose: Purpose | None = None
    """What it is for, if no schedule has made it."""
    trigger: str = ""
    """The request that it answers, where a person asked for it."""

    @property
    def finished(self) -> bool:
        """Whether no further pod will be started."""
        return self.succeeded or self.failed


@dataclass(frozen=True, slots=True)
class PodSeen:
    """A pod of a Job: one try at an occurrence."""

    name: str
    job: str
    created: datetime
    terminal: bool
    """Whether its container has ended for good."""
    report: Report | None
    """Its termination message, where it left a readable one."""
    waiting_reason: str
    """Why its container has not started, such as ``CreateContainerConfigError``; empty where it has."""
    waiting_message: str
    finished_at: datetime | None
    purpose: Purpose | None = None
    """What it is for, if no schedule has made its Job."""

    @property
    def is_silent(self) -> bool:
        """Whether it has told nothing yet: it neither waits for a reason that is known nor has it ended."""
        return not (self.terminal or self.report or self.waiting_reason)


def time_of(text: str | None) -> datetime | None:
    """Read an RFC 3339 time of the API server; None stays None."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def owner_key(body: Body) -> tuple[str, str]:
    """Return namespace and name of the GraphCron that an object of ours says it belongs to."""
    metadata = body["metadata"]
    return metadata.get("namespace", ""), metadata.get("labels", {}).get(names.LABEL_NAME, "")


def is_answered(body: Body) -> bool:
    """Tell whether the status of a GraphCron or GraphServer is about its spec as it is."""
    generation = (body.get("status") or {}).get("observedGeneration")
    return bool(generation == body["metadata"].get("generation"))


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for with an annotation."""

    value: str
    """Any text; a new one is a new wish."""
    time: datetime | None
    """When it was written, as far as the API server knows."""


def wish_of(body: Body, annotation: str) -> Wish | None:
    """Return what an object's annotation asks for; None where it has none."""
    metadata = body["metadata"]
    value = (metadata.get("annotations") or {}).get(annotation)
    if not value:
        return None
    moments = [entry.get("time") for entry in metadata.get("managedFields") or () if _owns(entry, annotation)]
    return Wish(value, max(filter(None, map(_time_or_none, moments)), default=None))


def without_managed_fields(body: Body, annotation: str) -> dict[str, Any]:
    """Return the object without what only the API server needs: who wrote which field, but for that annotation."""
    metadata = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    kept = [
        {"time": entry.get("time"), "fieldsV1": {"f:metadata": {"f:annotations": {f"f:{annotation}": {}}}}}
        for entry in body["metadata"].get("managedFields") or ()
        if _owns(entry, annotation)
    ]
    return {**body, "metadata": {**metadata, "managedFields": kept} if kept else metadata}


def _owns(entry: Mapping[str, Any], annotation: str) -> bool:
    fields = entry.get("fieldsV1", {}).get("f:metadata", {}).get("f:annotations", {})
    return f"f:{annotation}" in fields


def cronjob_seen(body: Body) -> CronJobSeen:
    """Keep what matters of a CronJob."""
    metadata = body["metadata"]
    annotations = metadata.get("annotations", {})
    return CronJobSeen(
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        controller_uid=controller_uid(body),
        labels={key: value for key, value in metadata.get("labels", {}).items() if key in names.OUR_LABELS},
        applied=annotations.get(names.ANNOTATION_APPLIED, ""),
        schedule_key=annotations.get(names.ANNOTATION_SCHEDULE_KEY, ""),
        schedule_since=_time_or_none(annotations.get(names.ANNOTATION_SCHEDULE_SINCE)),
        last_schedule_time=time_of(body.get("status", {}).get("lastScheduleTime")),
        paused_since=_time_or_none(annotations.get(names.ANNOTATION_PAUSED_SINCE)),
        handled_trigger=annotations.get(names.ANNOTATION_HANDLED_TRIGGER, ""),
        handled_resume=annotations.get(names.ANNOTATION_HANDLED_RESUME, ""),
        suspended=bool(body.get("spec", {}).get("suspend")),
        ran_since=_time_or_none(annotations.get(names.ANNOTATION_RAN_SINCE)),
    )


def controller_uid(body: Body) -> str:
    """Return the UID of the owner that controls an object; empty where none does."""
    owners = body["metadata"].get("ownerReferences") or ()
    return next((owner["uid"] for owner in owners if owner.get("controller")), "")


def job_seen(body: Body) -> JobSeen:
    """Keep what matters of a Job."""
    metadata = body["metadata"]
    status = body.get("status", {})
    conditions = {
        condition["type"]: condition
        for condition in status.get("conditions") or ()
        if condition.get("status") == "True"
    }
    failure = conditions.get("Failed")
    end = conditions.get("Complete") or failure or {}
    return JobSeen(
        name=metadata["name"],
        scheduled_time=_scheduled_time(metadata),
        succeeded="Complete" in conditions,
        failed=failure is not None,
        failure=failure.get("reason", "") if failure else "",
        finished_at=time_of(status.get("completionTime") or end.get("lastTransitionTime")),
        created=time_of(metadata.get("creationTimestamp")) or datetime.min.replace(tzinfo=UTC),
        purpose=_purpose(metadata),
        trigger=metadata.get("annotations", {}).get(names.ANNOTATION_TRIGGER, ""),
    )


def _purpose(metadata: Body) -> Purpose | None:
    """Read what a Job or pod is for; what a newer version made for something else counts as a look, not as a run."""
    text = metadata.get("labels", {}).get(names.LABEL_PURPOSE)
    return None if text is None else Purpose(text) if text in set(Purpose) else Purpose.PREFLIGHT


def pod_seen(body: Body) -> PodSeen:
    """Keep what matters of a pod."""
    metadata = body["metadata"]
    status = body.get("status", {})
    states = [container.get("state", {}) for container in status.get("containerStatuses") or ()]
    state: Mapping[str, Any] = states[0] if states else {}
    ended = state.get("terminated") or {}
    waiting = state.get("waiting") or _unscheduled(status)
    return PodSeen(
        name=metadata["name"],
        job=metadata.get("labels", {}).get(names.LABEL_JOB_NAME, ""),
        created=time_of(metadata["creationTimestamp"]) or datetime.min.replace(tzinfo=UTC),
        terminal=status.get("phase") in {"Succeeded", "Failed"},
        report=_report_or_none(ended.get("message")),
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        finished_at=time_of(ended.get("finishedAt")),
        purpose=_purpose(metadata),
    )


def _unscheduled(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the condition that says why no node takes the pod; nothing where one has taken it."""
    conditions = status.get("conditions") or ()
    return next((each for each in conditions if (each["type"], each["status"]) == ("PodScheduled", "False")), {})


def scheduled_time_of(job: str) -> datetime | None:
    """Read the scheduled time from the name of a CronJob's Job, whose last part is the unix minute."""
    minute = job.rpartition("-")[2]
    if not minute.isascii() or not minute.isdigit() or len(minute) > len("99999999"):
        return None
    return datetime.fromtimestamp(int(minute) * SECONDS_PER_MINUTE, tz=UTC)


def _scheduled_time(metadata: Body) -> datetime:
    annotated = _time_or_none(metadata.get("annotations", {}).get(names.ANNOTATION_SCHEDULED_TIMESTAMP))
    created = time_of(metadata.get("creationTimestamp")) or datetime.min.replace(tzinfo=UTC)
    return annotated or scheduled_time_of(metadata["name"]) or created


def _time_or_none(text: str | None) -> datetime | None:
    """Read a time from an annotation, which anybody may have written."""
    try:
        moment = time_of(text)
    except ValueError:
        return None
    return moment


def _report_or_none(text: str | None) -> Report | None:
    """Read a termination message, which may be anything: the image is the user's choice."""
    try:
        report = _REPORT.validate_python(Report.from_json(text or ""), strict=True)
        for moment in (report.startTime, report.windowStart, report.windowEnd):
            time_of(moment)
        Decimal(report.windowCost or 0)
    except (ValueError, TypeError, ArithmeticError):
        return None
    return report


_REPORT: Final = TypeAdapter(Report, config=ConfigDict(allow_inf_nan=False))
