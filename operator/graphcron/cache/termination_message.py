"""Parse a Pod's termination message. Its content is untrusted, since users choose the image."""

import re
from collections.abc import Callable
from typing import Any, Final

from graphcron.api.v1alpha1.status import AMOUNT, LONGEST_SECONDS, MOST
from graphcron.contract import TERMINATION_MESSAGE_BYTES, Outcome, Report
from graphcron.runner.client import answers
from graphcron.unstructured import bounded_json
from graphcron.unstructured.fields import object_at, time_of

_WORD: Final = re.compile(r"\S{1,128}")


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and _WORD.fullmatch(value) is not None


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < MOST


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_time(value: Any) -> bool:
    return time_of(value) is not None


def _is_duration(value: Any) -> bool:
    return type(value) in {int, float} and 0 <= value <= LONGEST_SECONDS


def _is_like(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


_BELIEVED: Final[dict[str, Callable[[Any], bool]]] = {
    "outcome": lambda value: value in list(Outcome),
    "message": _is_text,
    "reason": _is_word,
    "scheduledTime": _is_time,
    "runId": answers.is_uuid,
    "threadId": answers.is_uuid,
    "startTime": _is_time,
    "durationSeconds": _is_duration,
    "attempts": _is_count,
    "tokens": _is_count,
    "tokensAtLeast": _is_flag,
    "cost": _is_like(AMOUNT),
    "windowStart": _is_time,
    "windowEnd": _is_time,
    "windowTokens": _is_count,
    "windowCost": _is_like(AMOUNT),
    "server": answers.is_product,
    "awaited": _is_flag,
}
"""Validators by field of a report."""


def report_of(text: str) -> Report | None:
    """Parse a termination message; return None if it contains no outcome. Invalid fields are ignored."""
    try:
        members = bounded_json.loads(text[:TERMINATION_MESSAGE_BYTES])
    except ValueError:
        return None
    known = object_at(members)
    believed = {key: known[key] for key, is_right in _BELIEVED.items() if key in known and is_right(known[key])}
    if "message" in believed:
        believed["message"] = _printable(believed["message"])
    return Report(**{**believed, "outcome": Outcome(believed["outcome"])}) if "outcome" in believed else None


def _printable(text: str) -> str:
    """Replace characters that control a terminal or reverse text. kubectl prints the status and Events unchanged."""
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)
