"""Which thread the runs of one period share: its id follows from the GraphCron and the period's first day."""

import time
from typing import Final

from graphcron.runner.occurrence.identity import uuid5

DAY: Final = 86400
"""Seconds of a day, by a clock that shows local time."""

Offsets = tuple[tuple[int, int], ...]


def period_thread(uid: str, per: str, offsets: Offsets, at: int) -> str:
    """Return the id of the thread of the period that the time lies in (seconds since the epoch)."""
    return uuid5(f"{uid}/thread/{per}/{first_day(per, offsets, at)}")


def first_day(per: str, offsets: Offsets, at: int) -> str:
    """Return the first local day of the day, week (from Monday) or month that the time lies in."""
    day = (at + offset_at(offsets, at)) // DAY
    if per == "week":
        day -= (day + 3) % 7  # the epoch was a Thursday
    elif per == "month":
        day -= time.gmtime(day * DAY).tm_mday - 1
    return time.strftime("%Y-%m-%d", time.gmtime(day * DAY))


def offset_at(offsets: Offsets, at: float) -> int:
    """Return the zone's distance from UTC at that time, in seconds; without any it is UTC."""
    past = [offset for since, offset in offsets if since <= at]
    return past[-1] if past else offsets[0][1] if offsets else 0
