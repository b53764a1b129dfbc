"""When a :class:`~graphcron.schedule.cron.Cron` runs, in a time zone, before and after a given instant.

A minute is due if the zone's local time matches. A local time that the spring change skips does not run, and one that
the autumn change repeats runs twice, as with a CronJob. Forward, :func:`next_after` returns the result of robfig/cron,
including its errors at unusual changes (see :class:`_Walk`), because the CronJob controller uses it. Backward,
robfig/cron has no search, and the plain rule applies.

Instants are aware datetimes, and returned ones are in UTC. A naive one raises ``TypeError``. No function reads a clock.
Zones come from the ``tzdata`` package and not from the machine, so that all replicas and laptops agree.

croniter does not have these errors, so it cannot replace this search; CONTRIBUTING.md has the figures. The unit tests
compare both where they agree.
"""

from __future__ import annotations

import importlib.resources
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from graphcron.errors import SpecError
from graphcron.schedule import zone_names

if TYPE_CHECKING:
    from datetime import tzinfo

    from graphcron.schedule.cron import Cron

__all__ = ["is_due", "never_fires", "next_after", "next_times", "previous_at_or_before", "zone_for"]

HORIZON_YEARS = 5
"""Calendar years of a search, as in robfig/cron. It only affects 29 February between 2096 and 2104."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_LONGEST_MONTHS = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}


def zone_for(name: str, *, field: str = "spec.timeZone") -> ZoneInfo:
    """Return the IANA zone of that name, case-sensitive as in the API server.

    Raises
    ------
    SpecError
        If there is no such zone, or it is empty or ``Local``, which would be the zone that the controller runs in.
    """
    if name in _zone_names():
        return _load_zone(name)
    problem = f'there is no time zone "{name}"' if name else "is empty"
    remedy = zone_names.remedy_for(name, _zone_names())
    if name.lower() == "local":
        problem = f'"{name}" would be the zone that the controller happens to run in'
        remedy = zone_names.EXAMPLE
    raise SpecError(field=field, problem=problem, remedy=remedy)


def next_after(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Return robfig's first run later than ``after``, or None if none comes within :data:`HORIZON_YEARS`."""
    return _next_after(cron, zone, _seconds(after))


@lru_cache(maxsize=16_384)
def _next_after(cron: Cron, zone: ZoneInfo, after: int) -> datetime | None:
    """Search with a cache, because each reconciliation needs the next few times, and many GraphCrons share a line."""
    return None if never_fires(cron) else _Walk(cron, zone, after + 1).run()


def next_times(cron: Cron, zone: ZoneInfo, after: datetime, count: int) -> list[datetime]:
    """Return up to ``count`` runs later than ``after``, in order; fewer if the search ends."""
    times: list[datetime] = []
    while len(times) < count and (found := next_after(cron, zone, times[-1] if times else after)):
        times.append(found)
    return times


def previous_at_or_before(cron: Cron, zone: ZoneInfo, before: datetime) -> datetime | None:
    """Return the last due minute not later than ``before``, or None if none lies within :data:`HORIZON_YEARS`."""
    if never_fires(cron):
        return None
    at = _seconds(before) // _MINUTE * _MINUTE
    first_year = _wall(at, zone).year - HORIZON_YEARS
    while (wall := _wall(at, zone)).year >= first_year:
        begun = _mismatch_begun(cron, wall)
        if begun is None:
            return _wall(at, UTC)
        at = _before(at, wall, begun, zone)
    return None


def is_due(cron: Cron, zone: ZoneInfo, minute: datetime) -> bool:
    """Return whether the minute that contains this instant matches, like robfig's search from just before it."""
    return _mismatch_begun(cron, _wall(_seconds(minute), zone)) is None


