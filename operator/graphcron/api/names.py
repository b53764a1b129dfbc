"""Names and keys that GraphCron uses in the Kubernetes API."""

from enum import StrEnum
from typing import Final

GROUP: Final = "graphcron.dev"
"""API group; also the prefix of our labels and annotations."""

VERSION: Final = "v1alpha1"
"""API version of the resource."""

API_VERSION: Final = f"{GROUP}/{VERSION}"
"""Value of ``apiVersion``."""

KIND: Final = "GraphCron"
"""Kind of the resource."""

PLURAL: Final = "graphcrons"
"""Plural of the resource, as in its URL."""

SHORT_NAME: Final = "gcron"
"""Short name for ``kubectl get``."""

SERVER_KIND: Final = "GraphServer"
"""Kind of the resource that a ``serverRef`` names."""

SERVER_PLURAL: Final = "graphservers"
"""Its plural, as in its URL."""

SERVER_SHORT_NAME: Final = "gserver"
"""Its short name for ``kubectl get``."""

RUN_KIND: Final = "GraphRun"
"""Kind of the resource for one run."""

RUN_PLURAL: Final = "graphruns"
"""Its plural, as in its URL."""

RUN_SHORT_NAME: Final = "grun"
"""Its short name for ``kubectl get``."""

CRD_NAME: Final = f"{PLURAL}.{GROUP}"
"""Name of the CustomResourceDefinition."""

CONTAINER: Final = "runner"
"""Name of the runner's container in the pods; a mesh may add others before or after it."""

MAX_NAME_LENGTH: Final = 52
"""Longest name in characters: CronJob's own limit, since a Job adds 11 to it."""

FIELD_MANAGER: Final = "graphcron"
"""Field manager of the operator's server-side applies."""

OPERATOR: Final = "graphcron-operator"
"""Source of the operator's Events."""

RESERVED_PREFIXES: Final = (f"{GROUP}/", "batch.kubernetes.io/")
"""Prefixes of labels and annotations that the operator or Kubernetes sets on pods."""

PROFILE_PREFIXES: Final = (
    "container.apparmor.security.beta.kubernetes.io/",
    "container.seccomp.security.alpha.kubernetes.io/",
    "seccomp.security.alpha.kubernetes.io/",
)
"""Prefixes of annotations that change a pod's security profile."""

ENV_PREFIX: Final = "GRAPHCRON_"
"""Prefix of the environment variables that the operator sets in the pods."""

LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
"""Set to ``graphcron`` on all objects that the operator creates; its watches select on it."""

MANAGED_BY: Final = "graphcron"
"""Value of :data:`LABEL_MANAGED_BY`."""

MANAGED_SELECTOR: Final = f"{LABEL_MANAGED_BY}={MANAGED_BY}"
"""Label selector of the objects that the operator creates."""

LABEL_NAME: Final = f"{GROUP}/name"
"""Name of the GraphCron, on its CronJob, Jobs and Pods."""

LABEL_UID: Final = f"{GROUP}/uid"
"""UID of the GraphCron, on its CronJob, Jobs and Pods: a name can be reused, a UID cannot."""

MANAGED_LABELS: Final = frozenset({LABEL_MANAGED_BY, LABEL_NAME, LABEL_UID})
"""The labels of all objects that the operator creates."""

LABEL_COMPONENT: Final = f"{GROUP}/component"
"""On the operator's Deployment and its pods, regardless of the name of the chart's release."""

OPERATOR_COMPONENT: Final = "operator"
"""Value of :data:`LABEL_COMPONENT`."""

LABEL_PURPOSE: Final = f"{GROUP}/purpose"
"""Purpose of Jobs and Pods outside the schedule, as in :class:`Purpose`."""

LABEL_JOB_NAME: Final = "batch.kubernetes.io/job-name"
"""Set by the Job controller on the Job's Pods; the runner reads it to learn its Job."""

LABEL_BACKFILL: Final = f"{GROUP}/backfill"
"""Set by the command line on the GraphRuns of a backfill: its range."""

CONDITION_ACCEPTS_TRAFFIC: Final = f"{GROUP}/accepts-traffic"
"""Readiness gate of the pods. The condition is never set, so no Service sends requests to a pod."""

ANNOTATION_RUN_REQUESTED: Final = f"{GROUP}/run-requested-at"
"""Set by users on a GraphCron: any new value requests one manual run. Echoed in ``status.lastHandledTrigger``."""

ANNOTATION_RESUME_REQUESTED: Final = f"{GROUP}/resume-requested-at"
"""Set by users on a GraphCron: any new value ends a pause after failures. Echoed in ``status.lastHandledResume``."""

REQUESTS: Final = (ANNOTATION_RUN_REQUESTED, ANNOTATION_RESUME_REQUESTED)
"""The annotations of a GraphCron that the operator reads."""

ANNOTATION_HEALTH_INCLUDES_RUNS: Final = f"{GROUP}/health-includes-runs"
"""Set by users on a GraphCron: with ``true``, failing runs make it unhealthy in Argo CD. The operator ignores it."""

ANNOTATION_HANDLED_TRIGGER: Final = f"{GROUP}/handled-trigger"
"""On the CronJob, in case the status is lost: the last handled value of :data:`ANNOTATION_RUN_REQUESTED`."""

ANNOTATION_HANDLED_RESUME: Final = f"{GROUP}/handled-resume"
"""The same for :data:`ANNOTATION_RESUME_REQUESTED`."""

ANNOTATION_PAUSED_SINCE: Final = f"{GROUP}/paused-since"
"""On the CronJob, in case the status is lost: when failures paused the GraphCron (RFC 3339)."""

ANNOTATION_REQUESTED_TIME: Final = f"{GROUP}/requested-time"
"""On a Job outside the schedule: when it was requested (RFC 3339)."""

ANNOTATION_TRIGGER: Final = f"{GROUP}/trigger"
"""On a Job that a user requested: the value of :data:`ANNOTATION_RUN_REQUESTED`."""

ANNOTATION_APPLIED: Final = f"{GROUP}/applied"
"""On the CronJob: hash of the last applied manifest."""

ANNOTATION_INSTALLATION: Final = f"{GROUP}/installation"
"""Installation of the operator that reconciles the CronJob's GraphCron; other installations do not touch it."""

ANNOTATION_SCHEDULE_SINCE: Final = f"{GROUP}/schedule-since"
"""When the schedule of the CronJob took effect (RFC 3339): earlier occurrences do not run."""

ANNOTATION_RAN_SINCE: Final = f"{GROUP}/ran-since"
"""On a suspended CronJob: since when its schedule was active before."""

ANNOTATION_SCHEDULE_KEY: Final = f"{GROUP}/schedule-key"
"""Hash of schedule, zone and suspension; if it changes, so does :data:`ANNOTATION_SCHEDULE_SINCE`."""

ANNOTATION_SCHEDULED_TIMESTAMP: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"
"""Set by the CronJob controller on its Jobs: the scheduled time (RFC 3339)."""


class Purpose(StrEnum):
    """Purpose of a Job outside the schedule: values of :data:`LABEL_PURPOSE`."""

    TRIGGER = "trigger"
    """A user requested a manual run."""
    RUN = "run"
    """It is the run of a GraphRun."""
    CATCH_UP = "catch-up"
    """It catches up on the last missed run."""
    PREFLIGHT = "preflight"
    """It checks whether a run could start, and starts none."""
