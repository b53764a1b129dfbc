"""What the operator keeps of the cluster's objects: the few members that decisions need, as plain values.

Each ``*_seen`` function takes an object as the API server sends it and forgets the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from graphcron import names
from graphcron.contract import Report

Body = Mapping[str, Any]
"""An object as the API server sends it."""

SECONDS_PER_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class CronJobSeen:
    """A CronJob that carries our labels."""

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
    last_schedule_time: datetime | None
    """Scheduled time of the newest Job, as the CronJob controller tells it."""

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


def time_of(text: str | None) -> datetime | None:
    """Read an RFC 3339 time of the API server; None stays None."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def owner_key(body: Body) -> tuple[str, str]:
    """Return namespace and name of the GraphCron that an object of ours says it belongs to."""
    metadata = body["metadata"]
    return metadata.get("namespace", ""), metadata.get("labels", {}).get(names.LABEL_NAME, "")


def cronjob_seen(body: Body) -> CronJobSeen:
    """Keep what matters of a CronJob."""
    metadata = body["metadata"]
    annotations = metadata.get("annotations", {})
    return CronJobSeen(
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        controller_uid=controller_uid(body),
        labels={key: value for key, value in metadata.get("labels", {}).items() if key in names.OUR_LABELS},
        applied=annotations.get(names.ANNOTATION_APPLIED, ""),
        schedule_key=annotations.get(names.ANNOTATION_SCHEDULE_KEY, ""),
        schedule_since=_time_or_none(annotations.get(names.ANNOTATION_SCHEDULE_SINCE)),
        last_schedule_time=time_of(body.get("status", {}).get("lastScheduleTime")),
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
    )


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
    try:
        return Report.from_json(text or "")
    except (ValueError, TypeError):
        return None