def never_fires(cron: Cron) -> bool:
    """Return whether no date can ever match: 30 February, 31 April, or an empty list; 29 February can.

    The API server takes such a schedule, and the controller then reports an error at each look and starts nothing.
    """
    if not (cron.minutes and cron.hours and cron.months):
        return True
    by_date = any(day <= _LONGEST_MONTHS[month] for month in cron.months for day in cron.days)
    if cron.any_day or cron.any_weekday:
        return not (by_date and cron.weekdays)
    return not (by_date or cron.weekdays)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(importlib.resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


@cache
def _load_zone(name: str) -> ZoneInfo:
    """Read a known zone from the tzdata package; the cache holds at most about 600."""
    with importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _seconds(instant: datetime) -> int:
    """Return Unix seconds, rounded down."""
    return (instant - _EPOCH) // timedelta(seconds=1)


def _wall(seconds: int, zone: tzinfo) -> datetime:
    """Return the zone's local time."""
    return datetime.fromtimestamp(seconds, zone)


def _offset(seconds: int, zone: ZoneInfo) -> int:
    """Return the zone's offset from UTC at this instant, in seconds, positive to the east."""
    return _seconds(_wall(seconds, zone).replace(tzinfo=UTC)) - seconds


def _mismatch_begun(cron: Cron, wall: datetime) -> datetime | None:
    """Return the local time at which the range without a match that contains ``wall`` began; None if it matches."""
    if wall.month not in cron.months:
        return wall.replace(day=1, hour=0, minute=0)
    if not cron.matches_day(wall):
        return wall.replace(hour=0, minute=0)
    if wall.hour not in cron.hours:
        return wall.replace(hour=_past_last(cron.hours, wall.hour), minute=0)
    return None if wall.minute in cron.minutes else wall.replace(minute=_past_last(cron.minutes, wall.minute))


def _past_last(values: frozenset[int], before: int) -> int:
    return max((value + 1 for value in values if value < before), default=0)


def _before(at: int, wall: datetime, begun: datetime, zone: ZoneInfo) -> int:
    """Return the minute before ``begun``, or a nearer one where the clock was changed on the way there."""
    back = int((wall - begun).total_seconds()) + _MINUTE
    offset = _offset(at, zone)
    while back > _MINUTE and _offset(at - back, zone) != offset:
        back = max(back // 2 // _MINUTE * _MINUTE, _MINUTE)  # the difference of the local times is not the elapsed time
    return at - back


class _Walk:
    """The search of robfig/cron: it makes month, day, hour, minute and second match, in this order, going forward only.

    A step that increments a larger unit starts again at the month. The first step sets the smaller units to zero, and
    later steps assume that they still are. A change of the clock can invalidate the assumption:

    * After a half-hour change (Lord Howe), an hour begins at :30, and ``0 3 * * *`` is skipped on that day.
    * A midnight that does not exist (Havana, Cairo, Beirut) hides the change of the day. The day before may continue
      in the new one, the new one may be skipped, and after the first of a month a later month, too.

    Which errors occur depends on the start of the search. One is not reproduced: at a day that does not exist (Apia,
    30 December 2011), robfig/cron never returns, and this search continues with the next day.
    """

    def __init__(self, cron: Cron, zone: ZoneInfo, start: int) -> None:
        self._cron = cron
        self._zone = zone
        self._begun = False
        self._move_to(start)

    def run(self) -> datetime | None:
        last_year = self._wall.year + HORIZON_YEARS
        while self._wall.year <= last_year:
            if self._month() and self._day() and self._hour() and self._minute() and self._second():
                return _wall(self._at, UTC)
        return None

    def _month(self) -> bool:
        while self._wall.month not in self._cron.months:
            self._begin(self._wall.replace(day=1, hour=0, minute=0, second=0))
            self._move_to_wall(_same_day_next_month(self._wall))
            if self._wall.month == 1:
                return False
        return True

    def _day(self) -> bool:
        while not self._cron.matches_day(self._wall):
            self._begin(self._wall.replace(hour=0, minute=0, second=0))
            midnight = self._at
            self._move_to_wall(self._wall + timedelta(days=1))
            if self._at <= midnight:
                self._move_to(midnight + _DAY)
            if hour := self._wall.hour:
                self._move_to(self._at + _HOUR * (24 - hour if hour > 12 else -hour))
            if self._wall.day == 1:
                return False
        return True

    def _hour(self) -> bool:
        while self._wall.hour not in self._cron.hours:
            self._begin(self._wall.replace(minute=0, second=0))
            self._step(self._at, _HOUR, _distance(self._cron.hours, self._wall.hour, 24))
            if self._wall.hour == 0:
                return False
        return True

    def _minute(self) -> bool:
        while self._wall.minute not in self._cron.minutes:
            self._begun = True
            self._step(self._at - self._at % _MINUTE, _MINUTE, _distance(self._cron.minutes, self._wall.minute, 60))
            if self._wall.minute == 0:
                return False
        return True

    def _second(self) -> bool:
        if self._wall.second == 0:
            return True
        self._begun = True
        self._move_to(self._at + _MINUTE - self._wall.second)
        return False

    def _begin(self, wall: datetime) -> None:
        """On the first step of the search only, go back to ``wall``, where the unmatched unit began."""
        if not self._begun:
            self._begun = True
            self._move_to_wall(wall)

    def _step(self, begin: int, unit: int, count: int) -> None:
        """Go on by ``count`` units; by a single one, as robfig does, where the clock is changed on the way."""
        offset = self._wall.utcoffset()
        self._move_to(begin + count * unit)
        if self._wall.utcoffset() != offset:
            self._move_to(begin + unit)

    def _move_to(self, at: int) -> None:
        self._at = at
        self._wall = _wall(at, self._zone)

    def _move_to_wall(self, wall: datetime) -> None:
        """Move to the instant at which the clock shows ``wall``; in a gap or an overlap, as Go's ``time.Date``."""
        figures = _seconds(wall.replace(tzinfo=UTC))
        guess = figures - _offset(figures, self._zone)
        self._move_to(figures - _offset(guess, self._zone))


def _distance(values: frozenset[int], figure: int, size: int) -> int:
    """Return the distance to the next of the values, or to the end of the larger unit, which has ``size`` of them."""
    return min((value for value in values if value > figure), default=size) - figure


def _same_day_next_month(wall: datetime) -> datetime:
    """Return the wall time one month on; a day that month lacks runs over into the one after, as in Go."""
    return (wall.replace(day=1) + timedelta(days=32)).replace(day=1) + timedelta(days=wall.day - 1)
