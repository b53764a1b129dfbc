"""Is the spec reconciled? An ordered list of small checks; the first that finds something decides ``Ready``."""

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
from graphcron.manifests.suspension import rest_of
from graphcron.planning.installation import NAMELESS, contender_for
from graphcron.planning.observed import Seen
from graphcron.planning.plan import Plan
from graphcron.planning.run_history import Told
from graphcron.planning.stuck_jobs import podless

LONG_START: Final = timedelta(seconds=60)
"""A pod that waits longer than this for anything else is worth a word too: no node takes it, a volume is missing."""

_WHAT_TO_LOOK_FOR: Final = {
    "ContainerCreating": "A ConfigMap or Secret that the GraphCron names may be missing",
    "Unschedulable": "No node takes it",
}


@dataclass(frozen=True, kw_only=True)
class Observed:
    """All that a status is made from."""

    generation: int
    """Of the GraphCron."""
    graphcron: GraphCron | None
    """With its server in place; None: it can't be read; :attr:`problem` says why."""
    problem: GraphCronError | None
    """What stopped this reconciliation."""
    refused: Mapping[Purpose, GraphCronError] = field(default_factory=dict)
    """Why Jobs could not be made."""
    unsuspended: GraphCronError | None = None
    """Why a CronJob that must start nothing more is not suspended yet."""
    limited: str = ""
    """Why a CronJob of its own may start no more; empty: it may."""
    seen: Seen
    cronjobs: Sequence[CachedCronJob]
    """Those that are wanted, as they are after our applies."""
    plan: Plan | None
    """None: nothing could be planned."""
    told: Told
    now: datetime
    """When all this was so."""
    installation: str = ""
    """Our own."""

    @property
    def spec(self) -> GraphCronSpec | None:
        """What the user asks for, where it can be read."""
        return self.graphcron.spec if self.graphcron else None


class Finding(NamedTuple):
    """What a check found, in the words of a condition."""

    ready: bool
    reason: Reason
    message: str
    stalled: bool = False
    """A person must change something before it gets better."""


Check = Callable[[Observed], Finding | None]


def _spec_is_wrong(observed: Observed) -> Finding | None:
    if not isinstance(observed.problem, SpecError):
        return None
    if isinstance(observed.problem, NotAllowedError):
        runs = "No new runs start"
        if observed.unsuspended:
            runs = f"New runs start until its CronJob is suspended, which the operator retries: {observed.unsuspended}"
        return Finding(False, Reason.NOT_ALLOWED, f"{observed.problem}. {runs}.", stalled=True)
    kept = " The CronJob stays as the last valid spec made it." if observed.seen.cronjobs else ""
    if observed.limited:
        kept = f" No new runs start from the CronJob: {observed.limited}."
    missing = observed.graphcron is not None and observed.problem.field == "spec.serverRef"
    reason = Reason.GRAPH_SERVER_NOT_FOUND if missing else Reason.INVALID_SPEC
    return Finding(False, reason, f"{observed.problem}.{kept}", stalled=True)


def _name_is_taken(observed: Observed) -> Finding | None:
    if not isinstance(observed.problem, ConflictError):
        return None
    return Finding(False, Reason.CRON_JOB_NOT_OURS, str(observed.problem), stalled=True)


def _cluster_said_no(observed: Observed) -> Finding | None:
    if observed.problem is None:
        return None
    return Finding(False, Reason.CLUSTER_ERROR, f"{observed.problem}. It will be tried again.")


def _pod_waits_in_vain(observed: Observed) -> Finding | None:
    for pod in waiting_pods(observed):
        if pod.waiting_reason in CANNOT_START:
            message = f"Pod {pod.name} cannot start ({pod.waiting_reason}): {pod.waiting_message}."
            return Finding(False, Reason.POD_CANNOT_START, message, stalled=True)
    return None


def _pod_waits_long(observed: Observed) -> Finding | None:
    for pod in waiting_pods(observed):
        if observed.now - pod.created >= LONG_START:
            why = pod.waiting_message or _WHAT_TO_LOOK_FOR.get(pod.waiting_reason, "It has not started")
            message = f"Pod {pod.name} waits ({pod.waiting_reason}). {why}: kubectl describe pod {pod.name}"
            return Finding(False, Reason.POD_CANNOT_START, message)
    return None


