"""Observed → status: an ordered list of small checks; ``Ready`` is only ever summarised from them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from pydantic import ValidationError

from graphcron import cron, schedule
from graphcron.contract import Outcome
from graphcron.desired import has_ended, is_suspended, time_zone_of
from graphcron.errors import ConflictError, GraphCronError, SpecError
from graphcron.model import AppliedCronJob, Condition, GraphCronSpec, GraphCronStatus, RecentRun, rfc3339
from graphcron.observed import Body, CronJobSeen, JobSeen, PodSeen
from graphcron.reasons import ConditionType, Reason
from graphcron.runs import active_runs, recent_runs

CANNOT_START: Final = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "ErrImagePull", "ImagePullBackOff", "InvalidImageName"}
)
"""Why a container waits that only a person can help, in the kubelet's words."""

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
    spec: GraphCronSpec | None
    """None: the spec can't be read; :attr:`problem` says why."""
    problem: GraphCronError | None
    """What stopped this reconciliation."""
    cronjob: CronJobSeen | None
    """The CronJob, as the watch or our own apply showed it last."""
    jobs: Sequence[JobSeen]
    pods: Sequence[PodSeen]
    previous: GraphCronStatus
    """The status as it stands."""
    now: datetime
    """When all this was so."""


class Finding(NamedTuple):
    """What a check found, in the words of a condition."""

    ready: bool
    reason: Reason
    message: str
    stalled: bool = False
    """A person must change something before it gets better."""


Verdict = Literal["True", "False", "Unknown"]

Check = Callable[[Observed], Finding | None]


def _spec_is_wrong(observed: Observed) -> Finding | None:
    if not isinstance(observed.problem, SpecError):
        return None
    kept = " The CronJob stays as the last valid spec made it." if observed.cronjob else ""
    return Finding(False, Reason.INVALID_SPEC, f"{observed.problem}.{kept}", stalled=True)


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


def _campaign_has_ended(observed: Observed) -> Finding | None:
    if observed.spec is None or not has_ended(observed.spec, now=observed.now):
        return None
    return Finding(True, Reason.ENDED, "No new runs start: spec.endTime has passed.")


def _is_suspended(observed: Observed) -> Finding | None:
    if observed.spec is None or not observed.spec.suspend:
        return None
    return Finding(True, Reason.SUSPENDED, "No new runs start: spec.suspend is set.")


CHECKS: Final[tuple[Check, ...]] = (
    _spec_is_wrong,  # nothing else is worth saying until a person has changed it
    _name_is_taken,  # the same
    _cluster_said_no,  # passes by itself
    _pod_waits_in_vain,  # the CronJob is right, and yet no run can start
    _pod_waits_long,  # the same, as far as we can see
    _campaign_has_ended,  # all is well, and over
    _is_suspended,  # all is well, and at rest
)
"""Asked in this order; the first that finds something decides."""


def waiting_pods(observed: Observed) -> list[PodSeen]:
    """Return the pods of unfinished Jobs whose container has not started."""
    active = {job.name for job in observed.jobs if not job.finished}
    return [pod for pod in observed.pods if pod.job in active and not pod.terminal and pod.waiting_reason]


def status_of(body: Body) -> GraphCronStatus:
    """Read the status as it stands; an empty one where somebody else has made it unreadable."""
    try:
        return GraphCronStatus.model_validate(body.get("status") or {}, by_alias=True, by_name=False)
    except ValidationError:
        return GraphCronStatus()


