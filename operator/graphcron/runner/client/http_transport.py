"""HTTP/1.1 to one server. Its errors distinguish requests that the server may have received from others."""

from __future__ import annotations

import io
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from graphcron.runner.client.errors import CertificateError, NotSent, ResponseLost
from graphcron.runner.client.proxies import Proxy, proxy_for, split_url

if TYPE_CHECKING:
    import http.client
    import ssl

CONNECT_SECONDS: Final = 10.0
"""Longest wait for a connection, TLS included."""

ANSWER_SECONDS: Final = 10.0
"""Longest wait for an answer's head, and longest silence in its body."""

BODY_SECONDS: Final = 60.0
"""Longest time for a whole answer that is held in memory."""

IDLE_SECONDS: Final = 1.0
"""A connection that was idle for longer is not reused: servers close it, and a POST on it would be lost."""

BODY_BYTES: Final = 16 * 1024 * 1024
"""Largest body that is read into memory."""


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    retry_after: str
    body: bytes
    whole: bool
    """False if the body exceeds the limit, and was cut."""


class Transport:
    """Sends requests to one base URL.

    Parameters
    ----------
    url
        Base URL, with a prefix for all paths.
    headers
        Sent with every request.
    environ
        Where the proxy variables are.
    ca_file
        PEM file of additional trusted certificates.

    Raises
    ------
    ValueError
        The URL, the proxy or the file is invalid; the message names it.
    """

    def __init__(self, url: str, headers: Mapping[str, str], environ: Mapping[str, str], ca_file: str | None) -> None:
        form = "the server's URL is not of the form http(s)://host[:port][/path]"
        parts = split_url(url, ("http", "https"), form)
        if not parts.hostname or "@" in parts.netloc:
            raise ValueError(form)
        self._https = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port or (443 if self._https else 80)
        self._proxy = proxy_for(parts.scheme, self._host, self._port, environ)
        self._prefix = parts.path.rstrip("/")
        if self._proxy and not self._https:
            self._prefix = f"http://{parts.netloc}{self._prefix}"
        self._headers = dict(headers)
        if self._proxy and not self._https:
            self._headers.update(self._proxy.headers)
        self._http = _http_client(tls=self._https)
        self._failures = (OSError, self._http.HTTPException)
        self._tls = _tls(ca_file) if self._https else None
        self._connect_seconds, self._answer_seconds, self._body_seconds = CONNECT_SECONDS, ANSWER_SECONDS, BODY_SECONDS
        self._until, self._silence = 0.0, 0.0
        self._kept: http.client.HTTPConnection | None = None
        self._kept_at = 0.0

    def limit_timeouts(self, seconds: float) -> None:
        """Limit all timeouts from here on, and use a new connection."""
        self._connect_seconds = self._answer_seconds = self._body_seconds = seconds
        self.close()

    def request(self, method: str, path: str, body: bytes | None = None, *, limit: int = BODY_BYTES) -> Answer:
        """Send a request and read its answer, at most ``limit`` bytes of it.

        Raises
        ------
        NotSent, ResponseLost, CertificateError
        """
        connection = self._connection()
        try:
            response = self._exchange(connection, method, path, body, self._answer_seconds)
            self._allow(self._body_seconds, self._answer_seconds)
            data = response.read(limit + 1)
            if len(data) <= limit and not response.isclosed() and response.length:
                raise self._http.IncompleteRead(b"", response.length)  # read(n) takes a cut for the end
            answer = Answer(response.status, response.headers.get("Retry-After", ""), data[:limit], len(data) <= limit)
            if answer.whole and response.isclosed() and not response.will_close:
                self._kept, self._kept_at = connection, time.monotonic()
                return answer
        except self._failures as error:
            connection.close()
            raise ResponseLost(_words(error)) from None
        except BaseException:
            connection.close()
            raise
        connection.close()
        return answer

    def drain(
        self,
        path: str,
        wait: Callable[[], float],
        take: Callable[[bytes], None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """GET something long without holding it in memory; return the status.

        Parameters
        ----------
        path
            What to get.
        wait
            Called before each read; returns the longest wait in seconds.
        take
            Called with each piece of the body of a 2xx; None: the body is discarded.
        headers
            Sent in addition to the usual ones.

        Raises
        ------
        NotSent, ResponseLost, CertificateError
            ResponseLost also if a wait took too long.
        """
        connection = self._connection()
        try:
            response = self._exchange(connection, "GET", path, None, wait(), more=headers)
            while data := response.read1(65536):
                if take and response.status == 200:
                    take(data)
                self._allow(wait())
            return response.status
        except self._failures as error:
            raise ResponseLost(_words(error)) from None
        finally:
            connection.close()

    def close(self) -> None:
        """Drop the connection that is kept for the next request."""
        if self._kept:
            self._kept.close()
            self._kept = None

    def _connection(self) -> http.client.HTTPConnection:
        kept, self._kept = self._kept, None
        if kept and time.monotonic() - self._kept_at < IDLE_SECONDS:
            return kept
        if kept:
            kept.close()
        connection = self._new()
        connection.response_class = self._response  # type: ignore[assignment]
        self._allow(self._connect_seconds)
        try:
            connection.connect()
        except self._failures as error:
            connection.close()
            if type(error).__name__ == "SSLCertVerificationError":
                message = getattr(error, "verify_message", "")
                raise CertificateError(f"the server's certificate is not trusted: {message}") from None
            raise NotSent(_words(error)) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def _allow(self, seconds: float, silence: float | None = None) -> None:
        """Set the deadline, and the longest silence, of what is read from here on."""
        self._until, self._silence = time.monotonic() + seconds, seconds if silence is None else silence

    def _left(self) -> float:
        left = min(self._until - time.monotonic(), self._silence)
        if left <= 0:
            raise TimeoutError
        return left

    def _response(self, sock: socket.socket, *args: Any, **more: Any) -> http.client.HTTPResponse:
        """Return http.client's own response, read with the deadline."""
        response: http.client.HTTPResponse = self._http.HTTPResponse(sock, *args, **more)
        response.fp.close()
        response.fp = io.BufferedReader(_Reader(sock, self._left))
        return response

    def _new(self) -> http.client.HTTPConnection:
        at = self._proxy or Proxy(self._host, self._port, {})
        if self._tls is None:
            plain: http.client.HTTPConnection = self._http.HTTPConnection(
                at.host, at.port, timeout=self._connect_seconds
            )
            return plain
        connection: http.client.HTTPSConnection = self._http.HTTPSConnection(
            at.host, at.port, timeout=self._connect_seconds, context=self._tls
        )
        if self._proxy:
            connection.set_tunnel(self._host, self._port, self._proxy.headers)
        return connection

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        seconds: float,
        *,
        more: Mapping[str, str] | None = None,
    ) -> http.client.HTTPResponse:
        headers = {**self._headers, **(more or {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
        assert connection.sock is not None
        connection.sock.settimeout(seconds)
        self._allow(seconds)
        connection.request(method, self._prefix + path, body, headers)
        return connection.getresponse()


class _Reader(io.RawIOBase):
    """Reads from a socket until a deadline; the socket's own timeout restarts with each byte."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        super().__init__()
        self._sock, self._left = sock, left
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:  # type: ignore[explicit-override]
        return True

    def readinto(self, buffer: Any) -> int | None:  # type: ignore[explicit-override]
        self._sock.settimeout(self._left())
        return self._raw.readinto(buffer)

    def close(self) -> None:  # type: ignore[explicit-override]
        self._raw.close()
        super().close()


def _http_client(*, tls: bool) -> Any:
    """Import ``http.client``, without OpenSSL if that is not needed: it costs each pod 5 ms and 4 MiB.

    It imports ``ssl`` if it can; None in ``sys.modules`` prevents that.
    """
    spared = not tls and "ssl" not in sys.modules
    if spared:
        sys.modules["ssl"] = None  # type: ignore[assignment]
    try:
        import http.client

        return http.client
    finally:
        if spared:
            del sys.modules["ssl"]


def _tls(ca_file: str | None) -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except OSError:  # ssl.SSLError is one
            raise ValueError("the CA bundle can't be read or holds no PEM certificate") from None
    return context


def _words(error: Exception) -> str:
    """Return what went wrong, without the text of the error, which can contain a line of the answer."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "the server's name can't be resolved"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if str(error).startswith("Tunnel connection failed"):
        return "the proxy refused to connect to the server"
    return type(error).__name__
