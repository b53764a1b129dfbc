"""GraphCron → CronJob. Same input, same bytes; no clock, no cluster."""

import hashlib
import json
from datetime import datetime
from typing import Any, Final

from graphcron import contract, names
from graphcron.model import GraphCron, GraphCronSpec, rfc3339
from graphcron.observed import CronJobSeen
from graphcron.pod import CONTAINER, Manifest, labels_for, pod_template_for
from graphcron.request import whole_seconds
from graphcron.settings import Settings

DEFAULT_TIME_ZONE: Final = "Etc/UTC"
"""Zone of a GraphCron that names none. Unset, a CronJob would follow the controller-manager's local zone."""

BACKOFF_LIMIT: Final = 6
"""Pods after the first that may follow one that was lost. It costs no money: they find the run again."""

JOB_SLACK_SECONDS: Final = 120
"""What a Job gets beyond its run's deadlines before Kubernetes ends it: pulling the image, being scheduled."""

_HASH_DIGITS: Final = 16


def time_zone_of(spec: GraphCronSpec) -> str:
    """Return the zone in force."""
    return spec.time_zone or DEFAULT_TIME_ZONE


def has_ended(spec: GraphCronSpec, *, now: datetime) -> bool:
    """Tell whether the campaign's ``endTime`` has come."""
    return spec.end_time is not None and spec.end_time <= now


def is_suspended(spec: GraphCronSpec, *, now: datetime) -> bool:
    """Tell whether no new runs may start."""
    return spec.suspend or has_ended(spec, now=now)


def cronjob_for(graphcron: GraphCron, settings: Settings, seen: CronJobSeen | None, *, now: datetime) -> Manifest:
    """Build the CronJob that a GraphCron wants.

    Parameters
    ----------
    seen
        The CronJob as it is, or None: it knows since when the schedule has been in force.
    now
        When the schedule takes effect, where it is a new one.

    Raises
    ------
    SpecError
        No server is named, or the request is too large for a pod's environment.
    """
    spec = graphcron.spec
    suspended = is_suspended(spec, now=now)
    key = _digest([spec.schedule, time_zone_of(spec), suspended])
    since = seen.schedule_since if seen and seen.schedule_key == key and seen.schedule_since else whole_seconds(now)
    manifest: Manifest = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": graphcron.metadata.name,
            "namespace": graphcron.metadata.namespace,
            "labels": labels_for(graphcron),
            "annotations": {
                names.ANNOTATION_SCHEDULE_KEY: key,
                names.ANNOTATION_SCHEDULE_SINCE: rfc3339(since),
            },
            # No blockOwnerDeletion: nothing has to wait for the CronJob to go, and it would take a further permission.
            "ownerReferences": [
                {
                    "apiVersion": names.API_VERSION,
                    "kind": names.KIND,
                    "name": graphcron.metadata.name,
                    "uid": graphcron.metadata.uid,
                    "controller": True,
                }
            ],
        },
        "spec": {
            "schedule": spec.schedule,
            "timeZone": time_zone_of(spec),
            "suspend": suspended,
            "concurrencyPolicy": spec.concurrency_policy,
            "startingDeadlineSeconds": spec.starting_deadline_seconds,
            "successfulJobsHistoryLimit": spec.history.successful,
            "failedJobsHistoryLimit": spec.history.failed,
            "jobTemplate": {
                "metadata": {"labels": labels_for(graphcron)},
                "spec": _job_spec(graphcron, settings, since),
            },
        },
    }
    manifest["metadata"]["annotations"][names.ANNOTATION_APPLIED] = _digest(manifest)
    return manifest


def is_in_place(manifest: Manifest, seen: CronJobSeen, *, generation: int | None) -> bool:
    """Tell whether a CronJob needs no apply: it holds this manifest, and nobody has changed it since.

    Parameters
    ----------
    generation
        The CronJob's generation after our last apply, as the status remembers it.
    """
    metadata = manifest["metadata"]
    untouched = seen.generation == generation and bool(seen.controller_uid) and seen.labels == metadata["labels"]
    return untouched and seen.applied == metadata["annotations"][names.ANNOTATION_APPLIED]


def _job_spec(graphcron: GraphCron, settings: Settings, since: datetime) -> Manifest:
    spec = graphcron.spec
    job: Manifest = {
        "backoffLimit": BACKOFF_LIMIT,
        # Not before the old pod has ended for good: it may still be cancelling its run.
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {
            "rules": [
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {
                    "action": "FailJob",
                    "onExitCodes": {
                        "containerName": CONTAINER,
                        "operator": "In",
                        "values": list(contract.FINAL_EXIT_CODES),
                    },
                },
            ]
        },
        "template": pod_template_for(graphcron, settings, since=since),
    }
    if spec.timeout_seconds is not None:
        job["activeDeadlineSeconds"] = spec.timeout_seconds + spec.starting_deadline_seconds + JOB_SLACK_SECONDS
    return job


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_HASH_DIGITS]
