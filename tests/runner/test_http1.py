"""Answers as they stand on the wire, without a server."""

import socket

import pytest

from graphcron.runner.client.http1 import Connection, ProtocolError, Response

OK = b"HTTP/1.1 200 OK\r\n"


def answer_to(
    sent: bytes, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[Response, bytes, bytes]:
    """Return the answer of a server that sends these bytes and closes, its body, and what it was asked."""
    ours, theirs = socket.socketpair()
    theirs.sendall(sent)
    theirs.shutdown(socket.SHUT_WR)
    with theirs, ours:
        answer = Connection(ours, lambda: 5).exchange(method, "/x", headers, body)
        asked = theirs.recv(65536)
        return answer, answer.read(1000), asked


@pytest.mark.parametrize(
    ("sent", "body", "keeps_connection"),
    [
        (OK + b"Content-Length: 2\r\n\r\nok and what is after it", b"ok", True),
        (OK + b"Content-Length: 0\r\n\r\n", b"", True),
        (OK + b"content-LENGTH:2\r\nConnection: Close\r\n\r\nok", b"ok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
        (b"HTTP/1.0 200 OK\nConnection: keep-alive\nContent-Length: 2\n\nok", b"ok", True),
        (OK + b"\r\nuntil the end", b"until the end", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\nB\r\n and more..\r\n0\r\nT: 1\r\n\r\n", b"ok and more..", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok", b"ok", True),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", b"", True),
    ],
)  # fmt: skip
def test_an_answer_is_read_to_its_end(sent: bytes, body: bytes, keeps_connection: bool) -> None:
    answer, found, _ = answer_to(sent)
    assert (found, answer.ended, answer.keeps_connection) == (body, True, keeps_connection)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK",
        OK + b"no colon\r\n\r\n",
        OK + b"a: b\r\n" * 101 + b"\r\n",
        OK + b"a: " + b"b" * 70000 + b"\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        OK + b"Content-Length: 3\r\n\r\nok",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
    ],
)
def test_an_answer_that_is_cut_or_no_http_is_an_error(sent: bytes) -> None:
    with pytest.raises(ProtocolError):
        answer_to(sent)


def test_a_limited_read_leaves_the_rest() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n")
    with theirs, ours:
        answer = Connection(ours, lambda: 5).exchange("GET", "/x", {})
        assert (answer.read(3), answer.ended) == (b"abc", False)
        assert (answer.read(3), answer.ended) == (b"de", True)


def test_the_request_states_the_length_of_its_body() -> None:
    done = OK + b"Content-Length: 0\r\n\r\n"
    assert answer_to(done, "POST", b"{}", Host="h")[2] == b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
    assert answer_to(done, "POST")[2] == b"POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
    assert answer_to(done, "GET")[2] == b"GET /x HTTP/1.1\r\n\r\n"
    with pytest.raises(ValueError, match="line break"):
        answer_to(done, X="two\r\nlines")
