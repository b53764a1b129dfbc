"""What is known of one GraphRun: whether its Job exists, how its run ended, and how long it may still start. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from graphcron.api.reasons import Reason
from graphcron.api.v1alpha1 import ActiveRun, GraphRunStatus, RecentRun
from graphcron.cache.objects import Body, CachedCronJob, CachedJob, CachedPod
from graphcron.contract import RETRIABLE, Outcome
from graphcron.errors import GraphCronError, NotAllowedError, SpecError
from graphcron.planning.installation import is_others, owner_of
from graphcron.planning.missed_runs import CACHE_DELAY
from graphcron.planning.run_history import merge_run_history
from graphcron.planning.stuck_jobs import Termination, outlived_by_sidecars
from graphcron.unstructured.fields import object_at

DEFAULT_DEADLINE_SECONDS: Final = 3600
MAX_DEADLINE_SECONDS: Final = 604_800

TAKE_OVER_AFTER: Final = timedelta(hours=1)
"""How long another installation may take to report the end of a GraphRun before this one does so."""

JOB_DELETED_REASONS: Final = frozenset({Reason.JOB_GONE, Reason.JOB_DELETED})
"""Reasons of a run whose Job was deleted."""


@dataclass(frozen=True, kw_only=True)
class ObservedGraphRun:
    """All that the cache holds of one GraphRun that is not over."""

    body: Body
    previous: GraphRunStatus
    """The status before this reconciliation."""
    created: datetime
    scheduled: datetime
    """Scheduled time that the run represents."""
    job: str
    """Name of its Job, which may not exist yet."""
    jobs: Sequence[CachedJob]
    """Its Job, if it exists."""
    pods: Sequence[CachedPod]
    """The pods of its Job."""
    graphcron: Body | None = None
    """The GraphCron in ``graphCronRef``; None: there is none."""
    graphcron_name: str = ""
    """Name in ``graphCronRef``; empty: it has no such reference."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Why Jobs that never had a pod get none, by their names."""

    @property
    def is_started(self) -> bool:
        """Whether its Job exists, or existed: no other one is created."""
        return bool(self.previous.job or self.jobs or self.pods)

    @property
    def deadline(self) -> datetime:
        """The time after which the run does not start."""
        seconds = object_at(self.body, "spec").get("startingDeadlineSeconds")
        if type(seconds) is not int or not 0 <= seconds <= MAX_DEADLINE_SECONDS:
            seconds = DEFAULT_DEADLINE_SECONDS
        return self.created + timedelta(seconds=seconds)

    @property
    def pod_deadline(self) -> datetime:
        """The time after which a pod that is created starts no run."""
        return self.deadline + CACHE_DELAY

    @property
    def is_graphcron_deleted(self) -> bool:
        """Whether the GraphCron of a run that has started was deleted."""
        if not (self.is_started and self.graphcron_name):
            return False
        if self.graphcron is None or self.graphcron["metadata"].get("deletionTimestamp"):
            return True
        return self.previous.graph_cron_uid not in {None, self.graphcron["metadata"]["uid"]}

    @cached_property
    def ended(self) -> RecentRun | None:
        """How the run ended, according to its Job and pods; None: it has not, or did not start."""
        if not self.is_started:
            return None
        active = [ActiveRun(job=self.job, scheduled_time=self.scheduled)]
        history = merge_run_history([], self.jobs, self.pods, limit=1, active=active)
        run = next(iter(history.runs), None)
        if run and self.is_graphcron_deleted and (run.outcome == Outcome.STOPPED or run.reason in JOB_DELETED_REASONS):
            gone = {
                "outcome": Outcome.CANCELLED.value,
                "reason": Reason.GRAPH_CRON_DELETED,
                "message": _GRAPHCRON_DELETED,
            }
            return run.model_copy(update=gone)
        return run

    @property
    def is_lost(self) -> bool:
        """Whether neither its Job nor a pod is in the cache, which may be older than the Job."""
        return self.is_started and not self.jobs and not self.pods

    def is_reported(self, run: RecentRun) -> bool:
        """Return whether a pod in the cache has reported this end; it is the last word then.

        Otherwise a watch may not have delivered a pod that has a report, or another report.
        """
        if run.outcome in RETRIABLE:
            return False
        return any(pod.report and pod.report.outcome.value == run.outcome for pod in self.pods)

    def not_run(self, outcome: Outcome, reason: Reason, message: str) -> RecentRun:
        """Return the end of a GraphRun without a run."""
        job = self.job if self.is_started else None
        return RecentRun(scheduled_time=self.scheduled, job=job, outcome=outcome.value, reason=reason, message=message)

    def without_pod(self, now: datetime) -> RecentRun | None:
        """Return the end of a run whose Job got no pod in time; None: it may still get one."""
        words = self.refusals.get(self.job)
        is_late = now >= self.pod_deadline or any(job.finished for job in self.jobs)
        if words is None or self.pods or not is_late:
            return None
        message = f"Kubernetes cannot create its pod: {words}"
        return self.not_run(Outcome.SKIPPED, Reason.POD_CANNOT_START, message)

    def too_late(self, why: str) -> RecentRun:
        """Return the end of a run that did not start in time."""
        return self.not_run(Outcome.SKIPPED, Reason.STARTING_DEADLINE_EXCEEDED, why or _TOO_LATE)


_GRAPHCRON_DELETED: Final = "the GraphCron was deleted, so the run was cancelled"
_TOO_LATE: Final = "the operator saw the GraphRun after its starting deadline"


def jobs_to_end(observed: ObservedGraphRun, now: datetime) -> list[Termination]:
    """Return what to terminate: what a sidecar keeps running, and a Job that must start no run any more."""
    found = list(outlived_by_sidecars(observed.jobs, observed.pods))
    must_end = observed.is_graphcron_deleted or observed.without_pod(now)
    return found + [
        Termination("Job", job.name, job.uid, now, "" if observed.is_graphcron_deleted else job.version)
        for job in observed.jobs
        if must_end and not job.finished
    ]


def is_left_to_other(
    observed: ObservedGraphRun, cronjobs: Sequence[CachedCronJob], installation: str, now: datetime
) -> bool:
    """Return whether another installation of the operator reconciles a GraphRun.

    With a GraphCron, it is the installation that reconciles the GraphCron. Otherwise, it is the one that reported on
    the GraphRun first, unless it does not report the end.
    """
    if observed.graphcron:
        metadata = observed.graphcron["metadata"]
        owner = owner_of(cronjobs, metadata["name"], metadata["uid"])
        if owner:
            return is_others(owner, installation)
    if not is_others(observed.previous.installation, installation):
        return False
    ends = [job.finished_at for job in observed.jobs]
    last = max(filter(None, ends), default=None) if all(ends) else now
    return now < max(observed.deadline, last or observed.deadline) + TAKE_OVER_AFTER


def reason_of(error: GraphCronError, observed: ObservedGraphRun) -> Reason:
    """Return the reason why a GraphRun has no Job yet."""
    if isinstance(error, SpecError):
        if isinstance(error, NotAllowedError):
            return Reason.NOT_ALLOWED
        if error.field == "spec.graphCronRef":
            return Reason.GRAPH_CRON_NOT_FOUND
        if error.field == "spec.serverRef":
            return Reason.GRAPH_SERVER_NOT_FOUND
        return Reason.GRAPH_CRON_INVALID if observed.graphcron_name else Reason.INVALID_SPEC
    return Reason.FAILED_CREATE
