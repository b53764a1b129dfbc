"""JSON of any depth, read without recursion: what is nested too deeply is left out.

The API server stores objects that are nested up to 10,000 levels deep. Python's reader raises a RecursionError at a
depth that depends on its version and on the stack, pydantic's reader refuses more than 200 levels, and code that walks
the values fails sooner. Metadata and status of an object lie above that depth, so they can always be read.

pydantic is imported where it is used: the command line reads with the standard library, and starts sooner so.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

LEVELS: Final = 100
"""How deeply lists and objects may be nested where something had to be left out."""

LEFT_OUT: Final = f"(left out: nested more than {LEVELS} levels deep)"
"""What stands in place of a list or an object that is nested deeper."""

_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]')
"""A text, or where a list or an object begins or ends."""


def loads(text: str) -> Any:
    """Read JSON by the standard library; what is nested more than :data:`LEVELS` levels deep is left out.

    Raises
    ------
    ValueError
        It is not JSON.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        return json.loads(cut(text.encode()))
    return json.loads(cut(text.encode())) if is_deeper(value, LEVELS) else value


def fast_loads(text: bytes | str) -> Any:
    """Read JSON by pydantic's reader, in half the time; 200 levels are read as they are.

    Raises
    ------
    ValueError
        It is not JSON.
    """
    from pydantic_core import from_json

    try:
        return from_json(text)
    except ValueError:  # nested too deeply; or a lone surrogate, which the standard library reads
        return json.loads(cut(text.encode() if isinstance(text, str) else text))


def dumps(value: Any) -> bytes:
    """Write what :func:`fast_loads` has read, so that it can read it again."""
    from pydantic_core import to_json

    try:
        return to_json(value)
    except ValueError:
        return json.dumps(value).encode()


def shallow(text: bytes) -> bytes:
    """Return JSON that any reader can read: the same text, unless it is nested too deeply."""
    from pydantic_core import from_json

    if text.count(b"{") + text.count(b"[") <= LEVELS:
        return text
    try:
        from_json(text)
    except ValueError:
        return cut(text)
    return text


def cut(text: bytes) -> bytes:
    """Leave out what is nested more than :data:`LEVELS` levels deep, in time linear in the length of the text."""
    kept: list[bytes] = []
    end = 0
    mark = json.dumps(LEFT_OUT).encode()
    for place in places(text, LEVELS + 1):
        kept += (text[end : place.start], mark)
        end = place.stop
    return b"".join([*kept, text[end:]])


def places(text: bytes, level: int) -> Iterator[slice]:
    """Yield where the lists and objects of a level are; the outermost is on level 1. One may have no end."""
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
    """Return whether lists and objects are nested more than that many levels deep; ``{}`` is one level."""
    level = [value] if isinstance(value, Mapping | list) else []
    for _ in range(levels):
        if not level:
            return False
        level = [each for part in level for each in _parts(part) if isinstance(each, dict | list)]
    return bool(level)


def _parts(value: Any) -> Sequence[Any] | Any:
    return value.values() if isinstance(value, Mapping) else value


def as_yaml(body: Any) -> str:
    """Write JSON that is YAML too: no pairs of surrogates; escapes for what YAML refuses or takes for a line's end."""
    return _UNFIT.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(body, ensure_ascii=False))


_UNFIT: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
