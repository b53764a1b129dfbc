"""Times as text: RFC 3339 in UTC, as Kubernetes and the server write them."""

import time
from datetime import UTC, datetime
from typing import Any


def rfc3339(seconds: float) -> str:
    """Return ``2026-11-22T14:00:00Z`` for a time since the epoch."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def rfc3339_millis(seconds: float | None = None) -> str:
    """Return the time, or now, with milliseconds."""
    at = time.time() if seconds is None else seconds
    return f"{rfc3339(at)[:-1]}.{int(at % 1 * 1000):03d}Z"


def seconds_of(text: str) -> float:
    """Parse an RFC 3339 time into seconds since the epoch; a time without a zone is in UTC.

    Raises
    ------
    ValueError
        The text has another form.
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def is_time(text: Any) -> bool:
    """Return whether :func:`seconds_of` can read it."""
    try:
        return isinstance(text, str) and bool(rfc3339(seconds_of(text)))
    except (ValueError, OverflowError):
        return False
