"""How many runs a schedule makes on its busiest day."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Final

from graphcron.schedule.cron import Cron

_FIRST: Final = date(2000, 1, 1)
_DAYS: Final = 28 * 365 + 7
"""After 28 years without a year that lacks its leap day, the days of the year have the same weekdays again."""


def minutes_of_day(crons: Collection[Cron]) -> set[tuple[int, int]]:
    """Return the hours and minutes that lines match, on any day."""
    return {(hour, minute) for each in crons for hour in each.hours for minute in each.minutes}


def busiest_day(crons: Collection[Cron]) -> int:
    """Return the largest number of minutes that lines match on one day."""
    days = map(timedelta, range(_DAYS))
    together = {tuple(each for each in crons if _matches(each, _FIRST + day)) for day in days}
    return max(len(minutes_of_day(each)) for each in together)


def _matches(cron: Cron, day: date) -> bool:
    return day.month in cron.months and cron.matches_day(day)
