"""Condition types, and the reasons of conditions and Events, each with a description.

The outcomes of a run are reasons, too; they are declared in :mod:`graphcron.contract`.
"""

from enum import StrEnum
from typing import Final


class ConditionType(StrEnum):
    """Types of ``status.conditions``."""

    READY = "Ready"
    """The spec is reconciled: the CronJob matches it. Does not depend on runs."""
    LAST_RUN_SUCCEEDED = "LastRunSucceeded"
    """Whether the newest finished run succeeded; Unknown if none has finished."""
    TARGET_RESOLVED = "TargetResolved"
    """A preflight found that a run could start: server, key, assistant, thread and input are valid."""
    PAUSED = "Paused"
    """No new runs start, because too many in a row have failed; present only while True."""
    AWAITING_HUMAN = "AwaitingHuman"
    """The last run stopped at an interrupt and waits for human input; present only while True."""
    BUDGET_EXCEEDED = "BudgetExceeded"
    """The budget of the window is used up, and runs are skipped until the next window; present only while True."""
    SCHEDULE_TIGHT = "ScheduleTight"
    """Runs take longer than the time between them; present only while True."""
    RUN_DELAYED = "RunDelayed"
    """A manual run or a catch-up run has no Job yet, because the API server rejects it; present only while True."""
    COMPLETE = "Complete"
    """Of a GraphRun: the run is over and has not failed."""
    FAILED = "Failed"
    """Of a GraphRun: the run is over and has failed."""
    RECONCILING = "Reconciling"
    """kstatus: present only while a change is in progress."""
    STALLED = "Stalled"
    """kstatus: present only while a user must change something."""


class Reason(StrEnum):
    """Reasons of conditions and Events."""

    RECONCILED = "Reconciled"
    """The CronJob matches the spec."""
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
    """A field has an invalid value; the message names it."""
    NOT_ALLOWED = "NotAllowed"
    """A field has a value that the administrator does not allow; the CronJobs are suspended."""
    CRON_JOB_NOT_OURS = "CronJobNotOurs"
    """A CronJob of this name exists and is not controlled by this GraphCron."""
    INSTALLATION_CONFLICT = "InstallationConflict"
    """Two installations of the operator watch this namespace. True: the one that made the CronJob reconciles it. False:
    that one does not answer, and the other one leaves the CronJob alone."""
    CLUSTER_ERROR = "ClusterError"
    """The API server rejected a request or did not respond; retried."""
    INTERNAL_ERROR = "InternalError"
    """The operator failed on this object: a bug; retried."""
    POD_CANNOT_START = "PodCannotStart"
    """A pod waits for a missing object, such as a Secret or an image, or Kubernetes cannot create it."""
    NO_RUN_YET = "NoRunYet"
    """No run has finished yet."""
    NOT_STARTED = "NotStarted"
    """A run was due, and Kubernetes created no Job for it in time."""
    PREDECESSOR_ACTIVE = "PredecessorActive"
    """A run was due while an earlier one was active, and ``concurrencyPolicy`` is ``Forbid``."""
    QUEUE_FULL = "QueueFull"
    """A run was due while ``queueLimit`` others waited, and ``concurrencyPolicy`` is ``Queue``."""
    STARTING_DEADLINE_EXCEEDED = "StartingDeadlineExceeded"
    """A run could not be started within ``startingDeadlineSeconds``."""
    RUN_NOT_FOUND = "RunNotFound"
    """A run was active, and its thread no longer exists on the server."""
    CONSECUTIVE_FAILURES = "ConsecutiveFailures"
    """As many runs in a row have failed as ``failurePolicy`` allows."""
    WAITS_FOR_ANSWER = "WaitsForAnswer"
    """A thread waits for human input."""
    LIMIT_REACHED = "LimitReached"
    """The budget of the window is used up."""
    RUNS_OUTLAST_INTERVAL = "RunsOutlastInterval"
    """Most runs are shorter than the time between two, but not all."""
    CHECKING = "Checking"
    """A preflight is in progress."""
    FAILED_CREATE = "FailedCreate"
    """The API server refused a Job, for example because of a ResourceQuota; the message has the reason."""
    PREFLIGHT_PENDING = "PreflightPending"
    """A preflight waits, because the limit of concurrent preflights is reached."""
    WAITING_FOR_SERVER = "WaitingForServer"
    """A preflight waits until the server responds to that of another GraphCron, which found it unreachable."""
    JOB_CREATED = "JobCreated"
    """The Job of a GraphRun exists, and its run is not over."""
    GRAPH_CRON_NOT_FOUND = "GraphCronNotFound"
    """``graphCronRef`` names a GraphCron that does not exist; retried until the starting deadline."""
    GRAPH_CRON_INVALID = "GraphCronInvalid"
    """The GraphCron of a GraphRun cannot run with its current spec; retried until the starting deadline."""
    GRAPH_CRON_DELETED = "GraphCronDeleted"
    """The GraphCron of an active GraphRun was deleted, so the operator has deleted the Job."""
    JOB_DELETED = "JobDeleted"
    """A Job was deleted while it was active, as ``kubectl graphcron cancel`` does, and its pod cancelled the run."""
    JOB_GONE = "JobGone"
    """An active Job was deleted, so the outcome of its run is unknown."""
    SIDECAR_KEEPS_POD_RUNNING = "SidecarKeepsPodRunning"
    """A sidecar ran on after the runner had ended; the operator has terminated it."""
    POD_LOST = "PodLost"
    """A Job ended without a report of its pods, which were killed, evicted or lost too often."""


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
"""The kubelet's reasons of waiting containers that need a change by a user."""
