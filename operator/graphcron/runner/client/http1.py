"""HTTP/1.1 over one connection, as far as a client of a JSON API needs it.

``http.client`` reads headers with the parser for mail, whose modules take a fifth of the CPU time of a pod's start.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final

LINE_BYTES: Final = 65536
"""Longest line of a head."""

HEADERS: Final = 100
"""Most headers of an answer."""

_HEX: Final = frozenset(b"0123456789abcdefABCDEF")


class ProtocolError(Exception):
    """The answer is not HTTP/1.1, or it is cut. The text contains nothing of it."""


class Response:
    """An answer: the status and headers are read, the body is not.

    Parameters
    ----------
    file
        Where to read it.
    has_body
        False for the answer to ``CONNECT``.
    """

    def __init__(self, file: io.BufferedReader[Any], *, has_body: bool = True) -> None:
        self._file = file
        version, self.status, self.headers = _head(file)
        while self.status < 200:  # such as 100 Continue
            version, self.status, self.headers = _head(file)
        self._chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        self._left = 0 if self._chunked else self._length()
        """Bytes left of the chunk or the body; None: the body ends with the connection."""
        self.ended = not has_body or self.status in (204, 304) or (self._left == 0 and not self._chunked)
        """Whether the body is read to its end."""
        options = self.headers.get("connection", "").lower()
        kept = "close" not in options if version == b"HTTP/1.1" else "keep-alive" in options
        self.keeps_connection = kept and (self.ended or self._left is not None)

    def read(self, size: int) -> bytes:
        """Read up to ``size`` bytes of the body, fewer only at its end."""
        pieces, missing = [], size
        while missing and (piece := self.read1(missing)):
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def read1(self, size: int) -> bytes:
        """Read what has arrived of the body, up to ``size`` bytes; return nothing only at its end."""
        if not self.ended and self._chunked and not self._left:
            self._left = self._chunk_size()
            self.ended = not self._left
        if self.ended:
            return b""
        data = self._file.read1(size if self._left is None else min(size, self._left))
        if self._left is None:
            self.ended = not data
            return data
        if not data:
            raise ProtocolError("the answer is cut")
        self._left -= len(data)
        if not self._left and self._chunked and _line(self._file):
            raise ProtocolError("the answer is not HTTP/1.1")
        self.ended = not self._left and not self._chunked
        return data

    def _length(self) -> int | None:
        text = self.headers.get("content-length")
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise ProtocolError("the answer is not HTTP/1.1")
        return int(text)

    def _chunk_size(self) -> int:
        digits = _line(self._file).partition(b";")[0].strip()
        if not digits or len(digits) > 16 or not _HEX.issuperset(digits):
            raise ProtocolError("the answer is not HTTP/1.1")
        size = int(digits, 16)
        if not size:
            _headers(self._file)
        return size


class Connection:
    """An open connection.

    Parameters
    ----------
    sock
        The socket.
    left
        Asked before each read: how many seconds it may take.
    """

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self.sock = sock
        self._file = io.BufferedReader(_Reader(sock, left))

    def exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None, *, has_body: bool = True
    ) -> Response:
        """Send a request, and read the head of its answer.

        Raises
        ------
        ValueError
            A header contains a line break.
        """
        if body is not None or method in ("POST", "PUT", "PATCH"):
            headers = {**headers, "Content-Length": str(len(body or b""))}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a header contains a line break")
        self.sock.sendall("\r\n".join((*lines, "", "")).encode("latin-1") + (body or b""))
        return Response(self._file, has_body=has_body)

    def close(self) -> None:
        """Close the connection."""
        self.sock.close()


class _Reader(io.RawIOBase):
    """Reads from a socket until a deadline; the socket's own timeout restarts with each byte."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        super().__init__()
        self._sock, self._left = sock, left

    def readable(self) -> bool:  # type: ignore[explicit-override]
        return True

    def readinto(self, buffer: Any) -> int:  # type: ignore[explicit-override]
        self._sock.settimeout(self._left())
        return self._sock.recv_into(buffer)


def _head(file: io.BufferedReader[Any]) -> tuple[bytes, int, dict[str, str]]:
    """Read the status line and the headers."""
    version, _, rest = _line(file).partition(b" ")
    code = rest.partition(b" ")[0]
    if not version.startswith(b"HTTP/1.") or len(code) != 3 or not code.isdigit() or code < b"100":
        raise ProtocolError("the answer is not HTTP/1.1")
    return version, int(code), _headers(file)


def _headers(file: io.BufferedReader[Any]) -> dict[str, str]:
    """Read headers up to the empty line, by their name in small letters."""
    headers: dict[str, str] = {}
    for _ in range(HEADERS + 1):
        line = _line(file).decode("latin-1")
        if not line:
            return headers
        name, colon, value = line.partition(":")
        if not colon:
            break
        key, value = name.lower(), value.strip()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    raise ProtocolError("the answer is not HTTP/1.1")


def _line(file: io.BufferedReader[Any]) -> bytes:
    """Read a line of a head, without its end."""
    line = file.readline(LINE_BYTES + 1)
    if len(line) > LINE_BYTES:
        raise ProtocolError("the answer is not HTTP/1.1")
    if not line.endswith(b"\n"):
        raise ProtocolError("the answer is cut")
    return line.rstrip(b"\r\n")
