"""GraphRuns → the entries that they have in the status of their GraphCron. Pure."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from graphcron.api.v1alpha1 import RUN_FIELDS, ActiveRun, GraphRunStatus, RecentRun
from graphcron.api.v1alpha1.parsing import run_status_of
from graphcron.cache.graphruns import CachedGraphRun
from graphcron.cache.objects import Body, CachedPod
from graphcron.manifests.job import KEPT_SECONDS, graph_run_job_name
from graphcron.planning.observed import GraphRunEntries
from graphcron.unstructured.fields import object_at, time_of

MAX_ENTRIES: Final = 100
"""Ended GraphRuns of a GraphCron that one reconciliation reads."""


def times_of(body: Body) -> tuple[datetime | None, datetime | None]:
    """Return the time that a GraphRun represents, and its creation; None: unknown."""
    created = time_of(body["metadata"].get("creationTimestamp"))
    return time_of(object_at(body, "spec").get("scheduledTime")) or created, created


def recent_run(body: Body, status: GraphRunStatus) -> RecentRun | None:
    """Return the run of a GraphRun that is over; None: its times are unknown."""
    scheduled, created = times_of(body)
    if scheduled is None or status.outcome is None:
        return None
    return RecentRun(
        scheduled_time=scheduled,
        requested_time=created if created != scheduled else None,
        graph_run=body["metadata"]["name"],
        **{name: getattr(status, name) for name in RUN_FIELDS},
    )


def deleted_graph_runs(active: Iterable[ActiveRun], read: Callable[[str], Body | None]) -> list[ActiveRun]:
    """Return the active runs whose GraphRuns were deleted, even if another one has the same name by now.

    Parameters
    ----------
    read
        Returns the GraphRun of a name.
    """

    def exists(run: ActiveRun) -> bool:
        body = read(run.graph_run or "")
        return body is not None and graph_run_job_name(body["metadata"]["name"], body["metadata"]["uid"]) == run.job

    return [run for run in active if run.graph_run and not exists(run)]


def graph_run_entries(
    runs: Iterable[CachedGraphRun],
    read: Callable[[str], Body | None],
    pods_of: Callable[[CachedGraphRun], Sequence[CachedPod]],
    *,
    now: datetime,
) -> GraphRunEntries:
    """Return the entries of a GraphCron's GraphRuns.

    A GraphRun may exist forever. Like the Job of a manual run, it counts as new for a day.

    Parameters
    ----------
    read
        Returns the GraphRun of a name.
    pods_of
        Returns the pods of a GraphRun.
    """
    since = now - timedelta(seconds=KEPT_SECONDS)
    known = sorted((each for each in runs if each.created), key=lambda each: (each.created, each.name), reverse=True)
    recent = [each for each in known if each.completion_time and each.completion_time > since][:MAX_ENTRIES]
    bodies = [body for each in recent if (body := read(each.name)) and body["metadata"]["uid"] == each.uid]
    ended = [recent_run(body, run_status_of(body)) for body in bodies]
    active = [
        ActiveRun(job=each.job, scheduled_time=each.scheduled, graph_run=each.name)
        for each in known
        if each.job and not each.completion_time
    ]
    pods = [pod for each in recent for pod in pods_of(each)]
    return GraphRunEntries([run for run in ended if run], active, pods)
