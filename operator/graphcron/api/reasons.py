"""Condition types, and the Reasons that conditions and Events carry, with a sentence each.

The outcomes of a run are Reasons too; they are declared in :mod:`graphcron.contract`.
"""

from enum import StrEnum
from typing import Final


class ConditionType(StrEnum):
    """Types of ``status.conditions``."""

    READY = "Ready"
    """The spec is reconciled: the CronJob is as it should be. Says nothing of runs."""
    LAST_RUN_SUCCEEDED = "LastRunSucceeded"
    """How the newest finished run ended; Unknown where none has."""
    TARGET_RESOLVED = "TargetResolved"
    """A preflight found that a run could be made: server, key, assistant, thread and input are right."""
    PAUSED = "Paused"
    """No new runs start, because too many in a row have failed; there only while it holds."""
    AWAITING_HUMAN = "AwaitingHuman"
    """The last run stopped at an interrupt and waits for a person; there only while it holds."""
    BUDGET_EXCEEDED = "BudgetExceeded"
    """The budget of the window is used up, and runs are skipped until it turns; there only while it holds."""
    SCHEDULE_TIGHT = "ScheduleTight"
    """Runs take longer than the time between them; there only while it holds."""
    RUN_DELAYED = "RunDelayed"
    """A run now or a catch-up has no Job yet, because the API server refuses it; there only while it holds."""
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
    NO_LONGER_ACTIVE = "NoLongerActive"
    """Reconciled, and no new runs start because ``endTime`` has passed."""
    NOT_YET_ACTIVE = "NotYetActive"
    """Reconciled, and no new runs start before ``startTime``."""
    EXCLUDED = "Excluded"
    """Reconciled, and no new runs start while one of ``excludes`` holds."""
    PAUSED = "Paused"
    """Reconciled, and no new runs start after failures; see the condition of that name."""
    GRAPH_SERVER_NOT_FOUND = "GraphServerNotFound"
    """``serverRef`` names a GraphServer that does not exist."""
    INVALID_SPEC = "InvalidSpec"
    """A field holds what can't work; the message names it."""
    NOT_ALLOWED = "NotAllowed"
    """A field names what the administrator does not allow; its CronJobs are suspended."""
    CRON_JOB_NOT_OURS = "CronJobNotOurs"
    """A CronJob of this name exists and is not controlled by this GraphCron."""
    INSTALLATION_CONFLICT = "InstallationConflict"
    """Two installations of the operator watch this namespace. True: the one that made the CronJob reconciles it. False:
    that one does not answer, and the other one leaves the CronJob alone."""
    CLUSTER_ERROR = "ClusterError"
    """The API server refused or did not answer; tried again."""
    INTERNAL_ERROR = "InternalError"
    """The operator failed on this object: a bug; tried again."""
    POD_CANNOT_START = "PodCannotStart"
    """A pod waits for something that is missing, such as a Secret or an image, or Kubernetes cannot create it."""
    NO_RUN_YET = "NoRunYet"
    """No run has finished yet."""
    NOT_STARTED = "NotStarted"
    """A run was due, and Kubernetes made no Job for it in time."""
    PREDECESSOR_ACTIVE = "PredecessorActive"
    """A run was due while an earlier one went on, and ``concurrencyPolicy`` forbids both."""
    STARTING_DEADLINE_EXCEEDED = "StartingDeadlineExceeded"
    """A run could not be started within ``startingDeadlineSeconds``."""
    RUN_NOT_FOUND = "RunNotFound"
    """A run was under way, and its thread is gone from the server."""
    CONSECUTIVE_FAILURES = "ConsecutiveFailures"
    """As many runs in a row have failed as ``failurePolicy`` allows."""
    WAITS_FOR_ANSWER = "WaitsForAnswer"
    """A thread waits for a person."""
    LIMIT_REACHED = "LimitReached"
    """What the budget allows in its window has been used."""
    RUNS_OUTLAST_INTERVAL = "RunsOutlastInterval"
    """Most runs are shorter than the time between two, but not all."""
    CHECKING = "Checking"
    """A preflight is under way."""
    FAILED_CREATE = "FailedCreate"
    """The API server refused a Job, for example because of a ResourceQuota; the message has its words."""
    PREFLIGHT_PENDING = "PreflightPending"
    """A preflight waits, because as many as the operator allows are under way."""
    WAITING_FOR_SERVER = "WaitingForServer"
    """A preflight waits until the server answers that of another GraphCron, which found it unreachable."""
    JOB_DELETED = "JobDeleted"
    """A Job was deleted while it was active, as ``kubectl graphcron cancel`` does, and its pod cancelled the run."""
    JOB_GONE = "JobGone"
    """A Job that was active is gone, and with it what became of its run."""
    SIDECAR_KEEPS_POD_RUNNING = "SidecarKeepsPodRunning"
    """A sidecar went on after the runner had ended; the operator has ended it."""
    POD_LOST = "PodLost"
    """A Job ended without a report of its pod: killed, evicted or gone too often."""


CANNOT_START: Final = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
    }
)
"""Why a container waits that only a person can help, in the kubelet's words."""
