"""All due minutes of a range, many of them, in a hundredth of the time of a search for each.

Between two changes of the clock, a minute is due if the wall clock matches. The search of
:mod:`graphcron.schedule.times` finds nothing else if it begins at an occurrence that is a day or more after the change.
So each line is searched until then, and the following occurrences are calculated.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from graphcron.schedule import times
from graphcron.schedule.occurrences import changes, offset_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from graphcron.schedule.cron import Cron
    from graphcron.schedule.occurrences import Calendar

__all__ = ["due_seconds"]

_DAY: Final = 86400
_EPOCH: Final = date(1970, 1, 1).toordinal()
_TICK: Final = timedelta(microseconds=1)


def due_seconds(calendar: Calendar, after: datetime, until: datetime) -> list[int]:
    """Return the due minutes later than ``after`` and not later than ``until``, in order, in Unix seconds."""
    begin = max(after, calendar.start - _TICK) if calendar.start else after
    end = min(until, calendar.end - _TICK) if calendar.end else until
    if begin >= end:
        return []
    found = [_due(cron, calendar.zone, begin, end) for cron in calendar.crons]
    due = found[0] if len(found) == 1 else sorted(set().union(*found))
    return _without(due, calendar) if calendar.excluded else due


def _due(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime) -> list[int]:
    due: list[int] = []
    last = int(until.timestamp())
    change_times = _changes(zone, int(after.timestamp()), last)
    while (first := times.next_after(cron, zone, after)) and first <= until:
        at = int(first.timestamp())
        due.append(at)
        following = bisect_right(change_times, at)
        if following == 0 or at - change_times[following - 1] > _DAY:
            end = min(last, change_times[following] - 1) if following < len(change_times) else last
            due += _on_the_clock(cron, zone, at, end)
        after = datetime.fromtimestamp(due[-1], UTC)
    return due


def _on_the_clock(cron: Cron, zone: ZoneInfo, first: int, last: int) -> Iterator[int]:
    """Yield the minutes that match after the first one, to the last, while the clock does not change."""
    offset = offset_at(first, zone)
    begin, end = (_EPOCH + (at + offset) // _DAY for at in (first, last))
    minutes = _minutes(cron)
    for ordinal in range(begin, end + 1):
        day = date.fromordinal(ordinal)
        if day.month in cron.months and cron.matches_day(day):
            midnight = (ordinal - _EPOCH) * _DAY - offset
            found = [midnight + each for each in minutes]
            if begin < ordinal < end:
                yield from found
            else:
                yield from (each for each in found if first < each <= last)


def _without(due: Sequence[int], calendar: Calendar) -> list[int]:
    """Leave out what is excluded."""
    spans = [tuple(each.timestamp() for each in interval) for interval in calendar.excluded]
    return [each for each in due if not any(start <= each < end for start, end in spans)]


@lru_cache(maxsize=4096)
def _minutes(cron: Cron) -> tuple[int, ...]:
    """Return the times of day that match, in seconds."""
    return tuple(hour * 3600 + minute * 60 for hour in sorted(cron.hours) for minute in sorted(cron.minutes))


@lru_cache(maxsize=1024)
def _changes(zone: ZoneInfo, begin: int, end: int) -> tuple[int, ...]:
    """Return when the clock changes, from two days before a range to its end; many lines share it."""
    return tuple(at for at, _ in changes(zone, begin - 2 * _DAY, end))
