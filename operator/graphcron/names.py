"""Names and keys: how GraphCron calls things on the Kubernetes API and on the LangGraph server."""

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

CRD_NAME: Final = f"{PLURAL}.{GROUP}"
"""Name of the CustomResourceDefinition."""

MAX_NAME_LENGTH: Final = 52
"""Longest name in characters: CronJob's own limit, since a Job adds 11 to it."""

FIELD_MANAGER: Final = "graphcron"
"""Field manager of our server-side applies."""

OPERATOR: Final = "graphcron-operator"
"""Reporting controller of our Events."""

LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
"""Set to ``graphcron`` on all that we make; our watches select on it."""

MANAGED_BY: Final = "graphcron"
"""Value of :data:`LABEL_MANAGED_BY`."""

LABEL_NAME: Final = f"{GROUP}/name"
"""Name of the GraphCron, on its CronJob, Jobs and Pods."""

LABEL_UID: Final = f"{GROUP}/uid"
"""UID of the GraphCron, on its CronJob, Jobs and Pods: names come again, UIDs do not."""

OUR_LABELS: Final = frozenset({LABEL_MANAGED_BY, LABEL_NAME, LABEL_UID})
"""All that we put on what we make."""

LABEL_JOB_NAME: Final = "batch.kubernetes.io/job-name"
"""Set by the Job controller on the Job's Pods; our pods read it to learn their Job."""

ANNOTATION_APPLIED: Final = f"{GROUP}/applied"
"""Hash of the manifest that we applied, on the CronJob."""

ANNOTATION_SCHEDULE_SINCE: Final = f"{GROUP}/schedule-since"
"""When the schedule of the CronJob took effect (RFC 3339): nothing that was due before runs."""

ANNOTATION_SCHEDULE_KEY: Final = f"{GROUP}/schedule-key"
"""What must change for :data:`ANNOTATION_SCHEDULE_SINCE` to move: schedule, zone and suspension."""

ANNOTATION_SCHEDULED_TIMESTAMP: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"
"""Set by the CronJob controller on its Jobs: the scheduled time (RFC 3339)."""
