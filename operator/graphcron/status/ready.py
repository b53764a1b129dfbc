"""The condition ``Ready``: an ordered list of checks, of which the first that returns a result decides."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from graphcron.api.calendar_for import excluded_for
from graphcron.api.names import Purpose
from graphcron.api.reasons import CANNOT_START, Reason
from graphcron.api.v1alpha1 import GraphCron, GraphCronSpec
from graphcron.cache.objects import CachedCronJob, CachedPod
from graphcron.errors import ConflictError, GraphCronError, NotAllowedError, SpecError
from graphcron.manifests.suspension import suspension_reason
from graphcron.planning.installation import UNNAMED, contender_for
from graphcron.planning.observed import ObservedState
from graphcron.planning.plan import Plan
from graphcron.planning.run_history import RunHistory
from graphcron.planning.stuck_jobs import podless
from graphcron.settings import Settings

LONG_START: Final = timedelta(seconds=60)
"""A pod that waits longer than this makes ``Ready`` False, such as one whose volume is missing."""

_HINTS: Final = {
    "ContainerCreating": "A ConfigMap or Secret that the GraphCron references may not exist",
    "Unschedulable": "No node can run the pod",
}


@dataclass(frozen=True, kw_only=True)
class StatusInputs:
    """The inputs of the status."""

    generation: int
    """``metadata.generation`` of the GraphCron."""
    graphcron: GraphCron | None
    """With its server resolved; None: it can't be read, and :attr:`problem` has the reason."""
    problem: GraphCronError | None
    """What stopped this reconciliation."""
    refused: Mapping[Purpose, GraphCronError] = field(default_factory=dict)
    """Why Jobs could not be created."""
    unsuspended: GraphCronError | None = None
    """Why a CronJob that must create no more Jobs is not suspended yet."""
    limited: str = ""
    """Why its CronJob must create no more Jobs; empty: it may."""
    observed: ObservedState
    cronjobs: Sequence[CachedCronJob]
    """The desired CronJobs, as they are after the applies."""
    plan: Plan | None
    """None: nothing could be planned."""
    history: RunHistory
    now: datetime
    """The time of this reconciliation."""
    settings: Settings = field(default_factory=Settings)
    """The operator's settings."""

    @property
    def installation(self) -> str:
        """Name of this installation."""
        return self.settings.installation

    @property
    def spec(self) -> GraphCronSpec | None:
        """The spec, if it can be read."""
        return self.graphcron.spec if self.graphcron else None


class ReadyResult(NamedTuple):
    """The result of a check."""

    ready: bool
    reason: Reason
    message: str
    stalled: bool = False
    """Whether a user must change something."""


Check = Callable[[StatusInputs], ReadyResult | None]


def _invalid_spec(inputs: StatusInputs) -> ReadyResult | None:
    if not isinstance(inputs.problem, SpecError):
        return None
    if isinstance(inputs.problem, NotAllowedError):
        runs = "No new runs start"
        if inputs.unsuspended:
            runs = f"New runs still start. The operator retries to suspend the CronJob: {inputs.unsuspended}"
        return ReadyResult(False, Reason.NOT_ALLOWED, f"{inputs.problem}. {runs}.", stalled=True)
    kept = " The CronJob keeps the last valid spec." if inputs.observed.cronjobs else ""
    if inputs.limited:
        kept = f" No new runs start from the CronJob: {inputs.limited}."
    missing = inputs.graphcron is not None and inputs.problem.field == "spec.serverRef"
    reason = Reason.GRAPH_SERVER_NOT_FOUND if missing else Reason.INVALID_SPEC
    return ReadyResult(False, reason, f"{inputs.problem}.{kept}", stalled=True)


def _name_conflict(inputs: StatusInputs) -> ReadyResult | None:
    if not isinstance(inputs.problem, ConflictError):
        return None
    return ReadyResult(False, Reason.CRON_JOB_NOT_OURS, str(inputs.problem), stalled=True)


def _cluster_error(inputs: StatusInputs) -> ReadyResult | None:
    if inputs.problem is None:
        return None
    return ReadyResult(False, Reason.CLUSTER_ERROR, f"{inputs.problem}. The operator retries.")


def _pod_cannot_start(inputs: StatusInputs) -> ReadyResult | None:
    for pod in waiting_pods(inputs):
        if pod.waiting_reason in CANNOT_START:
            message = f"Pod {pod.name} cannot start ({pod.waiting_reason}): {pod.waiting_message}."
            return ReadyResult(False, Reason.POD_CANNOT_START, message, stalled=True)
    return None


def _pod_waits(inputs: StatusInputs) -> ReadyResult | None:
    for pod in waiting_pods(inputs):
        if inputs.now - pod.created >= LONG_START:
            why = pod.waiting_message or _HINTS.get(pod.waiting_reason, "The container has not started")
            message = f"Pod {pod.name} is waiting ({pod.waiting_reason}). {why}. {_describe(inputs, 'pod', pod.name)}"
            return ReadyResult(False, Reason.POD_CANNOT_START, message)
    return None


