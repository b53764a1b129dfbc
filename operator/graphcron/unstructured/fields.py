"""Members of objects that anybody may have written: what is missing or has a wrong type is empty; nothing raises."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

EARLIEST_YEAR: Final = 1970
LATEST_YEAR: Final = 9000
"""Times outside of these years are not read: a time zone or a sum would lead out of what Python knows."""

LONGEST_TEXT: Final = 1024
"""What is kept of a text that has no form of its own, in characters."""


def time_of(text: Any) -> datetime | None:
    """Read an RFC 3339 time, which anybody may have written; None where it is missing or can't be right."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None or not EARLIEST_YEAR <= moment.year < LATEST_YEAR:
        return None
    return moment.astimezone(UTC)


def object_at(value: Any, *path: str) -> Mapping[str, Any]:
    """Return the object at a path of members; an empty one where there is none, or something else."""
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def objects_at(value: Mapping[str, Any], member: str) -> list[Mapping[str, Any]]:
    """Return the objects of a list; none where there is no list."""
    found = value.get(member)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def text_at(value: Mapping[str, Any], member: str) -> str:
    """Return a text; an empty one where there is none."""
    found = value.get(member)
    return found if isinstance(found, str) else ""


def short_text_at(value: Mapping[str, Any], member: str) -> str:
    """Return a text, of a long one the beginning; an empty one where there is none."""
    return text_at(value, member)[:LONGEST_TEXT]


def is_answered(body: Mapping[str, Any]) -> bool:
    """Tell whether the status of a GraphCron or GraphServer is about its spec as it is."""
    generation = object_at(body, "status").get("observedGeneration")
    return bool(generation == body["metadata"].get("generation"))
