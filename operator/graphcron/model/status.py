"""``status``: what the operator has seen. Written by the operator only."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from graphcron.model.base import Instant, Part


class _Seen(Part):
    """A part of the status; members of a newer operator's are left out."""

    model_config = ConfigDict(extra="ignore")


class Condition(_Seen):
    """One thing that holds of the GraphCron, or does not."""

    type: str
    """What the condition is about: `Ready`, `LastRunSucceeded`, `Reconciling` or `Stalled`."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: str
    """Why, in one CamelCase word."""
    message: str = ""
    """Why, in a sentence for people."""
    last_transition_time: Instant
    """When `status` last changed."""
    observed_generation: int | None = None
    """The `metadata.generation` that this was said of."""


class ActiveRun(_Seen):
    """A run that is under way."""

    job: str
    """Name of its Job."""
    scheduled_time: Instant | None = None
    """When it was due."""


class RecentRun(_Seen):
    """A run that has ended, or an occurrence that was skipped. Never a prompt or an answer."""

    scheduled_time: Instant
    """When it was due."""
    outcome: str
    """How it ended: `Succeeded`, `GraphError`, `Interrupted`, `Timeout`, `Cancelled`, `Skipped`, `Rejected`,
    `ServerUnreachable`, …"""
    reason: str | None = None
    """More exactly why, in one CamelCase word."""
    message: str | None = None
    """Why, in a sentence for people."""
    job: str | None = None
    """Name of its Job."""
    run_id: str | None = None
    """The run on the LangGraph server."""
    thread_id: str | None = None
    """Its thread on the LangGraph server."""
    start_time: Instant | None = None
    """When the server accepted it."""
    duration_seconds: float | None = None
    """How long it took on the server, in seconds."""
    tokens: int | None = None
    """Tokens that it used, at least: those that the messages of the thread tell of."""


class AppliedCronJob(_Seen):
    """The CronJob as the operator last wrote it."""

    generation: int
    """Its `metadata.generation` after that; another one now means that somebody else has changed it."""
    hash: str | None = None
    """Hash of the manifest that was written."""


_BY_TYPE: Final[dict[str, Any]] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}


class GraphCronStatus(_Seen):
    """What the operator has seen. Users read it and never write it."""

    observed_generation: int | None = None
    """The `metadata.generation` that this status is about."""
    conditions: Annotated[list[Condition] | None, Field(json_schema_extra=_BY_TYPE)] = None
    """What holds of the GraphCron. `Ready`: its CronJob is as it should be. `LastRunSucceeded`: how the last run
    ended."""
    schedule: str | None = None
    """The schedule as it stands in the CronJob."""
    time_zone: str | None = None
    """The zone that is in force."""
    next_schedule_time: Instant | None = None
    """When the next run is due; absent if none is."""
    last_schedule_time: Instant | None = None
    """When the latest run was due."""
    last_successful_time: Instant | None = None
    """When a run last succeeded."""
    last_failure_time: Instant | None = None
    """When a run last failed."""
    active: list[ActiveRun] | None = None
    """Runs that are under way."""
    recent_runs: list[RecentRun] | None = None
    """The latest runs that have ended, newest first; `spec.history.runs` says how many."""
    cron_job: AppliedCronJob | None = None
    """The CronJob as the operator last wrote it."""


def dump_status(status: GraphCronStatus) -> dict[str, Any]:
    """Return the status as Kubernetes stores it: camelCase, no nulls, times in UTC and whole seconds."""
    return status.model_dump(by_alias=True, exclude_none=True)
