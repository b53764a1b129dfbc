"""A server that means harm, or is broken: no pod spends its memory or its time on it, or fails by itself."""

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from graphcron.contract import Outcome
from graphcron.runner.budget.tokens import Counter
from graphcron.runner.client import http_transport
from graphcron.runner.client.answers import sentence_of
from graphcron.runner.client.errors import ResponseLost, RunEnded
from graphcron.runner.client.langgraph_api import error_of, retry_after
from graphcron.runner.client.parsing import MOST_VALUES, parse
from graphcron.runner.occurrence.input_template import fill
from tests.runner.conftest import Faults
from tests.runner.harness import Api, Cron

DEEP = b"[" * 100_000 + b"]" * 100_000
MANY = b"[" + b"[]," * 5_000_000 + b"[]]"


@pytest.mark.parametrize("body", [DEEP, MANY, b"{", b"\xff", b'{"a":' * 5000])
def test_text_that_is_too_much_is_no_json(body: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(ValueError, match=r"too|Expecting|decode"):
        parse(body)
    assert time.monotonic() - began < 2
    assert sentence_of(422, body[:200_000]) == ""
    assert error_of(body[:100].decode("latin-1")) == {}


def test_long_prose_is_read() -> None:
    prose = json.dumps({"messages": ["Well, this is what a model says. " * 350_000]}).encode()
    assert prose.count(b",") < MOST_VALUES
    assert parse(prose)["messages"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 2.0),
        (" 30 ", 30.0),
        ("999999999", 86400.0),
        ("²", 0.0),
        ("-1", 0.0),
        ("9" * 400, 0.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0),
    ],
)
def test_retry_after(text: str, seconds: float) -> None:
    assert retry_after(text) == seconds


def test_event_that_is_nested_too_deeply_is_lost() -> None:
    counter = Counter()
    counter.take("messages", DEEP, "1-0")
    counter.take("metadata", DEEP, "2-0")
    assert (counter.lost, counter.begun) == (1, False)


@pytest.mark.parametrize("body", ["[" * 2000, "²"])
def test_unreadable_answer_counts_as_lost_one_run(api: Api, cron: Cron, faults: Faults, body: str) -> None:
    answer = {"method": "POST", "path": "/runs$", "fault": "late-answer", "status": 200, "body": body}
    faults.rules({"path": "/threads$", "fault": "answer", "status": 429, "headers": {"Retry-After": "2"}}, answer)
    report = cron.pod().wait()
    assert report.outcome is Outcome.SUCCEEDED
    assert [run["run_id"] for run in api.all_runs(cron.uid)] == [report.runId]


@pytest.mark.parametrize(
    "text",
    [
        *("{{" + " " * 20_000, "{{ " * 7_000, "{{" + " x" * 10_000 + "{", "{{" + "'a'" * 7_000, "{{" + "'" * 20_001),
        *("{{" + "}" + "'}'" * 7_000, "{{ scheduledTime" + "| addDays(0) " * 2_000 + "'"),
    ],
    ids=len,
)
def test_template_that_never_closes_takes_no_time(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(RunEnded, match="without"):
        fill(text, {"name": "x"})
    assert time.monotonic() - began < 1


def test_template_that_is_nested_too_deeply_is_reported() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(RunEnded, match="nested too deeply"):
        fill(value, {})


def test_template_takes_any_blanks() -> None:
    assert fill("{{name}} {{  name\n}} {{\tname }}", {"name": "x"}) == "x x x"


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DRIPS = {
    "body": (HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
    "chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "head": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@contextmanager
def dripping(first: bytes, piece: bytes) -> Iterator[str]:
    """Serve an answer that never ends and is never silent, and yield its URL."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.recv(65536)
                self.request.sendall(first)
                while True:
                    self.request.sendall(piece)
                    time.sleep(0.02)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("drip", list(DRIPS))
def test_answer_that_drips_is_given_up_in_time(drip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_transport, "ANSWER_SECONDS", 0.4)
    monkeypatch.setattr(http_transport, "BODY_SECONDS", 0.8)
    with dripping(*DRIPS[drip]) as url:
        way = http_transport.Transport(url, {}, {}, None)
        began = time.monotonic()
        with pytest.raises(ResponseLost, match="no answer in time"):
            way.request("GET", "/info")
        assert time.monotonic() - began < 3


@pytest.mark.parametrize("drip", ["chunk", "head", "continue"])
def test_join_whose_head_or_chunk_drips_is_given_up_in_time(drip: str) -> None:
    with dripping(*DRIPS[drip]) as url:
        way = http_transport.Transport(url, {}, {}, None)
        began = time.monotonic()
        with pytest.raises(ResponseLost):
            way.drain("/join", lambda: 0.4)
        assert time.monotonic() - began < 3
