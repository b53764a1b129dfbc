"""GraphCron → Jobs, and what all Jobs share. Same input, same bytes; no clock, no cluster."""

import hashlib
import json
from datetime import datetime
from typing import Any, Final, NamedTuple

from graphcron import contract
from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import GraphCron, ObjectMeta, rfc3339
from graphcron.manifests.pod import Extra, Manifest, labels_for, pod_template_for
from graphcron.settings import Settings

BACKOFF_LIMIT: Final = 6
"""How often a lost pod is replaced. A replacement starts no second run: it finds the first one."""

JOB_SLACK_SECONDS: Final = 120
"""Added to the run's deadlines in ``activeDeadlineSeconds``: scheduling the pod and pulling the image."""

ATTEMPT_SLACK_SECONDS: Final = 90
"""Added for each retry of a run: the pause before it, and cancelling the previous attempt."""

KEPT_SECONDS: Final = 86_400
"""``ttlSecondsAfterFinished`` of a Job outside the schedule; the history limits apply to scheduled ones."""

CATCH_UP_SECONDS: Final = 86_400
"""Starting deadline of a catch-up run: the cause of the missed one may last."""

_HASH_DIGITS: Final = 16
_UID_DIGITS: Final = 10


class JobRequest(NamedTuple):
    """A Job to be created outside the schedule."""

    name: str
    """The same for the same request, so that the Job is created once."""
    purpose: Purpose
    scheduled: datetime
    requested: datetime
    """The starting deadline counts from here."""
    trigger: str = ""
    """Value of the annotation that requests the run."""


def job_for(graphcron: GraphCron, settings: Settings, request: JobRequest, *, since: datetime) -> Manifest:
    """Build the Job for a run outside the schedule."""
    environment = {
        contract.ENV_SCHEDULED_TIME: rfc3339(request.scheduled),
        contract.ENV_REQUESTED_TIME: rfc3339(request.requested),
    }
    if request.trigger:
        environment[contract.ENV_TRIGGER] = request.trigger
    annotations = {
        names.ANNOTATION_SCHEDULED_TIMESTAMP: rfc3339(request.scheduled),
        names.ANNOTATION_REQUESTED_TIME: rfc3339(request.requested),
    }
    if request.trigger:
        annotations[names.ANNOTATION_TRIGGER] = request.trigger
    if request.purpose is Purpose.CATCH_UP:
        deadline = max(CATCH_UP_SECONDS, graphcron.spec.starting_deadline_seconds)
        late = graphcron.spec.model_copy(update={"starting_deadline_seconds": deadline})
        graphcron = graphcron.model_copy(update={"spec": late})
    spec = job_spec(graphcron, settings, since, Extra(request.purpose, environment))
    manifest = owned(names.KIND, graphcron.metadata, request.name, request.purpose)
    manifest["metadata"]["annotations"] = annotations
    return {**manifest, "spec": {**spec, "ttlSecondsAfterFinished": KEPT_SECONDS}}


def graph_run_job_name(name: str, uid: str) -> str:
    """Return the name of the Job of a GraphRun; two GraphRuns of one name have different Jobs."""
    return f"{name[: names.MAX_NAME_LENGTH]}-{hashlib.sha256(uid.encode()).hexdigest()[:_UID_DIGITS]}"


def graph_run_job_for(
    graphcron: GraphCron, settings: Settings, owner: ObjectMeta, *, scheduled: datetime, created: datetime
) -> Manifest:
    """Build the Job of a GraphRun.

    Parameters
    ----------
    graphcron
        What to run. On the server, the run is one of this GraphCron; without ``graphCronRef``, it is the GraphRun's.
    owner
        The GraphRun.
    scheduled, created
        Scheduled time of the run; time from which the starting deadline counts.
    """
    environment = {
        contract.ENV_SCHEDULED_TIME: rfc3339(scheduled),
        contract.ENV_REQUESTED_TIME: rfc3339(created),
        contract.ENV_GRAPHRUN: owner.name,
        contract.ENV_GRAPHRUN_UID: owner.uid or "",
    }
    # The request has the offsets of the zone from the earlier of the two times.
    extra = Extra(Purpose.RUN, environment, owner)
    spec = job_spec(graphcron, settings, min(scheduled, created), extra)
    manifest = owned(names.RUN_KIND, owner, graph_run_job_name(owner.name, owner.uid or ""), Purpose.RUN)
    manifest["metadata"]["annotations"] = {
        names.ANNOTATION_SCHEDULED_TIMESTAMP: rfc3339(scheduled),
        names.ANNOTATION_REQUESTED_TIME: rfc3339(created),
    }
    # The Job must not be deleted while the GraphRun could still start: another one would be created.
    kept = max(KEPT_SECONDS, graphcron.spec.starting_deadline_seconds)
    return {**manifest, "spec": {**spec, "ttlSecondsAfterFinished": kept}}


def owned(kind: str, owner: ObjectMeta, name: str, purpose: Purpose) -> Manifest:
    """Return a Job without its spec that belongs to a GraphCron, GraphRun or GraphServer."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": owner.namespace,
            "labels": labels_for(owner, purpose),
            # Not its controller: the CronJob controller adopts any Job whose controller has the CronJob's name,
            # regardless of its kind, and would count it in the history.
            "ownerReferences": [owner_reference(kind, owner)],
        },
    }


def pod_failure_policy() -> Manifest:
    """Return the policy: which exit codes fail the Job, and which disruptions do not count."""
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
    """Return the reference by which Kubernetes deletes an object with its owner.

    Without ``blockOwnerDeletion``: the owner need not wait, and it would need another permission.
    """
    return {"apiVersion": names.API_VERSION, "kind": kind, "name": owner.name, "uid": owner.uid}


def digest(value: Any) -> str:
    """Return a short hash of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_HASH_DIGITS]


def job_spec(graphcron: GraphCron, settings: Settings, since: datetime, extra: Extra | None) -> Manifest:
    """Return the ``spec`` of a Job, or of a CronJob's Jobs."""
    spec = graphcron.spec
    timeout = spec.timeout_seconds or settings.default_timeout_seconds
    further = spec.retry.attempts * (timeout + ATTEMPT_SLACK_SECONDS)
    return {
        "backoffLimit": BACKOFF_LIMIT,
        # Not before the old pod has terminated: it may still be cancelling its run.
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": pod_failure_policy(),
        "template": pod_template_for(graphcron, settings, since=since, extra=extra),
        # A last resort: the runner cancels the run before.
        "activeDeadlineSeconds": timeout + further + spec.starting_deadline_seconds + JOB_SLACK_SECONDS,
    }
