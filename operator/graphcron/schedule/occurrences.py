"""When a GraphCron's runs are due: all its lines together, from its start to its end time and without its excludes.

Each line follows the rule of :mod:`graphcron.schedule.times`: a minute is due if the zone's local time matches. So a
local time that the spring change skips does not run, and one that the autumn change repeats runs twice. A minute that
several lines match is due once. Start and end time are instants, which no change of the clock moves. Excludes are local
times, and :func:`excluded` returns them as instants.

Instants are aware datetimes, and returned ones are in UTC. No function reads a clock.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from typing import TYPE_CHECKING, Final, NamedTuple

from graphcron.schedule import times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from zoneinfo import ZoneInfo

    from graphcron.schedule.cron import Cron

__all__ = ["END_OF_TIME", "Calendar", "Interval", "changes", "excluded", "offset_at", "offsets", "smallest_gap"]

END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)
"""End of a range without an end."""

_BEGINNING: Final = datetime(1, 1, 2, tzinfo=UTC)
_FAR: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""Limit of the search, since calculations with the last days of a datetime overflow."""
_FAR_WALL: Final = _FAR.replace(tzinfo=None)
_TICK: Final = timedelta(microseconds=1)
_PROBE: Final = 2 * 86400
"""Step in seconds of the search for changes of a zone. The shortest summer time since 1975, that of Noronha in 2000,
lasted a week."""


class Interval(NamedTuple):
    """A range of time, with the first instant and without the last."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    """The occurrences of a GraphCron.

    Attributes
    ----------
    crons
        The schedule's lines.
    zone
        Time zone of the lines.
    start, end
        Occurrences are due from ``start`` on and before ``end``; None: no bound.
    excluded
        When nothing is due: in order and apart, as :func:`excluded` returns them.
    """

    crons: tuple[Cron, ...]
    zone: ZoneInfo
    start: datetime | None = None
    end: datetime | None = None
    excluded: tuple[Interval, ...] = ()

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first due minute later than ``moment``.

        None if ``end`` comes first, or none comes within ``times.HORIZON_YEARS`` of the moment, of ``start``, or of the
        end of an exclude.
        """
        return next(self._times(moment), None)

    def next_times(self, moment: datetime, count: int) -> list[datetime]:
        """Return up to ``count`` due minutes later than ``moment``, in order; fewer if the search ends."""
        return list(islice(self._times(moment), count))

    def due_between(self, after: datetime, until: datetime, limit: int) -> list[datetime]:
        """Return the due minutes later than ``after`` and not later than ``until``, in order.

        If there are more than ``limit``, return the last ones without a search for the others: an outage may be long.
        """
        reach = timedelta(minutes=max(limit, 1))
        while True:
            begun = max(after, until - reach)
            due = deque(takewhile(lambda each: each <= until, self._times(begun)), maxlen=limit)
            if len(due) == limit or begun == after:
                return list(due)
            reach *= 2

    def is_due(self, minute: datetime) -> bool:
        """Return whether the minute that contains this instant is due."""
        begun = minute - (minute - _BEGINNING) % timedelta(minutes=1)
        if self.inactive_until(begun) is not None:
            return False
        return any(times.is_due(cron, self.zone, begun) for cron in self.crons)

    def inactive_until(self, now: datetime) -> datetime | None:
        """Return None if a run may be due at this instant, otherwise the first instant from which one may be.

        ``start`` has not come, or ``now`` is excluded. :data:`END_OF_TIME` if nothing can be due any more.
        """
        begun = max(now, self.start or _BEGINNING)
        interval = self._excluded_at(begun)
        until = interval.end if interval else begun
        if self.end and until >= self.end:
            return END_OF_TIME
        return until.astimezone(UTC) if until > now else None

    def _times(self, moment: datetime) -> Iterator[datetime]:
        """Yield all due minutes later than ``moment``, in order, except excluded ones.

        The search for each line starts at its own last time, as in the CronJob controller, or where it may continue.
        """
        past = max(moment, (self.start or _BEGINNING) - _TICK)
        heads = {cron: self._next_of(cron, past) for cron in self.crons}
        while live := {cron: due for cron, due in heads.items() if due and not (self.end and due >= self.end)}:
            first = min(live.values())
            interval = self._excluded_at(first)
            if interval is None:
                yield first
            past = interval.end - _TICK if interval else first
            heads = {cron: self._next_of(cron, past) if due <= past else due for cron, due in live.items()}

    def _next_of(self, cron: Cron, past: datetime) -> datetime | None:
        return None if past >= _FAR else times.next_after(cron, self.zone, past)

    def _excluded_at(self, moment: datetime) -> Interval | None:
        """Return the range that excludes this instant."""
        later = bisect_right(self.excluded, moment, key=lambda interval: interval.start)
        return self.excluded[later - 1] if later and moment < self.excluded[later - 1].end else None


