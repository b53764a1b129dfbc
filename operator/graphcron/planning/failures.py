"""Consecutive failures, and the pause that they cause. Pure; the CronJob's annotations keep the pause."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from graphcron.api.v1alpha1 import GraphCronSpec, GraphCronStatus, RecentRun
from graphcron.cache.objects import CachedCronJob, RequestAnnotation
from graphcron.contract import Outcome

SUCCESSES: Final = frozenset({Outcome.SUCCEEDED})
NEUTRAL: Final = frozenset({Outcome.INTERRUPTED, Outcome.SKIPPED, Outcome.STOPPED, Outcome.CANCELLED, Outcome.UNKNOWN})
FAILURES: Final = frozenset(Outcome) - SUCCESSES - NEUTRAL


class Pause(NamedTuple):
    """Consecutive failures, and whether they pause the GraphCron."""

    failures: int
    """Runs in a row that have failed."""
    since: datetime | None
    """When they paused the GraphCron; None: they have not."""
    handled_resume: str
    """The last handled request to resume."""


def pause_for(
    spec: GraphCronSpec,
    annotation: RequestAnnotation | None,
    cronjob: CachedCronJob | None,
    previous: GraphCronStatus,
    new: Sequence[RecentRun],
    *,
    now: datetime,
) -> Pause:
    """Decide whether failures pause a GraphCron, and whether a request ends the pause.

    Parameters
    ----------
    annotation
        The request to resume. One that the GraphCron was created with ends no pause.
    cronjob
        The first CronJob; None: there is none yet.
    new
        Runs that have ended since the last reconciliation, the oldest first.
    """
    failures = consecutive_failures(previous.consecutive_failures or 0, new)
    since = cronjob.paused_since if cronjob else None
    handled = (cronjob.handled_resume if cronjob else "") or previous.last_handled_resume or ""
    requested = annotation.value if annotation else ""
    if requested and requested != handled:
        since, handled = None, requested
    if requested and requested != previous.last_handled_resume:
        failures = 0  # the status does not have the request yet, and counts earlier failures
    limit = spec.failure_policy.pause_after_consecutive_failures if spec.failure_policy else None
    if limit is None:
        since = None
    elif since is None and failures >= limit:
        since = now
    return Pause(failures, since, handled)


def consecutive_failures(before: int, new: Sequence[RecentRun]) -> int:
    """Count consecutive failures; skipped, interrupted and cancelled runs neither count nor reset the count."""
    for run in new:
        if run.outcome in SUCCESSES:
            before = 0
        elif run.outcome in FAILURES:
            before += 1
    return before
