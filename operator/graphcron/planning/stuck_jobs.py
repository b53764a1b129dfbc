"""Jobs that do not finish: a sidecar outlives the runner, or no pod can be created. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from graphcron.api.calendar_for import calendar_for
from graphcron.api.names import Purpose
from graphcron.api.reasons import Reason
from graphcron.api.v1alpha1 import GraphCron, RecentRun
from graphcron.cache.objects import CachedJob, CachedPod
from graphcron.contract import Outcome, Report
from graphcron.manifests.job import CATCH_UP_SECONDS
from graphcron.planning.allowed_servers import refusal_of
from graphcron.planning.missed_runs import CACHE_DELAY, missed_after
from graphcron.planning.run_history import pods_by_job
from graphcron.settings import Settings

SIDECAR_GRACE: Final = timedelta(seconds=30)
"""How long a pod may run after its runner: other sidecars have ended by then."""

POD_GRACE: Final = timedelta(seconds=15)
"""How long the Job controller may take to create the first pod before the Job's Events are read."""

POD_RETRY_INTERVAL: Final = timedelta(minutes=1)
"""The longest interval at which the Job controller retries to create a pod."""

MAX_EVENT_READS: Final = 5
"""Jobs without a pod whose Events one reconciliation reads; the others have the same cause."""

_PREFIXES: Final = re.compile(r"(\(combined from similar events\): )?(Error creating: )?")
"""What the Job controller and its client put before the reason."""


class Termination(NamedTuple):
    """A Job or pod that the operator terminates."""

    kind: Literal["Job", "Pod"]
    """A Job is deleted; a pod gets a deadline in the past, and its Job continues by its policy."""
    name: str
    uid: str
    at: datetime
    """When it is due."""
    version: str = ""
    """The only version of the Job that may be deleted; empty: any."""
    sidecars: str = ""
    """The sidecars that keep the pod running."""
    refusal: str = ""
    """Why it is not allowed."""


def terminations_for(
    graphcron: GraphCron | None,
    jobs: Sequence[CachedJob],
    pods: Sequence[CachedPod],
    refusals: Mapping[str, str],
    now: datetime,
) -> list[Termination]:
    """Return what to terminate, now or later; without a GraphCron only what sidecars keep running.

    Parameters
    ----------
    graphcron
        None: the outcome of runs without a pod is not recorded yet.
    """
    return [*outlived_by_sidecars(jobs, pods), *(blocking_jobs(graphcron, jobs, refusals, now) if graphcron else ())]


def outlived_by_sidecars(jobs: Iterable[CachedJob], pods: Iterable[CachedPod]) -> Iterator[Termination]:
    """Yield what sidecars keep running after the runner's end.

    A Job fails when, and only when, its run has failed. A Job whose runner has succeeded is deleted, since a deadline
    or a sidecar's exit code would make it fail. For any other Job, the pod is terminated, and the Job's policy applies.
    """
    groups = pods_by_job(pods)
    for job in jobs:
        if job.finished:
            continue
        ended = [pod for pod in groups.get(job.name, ()) if pod.exit_code is not None]
        succeeded = next((pod for pod in ended if pod.exit_code == 0 and (pod.failed or pod.sidecars)), None)
        if succeeded:
            yield Termination("Job", job.name, job.uid, _due(succeeded), sidecars=succeeded.sidecars)
            continue
        for pod in ended:
            if pod.exit_code and pod.sidecars:
                yield Termination("Pod", pod.name, pod.uid, _due(pod), sidecars=pod.sidecars)


def _due(pod: CachedPod) -> datetime:
    ended = pod.finished_at or pod.created
    return ended if pod.failed else ended + SIDECAR_GRACE


def forbidden_jobs(jobs: Iterable[CachedJob], settings: Settings, now: datetime) -> list[Termination]:
    """Return the active Jobs whose pods the administrator does not allow; the pods cancel their runs."""
    refusals = ((job, refusal_of(job.restricted, settings)) for job in jobs if not job.finished)
    return [Termination("Job", job.name, job.uid, now, refusal=why) for job, why in refusals if why]


# --- Jobs without a pod