def status_for(observed: Observed) -> GraphCronStatus:
    """Make the status."""
    previous = observed.previous
    spec = observed.spec
    limit = spec.history.runs if spec else max(len(previous.recent_runs or ()), 1)
    runs = recent_runs(previous.recent_runs or [], observed.jobs, observed.pods, limit=limit)
    status = previous.model_copy(
        update={
            "observed_generation": observed.generation,
            "conditions": list(_conditions(observed, runs)),
            "last_schedule_time": _last_schedule_time(observed),
            "last_successful_time": _latest_end(previous.last_successful_time, observed.jobs, runs, _SUCCESSES),
            "last_failure_time": _latest_end(previous.last_failure_time, observed.jobs, runs, _FAILURES),
            "active": active_runs(observed.jobs, runs) or None,
            "recent_runs": runs or None,
        }
    )
    if spec is None or observed.problem is not None:
        return status
    return status.model_copy(
        update={
            "schedule": spec.schedule,
            "time_zone": time_zone_of(spec),
            "next_schedule_time": next_time(spec, now=observed.now),
            "cron_job": AppliedCronJob(generation=observed.cronjob.generation) if observed.cronjob else None,
        }
    )


def next_time(spec: GraphCronSpec, *, now: datetime) -> datetime | None:
    """Return when the next run is due; None where no further one is."""
    if is_suspended(spec, now=now):
        return None
    moment = schedule.next_after(cron.parse(spec.schedule), schedule.zone_for(time_zone_of(spec)), now)
    if moment is None or (spec.end_time is not None and moment >= spec.end_time):
        return None
    return moment


_SUCCESSES: Final = frozenset({Outcome.SUCCEEDED})
_NEITHER: Final = frozenset({Outcome.INTERRUPTED, Outcome.SKIPPED, Outcome.STOPPED, Outcome.CANCELLED})
_FAILURES: Final = frozenset(Outcome) - _SUCCESSES - _NEITHER


def _conditions(observed: Observed, runs: Sequence[RecentRun]) -> Iterator[Condition]:
    """Summarise the checks into ``Ready`` and kstatus' two; then say how the last run ended."""
    finding = next(
        (found for check in CHECKS if (found := check(observed))),
        Finding(True, Reason.RECONCILED, "The CronJob is as the spec wants it."),
    )
    known = {condition.type: condition for condition in observed.previous.conditions or ()}

    def condition(kind: ConditionType, status: Verdict, reason: str, message: str) -> Condition:
        before = known.get(kind)
        since = before.last_transition_time if before and before.status == status else observed.now
        return Condition(
            type=kind,
            status=status,
            reason=reason,
            message=message,
            last_transition_time=since,
            observed_generation=observed.generation,
        )

    yield condition(ConditionType.READY, "True" if finding.ready else "False", finding.reason, finding.message)
    if finding.stalled:
        yield condition(ConditionType.STALLED, "True", finding.reason, finding.message)
    elif not finding.ready:
        yield condition(ConditionType.RECONCILING, "True", finding.reason, finding.message)
    yield condition(ConditionType.LAST_RUN_SUCCEEDED, *_last_run(runs))


def _last_run(runs: Sequence[RecentRun]) -> tuple[Verdict, str, str]:
    """Say how the newest run ended; occurrences that were skipped are no runs."""
    last = next((run for run in runs if Outcome(run.outcome) is not Outcome.SKIPPED), None)
    if last is None:
        return "Unknown", Reason.NO_RUN_YET, "No run has finished yet."
    outcome = Outcome(last.outcome)
    verdict: Verdict = "True" if outcome in _SUCCESSES else "Unknown" if outcome in _NEITHER else "False"
    message = f"Run of {rfc3339(last.scheduled_time)}: {last.message or outcome.value}."
    return verdict, outcome.value, message


def _last_schedule_time(observed: Observed) -> datetime | None:
    moments = [job.scheduled_time for job in observed.jobs]
    moments += [
        moment
        for moment in (
            observed.previous.last_schedule_time,
            observed.cronjob and observed.cronjob.last_schedule_time,
        )
        if moment
    ]
    return max(moments, default=None)


def _latest_end(
    previous: datetime | None, jobs: Sequence[JobSeen], runs: Sequence[RecentRun], outcomes: frozenset[Outcome]
) -> datetime | None:
    """Return when the newest run with one of the outcomes ended."""
    chosen = {run.job for run in runs if Outcome(run.outcome) in outcomes}
    moments = [job.finished_at for job in jobs if job.name in chosen and job.finished_at]
    return max([*moments, *([previous] if previous else [])], default=None)
