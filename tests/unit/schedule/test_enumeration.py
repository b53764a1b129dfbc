"""The calculated occurrences are those that the search finds one after the other."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

import pytest

from graphcron.schedule import cron, times
from graphcron.schedule.enumeration import due_seconds
from graphcron.schedule.occurrences import Calendar, excluded
from tests.unit.schedule.test_times import simple_schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

ZONES = [
    "Etc/UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo",
    "Asia/Beirut", "Pacific/Apia", "Asia/Kathmandu", "Africa/Casablanca", "America/Asuncion", "Antarctica/Troll",
]  # fmt: skip
"""With changes at midnight, by half an hour, by two hours, and by a day, and without any."""

LINES = ["*/5 * * * *", "0 0 * * *", "30 2 * * *", "0 3 1 * *", "59 23 28-31 * *", "15 1 * 3,10 0", "0 0 29 2 *"]


def searched(calendar: Calendar, after: datetime, until: datetime) -> list[int]:
    """Return what the search finds."""
    found = takewhile(lambda each: each <= until, calendar._times(after))
    return [int(each.timestamp()) for each in found]


def calendar(lines: Sequence[str], zone: str, **given: object) -> Calendar:
    return Calendar(tuple(map(cron.parse, lines)), times.zone_for(zone), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("zone", ZONES)
def test_a_range_has_the_occurrences_that_the_search_finds(zone: str) -> None:
    chance = random.Random(zone)
    for line in [*LINES, *(simple_schedule(chance) for _ in range(12))]:
        year = chance.choice([2011, 2024, 2026])
        begin = datetime(year, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(300 * 86400))
        ours, until = calendar([line], zone), begin + timedelta(days=chance.choice([1, 20, 120]))
        assert due_seconds(ours, begin, until) == searched(ours, begin, until), (line, begin)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Havana"])
@pytest.mark.parametrize("month", [3, 10, 11])
def test_around_a_change_of_the_clock(zone: str, month: int) -> None:
    begin = datetime(2026, month, 1, 4, 30, tzinfo=UTC)
    for line in LINES:
        ours, until = calendar([line], zone), begin + timedelta(days=35)
        assert due_seconds(ours, begin, until) == searched(ours, begin, until), line


def test_lines_are_joined_and_bounds_and_excludes_are_kept() -> None:
    zone = times.zone_for("Europe/Berlin")
    start, end = datetime(2026, 11, 2, 8, 0, tzinfo=UTC), datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    excludes = excluded([("2026-11-05", "2026-11-06"), ("2026-11-10T08:00", "2026-11-10T10:00")], zone)
    ours = calendar(["0 */2 * * *", "0 9 * * *"], "Europe/Berlin", start=start, end=end, excluded=excludes)
    begin, until = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)
    found = due_seconds(ours, begin, until)
    assert found == searched(ours, begin, until)
    assert found[0] == start.timestamp()
    assert found[-1] < end.timestamp()
    assert due_seconds(ours, until, until + timedelta(days=1)) == due_seconds(ours, until, begin) == []
