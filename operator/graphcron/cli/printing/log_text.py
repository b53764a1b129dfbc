"""The runner's log for people: one event per line, with the fields that say something new."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from graphcron.unstructured.bounded_json import loads
from graphcron.unstructured.fields import time_of

_SHARED: Final = ("occurrence", "preflight", "pod", "run", "thread")
"""Fields that the runner repeats on every line."""


class LogText:
    """Writes the lines of a log; it shows a repeated field only where its value changes."""

    def __init__(self) -> None:
        self._shown: dict[str, Any] = {}

    def lines(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield the lines as text; a line that is not an event of the runner stays as it is."""
        return map(self._line, lines)

    def _line(self, line: str) -> str:
        try:
            event = loads(line)
        except ValueError:
            return line
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            return line
        fields = {key: value for key, value in event.items() if key not in {"time", "level", "event"}}
        known = {key: value for key, value in fields.items() if key in _SHARED and self._shown.get(key) == value}
        self._shown |= {key: value for key, value in fields.items() if key in _SHARED}
        at, level = time_of(event.get("time")), str(event.get("level", "info"))
        return " ".join(
            [
                f"{at.astimezone():%Y-%m-%d %H:%M:%S}" if at else str(event.get("time", "")),
                *([] if level == "info" else [level.upper()]),
                event["event"],
                *(f"{key}={_value(value)}" for key, value in fields.items() if key not in known),
            ]
        )


def _value(value: Any) -> str:
    """Write a value unchanged, or as JSON if it is not a single word."""
    is_word = isinstance(value, str) and value and not set(value) & set(' \t\n"=')
    return value if is_word else json.dumps(value, ensure_ascii=False)
