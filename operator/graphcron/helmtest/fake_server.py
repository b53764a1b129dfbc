"""A LangGraph server for one run: it has one assistant, whose runs succeed as soon as a client waits for them."""

import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from typing_extensions import override

ASSISTANT: Final = "trial"
"""The only assistant."""

_ASSISTANT_ID: Final = "00000000-0000-4000-8000-000000000000"

Json = dict[str, Any]
Answer = tuple[int, Any]
"""Status and JSON."""

_NOT_FOUND: Final[Answer] = (404, {"detail": "not found"})


class StandIn:
    """State of the fake server, and its responses to a runner."""

    def __init__(self) -> None:
        self._threads: dict[str, Json] = {}
        self._runs: dict[str, list[Json]] = {}
        """Of each thread, the newest first."""
        self._lock = threading.Lock()

    def answer(self, method: str, path: str, body: Json) -> Answer:
        """Answer a request; the path is without its query."""
        with self._lock:
            for way, pattern, call in self._ROUTES:
                match = re.fullmatch(pattern, path)
                if way == method and match:
                    return call(self, body, *match.groups())
        return _NOT_FOUND

    def _info(self, _: Json) -> Answer:
        return 200, {"version": "1"}

    def _assistants(self, _: Json) -> Answer:
        return 200, [{"assistant_id": _ASSISTANT_ID, "graph_id": ASSISTANT, "metadata": {"created_by": "system"}}]

    def _search(self, query: Json) -> Answer:
        ids, metadata = query.get("ids"), query.get("metadata") or {}
        among = (
            self._threads.values() if ids is None else [self._threads[each] for each in ids if each in self._threads]
        )
        return 200, [each for each in among if metadata.items() <= each["metadata"].items()]

    def _make_thread(self, body: Json) -> Answer:
        thread_id = body["thread_id"]
        if thread_id in self._threads:
            return 409, {"detail": "there is one already"}
        self._runs[thread_id] = []
        now = _now()
        self._threads[thread_id] = {
            "thread_id": thread_id,
            "created_at": now,
            "updated_at": now,
            "metadata": body["metadata"],
            "status": "idle",
            "interrupts": {},
        }
        return 200, self._threads[thread_id]

    def _change_thread(self, body: Json, thread_id: str) -> Answer:
        thread = self._threads.get(thread_id)
        if thread is None:
            return _NOT_FOUND
        thread["metadata"] = {**thread["metadata"], **body["metadata"]}
        thread["updated_at"] = _now()
        return 200, thread

    def _make_run(self, _: Json, thread_id: str) -> Answer:
        now = _now()
        run = {
            "run_id": str(uuid.uuid4()),
            "thread_id": thread_id,
            "status": "pending",
            "created_at": now,
            "updated_at": now,
        }
        self._runs[thread_id].insert(0, run)
        return 200, run

    def _list_runs(self, _: Json, thread_id: str) -> Answer:
        return 200, self._runs.get(thread_id, [])

    def _run(self, _: Json, thread_id: str, run_id: str) -> Answer:
        found = next((each for each in self._runs.get(thread_id, []) if each["run_id"] == run_id), None)
        return (200, found) if found else _NOT_FOUND

    def _end_run(self, _: Json, thread_id: str, run_id: str, how: str) -> Answer:
        """Let a client wait for a run, or cancel it."""
        status, run = self._run({}, thread_id, run_id)
        if status == 200 and run["status"] == "pending":
            run.update(status="success" if how == "join" else "interrupted", updated_at=_now())
        return status, run

    def _schemas(self, _: Json) -> Answer:
        messages = {"type": "object", "properties": {"messages": {"type": "array"}}, "additionalProperties": True}
        return 200, {"input_schema": messages}

    def _nothing(self, _: Json, *__: str) -> Answer:
        return 200, {}

    _ROUTES: ClassVar[tuple[tuple[str, str, Callable[..., Answer]], ...]] = (
        ("GET", "/info", _info),
        ("POST", "/assistants/search", _assistants),
        ("GET", "/assistants/[^/]+/schemas", _schemas),
        ("POST", "/threads/search", _search),
        ("POST", "/threads", _make_thread),
        ("PATCH", "/threads/([^/]+)", _change_thread),
        ("GET", "/threads/[^/]+/state", _nothing),
        ("POST", "/threads/([^/]+)/runs", _make_run),
        ("GET", "/threads/([^/]+)/runs", _list_runs),
        ("GET", "/threads/([^/]+)/runs/([^/]+)", _run),
        ("GET", "/threads/([^/]+)/runs/([^/]+)/(join)", _end_run),
        ("POST", "/threads/([^/]+)/runs/([^/]+)/(cancel)", _end_run),
    )


@contextmanager
def serve(port: int) -> Iterator[int]:
    """Serve a fake server from a thread; yield the port, which is a free one for 0."""
    handler = type("Handler", (_Handler,), {"standin": StandIn()})
    with ThreadingHTTPServer(("", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    """Passes HTTP requests to a fake server."""

    standin: StandIn
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else {}
        status, value = self.standin.answer(self.command, urlsplit(self.path).path, body)
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815  (the base class has it so)

    @override
    def log_message(self, *_: Any) -> None:
        """Log nothing, since the steps print what is relevant."""


def _now() -> str:
    return datetime.now(UTC).isoformat()  # noqa: TID251  (a server's own clock)
