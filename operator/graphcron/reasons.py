"""Condition types, and the Reasons that conditions and Events carry, with a sentence each.

The outcomes of a run are Reasons too; they are declared in :mod:`graphcron.contract`.
"""

from enum import StrEnum


class ConditionType(StrEnum):
    """Types of ``status.conditions``."""

    READY = "Ready"
    """The spec is reconciled: the CronJob is as it should be. Says nothing of runs."""
    LAST_RUN_SUCCEEDED = "LastRunSucceeded"
    """How the newest finished run ended; Unknown where none has."""
    RECONCILING = "Reconciling"
    """kstatus: there only while a change is under way."""
    STALLED = "Stalled"
    """kstatus: there only while a person must change something."""


class Reason(StrEnum):
    """Why a condition holds, or what an Event tells."""

    RECONCILED = "Reconciled"
    """The CronJob is as the spec wants it."""
    SUSPENDED = "Suspended"
    """Reconciled, and no new runs start because ``suspend`` is set."""
    ENDED = "Ended"
    """Reconciled, and no new runs start because ``endTime`` has passed."""
    INVALID_SPEC = "InvalidSpec"
    """A field holds what can't work; the message names it."""
    CRON_JOB_NOT_OURS = "CronJobNotOurs"
    """A CronJob of this name exists and is not controlled by this GraphCron."""
    CLUSTER_ERROR = "ClusterError"
    """The API server refused or did not answer; tried again."""
    POD_CANNOT_START = "PodCannotStart"
    """A pod of this GraphCron waits for something that is missing: a Secret, a ConfigMap, an image."""
    NO_RUN_YET = "NoRunYet"
    """No run has finished yet."""
    POD_LOST = "PodLost"
    """A Job ended without a report of its pod: killed, evicted or gone too often."""
