"""All that the cache holds of one GraphCron."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import GraphCronStatus
from graphcron.cache.objects import CachedCronJob, CachedJob, CachedPod, RequestAnnotation


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All that the watches show of one GraphCron."""

    cronjobs: Mapping[str, CachedCronJob]
    """By name."""
    jobs: Sequence[CachedJob]
    pods: Sequence[CachedPod]
    previous: GraphCronStatus
    """The status as it stands."""
    created: datetime | None = None
    """When the GraphCron was made."""
    trigger: RequestAnnotation | None = None
    """The request for a run now that stands on the object."""
    resume: RequestAnnotation | None = None
    """The request to end a pause."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Why Jobs that never had a pod get none, by their names, in the Job controller's words."""
    runs_kept: int | None = None
    """Entries of ``recentRuns`` that the spec asks for, be the rest of it right or wrong; None: it does not say."""
    preflight_is_due: bool = False
    """The server that the preflight found unreachable has answered another one since."""

    @property
    def runs(self) -> tuple[list[CachedJob], list[CachedPod]]:
        """The Jobs and pods that are about runs."""
        return (
            [job for job in self.jobs if job.purpose is not Purpose.PREFLIGHT],
            [pod for pod in self.pods if pod.purpose is not Purpose.PREFLIGHT],
        )

    @property
    def looks(self) -> tuple[list[CachedJob], list[CachedPod]]:
        """Those that are preflights."""
        return (
            [job for job in self.jobs if job.purpose is Purpose.PREFLIGHT],
            [pod for pod in self.pods if pod.purpose is Purpose.PREFLIGHT],
        )
