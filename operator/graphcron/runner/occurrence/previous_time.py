"""The scheduled time before another one, from the lines of the schedule. Pure functions.

It agrees with :mod:`graphcron.schedule`, which the pod does not have: a minute is due if the zone's clock matches it.
"""

from datetime import date
from typing import Final, NamedTuple

from graphcron.contract import Request
from graphcron.runner.client.times import seconds_of
from graphcron.runner.occurrence.identity import DAY, Offsets

SEARCH_DAYS: Final = 8 * 366
"""How far to search back: 29 February can be eight years away."""

_EPOCH: Final = date(1970, 1, 1).toordinal()
_RANGES: Final = (range(60), range(24), range(1, 32), range(1, 13), range(7))


class Line(NamedTuple):
    """A line of the schedule."""

    minutes: list[int]
    """Minutes of the day, the last one first."""
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    both: bool
    """Whether a day must match both of its fields."""

    def matches(self, day: int) -> bool:
        """Return whether it is due on a day, counted from the epoch."""
        local = date.fromordinal(_EPOCH + day)
        by_day, by_weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return local.month in self.months and (by_day and by_weekday if self.both else by_day or by_weekday)


def previous_time(request: Request, before: int) -> int | None:
    """Return the last scheduled time before a time (seconds since the epoch), excluded times aside.

    The start time of the schedule if none is later. None if there is neither.
    """
    lines = [_line(text) for text in request.lines]
    spans = [(int(seconds_of(first)), seconds_of(last)) for first, last in request.excludes]
    start = min(int(seconds_of(request.startTime)), before) if request.startTime else None
    low = max(start or 0, before - SEARCH_DAYS * DAY)
    until = before
    while found := [at for line in lines if (at := _last(line, request.offsets, low, until)) is not None]:
        latest = max(found)
        excluded = [first for first, last in spans if first <= latest < last]
        if not excluded:
            return latest
        until = excluded[0]
    return start


def _line(text: str) -> Line:
    fields = text.split(" ")
    minutes, hours, days, months, weekdays = (
        frozenset(every if field == "*" else map(int, field.split(",")))
        for field, every in zip(fields, _RANGES, strict=True)
    )
    of_day = sorted((hour * 60 + minute for hour in hours for minute in minutes), reverse=True)
    return Line(of_day, days, months, weekdays, both="*" in (fields[2], fields[4]))


def _last(line: Line, offsets: Offsets, low: int, high: int) -> int | None:
    """Return the last due minute from ``low`` on and before ``high``, from one change of the clock to the next."""
    for number, (since, offset) in reversed(list(enumerate(offsets or ((0, 0),)))):
        begin = max(since, low) if number else low
        found = _last_local(line, begin + offset, high + offset)
        if found is not None:
            return found - offset
        high = min(high, begin)
    return None


def _last_local(line: Line, low: int, high: int) -> int | None:
    """Return the last local minute that matches, from ``low`` on and before ``high``."""
    for day in range((high - 1) // DAY, low // DAY - 1, -1):
        if line.matches(day):
            for minute in line.minutes:
                at = day * DAY + minute * 60
                if low <= at < high:
                    return at
    return None
