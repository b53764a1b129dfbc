"""Runs as the page shows them: finished, active and waiting ones. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from graphcron.api.graphruns import is_over
from graphcron.api.v1alpha1 import ActiveRun, GraphCronStatus, RecentRun, read_status, rfc3339
from graphcron.cli.clients.graphruns import run_of, wait_of
from graphcron.cli.clients.kubectl import Object
from graphcron.unstructured.fields import object_at, short_text_at, text_at, time_of

RUNNING: Final = "Running"
WAITING: Final = "Waiting"
"""Outcomes of runs that have not ended. The operator reports none for these."""

_LONGEST: Final = 1024


def recent_run(run: RecentRun) -> Object:
    """Return a finished run or a skipped occurrence."""
    first = run.first_scheduled_time
    end = None
    if run.start_time and run.duration_seconds is not None:
        end = run.start_time + timedelta(seconds=run.duration_seconds)
    return _present(
        {
            **_origin(run),
            "id": run.job or run.graph_run or f"{run.outcome}/{rfc3339(first or run.scheduled_time)}/{run.reason}",
            "scheduledTime": rfc3339(run.scheduled_time),
            "requestedTime": rfc3339(run.requested_time) if run.requested_time else None,
            "firstScheduledTime": rfc3339(first) if first else None,
            "startTime": rfc3339(run.start_time) if run.start_time else None,
            "completionTime": rfc3339(end) if end else None,
            "outcome": run.outcome,
            "reason": run.reason,
            "message": (run.message or "")[:_LONGEST],
            "count": run.count,
            "durationSeconds": run.duration_seconds,
            "tokens": run.tokens,
            "tokensAtLeast": run.tokens_at_least,
            "cost": run.cost,
            "runId": run.run_id,
            "threadId": run.thread_id,
            "attempts": run.attempts,
            "url": run.url,
            "job": run.job,
        }
    )


def active_run(run: ActiveRun, graphrun: Object) -> Object:
    """Return an active run.

    Parameters
    ----------
    graphrun
        The same run as its GraphRun reports it; empty: it has none. The time for which it stands can be long past.
    """
    due = rfc3339(run.scheduled_time) if run.scheduled_time else None
    return _present(
        {
            **_origin(run),
            "id": run.job,
            "scheduledTime": due,
            "startTime": graphrun.get("startTime", due),
            "outcome": RUNNING,
            "job": run.job,
        }
    )


def graphrun_run(graphrun: Object) -> Object:
    """Return the run of a GraphRun, finished or not."""
    metadata, run = object_at(graphrun, "metadata"), run_of(graphrun)
    name = short_text_at(metadata, "name")
    if is_over(graphrun):
        found = read_status(GraphCronStatus, {"status": {"recentRuns": [{"outcome": "Unknown", **run}]}}).recent_runs
        if found:
            return recent_run(found[0])
    wait = wait_of(graphrun) or {}
    begun = time_of(object_at(graphrun, "status").get("startTime")) or time_of(metadata.get("creationTimestamp"))
    due = time_of(run.get("scheduledTime"))
    job = text_at(object_at(graphrun, "status"), "job")
    return _present(
        {
            "kind": "GraphRun",
            "id": job or name,
            "name": job or name,
            "graphRun": name,
            "scheduledTime": rfc3339(due) if due else None,
            "startTime": rfc3339(begun) if begun else None,
            "outcome": RUNNING if job and not wait else WAITING,
            "reason": short_text_at(wait, "reason"),
            "message": short_text_at(wait, "message"),
            "job": job,
        }
    )


def graphrun_target_of(graphrun: Object) -> str:
    """Return the name of a GraphRun."""
    return text_at(object_at(graphrun, "metadata"), "name")


def _origin(run: RecentRun | ActiveRun) -> Object:
    """Return what started a run."""
    kind = "GraphRun" if run.graph_run else "Trigger" if run.trigger else "Scheduled"
    return {"kind": kind, "name": run.job or run.graph_run, "graphRun": run.graph_run}


def _present(members: Mapping[str, Any]) -> Object:
    """Leave out members without a value: 1,000 GraphCrons have 10,000 runs."""
    return {key: value for key, value in members.items() if value is not None and value != ""}
