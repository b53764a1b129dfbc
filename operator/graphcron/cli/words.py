"""Times for people."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from graphcron.unstructured.fields import time_of


def moment(text: str | None) -> datetime | None:
    """Read a time as the API server writes it; None where it can't be reckoned with."""
    return time_of(text)


def span(length: timedelta) -> str:
    """Write a length of time as kubectl does: ``45s``, ``12m``, ``5h``, ``3d``."""
    seconds = int(length.total_seconds())
    for size, unit, most in ((1, "s", 120), (60, "m", 120), (3600, "h", 48)):
        if seconds < size * most:
            return f"{seconds // size}{unit}"
    return f"{seconds // 86400}d"


def since(text: str | None, *, now: datetime) -> str:
    """Say how long ago something was, or how long it is until then (``in 5h``)."""
    at = moment(text)
    if at is None:
        return ""
    return span(now - at) if at <= now else f"in {span(at - now)}"


def local(at: datetime, zone: str | None = None) -> str:
    """Write a time in a zone, with its offset; None: the user's own."""
    there = at.astimezone(ZoneInfo(zone) if zone else None)
    return there.strftime("%a %Y-%m-%d %H:%M %z" if there.second == 0 else "%a %Y-%m-%d %H:%M:%S %z")
