"""When the CronJobs of a GraphCron are suspended, and why. Pure."""

from datetime import datetime, timedelta
from typing import Final

from graphcron.api.calendar_for import calendar_for
from graphcron.api.reasons import Reason
from graphcron.api.v1alpha1 import GraphCron, GraphCronSpec

RESUME_BEFORE: Final = timedelta(seconds=60)
"""How long before the end of a suspension by the calendar a CronJob is resumed; until then its pods would skip."""


def suspension_reason(graphcron: GraphCron, *, paused: bool, now: datetime) -> Reason | None:
    """Return why the CronJobs are to be suspended; None: they are not."""
    spec = graphcron.spec
    if has_ended(spec, now=now):
        return Reason.NO_LONGER_ACTIVE
    if spec.suspend:
        return Reason.SUSPENDED
    if paused:
        return Reason.PAUSED
    inactive_until = calendar_for(graphcron).inactive_until(now)
    if inactive_until is None or inactive_until - now <= RESUME_BEFORE:
        return None
    begun = spec.start_time is None or spec.start_time <= now
    return Reason.EXCLUDED if begun else Reason.NOT_YET_ACTIVE


def has_ended(spec: GraphCronSpec, *, now: datetime) -> bool:
    """Return whether ``endTime`` has passed."""
    return spec.end_time is not None and spec.end_time <= now


def next_suspension_change(graphcron: GraphCron, *, now: datetime) -> datetime | None:
    """Return when :func:`suspension_reason` may change without an edit; None: never."""
    calendar = calendar_for(graphcron)
    moments = [moment for each in calendar.excluded for moment in (each.start, each.end - RESUME_BEFORE, each.end)]
    moments += [moment for moment in (calendar.start, calendar.end) if moment]
    moments += [calendar.start - RESUME_BEFORE] if calendar.start else []
    return min((moment for moment in moments if moment > now), default=None)
