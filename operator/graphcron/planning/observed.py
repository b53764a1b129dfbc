"""All that the cache holds of one GraphCron."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import GraphCronStatus
from graphcron.cache.objects import CronJobSeen, JobSeen, PodSeen, Wish


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All that the watches show of one GraphCron."""

    cronjobs: Mapping[str, CronJobSeen]
    """By name."""
    jobs: Sequence[JobSeen]
    pods: Sequence[PodSeen]
    previous: GraphCronStatus
    """The status as it stands."""
    created: datetime | None = None
    """When the GraphCron was made."""
    trigger: Wish | None = None
    """The request for a run now that stands on the object."""
    resume: Wish | None = None
    """The request to end a pause."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Why Jobs that never had a pod get none, by their names, in the Job controller's words."""
    runs_kept: int | None = None
    """Entries of ``recentRuns`` that the spec asks for, be the rest of it right or wrong; None: it does not say."""
    preflight_is_due: bool = False
    """The server that the preflight found unreachable has answered another one since."""

    @property
    def runs(self) -> tuple[list[JobSeen], list[PodSeen]]:
        """The Jobs and pods that are about runs."""
        return (
            [job for job in self.jobs if job.purpose is not Purpose.PREFLIGHT],
            [pod for pod in self.pods if pod.purpose is not Purpose.PREFLIGHT],
        )

    @property
    def looks(self) -> tuple[list[JobSeen], list[PodSeen]]:
        """Those that are preflights."""
        return (
            [job for job in self.jobs if job.purpose is Purpose.PREFLIGHT],
            [pod for pod in self.pods if pod.purpose is Purpose.PREFLIGHT],
        )
