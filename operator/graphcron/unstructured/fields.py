"""Fields of untrusted objects: a missing field or one of the wrong type counts as empty, and nothing raises."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

EARLIEST_YEAR: Final = 1970
LATEST_YEAR: Final = 9000
"""Times outside these years are ignored, since time zones and sums could exceed Python's range."""

LONGEST_TEXT: Final = 1024
"""Maximum length of a free text; the rest is cut off."""


def time_of(text: Any) -> datetime | None:
    """Parse an RFC 3339 time, whose letters may be lowercase; return None if it is missing or invalid."""
    try:
        moment = datetime.fromisoformat(text.upper())
    except (AttributeError, TypeError, ValueError):
        return None
    if moment.tzinfo is None or not EARLIEST_YEAR <= moment.year < LATEST_YEAR:
        return None
    return moment.astimezone(UTC)


def object_at(value: Any, *path: str) -> Mapping[str, Any]:
    """Return the object at a path; an empty one if it is missing or of another type."""
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def objects_at(value: Mapping[str, Any], member: str) -> list[Mapping[str, Any]]:
    """Return the objects in a list; empty if there is no list."""
    found = value.get(member)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def text_at(value: Mapping[str, Any], member: str) -> str:
    """Return a string; empty if it is missing."""
    found = value.get(member)
    return found if isinstance(found, str) else ""


def short_text_at(value: Mapping[str, Any], member: str) -> str:
    """Return a string, cut to the maximum length; empty if it is missing."""
    return text_at(value, member)[:LONGEST_TEXT]


def is_answered(body: Mapping[str, Any]) -> bool:
    """Return whether the status of a GraphCron or GraphServer is about its current generation."""
    generation = object_at(body, "status").get("observedGeneration")
    return bool(generation == body["metadata"].get("generation"))
