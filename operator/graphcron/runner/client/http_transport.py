"""HTTP/1.1 to one server. Its errors distinguish requests that the server may have received from others."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from graphcron.runner.client.errors import CertificateError, NotSent, ResponseLost
from graphcron.runner.client.http1 import Connection, ProtocolError, Response
from graphcron.runner.client.proxies import Proxy, proxy_for, split_url

if TYPE_CHECKING:
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

_FAILURES: Final = (OSError, ProtocolError)


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
        printable = parts.path.isascii() and parts.path.isprintable() and " " not in parts.path
        if not parts.hostname or "@" in parts.netloc or not printable:
            raise ValueError(form)
        self._https = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port or (443 if self._https else 80)
        self._proxy = proxy_for(parts.scheme, self._host, self._port, environ)
        self._prefix = parts.path.rstrip("/")
        if self._proxy and not self._https:
            self._prefix = f"http://{parts.netloc}{self._prefix}"
        given = {name.lower() for name in headers}
        usual = {"Host": _authority(self._host, parts.port), "Accept-Encoding": "identity"}
        self._headers = {**{name: usual[name] for name in usual if name.lower() not in given}, **headers}
        if self._proxy and not self._https:
            self._headers.update(self._proxy.headers)
        self._tls = _tls(ca_file) if self._https else None
        self._connect_seconds, self._answer_seconds, self._body_seconds = CONNECT_SECONDS, ANSWER_SECONDS, BODY_SECONDS
        self._until, self._silence = 0.0, 0.0
        self._kept: Connection | None = None
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
            answer = Answer(response.status, response.headers.get("retry-after", ""), data[:limit], len(data) <= limit)
            if response.ended and response.keeps_connection:
                self._kept, self._kept_at = connection, time.monotonic()
                return answer
        except _FAILURES as error:
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
        except _FAILURES as error:
            raise ResponseLost(_words(error)) from None
        finally:
            connection.close()

    def close(self) -> None:
        """Drop the connection that is kept for the next request."""
        if self._kept:
            self._kept.close()
            self._kept = None

    def _connection(self) -> Connection:
        kept, self._kept = self._kept, None
        if kept and time.monotonic() - self._kept_at < IDLE_SECONDS:
            return kept
        if kept:
            kept.close()
        self._allow(self._connect_seconds)
        try:
            return self._connect()
        except _FAILURES as error:
            if type(error).__name__ == "SSLCertVerificationError":
                message = getattr(error, "verify_message", "")
                raise CertificateError(f"the server's certificate is not trusted: {message}") from None
            raise NotSent(_words(error)) from None

    def _connect(self) -> Connection:
        at = self._proxy or Proxy(self._host, self._port, {})
        sock = socket.create_connection((at.host, at.port), timeout=self._connect_seconds)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                if self._proxy:
                    self._open_tunnel(sock, self._proxy)
                sock = self._tls.wrap_socket(sock, server_hostname=self._host)
        except BaseException:
            sock.close()
            raise
        return Connection(sock, self._left)

    def _open_tunnel(self, sock: socket.socket, proxy: Proxy) -> None:
        target = _authority(self._host, self._port)
        answer = Connection(sock, self._left).exchange(
            "CONNECT", target, {"Host": target, **proxy.headers}, has_body=False
        )
        if answer.status != 200:
            raise ProtocolError("the proxy refused to connect to the server")

    def _allow(self, seconds: float, silence: float | None = None) -> None:
        """Set the deadline, and the longest silence, of what is read from here on."""
        self._until, self._silence = time.monotonic() + seconds, seconds if silence is None else silence

    def _left(self) -> float:
        left = min(self._until - time.monotonic(), self._silence)
        if left <= 0:
            raise TimeoutError
        return left

    def _exchange(
        self,
        connection: Connection,
        method: str,
        path: str,
        body: bytes | None,
        seconds: float,
        *,
        more: Mapping[str, str] | None = None,
    ) -> Response:
        headers = {**self._headers, **(more or {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.sock.settimeout(seconds)
        self._allow(seconds)
        return connection.exchange(method, self._prefix + path, headers, body)


def _authority(host: str, port: int | None) -> str:
    """Return host and port as in a URL."""
    name = host if host.isascii() else host.encode("idna").decode()
    return (f"[{name}]" if ":" in name else name) + (f":{port}" if port else "")


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
    return str(error) if isinstance(error, ProtocolError) else type(error).__name__
