"""GraphCron → CronJobs and Jobs. Same input, same bytes; no clock, no cluster."""

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
from graphcron.manifests.suspension import rest_of
from graphcron.settings import Settings

_SHORT_DIGITS: Final = 10
_LONGEST_STEM: Final = names.MAX_NAME_LENGTH - _SHORT_DIGITS - 1


class Memory(NamedTuple):
    """What the CronJob remembers for the GraphCron, should its status get lost."""

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
    seen: Mapping[str, CachedCronJob],
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
    spec: GraphCronSpec, line: str, seen: CachedCronJob | None, *, suspended: bool, now: datetime
) -> tuple[datetime, str]:
    """Return since when a line has been in force, and what this is about."""
    key = schedule_key(spec, line, suspended=suspended)
    kept = seen.schedule_since if seen and seen.schedule_key == key else None
    return kept or whole_seconds(now), key


def in_force(
    spec: GraphCronSpec, line: str, seen: CachedCronJob | None, slept_until: datetime | None = None
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


def is_in_place(manifest: Manifest, seen: CachedCronJob, *, generation: int | None) -> bool:
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
                "spec": job_spec(graphcron, settings, since, None),
            },
        },
    }
