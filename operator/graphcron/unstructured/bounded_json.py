"""JSON with a bounded nesting depth: deeper values are replaced.

The API server stores objects that are nested up to 10,000 levels deep. Python's parser raises a RecursionError at a
depth that depends on its version and on the stack, pydantic's parser rejects more than 200 levels, and code that
traverses the values fails earlier. Metadata and status of an object lie above the limit, so they can always be read.

pydantic is imported when it is used: the command line parses with the standard library and starts faster.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

LEVELS: Final = 100
"""Maximum nesting depth of lists and objects after a replacement."""

LEFT_OUT: Final = f"(left out: nested more than {LEVELS} levels deep)"
"""Replacement for a list or an object that is nested deeper."""

_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]')
"""A string, or the beginning or end of a list or an object."""


def loads(text: str) -> Any:
    """Parse JSON with the standard library; replace values below :data:`LEVELS` levels.

    Raises
    ------
    ValueError
        The text is not valid JSON.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        return json.loads(cut(text.encode()))
    return json.loads(cut(text.encode())) if is_deeper(value, LEVELS) else value


def fast_loads(text: bytes | str) -> Any:
    """Parse JSON with pydantic's parser in half the time; 200 levels are kept.

    Raises
    ------
    ValueError
        The text is not valid JSON.
    """
    from pydantic_core import from_json

    try:
        return from_json(text)
    except ValueError:  # too deep, or a lone surrogate, which the standard library accepts
        return json.loads(cut(text.encode() if isinstance(text, str) else text))


def dumps(value: Any) -> bytes:
    """Serialize a value of :func:`fast_loads`."""
    from pydantic_core import to_json

    try:
        return to_json(value)
    except ValueError:
        return json.dumps(value).encode()


def shallow(text: bytes) -> bytes:
    """Return JSON that any parser accepts: the same text, or with deeper values replaced."""
    from pydantic_core import from_json

    if text.count(b"{") + text.count(b"[") <= LEVELS:
        return text
    try:
        from_json(text)
    except ValueError:
        return cut(text)
    return text


def cut(text: bytes) -> bytes:
    """Replace values below :data:`LEVELS` levels, in linear time."""
    kept: list[bytes] = []
    end = 0
    mark = json.dumps(LEFT_OUT).encode()
    for place in places(text, LEVELS + 1):
        kept += (text[end : place.start], mark)
        end = place.stop
    return b"".join([*kept, text[end:]])


def places(text: bytes, level: int) -> Iterator[slice]:
    """Yield the positions of the lists and objects on a level; the outermost is 1. The last may be unclosed."""
    begin = depth = 0
    for match in _TOKEN.finditer(text):
        first = text[match.start()]
        if first in b"{[":
            depth += 1
            if depth == level:
                begin = match.start()
        elif first in b"}]":
            if depth == level:
                yield slice(begin, match.end())
            depth -= 1
    if depth >= level:
        yield slice(begin, len(text))


def is_deeper(value: Any, levels: int) -> bool:
    """Return whether lists and objects are nested deeper than a number of levels; ``{}`` is one level."""
    level = [value] if isinstance(value, Mapping | list) else []
    for _ in range(levels):
        if not level:
            return False
        level = [each for part in level for each in _parts(part) if isinstance(each, dict | list)]
    return bool(level)


def _parts(value: Any) -> Sequence[Any] | Any:
    return value.values() if isinstance(value, Mapping) else value


def as_yaml(body: Any) -> str:
    """Serialize to JSON that is also valid YAML: without surrogate pairs, with YAML's special characters escaped."""
    return _UNFIT.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(body, ensure_ascii=False))


_UNFIT: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