def _no_pod_can_be_created(observed: Observed) -> Finding | None:
    """Find a Job for which Kubernetes cannot create a pod, unless a later Job has got one."""
    seen = observed.seen
    latest = max((job.created for job in seen.jobs if job.had_pods), default=None)
    words = [
        seen.refusals[job.name] for job in seen.jobs if job.name in seen.refusals and _is_after(job.created, latest)
    ]
    last = observed.told.runs[0] if observed.told.runs else None
    if words:
        message = f"Kubernetes cannot create its pod: {words[-1]}"
    elif last and last.reason == Reason.POD_CANNOT_START and _is_after(last.scheduled_time, latest):
        message = f"The last run was skipped. {last.message}"  # its Job has made room for the next one
    else:
        return None
    return Finding(False, Reason.POD_CANNOT_START, f"{message}. {_MAKE_ROOM}", stalled=True)


_MAKE_ROOM: Final = "Correct what this names, such as a ResourceQuota, a LimitRange, or spec.runner."


def _is_after(moment: datetime, other: datetime | None) -> bool:
    return other is None or moment > other


def _job_waits_long(observed: Observed) -> Finding | None:
    """Find a Job that has had no pod for long, for which nobody knows why."""
    for job in podless(observed.seen.jobs, observed.seen.pods):
        if not job.finished and observed.now - job.created >= LONG_START:
            message = f"Job {job.name} has no pod yet: kubectl describe job {job.name}"
            return Finding(False, Reason.POD_CANNOT_START, message)
    return None


def _is_contended(observed: Observed) -> Finding | None:
    contender = contender_for(observed.seen.previous, observed.installation, now=observed.now)
    if contender is None:
        return None
    message = (
        f"The CronJob is as the spec wants it: the installation {observed.installation or NAMELESS} of the operator "
        f"reconciles it. The installation {contender.installation or NAMELESS} watches this namespace too, and leaves "
        "it alone. Limit watchNamespaces of one of them."
    )
    return Finding(True, Reason.INSTALLATION_CONFLICT, message)


def _rests(observed: Observed) -> Finding | None:
    if observed.graphcron is None:
        return None
    paused = observed.plan is not None and observed.plan.pause.since is not None
    reason = rest_of(observed.graphcron, paused=paused, now=observed.now)
    if reason is None:
        return None
    why = excluded_for(observed.graphcron, now=observed.now) if reason is Reason.EXCLUDED else ""
    return Finding(True, reason, _WHY_IT_RESTS[reason] + (f" Its reason: {why}." if why else ""))


_WHY_IT_RESTS: Final = {
    Reason.NO_LONGER_ACTIVE: "No new runs start: spec.endTime has passed.",
    Reason.SUSPENDED: "No new runs start: spec.suspend is set.",
    Reason.PAUSED: "No new runs start, because too many have failed: see the condition Paused.",
    Reason.EXCLUDED: "No new runs start: one of spec.excludes holds.",
    Reason.NOT_YET_ACTIVE: "No new runs start before spec.startTime.",
}

CHECKS: Final[tuple[Check, ...]] = (
    _spec_is_wrong,  # nothing else is worth saying until a person has changed it
    _name_is_taken,  # the same
    _cluster_said_no,  # passes by itself
    _pod_waits_in_vain,  # the CronJob is right, and yet no run can start
    _no_pod_can_be_created,  # the same
    _pod_waits_long,  # the same, as far as we can see
    _job_waits_long,  # the same
    _is_contended,  # all is well here, but an administrator must part the two
    _rests,  # all is well, and at rest
)
"""Asked in this order; the first that finds something decides."""


def waiting_pods(observed: Observed) -> list[CachedPod]:
    """Return the pods of unfinished Jobs whose container has not started."""
    active = {job.name for job in observed.seen.jobs if not job.finished}
    return [pod for pod in observed.seen.pods if pod.job in active and not pod.terminal and pod.waiting_reason]


def ready_for(observed: Observed) -> Finding:
    """Return what ``Ready`` is to say."""
    usual = Finding(True, Reason.RECONCILED, "The CronJob is as the spec wants it.")
    return next((found for check in CHECKS if (found := check(observed))), usual)
