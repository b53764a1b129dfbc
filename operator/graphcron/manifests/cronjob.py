"""GraphCron → CronJobs. Same input, same bytes; no clock, no cluster."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from graphcron.api import names
from graphcron.api.calendar_for import lines_of, time_zone_of
from graphcron.api.v1alpha1 import GraphCron, GraphCronSpec, rfc3339
from graphcron.cache.objects import CachedCronJob
from graphcron.manifests.job import digest, job_spec, owner_reference
from graphcron.manifests.pod import Manifest, labels_for
from graphcron.manifests.request import whole_seconds
from graphcron.manifests.suspension import suspension_reason
from graphcron.settings import Settings

_SHORT_DIGITS: Final = 10
_LONGEST_STEM: Final = names.MAX_NAME_LENGTH - _SHORT_DIGITS - 1


class PersistedState(NamedTuple):
    """What the first CronJob's annotations keep of the GraphCron, so that it survives a lost status."""

    paused_since: datetime | None = None
    """When failures paused it; None: they have not."""
    handled_trigger: str = ""
    handled_resume: str = ""


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
    cronjobs: Mapping[str, CachedCronJob],
    persisted: PersistedState,
    *,
    now: datetime,
    became_active: datetime | None = None,
) -> list[Manifest]:
    """Build the CronJobs of a GraphCron, one for each line of its schedule.

    Parameters
    ----------
    cronjobs
        The CronJobs as they are, by name: their annotations say since when their schedules have been active.
    persisted
        What the annotations of the first one keep.
    now
        When a schedule takes effect, where it is a new one.
    became_active
        When the calendar became active again, where the CronJobs are still suspended for it.

    Raises
    ------
    SpecError
        No server is named, or the request is too large for a pod's environment.
    """
    suspended = suspension_reason(graphcron, paused=persisted.paused_since is not None, now=now) is not None
    kept = {
        names.ANNOTATION_PAUSED_SINCE: rfc3339(persisted.paused_since) if persisted.paused_since else "",
        names.ANNOTATION_HANDLED_TRIGGER: persisted.handled_trigger,
        names.ANNOTATION_HANDLED_RESUME: persisted.handled_resume,
    }
    manifests = []
    for name, line in zip(cronjob_names(graphcron), lines_of(graphcron), strict=True):
        own = cronjobs.get(name)
        since, key = _since(graphcron.spec, line, own, suspended=suspended, now=became_active or now)
        annotations = {names.ANNOTATION_SCHEDULE_KEY: key, names.ANNOTATION_SCHEDULE_SINCE: rfc3339(since)}
        window = active_window(graphcron.spec, line, own, became_active)
        if suspended and window:
            annotations[names.ANNOTATION_RAN_SINCE] = rfc3339(window[0])
        if name == graphcron.metadata.name:
            annotations |= {key: value for key, value in kept.items() if value}
        if settings.installation:
            annotations[names.ANNOTATION_INSTALLATION] = settings.installation
        manifest = _cronjob(graphcron, settings, name, line, suspended=suspended, since=since)
        manifest["metadata"]["annotations"] = annotations
        annotations[names.ANNOTATION_APPLIED] = digest(manifest)
        manifests.append(manifest)
    return manifests


def _since(
    spec: GraphCronSpec, line: str, cronjob: CachedCronJob | None, *, suspended: bool, now: datetime
) -> tuple[datetime, str]:
    """Return since when a line has been active or suspended, and the schedule key that this belongs to."""
    key = schedule_key(spec, line, suspended=suspended)
    kept = cronjob.schedule_since if cronjob and cronjob.schedule_key == key else None
    return kept or whole_seconds(now), key


def active_window(
    spec: GraphCronSpec, line: str, cronjob: CachedCronJob | None, became_active: datetime | None = None
) -> tuple[datetime, datetime | None] | None:
    """Return since when a line has been active as it is, and until when where it is suspended; None: never."""
    if cronjob is None or cronjob.schedule_since is None:
        return None
    if cronjob.schedule_key == schedule_key(spec, line, suspended=False) and not cronjob.suspended:
        return cronjob.schedule_since, None
    if cronjob.schedule_key == schedule_key(spec, line, suspended=True):
        if became_active:
            return cronjob.active_since or became_active, None
        return (cronjob.active_since, cronjob.schedule_since) if cronjob.active_since else None
    return None


def schedule_key(spec: GraphCronSpec, line: str, *, suspended: bool) -> str:
    """Return a key that changes when a line takes effect again."""
    return digest([line, time_zone_of(spec), suspended])


def is_up_to_date(manifest: Manifest, cronjob: CachedCronJob, *, generation: int | None) -> bool:
    """Return whether a CronJob needs no apply: it holds this manifest, and has not been changed since.

    Parameters
    ----------
    generation
        The CronJob's generation after the operator's last write, which the status keeps; None: it was not reported.
    """
    labels, annotations = manifest["metadata"]["labels"], manifest["metadata"]["annotations"]
    # One whose write was not reported, since the write of the status failed, is as it was created.
    untouched = cronjob.generation == (generation or 1) and bool(cronjob.controller_uid) and cronjob.labels == labels
    annotated = (names.ANNOTATION_HANDLED_TRIGGER, names.ANNOTATION_HANDLED_RESUME, names.ANNOTATION_INSTALLATION)
    wanted = tuple(annotations.get(each, "") for each in annotated)
    keeps = (cronjob.handled_trigger, cronjob.handled_resume, cronjob.installation) == wanted
    return untouched and keeps and cronjob.applied == annotations[names.ANNOTATION_APPLIED]


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
            # The pods implement Replace: Kubernetes would delete the old Job, and with it the outcome of its run.
            "concurrencyPolicy": "Forbid" if spec.concurrency_policy == "Forbid" else "Allow",
            "startingDeadlineSeconds": spec.starting_deadline_seconds,
            "successfulJobsHistoryLimit": spec.history.successful,
            "failedJobsHistoryLimit": spec.history.failed,
            "jobTemplate": {
                "metadata": {"labels": labels_for(graphcron.metadata)},
                "spec": job_spec(graphcron, settings, since, None),
            },
        },
    }
