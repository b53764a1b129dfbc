"""Times and durations for people."""

import re
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import typer

from graphcron.unstructured.fields import time_of

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def human_duration(length: timedelta) -> str:
    """Format a duration as kubectl does: ``45s``, ``12m``, ``5h``, ``3d``."""
    seconds = int(length.total_seconds())
    for size, unit, most in ((1, "s", 120), (60, "m", 120), (3600, "h", 48)):
        if seconds < size * most:
            return f"{seconds // size}{unit}"
    return f"{seconds // 86400}d"


def parse_duration(text: str, *, option: str) -> timedelta:
    """Parse a duration of an option, such as ``90m``.

    Raises
    ------
    typer.BadParameter
        The text is not a duration.
    """
    if not re.fullmatch(r"[0-9]{1,6}[smhd]", text) or not int(text[:-1]):
        raise typer.BadParameter(f"{text!r} is not a length of time; write 90s, 30m, 24h or 7d", param_hint=option)
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


def relative_time(text: str | None, *, now: datetime) -> str:
    """Return how long ago a time was, or how far ahead it is (``in 5h``)."""
    at = time_of(text)
    return until(at, now=now) if at else ""


def until(at: datetime, *, now: datetime) -> str:
    """Do the same for a time that has been parsed."""
    return human_duration(now - at) if at <= now else f"in {human_duration(at - now)}"


def local_time(at: datetime, zone: str | None = None) -> str:
    """Write a time in a zone, with its offset; None: the user's own zone."""
    there = at.astimezone(ZoneInfo(zone) if zone else None)
    return there.strftime("%a %Y-%m-%d %H:%M %z" if there.second == 0 else "%a %Y-%m-%d %H:%M:%S %z")