def podless(jobs: Iterable[CachedJob], pods: Iterable[CachedPod]) -> list[CachedJob]:
    """Return the Jobs that have no pod and, according to their status, never had one; the oldest first."""
    with_pods = {pod.job for pod in pods}
    bare = [job for job in jobs if not job.had_pods and not job.succeeded and job.name not in with_pods]
    return sorted(bare, key=lambda job: (job.created, job.name))


def refusal_in(job: str, events: Iterable[Mapping[str, Any]]) -> str:
    """Return the Job controller's message why it cannot create a pod; empty: it could, or has not tried."""
    words = ""
    for event in sorted(events, key=lambda event: str(event.get("lastTimestamp") or "")):
        if event.get("reason") == "SuccessfulCreate":
            return ""
        if event.get("reason") == "FailedCreate":
            words = str(event.get("message") or "")
    # Each attempt has another pod name, which would change the message.
    return re.sub(rf'"{re.escape(job)}-\w+"', f'"{job}"', _PREFIXES.sub("", words, count=1)).rstrip(".")


def refused_report(jobs: Iterable[CachedJob], refusals: Mapping[str, str], report: Report | None) -> Report | None:
    """Return a preflight's report; without a pod, a report of why there is none."""
    if report is not None and report.reason != Reason.POD_LOST:
        return report
    words = [refusals[job.name] for job in jobs if job.purpose is Purpose.PREFLIGHT and job.name in refusals]
    return Report(Outcome.INTERNAL_ERROR, _sentence(words[-1]), Reason.POD_CANNOT_START) if words else report


def podless_runs(
    graphcron: GraphCron, jobs: Iterable[CachedJob], refusals: Mapping[str, str], now: datetime
) -> list[RecentRun]:
    """Return the runs whose Jobs got no pod until their starting deadline."""
    return [
        RecentRun(
            job=job.name,
            scheduled_time=job.scheduled_time,
            trigger=job.trigger or None,
            outcome=Outcome.SKIPPED.value,
            reason=Reason.POD_CANNOT_START,
            message=_sentence(refusals[job.name]),
        )
        for job in jobs
        if job.name in refusals
        and job.purpose is not Purpose.PREFLIGHT
        and (job.finished or _deadline(graphcron, job) <= now)
    ]


def blocking_jobs(
    graphcron: GraphCron, jobs: Sequence[CachedJob], refusals: Mapping[str, str], now: datetime
) -> Iterator[Termination]:
    """Yield the Jobs without a pod that block the next one.

    They stay until the next occurrence is about to be due: the Job controller retries, and a pod that it creates late,
    which starts no run, shows that pods can be created again.
    """
    following = calendar_for(graphcron).next_times(now, 1)
    for job in jobs:
        if job.name not in refusals or job.finished or job.purpose is Purpose.PREFLIGHT:
            continue
        alike = [other for other in jobs if other.created > job.created and other.purpose is not Purpose.PREFLIGHT]
        if job.purpose is Purpose.CATCH_UP and any(other.purpose is Purpose.CATCH_UP for other in alike):
            yield Termination("Job", job.name, job.uid, now, job.version)
        elif alike or following:
            room = now if alike else following[0] - CACHE_DELAY
            yield Termination("Job", job.name, job.uid, max(_deadline(graphcron, job), room), job.version)


def recheck_times(
    jobs: Sequence[CachedJob],
    pods: Sequence[CachedPod],
    refusals: Mapping[str, str],
    terminations: Iterable[Termination],
    now: datetime,
) -> list[datetime]:
    """Return when to check stuck Jobs again, without an event."""
    moments = [each.at if each.at > now else now + SIDECAR_GRACE for each in terminations]
    moments += [job.created + wait for job in podless(jobs, pods) for wait in (POD_GRACE, POD_RETRY_INTERVAL)]
    return moments + ([now + POD_RETRY_INTERVAL] if refusals else [])


def _deadline(graphcron: GraphCron, job: CachedJob) -> datetime:
    """Return the time after which a new pod would no longer start a run."""
    if job.purpose is Purpose.CATCH_UP:
        return job.created + max(timedelta(seconds=CATCH_UP_SECONDS), missed_after(graphcron.spec))
    return job.scheduled_time + missed_after(graphcron.spec)


def _sentence(words: str) -> str:
    return f"Kubernetes cannot create its pod: {words}"
