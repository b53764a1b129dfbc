"""The election: a leader that can renew stays the leader, and one that cannot has stopped before another may begin."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest
from kubernetes.aio import client

from graphcron.kube import leader_election
from graphcron.kube.leader_election import LeaderElector

SECONDS = 4
"""Duration of the Lease: as short as the client's election allows, with a pause of a second."""


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader_election, "RETRY_SECONDS", 1)


class ApiServer(ThreadingHTTPServer):
    """An API server that knows one Lease."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lease: dict[str, Any] | None = None
        self.written: list[float] = []
        """When the Lease was written."""
        self.answers = threading.Event()
        """Cleared, requests hang."""
        self.answers.set()

    async def connect(self) -> client.ApiClient:
        configuration = client.Configuration()
        configuration.host = f"http://127.0.0.1:{self.server_address[1]}"
        return client.ApiClient(configuration)

    def elector(self) -> LeaderElector:
        return LeaderElector(self.connect, "graphcron", "system", identity="us", seconds=SECONDS)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ApiServer

    def do_GET(self) -> None:
        self._answer(self.server.lease)

    def do_POST(self) -> None:
        self._write()

    def do_PUT(self) -> None:
        self._write()

    def _write(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.answers.wait()
        self.server.lease = body
        self.server.written.append(time.monotonic())
        self._answer(body)

    def _answer(self, body: Any) -> None:
        self.server.answers.wait()
        text = json.dumps(body or {"kind": "Status", "code": 404}).encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def api_server() -> Iterator[ApiServer]:
    server = ApiServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.answers.set()
    server.shutdown()
    server.server_close()


class Work:
    """What a leader does."""

    def __init__(self, *, stops: bool = True) -> None:
        self.begun = asyncio.Event()
        self.stopped: float | None = None
        self._stops = stops

    async def begin(self) -> None:
        self.begun.set()

    async def stop(self) -> None:
        if not self._stops:
            await asyncio.Event().wait()
        self.stopped = time.monotonic()


def busy(seconds: float) -> None:
    """Let nothing else of the event loop have its turn."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sum(range(1000))


def test_leader_with_a_busy_event_loop_keeps_the_lease(api_server: ApiServer):
    async def lead() -> bool:
        elector, work = api_server.elector(), Work()
        leading = asyncio.create_task(elector.run(work.begin, work.stop))
        await work.begun.wait()
        busy(1.5 * SECONDS)
        await asyncio.sleep(0.5)
        still = not leading.done() and work.stopped is None
        leading.cancel()
        await elector.release()
        return still

    assert asyncio.run(lead())
    written = api_server.written
    assert max(after - before for before, after in pairwise(written)) < SECONDS


def test_leader_with_one_request_that_hangs_keeps_the_lease(api_server: ApiServer):
    async def lead() -> bool:
        elector, work = api_server.elector(), Work()
        leading = asyncio.create_task(elector.run(work.begin, work.stop))
        await work.begun.wait()
        api_server.answers.clear()
        await asyncio.sleep(1.5)
        api_server.answers.set()
        await asyncio.sleep(SECONDS)
        still = not leading.done()
        leading.cancel()
        await elector.release()
        return still

    assert asyncio.run(lead())
    assert api_server.lease is not None
    assert api_server.lease["spec"].get("holderIdentity") is None


def test_leader_that_cannot_renew_stops_before_another_may_take_over(api_server: ApiServer):
    async def lead() -> tuple[str, Work]:
        elector, work = api_server.elector(), Work()
        leading = asyncio.create_task(elector.run(work.begin, work.stop))
        await work.begun.wait()
        api_server.answers.clear()
        why = await leading
        await elector.release()
        return why, work

    why, work = asyncio.run(lead())
    assert work.stopped is not None
    assert work.stopped - api_server.written[0] < SECONDS
    assert why == "the Lease was not renewed within 3 s"


def test_leader_whose_work_does_not_stop_ends_the_process_in_time(
    api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
):
    ended: list[float] = []
    monkeypatch.setattr(leader_election, "_exit", lambda: ended.append(time.monotonic()))

    async def lead() -> None:
        elector, work = api_server.elector(), Work(stops=False)
        leading = asyncio.create_task(elector.run(work.begin, work.stop))
        await work.begun.wait()
        api_server.answers.clear()
        await leading
        await elector.release()

    asyncio.run(lead())
    assert ended[0] - api_server.written[0] < SECONDS


def test_leader_whose_lease_another_holds_stops_and_names_it(api_server: ApiServer):
    async def lead() -> str:
        elector, work = api_server.elector(), Work()
        leading = asyncio.create_task(elector.run(work.begin, work.stop))
        await work.begun.wait()
        assert api_server.lease is not None
        api_server.lease["spec"] = {**api_server.lease["spec"], "holderIdentity": "other", "leaseDurationSeconds": 99}
        why = await leading
        await elector.release()
        return why

    assert asyncio.run(lead()) == "other holds the Lease"
    assert api_server.lease is not None
    assert api_server.lease["spec"]["holderIdentity"] == "other"


def test_candidate_that_is_told_to_stop_ends(api_server: ApiServer):
    async def stand() -> None:
        api_server.answers.clear()
        elector, work = api_server.elector(), Work()
        leading = asyncio.create_task(elector.run(work.begin, work.stop))
        await asyncio.sleep(0.2)
        leading.cancel()
        await elector.release()

    asyncio.run(stand())
    assert not [thread for thread in threading.enumerate() if thread.name == "election"]
