"""The observed state of one GraphCron: its objects in the cache, its status and its requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import ActiveRun, GraphCronStatus, RecentRun
from graphcron.cache.objects import CachedCronJob, CachedJob, CachedPod, RequestAnnotation


class GraphRunEntries(NamedTuple):
    """The GraphRuns of one GraphCron, as entries of its status."""

    ended: Sequence[RecentRun] = ()
    active: Sequence[ActiveRun] = ()
    pods: Sequence[CachedPod] = ()
    """Their pods, whose reports have the usage of the budget."""
    deleted: Sequence[ActiveRun] = ()
    """Runs that the status lists as active, and whose GraphRuns were deleted."""


@dataclass(frozen=True, kw_only=True)
class ObservedState:
    """All that the cache holds of one GraphCron."""

    cronjobs: Mapping[str, CachedCronJob]
    """By name."""
    jobs: Sequence[CachedJob]
    pods: Sequence[CachedPod]
    previous: GraphCronStatus
    """The status before this reconciliation."""
    created: datetime | None = None
    """When the GraphCron was created."""
    trigger: RequestAnnotation | None = None
    """The annotation that requests a manual run."""
    resume: RequestAnnotation | None = None
    """The annotation that requests the end of a pause."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Why Jobs that never had a pod get none, by their names, as the Job controller reports it."""
    runs_kept: int | None = None
    """Number of entries of ``recentRuns`` in the spec, even if the rest of it is invalid; None: no valid number."""
    graph_runs: GraphRunEntries = field(default_factory=GraphRunEntries)
    """The runs of its GraphRuns."""
    preflight_is_due: bool = False
    """The server that the preflight found unreachable has answered another one since."""

    @cached_property
    def active_before(self) -> list[ActiveRun]:
        """The runs that were active, without those of GraphRuns that still exist."""
        deleted = self.graph_runs.deleted
        return [run for run in self.previous.active or () if not run.graph_run or run in deleted]

    @cached_property
    def runs(self) -> tuple[list[CachedJob], list[CachedPod]]:
        """The Jobs and pods of runs."""
        return (
            [job for job in self.jobs if job.purpose is not Purpose.PREFLIGHT],
            [pod for pod in self.pods if pod.purpose is not Purpose.PREFLIGHT],
        )

    @cached_property
    def preflights(self) -> tuple[list[CachedJob], list[CachedPod]]:
        """The Jobs and pods of preflights."""
        return (
            [job for job in self.jobs if job.purpose is Purpose.PREFLIGHT],
            [pod for pod in self.pods if pod.purpose is Purpose.PREFLIGHT],
        )
