"""Clean up Jobs and Pods as :mod:`~graphcron.planning.stuck_jobs` decides; what fails is retried."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from graphcron.api.event import Event
from graphcron.api.reasons import Reason
from graphcron.api.v1alpha1 import rfc3339
from graphcron.cache.objects import Body, CachedCronJob, CachedJob, CachedPod
from graphcron.controller.attempts import collect_errors, raise_cluster_error
from graphcron.errors import ClusterError, GraphCronError
from graphcron.kube.client import Cluster
from graphcron.planning.allowed_servers import to_suspend
from graphcron.planning.installation import is_others, owner_of
from graphcron.planning.stuck_jobs import (
    MAX_EVENT_READS,
    POD_GRACE,
    Termination,
    forbidden_jobs,
    podless,
    recheck_times,
    refusal_in,
)
from graphcron.settings import Settings

_LOG: Final = logging.getLogger(__name__)


async def read_refusals(
    cluster: Cluster, namespace: str, jobs: Sequence[CachedJob], pods: Sequence[CachedPod], *, now: datetime
) -> dict[str, str]:
    """Return why Jobs without a Pod have none, by the name of the Job, from their Events."""
    refusals = {}
    for job in podless(jobs, pods)[:MAX_EVENT_READS]:
        if now - job.created < POD_GRACE:
            continue
        try:
            words = refusal_in(job.name, await cluster.list_events(namespace, job.uid))
        except ClusterError as error:
            _LOG.warning("Cannot list the Events about a Job: %s", error)
            break
        if words:
            refusals[job.name] = words
    return refusals


async def terminate_stuck(cluster: Cluster, owner: Body, terminations: Iterable[Termination], *, now: datetime) -> None:
    """Terminate the Jobs and Pods that are due, and report the sidecars that kept them running."""
    namespace = owner["metadata"]["namespace"]
    for each in terminations:
        if each.at > now:
            continue
        try:
            if each.kind == "Job":
                await cluster.delete_job(namespace, each.name, uid=each.uid, version=each.version)
            else:
                await cluster.terminate_pod(namespace, each.name, uid=each.uid)
            if each.sidecars or each.refusal:
                await cluster.create_event(owner, _event(each), now=rfc3339(now))
        except ClusterError as error:
            _LOG.warning("Cannot terminate %s %s/%s, retrying later: %s", each.kind, namespace, each.name, error)


async def suspend(cluster: Cluster, cronjobs: Iterable[CachedCronJob], *, namespace: str) -> GraphCronError | None:
    """Suspend CronJobs; return the first error."""
    problems = list[GraphCronError]()
    for each in cronjobs:
        if not each.suspended:
            with collect_errors(problems):
                await cluster.suspend_cronjob(namespace, each.name, uid=each.uid)
    return next(iter(problems), None)


async def stop_forbidden(
    cluster: Cluster,
    owner: Body,
    cronjobs: Iterable[CachedCronJob],
    jobs: Iterable[CachedJob],
    settings: Settings,
    *,
    now: datetime,
) -> tuple[GraphCronError | None, list[Termination]]:
    """Suspend CronJobs, and terminate the Jobs that are not allowed; return the first error, and the Jobs.

    This does not depend on a write of the status, which other clients could make fail.
    """
    problem = await suspend(cluster, cronjobs, namespace=owner["metadata"]["namespace"])
    terminations = forbidden_jobs(jobs, settings, now)
    await terminate_stuck(cluster, owner, terminations, now=now)
    return problem, terminations


async def stop_terminating(
    cluster: Cluster,
    owner: Body,
    cronjobs: Sequence[CachedCronJob],
    jobs: Iterable[CachedJob],
    settings: Settings,
    *,
    now: datetime,
) -> datetime | None:
    """Stop what is not allowed of an object that is terminating; return when to reconcile it again.

    Raises
    ------
    ClusterError
        A CronJob could not be suspended.
    """
    name, uid = owner["metadata"]["name"], owner["metadata"]["uid"]
    if is_others(owner_of(cronjobs, name, uid), settings.installation):
        return None
    problem, terminations = await stop_forbidden(
        cluster, owner, to_suspend(cronjobs, uid, settings), jobs, settings, now=now
    )
    raise_cluster_error(problem)
    return min(recheck_times((), (), {}, terminations, now), default=None)


def _event(termination: Termination) -> Event:
    if termination.refusal:
        message = f"The operator has deleted Job {termination.name}: {termination.refusal}."
        return Event(False, Reason.NOT_ALLOWED, message, key=termination.name)
    message = (
        f"Sidecar {termination.sidecars} kept the pod running after the run had ended, so the operator ended "
        f"{termination.kind} {termination.name}. Request a native sidecar in spec.runner.annotations, "
        'such as sidecar.istio.io/nativeSidecar: "true", or turn off its injection.'
    )
    return Event(False, Reason.SIDECAR_KEEPS_POD_RUNNING, message, key=termination.sidecars)
