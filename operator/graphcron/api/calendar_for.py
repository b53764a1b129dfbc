"""GraphCron → when it runs: its lines as Kubernetes takes them, and its calendar."""

from datetime import datetime
from functools import lru_cache
from typing import Final

from graphcron.api.v1alpha1 import GraphCron, GraphCronSpec
from graphcron.schedule import cron, hashed, times
from graphcron.schedule.occurrences import Calendar, excluded

DEFAULT_TIME_ZONE: Final = "Etc/UTC"
"""Zone of a GraphCron without ``timeZone``. Unset, a CronJob would use the controller-manager's local zone."""


def time_zone_of(spec: GraphCronSpec) -> str:
    """Return the zone in force."""
    return spec.time_zone or DEFAULT_TIME_ZONE


def lines_of(graphcron: GraphCron) -> tuple[str, ...]:
    """Return the schedule's lines in plain cron; the ``H`` of each line has its own seed."""
    metadata = graphcron.metadata
    return tuple(
        hashed.render(line, seed=hashed.seed_for(metadata.namespace or "", metadata.name, number))
        for number, line in enumerate(graphcron.spec.lines)
    )


def calendar_for(graphcron: GraphCron) -> Calendar:
    """Return when its runs are due."""
    spec = graphcron.spec
    spans = tuple(each.span for each in spec.excludes or ())
    return _calendar(lines_of(graphcron), time_zone_of(spec), spec.start_time, spec.end_time, spans)


def excluded_for(graphcron: GraphCron, *, now: datetime) -> str:
    """Return the ``reason`` of the exclude that holds now; empty: there is none."""
    zone = times.zone_for(time_zone_of(graphcron.spec))
    for each in graphcron.spec.excludes or ():
        if each.reason and any(span.start <= now < span.end for span in excluded([each.span], zone)):
            return each.reason
    return ""


@lru_cache(maxsize=4096)
def _calendar(
    lines: tuple[str, ...],
    zone_name: str,
    start: datetime | None,
    end: datetime | None,
    spans: tuple[tuple[str, str], ...],
) -> Calendar:
    zone = times.zone_for(zone_name)
    return Calendar(
        crons=tuple(cron.parse(line) for line in lines),
        zone=zone,
        start=start,
        end=end,
        excluded=excluded(spans, zone),
    )
