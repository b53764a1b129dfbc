"""Parse untrusted JSON within bounds."""

import json
from typing import Any, Final, TypeGuard

MOST_VALUES: Final = 400_000
"""Largest number of brackets and commas in a text that is read. It bounds the memory of the values, which may take
thirty times that of the text; prose of the largest size that is fetched stays below it."""

MOST: Final = 2**53
"""No count is as large: from here on a JSON number may be another one for another reader."""


def is_count(value: Any) -> TypeGuard[int]:
    """Return whether a value is a count of something."""
    return type(value) is int and 0 <= value < MOST


def parse(data: bytes) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    ValueError
        It is not JSON, is nested too deeply, or holds too many values.
    """
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MOST_VALUES:
        raise ValueError("too many values")
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
