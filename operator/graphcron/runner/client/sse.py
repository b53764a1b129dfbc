"""Read server-sent events from a stream of bytes in bounded memory, however long their texts are."""

import re
from collections.abc import Callable
from typing import Final

LONG_BYTES: Final = 64 * 1024
"""In a longer line, long strings are emptied as it is read."""

MOST_BYTES: Final = 1024 * 1024
"""An event whose lines are still longer is dropped."""

TEXT_BYTES: Final = 512
"""A longer string in a long line is emptied."""

_TEXT: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
"""The contents of a JSON string between its quotes."""


class StringStripper:
    """Empties the long strings of JSON that comes in pieces; the rest is short and still JSON."""

    def __init__(self) -> None:
        self._carry = b""
        self._inside = False
        self._text = b""
        self._too_long = False

    def feed(self, data: bytes) -> bytes:
        """Take the next piece and return its stripped form."""
        data, self._carry = self._carry + data, b""
        out: list[bytes] = []
        at = 0
        while at < len(data):
            at = self._in_text(data, at, out) if self._inside else self._outside(data, at, out)
        return b"".join(out)

    def _outside(self, data: bytes, at: int, out: list[bytes]) -> int:
        end = data.find(b'"', at) + 1
        self._inside, self._text, self._too_long = end > 0, b"", False
        end = end or len(data)
        out.append(data[at:end])
        return end

    def _in_text(self, data: bytes, at: int, out: list[bytes]) -> int:
        match = _TEXT.match(data, at)
        assert match
        end = match.end()
        self._too_long = self._too_long or len(self._text) + end - at > TEXT_BYTES
        self._text = b"" if self._too_long else self._text + data[at:end]
        if end == len(data):
            return end
        if data[end : end + 1] == b"\\":  # the second half of the escape is in the next piece
            self._carry = data[end:]
            return len(data)
        out.append(self._text + b'"')
        self._inside = False
        return end + 1


class Events:
    """Splits a stream into events.

    Parameters
    ----------
    take
        Called with each event's name, data and id; the data is None where it was too much to hold.
    """

    def __init__(self, take: Callable[[str, bytes | None, str], None]) -> None:
        self._take = take
        self._line = bytearray()
        self._stripper: StringStripper | None = None
        self._name, self._id = "", ""
        self._data: list[bytes] = []
        self._size = 0
        self._line_lost = self._too_much = False

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the stream."""
        *lines, rest = piece.split(b"\n")
        for line in lines:
            self._add(line)
            self._end_line()
        self._add(rest)

    def _add(self, part: bytes) -> None:
        if self._stripper is None and len(self._line) + len(part) > LONG_BYTES:
            self._stripper = StringStripper()
            part, self._line = bytes(self._line) + part, bytearray()
        self._line += self._stripper.feed(part) if self._stripper else part
        if len(self._line) + self._size > MOST_BYTES:
            self._too_much = self._line_lost = True
            self._line.clear()

    def _end_line(self) -> None:
        line, self._line, self._stripper = bytes(self._line).rstrip(b"\r"), bytearray(), None
        lost, self._line_lost = self._line_lost, False
        if lost:
            return None
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(value)
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")
        elif name == b"id":
            self._id = value.decode("utf-8", "replace")
        return None

    def _dispatch(self) -> None:
        if self._name or self._data or self._too_much:
            self._take(self._name, None if self._too_much else b"\n".join(self._data), self._id)
        self._name, self._id, self._data, self._size, self._too_much = "", "", [], 0, False