def _describe(inputs: StatusInputs, kind: str, name: str) -> str:
    """Return the command that shows why an object waits."""
    namespace = inputs.graphcron.metadata.namespace if inputs.graphcron else None
    return f"Run: kubectl describe {kind} {name}" + (f" --namespace={namespace}" if namespace else "")


def _no_pod_created(inputs: StatusInputs) -> ReadyResult | None:
    """Return a result if Kubernetes cannot create the pod of a Job, unless a later Job has one."""
    observed = inputs.observed
    latest = max((job.created for job in observed.jobs if job.had_pods), default=None)
    words = [
        observed.refusals[job.name]
        for job in observed.jobs
        if job.name in observed.refusals and _is_after(job.created, latest)
    ]
    last = inputs.history.runs[0] if inputs.history.runs else None
    if words:
        message = f"Kubernetes cannot create its pod: {words[-1]}"
    elif last and last.reason == Reason.POD_CANNOT_START and _is_after(last.scheduled_time, latest):
        message = f"The last run was skipped. {last.message}"  # its Job was deleted for the next one
    else:
        return None
    return ReadyResult(False, Reason.POD_CANNOT_START, f"{message}. {_REMEDY}", stalled=True)


_REMEDY: Final = "Fix the cause, such as a ResourceQuota, a LimitRange, or spec.runner."


def _is_after(moment: datetime, other: datetime | None) -> bool:
    return other is None or moment > other


def _job_waits(inputs: StatusInputs) -> ReadyResult | None:
    """Return a result if a Job has had no pod for long, without a known cause."""
    for job in podless(inputs.observed.jobs, inputs.observed.pods):
        if not job.finished and inputs.now - job.created >= LONG_START:
            message = f"Job {job.name} has no pod yet. {_describe(inputs, 'job', job.name)}"
            return ReadyResult(False, Reason.POD_CANNOT_START, message)
    return None


def _is_contended(inputs: StatusInputs) -> ReadyResult | None:
    contender = contender_for(inputs.observed.previous, inputs.installation, now=inputs.now)
    if contender is None:
        return None
    message = (
        f"The CronJob matches the spec. The installation {inputs.installation or UNNAMED} of the operator "
        f"reconciles it. The installation {contender.installation or UNNAMED} also watches this namespace "
        "and ignores this GraphCron. Limit watchNamespaces of one installation."
    )
    return ReadyResult(True, Reason.INSTALLATION_CONFLICT, message)


def _is_suspended(inputs: StatusInputs) -> ReadyResult | None:
    if inputs.graphcron is None:
        return None
    paused = inputs.plan is not None and inputs.plan.pause.since is not None
    reason = suspension_reason(inputs.graphcron, paused=paused, now=inputs.now)
    if reason is None:
        return None
    why = excluded_for(inputs.graphcron, now=inputs.now) if reason is Reason.EXCLUDED else ""
    return ReadyResult(True, reason, _SUSPENSION_MESSAGES[reason] + (f" Reason: {why}." if why else ""))


_SUSPENSION_MESSAGES: Final = {
    Reason.NO_LONGER_ACTIVE: "No new runs start: spec.endTime has passed.",
    Reason.SUSPENDED: "No new runs start: spec.suspend is set.",
    Reason.PAUSED: "No new runs start because of failures. See the condition Paused.",
    Reason.EXCLUDED: "No new runs start: an entry of spec.excludes applies.",
    Reason.NOT_YET_ACTIVE: "No new runs start before spec.startTime.",
}

CHECKS: Final[tuple[Check, ...]] = (
    _invalid_spec,  # nothing else matters until a user has changed it
    _name_conflict,  # the same
    _cluster_error,  # retried
    _pod_cannot_start,  # the CronJob is up to date, but no run can start
    _no_pod_created,  # the same
    _pod_waits,  # the same, probably
    _job_waits,  # the same
    _is_contended,  # reconciled, but an administrator must separate the installations
    _is_suspended,  # reconciled, and suspended
)
"""In this order; the first that returns a result decides."""


def waiting_pods(inputs: StatusInputs) -> list[CachedPod]:
    """Return the pods of unfinished Jobs whose container has not started."""
    active = {job.name for job in inputs.observed.jobs if not job.finished}
    return [pod for pod in inputs.observed.pods if pod.job in active and not pod.terminal and pod.waiting_reason]


def ready_for(inputs: StatusInputs) -> ReadyResult:
    """Return the result for ``Ready``."""
    usual = ReadyResult(True, Reason.RECONCILED, "The CronJob matches the spec.")
    return next((found for check in CHECKS if (found := check(inputs))), usual)
