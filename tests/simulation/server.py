"""A model of the part of the LangGraph server that the runner uses. It processes each request at one point in time.

Modelled: threads with metadata, status, interrupts and error, and when ``updated_at`` changes; searches; runs of one
graph of several steps, one at a time on a thread, oldest first; ``multitask_strategy`` reject and enqueue; cancelling
with ``action=interrupt``; resuming with no input; history by metadata of runs, and state; joining, and resumable
streams of messages. Left out: assistants, schemas, stateless runs, native crons, TTL of threads, restarts, other
strategies, ``after_seconds``, ``rollback``, ``select``, and the text of errors.

`calls.py` is a list of calls; `tests/servers/test_model.py` plays it against this model and against real servers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from graphcron.runner.occurrence.outcome import LIVE
from tests.simulation.kernel import Kernel

PICK_UP_SECONDS: Final = 0.5
"""Longest time until a worker takes a run, and until one that was cancelled has come to rest."""

Json = dict[str, Any]


class Answer(Exception):
    """An error response of the server."""

    def __init__(self, status: int, detail: str) -> None:
        self.status, self.detail = status, detail
        super().__init__(f"{status} {detail}")


class Run:
    """A run and its result."""

    def __init__(self, number: int, thread: Thread, body: Json, metadata: Json, now: float) -> None:
        self.id = f"{number:08x}-0000-7000-8000-{number:012x}"
        self.thread = thread
        self.body = body
        self.metadata = metadata
        self.created = self.updated = now
        self.over: float | None = None
        """The time since which all clients see that it has ended."""
        self.status = "pending"
        self.work = 0
        """Counts up when its execution ends, so that what was planned for it is not done."""
        self.events: list[tuple[str, str, Any]] = []
        """Id, name and data of what it has streamed."""
        self.calls: list[int] = []
        """Tokens of each call to a model."""
        self.way: Pass | None = None
        self.has_checkpoint = False
        """It has written down its input, or a step: one that resumes has no input to write."""
        self.answered = False
        """The model of the step that it is in has answered."""
        self.cancelled_by = ""
        self.listeners: list[Callable[[], None]] = []

    @property
    def live(self) -> bool:
        return self.status in LIVE

    def hear(self) -> None:
        """Notify all processes that wait for events."""
        listeners, self.listeners = self.listeners, []
        for listener in listeners:
            listener()


class Pass:
    """One way through the graph from an input on, by one run or by several that resume it."""

    def __init__(self, value: Json) -> None:
        self.steps = int(value.get("steps", 1))
        self.seconds = float(value.get("seconds", 1.0))
        self.seconds_again = float(value.get("seconds_again", self.seconds))
        """How long a step takes once a run has failed."""
        self.tokens = int(value.get("tokens", 0))
        self.failures = int(value.get("failures", 0))
        self.interrupts = bool(value.get("interrupts"))
        self.done: list[str] = []
        """The run that has done each step."""

    @property
    def over(self) -> bool:
        return len(self.done) >= self.steps


class Thread:
    """A thread, with all its runs, newest last."""

    def __init__(self, thread_id: str, metadata: Json, now: float) -> None:
        self.id = thread_id
        self.metadata = metadata
        self.created = self.updated = now
        self.status = "idle"
        self.error: Json | None = None
        self.interrupts: Json = {}
        self.messages: list[int] = []
        self.last: Pass | None = None
        self.runs: list[Run] = []
        self.failed = 0
        """The number of failed runs; the input specifies how many runs fail."""


class LangGraph:
    """The server.

    Parameters
    ----------
    started
        Called with each new run.
    closing
        Called with a thread before its metadata change, and with the change.
    """

    def __init__(
        self, kernel: Kernel, started: Callable[[Run], None], closing: Callable[[Thread, Json], None] | None = None
    ) -> None:
        self.kernel = kernel
        self.threads: dict[str, Thread] = {}
        self.runs: list[Run] = []
        """All runs, including those of deleted threads."""
        self.repeated: list[str] = []
        """Steps that were done again although a checkpoint had them."""
        self._started, self._closing = started, closing

    # --- requests -----------------------------------------------------------------------------------------------------

    def request(self, method: str, path: str, body: bytes | None, who: str) -> tuple[int, Any]:
        """Process a request; return the status and the JSON."""
        parts = urlsplit(path)
        names = [name for name in parts.path.split("/") if name]
        query = parse_qs(parts.query) if parts.query else {}
        value = json.loads(body) if body else {}
        try:
            return 200, self._route(method, names, query, value, who)
        except Answer as answer:
            return answer.status, {"detail": answer.detail}

    def _route(self, method: str, names: list[str], query: dict[str, list[str]], body: Json, who: str) -> Any:  # noqa: C901, PLR0911 - a line a route
        match (method, *names):
            case ("POST", "threads"):
                return self._create_thread(body)
            case ("POST", "threads", "search"):
                return self._search(body)
            case ("GET", "threads", thread_id):
                return self._shown(self._thread(thread_id), whole=True)
            case ("PATCH", "threads", thread_id):
                return self._patch(self._thread(thread_id), body["metadata"])
            case ("DELETE", "threads", thread_id):
                return self._delete(self._thread(thread_id))
            case ("POST", "threads", thread_id, "runs"):
                return self._create_run(self._thread(thread_id), body)
            case ("GET", "threads", thread_id, "runs"):
                limit, offset = (
                    int(query.get(name, [default])[0]) for name, default in (("limit", "10"), ("offset", "0"))
                )
                runs = sorted(self._thread(thread_id).runs, key=lambda run: run.created, reverse=True)
                return [run_json(run) for run in runs[offset : offset + limit]]
            case ("GET", "threads", thread_id, "runs", run_id):
                return run_json(self._run(thread_id, run_id))
            case ("POST", "threads", thread_id, "runs", run_id, "cancel"):
                return self.cancel(self._run(thread_id, run_id), who)
            case ("POST", "threads", thread_id, "history"):
                return self._history(self._thread(thread_id), body["metadata"])
            case ("GET", "threads", thread_id, "state"):
                return self._state(self._thread(thread_id))
        raise Answer(404, "Not Found")

    def find(self, thread_id: str, run_id: str) -> Run | None:
        """Return a run for whoever joins it."""
        thread = self.threads.get(thread_id)
        return next((run for run in thread.runs if run.id == run_id), None) if thread else None

    def _thread(self, thread_id: str) -> Thread:
        if thread_id not in self.threads:
            raise Answer(404, f"Thread with ID {thread_id} not found")
        return self.threads[thread_id]

    def _run(self, thread_id: str, run_id: str) -> Run:
        run = self.find(thread_id, run_id)
        if run is None:
            raise Answer(404, "Run not found")
        return run

    def _create_thread(self, body: Json) -> Json:
        found = self.threads.get(body["thread_id"])
        if found is None:
            found = self.threads[body["thread_id"]] = Thread(
                body["thread_id"], dict(body.get("metadata") or {}), self.kernel.now
            )
        elif body["if_exists"] == "raise":
            raise Answer(409, f"Thread with ID {found.id} already exists")
        return self._shown(found, whole=True)

    def _search(self, body: Json) -> list[Json]:
        wanted = (body.get("metadata") or {}).items()
        found = [
            thread
            for thread in self.threads.values()
            if wanted <= thread.metadata.items() and ("ids" not in body or thread.id in body["ids"])
        ]
        found.sort(key=lambda thread: thread.created, reverse=body.get("sort_order", "desc") == "desc")
        offset = body.get("offset", 0)
        return [self._shown(thread) for thread in found[offset : offset + body.get("limit", 10)]]

    def _shown(self, thread: Thread, *, whole: bool = False) -> Json:
        shown: Json = {
            "thread_id": thread.id,
            "created_at": text_of(thread.created),
            "updated_at": text_of(thread.updated),
            "metadata": dict(thread.metadata),
            "status": thread.status,
            "interrupts": thread.interrupts,
        }
        return {**shown, "error": thread.error} if whole else shown

    def _patch(self, thread: Thread, metadata: Json) -> Json:
        if self._closing:
            self._closing(thread, metadata)
        thread.metadata |= metadata
        thread.updated = self.kernel.now
        return self._shown(thread)

    def _delete(self, thread: Thread) -> Json:
        for run in thread.runs:
            self._end(run, "deleted")
        del self.threads[thread.id]
        return {}

    def _create_run(self, thread: Thread, body: Json) -> Json:
        if body.get("multitask_strategy") == "reject" and any(run.live for run in thread.runs):
            raise Answer(409, "Thread is already running a task. Wait for it to finish or choose a different strategy.")
        ours = ((body.get("config") or {}).get("metadata")) or {}
        run = Run(len(self.runs) + 1, thread, body, {**thread.metadata, **ours}, self.kernel.now)
        self._started(run)
        thread.runs.append(run)
        self.runs.append(run)
        if thread.status != "busy":
            thread.status, thread.updated = "busy", self.kernel.now
        self._pick_up(run)
        return run_json(run)

    def _history(self, thread: Thread, metadata: Json) -> list[Json]:
        by = [run for run in thread.runs if run.has_checkpoint]
        return [{"checkpoint": {}} for run in by if metadata.items() <= {**run.metadata, "run_id": run.id}.items()][:1]

    def _state(self, thread: Thread) -> Json:
        left = thread.last is not None and (not thread.last.over or thread.interrupts)
        messages = [{"id": str(at), "usage_metadata": usage(tokens)} for at, tokens in enumerate(thread.messages)]
        return {"values": {"messages": messages}, "next": ["step"] if left else [], "tasks": [], "checkpoint": {}}

    def cancel(self, run: Run, who: str) -> Json:
        """Cancel a run. Its status changes immediately, and its thread becomes idle a moment later.

        A run that has not begun leaves the thread ``idle`` immediately, even if another run is active or waits for a human.
        """
        if not run.live:
            raise Answer(404, "No matching runs to cancel.")
        was_running, run.cancelled_by = run.status == "running", who
        self._end(run, "interrupted")
        if was_running:
            self.kernel.later(self.kernel.random.uniform(0, PICK_UP_SECONDS), lambda: self._rest(run))
        else:
            run.thread.status, run.thread.updated = "idle", self.kernel.now
        return {}

    # --- execution ----------------------------------------------------------------------------------------------------

    def _pick_up(self, run: Run) -> None:
        self.kernel.later(self.kernel.random.uniform(0.01, PICK_UP_SECONDS), lambda: self._begin(run))

    def _begin(self, run: Run) -> None:
        if run.status != "pending" or run.thread.id not in self.threads:
            return
        if any(other.live for other in run.thread.runs[: run.thread.runs.index(run)]):
            self._pick_up(run)
            return
        thread = run.thread
        run.status = "running"
        self._emit(run, "metadata", {"run_id": run.id, "attempt": 1})
        if run.body.get("input") is not None:
            thread.last, run.has_checkpoint = Pass(run.body["input"]), True
        if thread.last is None:
            self._finish(run, "error", {"error": "EmptyInputError", "message": "no input"})
            return
        run.way = thread.last
        self._step(run, thread.last)

    def _step(self, run: Run, way: Pass) -> None:
        if way.over:
            self._finish(run, "success")
            return
        run.answered = False
        work, at = run.work, len(way.done)
        seconds = way.seconds_again if run.thread.failed else way.seconds

        def call_model() -> None:
            if run.work != work or run.status != "running":
                return
            run.answered = True
            if way.tokens:
                run.calls.append(way.tokens)
                data = [{"id": f"{run.id}-{at}", "type": "ai", "usage_metadata": usage(way.tokens)}, {}]
                self._emit(run, "messages", data)
            self.kernel.later(seconds / 2, end)

        def end() -> None:
            if run.work != work or run.status != "running":
                return
            if run.thread.failed < way.failures:
                run.thread.failed += 1
                self._finish(run, "error", {"error": "ValueError", "message": "as the input wants it"})
                return
            self._keep_step(run, way, at)
            self._step(run, way)

        self.kernel.later(seconds / 2, call_model)

    def _keep_step(self, run: Run, way: Pass, at: int) -> None:
        if at < len(way.done):
            self.repeated.append(f"step {at} of {run.thread.id[:8]} by {way.done[at][:8]}, again by {run.id[:8]}")
            return
        way.done.append(run.id)
        run.has_checkpoint = True
        if way.tokens:
            run.thread.messages.append(way.tokens)

    def _finish(self, run: Run, status: str, error: Json | None = None) -> None:
        thread = run.thread
        self._end(run, status)
        thread.error = error
        thread.interrupts = (
            {"task": [{"value": "?"}]} if status == "success" and thread.last and thread.last.interrupts else {}
        )
        self._settle(thread, "error" if error else "interrupted" if thread.interrupts else "idle")

    def _rest(self, run: Run) -> None:
        """Write down the last of a run that was cancelled: perhaps a step whose model had answered."""
        thread = run.thread
        if self.threads.get(thread.id) is not thread:
            return
        way = run.way
        if way and run.answered and not way.over and self.kernel.random.random() < 0.3:
            self._keep_step(run, way, len(way.done))
        thread.error = {"error": "UserInterrupt", "message": ""}
        self._settle(thread, "interrupted" if way and not way.over else "idle")

    def _settle(self, thread: Thread, status: str) -> None:
        thread.status = "busy" if any(run.live for run in thread.runs) else status
        thread.updated = self.kernel.now

    def _end(self, run: Run, status: str) -> None:
        if run.live:
            run.status, run.updated, run.over = status, self.kernel.now, self.kernel.now
            run.work += 1
        run.hear()

    def _emit(self, run: Run, name: str, data: Any) -> None:
        milliseconds = int(self.kernel.now * 1000)
        run.events.append((f"{milliseconds}-{len(run.events)}", name, data))
        run.hear()


def usage(tokens: int) -> Json:
    """Return the tokens that a model's answer reports."""
    return {"input_tokens": tokens - tokens // 3, "output_tokens": tokens // 3, "total_tokens": tokens}


def run_json(run: Run) -> Json:
    """Return a run as the server shows it."""
    return {
        "run_id": run.id,
        "thread_id": run.thread.id,
        "status": run.status,
        "metadata": run.metadata,
        "created_at": text_of(run.created),
        "updated_at": text_of(run.updated),
    }


def text_of(time: float) -> str:
    """Return a time as the server writes it."""
    return datetime.fromtimestamp(time, UTC).isoformat()
