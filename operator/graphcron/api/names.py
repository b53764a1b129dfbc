"""Names and keys: how GraphCron calls things on the Kubernetes API and on the LangGraph server."""

from enum import StrEnum
from typing import Final

GROUP: Final = "graphcron.dev"
"""API group; also the prefix of our labels and annotations."""

VERSION: Final = "v1alpha1"
"""API version of the resource."""

API_VERSION: Final = f"{GROUP}/{VERSION}"
"""What stands in ``apiVersion:``."""

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

CRD_NAME: Final = f"{PLURAL}.{GROUP}"
"""Name of the CustomResourceDefinition."""

CONTAINER: Final = "runner"
"""Name of our container in the pods; a mesh may have put others beside it, before or behind."""

MAX_NAME_LENGTH: Final = 52
"""Longest name in characters: CronJob's own limit, since a Job adds 11 to it."""

FIELD_MANAGER: Final = "graphcron"
"""Field manager of our server-side applies."""

OPERATOR: Final = "graphcron-operator"
"""Reporting controller of our Events."""

RESERVED_PREFIXES: Final = (f"{GROUP}/", "batch.kubernetes.io/")
"""Of labels and annotations that the operator or Kubernetes sets on pods."""

PROFILE_PREFIXES: Final = (
    "container.apparmor.security.beta.kubernetes.io/",
    "container.seccomp.security.alpha.kubernetes.io/",
    "seccomp.security.alpha.kubernetes.io/",
)
"""Of annotations that change a pod's security profile."""

ENV_PREFIX: Final = "GRAPHCRON_"
"""Of the environment variables that the operator gives the pods."""

LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
"""Set to ``graphcron`` on all that we make; our watches select on it."""

MANAGED_BY: Final = "graphcron"
"""Value of :data:`LABEL_MANAGED_BY`."""

OURS: Final = f"{LABEL_MANAGED_BY}={MANAGED_BY}"
"""Selector of what we make."""

LABEL_NAME: Final = f"{GROUP}/name"
"""Name of the GraphCron, on its CronJob, Jobs and Pods."""

LABEL_UID: Final = f"{GROUP}/uid"
"""UID of the GraphCron, on its CronJob, Jobs and Pods: names come again, UIDs do not."""

OUR_LABELS: Final = frozenset({LABEL_MANAGED_BY, LABEL_NAME, LABEL_UID})
"""All that we put on what we make."""

LABEL_PURPOSE: Final = f"{GROUP}/purpose"
"""On Jobs and Pods that no schedule has made: what for, as in :class:`Purpose`."""

LABEL_JOB_NAME: Final = "batch.kubernetes.io/job-name"
"""Set by the Job controller on the Job's Pods; our pods read it to learn their Job."""

CONDITION_ACCEPTS_TRAFFIC: Final = f"{GROUP}/accepts-traffic"
"""Readiness gate of our pods. Nobody sets this condition, so no Service sends requests to a pod that answers none."""

ANNOTATION_RUN_REQUESTED: Final = f"{GROUP}/run-requested-at"
"""Set by users on a GraphCron: any new value asks for one run now. Echoed in ``status.lastHandledTrigger``."""

ANNOTATION_RESUME_REQUESTED: Final = f"{GROUP}/resume-requested-at"
"""Set by users on a GraphCron: any new value ends a pause after failures. Echoed in ``status.lastHandledResume``."""

REQUESTS: Final = (ANNOTATION_RUN_REQUESTED, ANNOTATION_RESUME_REQUESTED)
"""The annotations of a GraphCron that the operator reads."""

ANNOTATION_HEALTH_INCLUDES_RUNS: Final = f"{GROUP}/health-includes-runs"
"""Set by users on a GraphCron: with ``true``, failing runs make it unhealthy in Argo CD. The operator never looks."""

ANNOTATION_HANDLED_TRIGGER: Final = f"{GROUP}/handled-trigger"
"""The last value of :data:`ANNOTATION_RUN_REQUESTED` that we acted on; on the CronJob, should the status get lost."""

ANNOTATION_HANDLED_RESUME: Final = f"{GROUP}/handled-resume"
"""The same for :data:`ANNOTATION_RESUME_REQUESTED`."""

ANNOTATION_PAUSED_SINCE: Final = f"{GROUP}/paused-since"
"""When failures paused the GraphCron (RFC 3339), on the CronJob, should the status get lost."""

ANNOTATION_REQUESTED_TIME: Final = f"{GROUP}/requested-time"
"""On a Job that no schedule has made: when it was asked for (RFC 3339)."""

ANNOTATION_TRIGGER: Final = f"{GROUP}/trigger"
"""On a Job that a person asked for: the value of :data:`ANNOTATION_RUN_REQUESTED`."""

ANNOTATION_APPLIED: Final = f"{GROUP}/applied"
"""Hash of the manifest that we applied, on the CronJob."""

ANNOTATION_INSTALLATION: Final = f"{GROUP}/installation"
"""Installation of the operator that reconciles the CronJob's GraphCron; every other one leaves it alone."""

ANNOTATION_SCHEDULE_SINCE: Final = f"{GROUP}/schedule-since"
"""When the schedule of the CronJob took effect (RFC 3339): nothing that was due before runs."""

ANNOTATION_RAN_SINCE: Final = f"{GROUP}/ran-since"
"""On a CronJob that is suspended: since when its schedule had been in force until then."""

ANNOTATION_SCHEDULE_KEY: Final = f"{GROUP}/schedule-key"
"""What must change for :data:`ANNOTATION_SCHEDULE_SINCE` to move: schedule, zone and suspension."""

ANNOTATION_SCHEDULED_TIMESTAMP: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"
"""Set by the CronJob controller on its Jobs: the scheduled time (RFC 3339)."""


class Purpose(StrEnum):
    """What a Job is for that no schedule has made: values of :data:`LABEL_PURPOSE`."""

    TRIGGER = "trigger"
    """A person asked for a run now."""
    CATCH_UP = "catch-up"
    """It makes up for the last run that was missed."""
    PREFLIGHT = "preflight"
    """It looks whether a run could be made, and makes none."""
