"""Failures in a row, and the pause that they end in. Pure; what must survive a lost status stands on the CronJob."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from graphcron.api.v1alpha1 import GraphCronSpec, GraphCronStatus, RecentRun
from graphcron.cache.objects import CachedCronJob, RequestAnnotation
from graphcron.contract import Outcome

SUCCESSES: Final = frozenset({Outcome.SUCCEEDED})
NEITHER: Final = frozenset({Outcome.INTERRUPTED, Outcome.SKIPPED, Outcome.STOPPED, Outcome.CANCELLED, Outcome.UNKNOWN})
FAILURES: Final = frozenset(Outcome) - SUCCESSES - NEITHER


class Pause(NamedTuple):
    """How it stands with failures."""

    failures: int
    """Runs in a row that have failed."""
    since: datetime | None
    """When they paused the GraphCron; None: they have not."""
    handled_resume: str
    """The last request to resume that has been heard."""


def pause_for(
    spec: GraphCronSpec,
    wish: RequestAnnotation | None,
    seen: CachedCronJob | None,
    previous: GraphCronStatus,
    new: Sequence[RecentRun],
    *,
    now: datetime,
) -> Pause:
    """Decide whether failures pause a GraphCron, and whether somebody has ended a pause.

    Parameters
    ----------
    wish
        The request to resume that stands on the GraphCron. One that stood there from the start ends no pause.
    seen
        The first CronJob; None: there is none yet.
    new
        Runs that have ended since the last look, the oldest first.
    """
    failures = consecutive_failures(previous.consecutive_failures or 0, new)
    since = seen.paused_since if seen else None
    handled = (seen.handled_resume if seen else "") or previous.last_handled_resume or ""
    wanted = wish.value if wish else ""
    if wanted and wanted != handled:
        since, handled = None, wanted
    if wanted and wanted != previous.last_handled_resume:
        failures = 0  # the status has yet to show the request, and counts those from before it
    limit = spec.failure_policy.pause_after_consecutive_failures if spec.failure_policy else None
    if limit is None:
        since = None
    elif since is None and failures >= limit:
        since = now
    return Pause(failures, since, handled)


def consecutive_failures(before: int, new: Sequence[RecentRun]) -> int:
    """Count the failures in a row; a skip, an interrupt or a cancel is neither a failure nor an end to them."""
    for run in new:
        if run.outcome in SUCCESSES:
            before = 0
        elif run.outcome in FAILURES:
            before += 1
    return before
