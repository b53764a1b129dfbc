"""What :mod:`~graphcron.planning.stuck_jobs` decides, carried out: best effort, the next look finds what is left."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from graphcron.api.event import Event
from graphcron.api.reasons import Reason
from graphcron.api.v1alpha1 import rfc3339
from graphcron.cache.objects import Body, CachedCronJob, CachedJob, CachedPod
from graphcron.controller.attempts import kept, raise_cluster_error
from graphcron.errors import ClusterError, GraphCronError
from graphcron.kube.client import Cluster
from graphcron.planning.allowed_servers import to_suspend
from graphcron.planning.installation import is_others, owner_of
from graphcron.planning.stuck_jobs import MOST_READ, POD_GRACE, Ending, forbidden, podless, refusal_in, stuck_looks
from graphcron.settings import Settings

_LOG: Final = logging.getLogger(__name__)


async def read_refusals(
    cluster: Cluster, namespace: str, jobs: Sequence[CachedJob], pods: Sequence[CachedPod], *, now: datetime
) -> dict[str, str]:
    """Return why Jobs get no pod, by their names, as their Events tell it."""
    refusals = {}
    for job in podless(jobs, pods)[:MOST_READ]:
        if now - job.created < POD_GRACE:
            continue
        try:
            words = refusal_in(job.name, await cluster.list_events(namespace, job.uid))
        except ClusterError as error:
            _LOG.warning("Cannot read the Events on a Job: %s", error)
            break
        if words:
            refusals[job.name] = words
    return refusals


async def end_stuck(cluster: Cluster, owner: Body, endings: Iterable[Ending], *, now: datetime) -> None:
    """Bring Jobs and pods to their end that are due, and tell which sidecars went on."""
    namespace = owner["metadata"]["namespace"]
    for each in endings:
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
            _LOG.warning("Cannot end a %s, which is tried again: %s", each.kind, error)


async def suspend(cluster: Cluster, cronjobs: Iterable[CachedCronJob], *, namespace: str) -> GraphCronError | None:
    """Let nothing more start of what was made before; return why a CronJob is not suspended."""
    problems = list[GraphCronError]()
    for each in cronjobs:
        if not each.suspended:
            with kept(problems):
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
) -> tuple[GraphCronError | None, list[Ending]]:
    """Suspend CronJobs and end the Jobs that are not allowed; return what failed, and the Jobs, to look at them again.

    It depends on no write of a status, which others could make fail.
    """
    problem = await suspend(cluster, cronjobs, namespace=owner["metadata"]["namespace"])
    endings = forbidden(jobs, settings, now)
    await end_stuck(cluster, owner, endings, now=now)
    return problem, endings


async def stop_terminating(
    cluster: Cluster,
    owner: Body,
    cronjobs: Sequence[CachedCronJob],
    jobs: Iterable[CachedJob],
    settings: Settings,
    *,
    now: datetime,
) -> datetime | None:
    """Stop what is not allowed of an object that is being deleted; return when to look again.

    Raises
    ------
    ClusterError
        A CronJob is not suspended.
    """
    name, uid = owner["metadata"]["name"], owner["metadata"]["uid"]
    if is_others(owner_of(cronjobs, name, uid), settings.installation):
        return None
    problem, endings = await stop_forbidden(
        cluster, owner, to_suspend(cronjobs, uid, settings), jobs, settings, now=now
    )
    raise_cluster_error(problem)
    return min(stuck_looks((), (), {}, endings, now), default=None)


def _event(ending: Ending) -> Event:
    if ending.refusal:
        message = f"The operator has deleted Job {ending.name}: {ending.refusal}."
        return Event(False, Reason.NOT_ALLOWED, message, key=ending.name)
    message = (
        f"Sidecar {ending.sidecars} kept the pod running after the run's end, so the operator has ended "
        f"{ending.kind} {ending.name}. In spec.runner.annotations, ask the mesh for a native sidecar, such as by "
        'sidecar.istio.io/nativeSidecar: "true", or for none.'
    )
    return Event(False, Reason.SIDECAR_KEEPS_POD_RUNNING, message, key=ending.sidecars)