def excluded(spans: Iterable[tuple[str, str]], zone: ZoneInfo) -> tuple[Interval, ...]:
    """Return the ranges of local dates and times as instants, in order, with adjacent ranges joined.

    A range extends from the first to the last minute at which the zone's clock shows one of its times. So if the clock
    goes back, a range begins at the first of two equal times and ends at the second. A time that the clock skips is
    replaced by the instant of the change.

    Parameters
    ----------
    spans
        First and last: a date such as ``2026-12-25``, inclusive, or a time such as ``2026-12-24T18:00``, of which the
        last is exclusive. For one day, both are its date.
    zone
        Time zone of the dates and times.
    """
    joined: list[Interval] = []
    for interval in sorted(Interval(_begin(first, zone), _end(last, zone)) for first, last in spans):
        if joined and interval.start <= joined[-1].end:
            joined[-1] = Interval(joined[-1].start, max(joined[-1].end, interval.end))
        elif interval.start < interval.end:
            joined.append(interval)
    return tuple(joined)


def offsets(zone: ZoneInfo, first_year: int, years: int) -> tuple[tuple[int, int], ...]:
    """Return a zone's offsets from UTC, so that a pod can determine local days without a zone database.

    Each is a pair of the Unix time from which the offset applies and the offset in seconds, positive to the east. They
    are in order; the first is at the beginning of ``first_year`` in UTC. Changes later than ``years`` are left out.
    """
    begin, end = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (first_year, first_year + years))
    return ((begin, offset_at(begin, zone)), *changes(zone, begin, end))


def changes(zone: ZoneInfo, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield when a zone's offset from UTC changes in a range of Unix times, and the new offset in seconds."""
    at, offset = begin, offset_at(begin, zone)
    for low in range(begin, end, _PROBE):
        high = min(low + _PROBE, end)
        while offset_at(high, zone) != offset:
            at = _change_between(max(low, at), high, zone)
            offset = offset_at(at, zone)
            yield at, offset


def smallest_gap(moments: Sequence[datetime]) -> timedelta | None:
    """Return the shortest interval between consecutive times; None if there are fewer than two."""
    return min((later - earlier for earlier, later in pairwise(moments)), default=None)


def _begin(text: str, zone: ZoneInfo) -> datetime:
    return _instants(datetime.fromisoformat(text), zone)[0]


def _end(text: str, zone: ZoneInfo) -> datetime:
    """Return the end of a span; that of a date is the end of the day."""
    wall = datetime.fromisoformat(text)
    if wall >= _FAR_WALL:
        return END_OF_TIME
    return _instants(wall if "T" in text else wall + timedelta(days=1), zone)[1]


def _instants(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the first instant at which the clock shows ``wall`` or later, and the last before which it shows less.

    They differ if the clock shows ``wall`` twice, except for the first time that it repeats.
    """
    wall = min(max(wall, _BEGINNING.replace(tzinfo=None)), _FAR_WALL)
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first > second:
        change = _change_between(int(second.timestamp()), int(first.timestamp()), zone)
        first = second = datetime.fromtimestamp(change, UTC)
    elif (second - _TICK).astimezone(zone).replace(tzinfo=None) >= wall:
        second = first
    return first, second


def _change_between(low: int, high: int, zone: ZoneInfo) -> int:
    """Return the first second later than ``low`` with another offset, at most ``high``."""
    seconds, held = range(low, high + 1), offset_at(low, zone)
    return seconds[bisect_left(seconds, True, key=lambda at: offset_at(at, zone) != held)]


def offset_at(seconds: int, zone: ZoneInfo) -> int:
    """Return the zone's offset from UTC at this Unix time, in seconds, positive to the east."""
    distance = datetime.fromtimestamp(seconds, zone).utcoffset() or timedelta()
    return int(distance.total_seconds())
