"""A list of calls for the model of the server and for real servers, and the parts of the responses to compare.

The calls are those of the runner's client. Names in braces stand for ids: a thread's is new in each play, a run's is
what the server answered. What comes back is reduced to what the runner reads, with names in place of ids, and with
orders and changes in place of times.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import defaultdict
from collections.abc import Callable
from itertools import groupby
from typing import Any, Final, NamedTuple, Protocol

from graphcron.runner.client.http_transport import Answer
from graphcron.runner.client.langgraph_api import RUN_FIELDS, THREAD_FIELDS, error_of
from graphcron.runner.client.objects import run_in
from graphcron.runner.client.sse import Events

Json = dict[str, Any]

POLL_SECONDS: Final = 0.05
LONGEST_SECONDS: Final = 12.0

PREFIX: Final = "graphcron/"
"""Keys of metadata that are compared; servers add others."""


class Call(NamedTuple):
    """A request, and what is waited for."""

    name: str
    method: str
    path: str
    body: Any = None
    until: Json | None = None
    """The call is repeated until the answer has these values."""
    keep: str = ""
    """The name for the run that was made, or for the first event of a stream."""
    since: str = ""
    """``Last-Event-ID`` of a stream."""


class Wired(Protocol):
    """The runner's transport, or its replacement in the simulation."""

    def request(self, method: str, path: str, body: bytes | None = None) -> Answer: ...

    def drain(self, path: str, wait: Callable[[], float], take: Any = None, headers: Any = None) -> int: ...


def create(thread: str, if_exists: str = "raise", **metadata: str) -> Json:
    """Return the body for a thread."""
    ours = {PREFIX + key: value for key, value in {"mark": "{mark}", **metadata}.items()}
    return {"thread_id": f"{{{thread}}}", "if_exists": if_exists, "metadata": ours}


def run(strategy: str | None = None, attempt: int = 1, *, resume: bool = False, **value: Any) -> Json:
    """Return the body for a run: of the model's graph, which is mapped to one of the samples."""
    body: Json = {"assistant_id": "model", "input": None if resume else value, "stream_mode": ["messages-tuple"]}
    body |= {"stream_resumable": True, "stream_subgraphs": True}
    body["config"] = {"metadata": {PREFIX + "attempt": str(attempt)}}
    return body | ({"multitask_strategy": strategy} if strategy else {})


def search(**more: Any) -> Json:
    """Return the body of a search for the threads of this play."""
    body = {"metadata": {PREFIX + "mark": "{mark}"}, "select": THREAD_FIELDS, "limit": 10, "sort_by": "created_at"}
    return {**body, "sort_order": "desc", **more}


def cancel(name: str, thread: str, run: str) -> Call:
    return Call(name, "POST", f"/threads/{{{thread}}}/runs/{{{run}}}/cancel?wait=1&action=interrupt")


def get(name: str, thread: str, run: str = "", **until: Any) -> Call:
    """Return a call for a thread or a run, until it has these values."""
    return Call(name, "GET", f"/threads/{{{thread}}}" + (f"/runs/{{{run}}}" if run else ""), until=until or None)


def start(name: str, thread: str, keep: str = "", **body: Any) -> Call:
    return Call(name, "POST", f"/threads/{{{thread}}}/runs", run(**body), keep=keep)


def stream(name: str, thread: str, run: str, since: str = "-1", keep: str = "") -> Call:
    return Call(name, "GET", f"/threads/{{{thread}}}/runs/{{{run}}}/stream", since=since, keep=keep)


def history(name: str, thread: str, *, run_id: str, attempt: str = "", written: bool = False) -> Call:
    """Return a call that reads a checkpoint of a run, optionally by our own metadata; ``written``: until one exists."""
    metadata = {"run_id": run_id, **({PREFIX + "attempt": attempt} if attempt else {})}
    until = {"written": True} if written else None
    return Call(name, "POST", f"/threads/{{{thread}}}/history", {"limit": 1, "metadata": metadata}, until)


def state(name: str, thread: str, **until: Any) -> Call:
    return Call(name, "GET", f"/threads/{{{thread}}}/state", until=until or None)


def runs(name: str, thread: str, limit: int = 10, offset: int = 0) -> Call:
    select = "&".join(f"select={field}" for field in RUN_FIELDS)
    return Call(name, "GET", f"/threads/{{{thread}}}/runs?limit={limit}&offset={offset}&{select}")


THREADS: Final = (
    Call("make a thread", "POST", "/threads", create("calm", kind="record")),
    Call("make it again: raise", "POST", "/threads", create("calm", kind="other")),
    Call("make it again: do_nothing", "POST", "/threads", create("calm", "do_nothing", kind="other")),
    *(Call(f"make {name}", "POST", "/threads", create(name)) for name in ("stopped", "queue", "failing", "asking")),
    *(Call(f"make {name}", "POST", "/threads", create(name)) for name in ("streaming", "empty", "slow")),
    Call("search", "POST", "/threads/search", search()),
    Call("search, oldest first", "POST", "/threads/search", search(sort_order="asc")),
    Call("search, a part", "POST", "/threads/search", search(limit=2, offset=1)),
    Call(
        "search by more metadata",
        "POST",
        "/threads/search",
        search(metadata={"graphcron/kind": "record", "graphcron/mark": "{mark}"}),
    ),
    Call(
        "search by other metadata",
        "POST",
        "/threads/search",
        search(metadata={"graphcron/kind": "other", "graphcron/mark": "{mark}"}),
    ),
    Call("search by id", "POST", "/threads/search", {"ids": ["{queue}"], "select": THREAD_FIELDS, "limit": 1}),
    Call(
        "search by unknown id", "POST", "/threads/search", {"ids": ["{nothing}"], "select": THREAD_FIELDS, "limit": 1}
    ),
    get("an idle thread", "calm"),
    Call("merge metadata", "PATCH", "/threads/{calm}", {"metadata": {"graphcron/state": "active"}}),
    get("merged", "calm"),
    get("merged, unchanged", "calm"),
    get("unknown thread", "nothing"),
    Call("merge into unknown thread", "PATCH", "/threads/{nothing}", {"metadata": {"graphcron/state": "active"}}),
    Call("delete unknown thread", "DELETE", "/threads/{nothing}"),
    start("run on unknown thread", "nowhere", steps=1),
    runs("runs of unknown thread", "nothing"),
    state("state of unknown thread", "nothing"),
    history("history of unknown thread", "nothing", run_id="{none}"),
    get("unknown run", "calm", "none"),
    cancel("cancel unknown run", "calm", "none"),
    runs("no runs", "calm"),
    history("no history", "calm", run_id="{none}"),
)

STARTS: Final = (
    start("start", "calm", "calm-1", steps=2, seconds=0.5),
    get("busy at once", "calm"),
    start("start again: reject", "calm", strategy="reject", steps=1),
    start("start again: enqueue", "calm", "calm-2", strategy="enqueue", attempt=2, steps=1, seconds=0.1),
    start("start what spends", "stopped", "stopped-1", strategy="reject", steps=3, seconds=0.8, tokens=120),
    start("start what is queued behind", "queue", "queue-1", steps=60, seconds=0.5),
    start("queue", "queue", "queue-2", strategy="enqueue", steps=60, seconds=0.5),
    start("start what fails", "failing", "failing-1", steps=3, failures=1),
    start("start what asks", "asking", "asking-1", steps=1, seconds=0, interrupts=True),
    start("start what streams", "streaming", "streaming-1", steps=2, seconds=0.4, tokens=120),
    start("start what is slow", "slow", "slow-1", strategy="reject", steps=2, seconds=60),
    start("resume from nothing", "empty", "empty-1", strategy="reject", resume=True),
)

STOPS: Final = (
    state("a step is done", "stopped", spent=[120]),
    cancel("cancel a running run", "stopped", "stopped-1"),
    get("cancelled at once", "stopped", "stopped-1"),
    get("its thread comes to rest", "stopped", status="interrupted"),
    state("its state", "stopped"),
    start("resume", "stopped", "stopped-2", strategy="reject", attempt=1, resume=True),
    get("the first is running", "queue", "queue-1", status="running"),
    cancel("cancel a pending run", "queue", "queue-2"),
    get("the pending one", "queue", "queue-2"),
    get("its thread is busy still", "queue"),
    cancel("cancel it again", "queue", "queue-2"),
    cancel("cancel the one before", "queue", "queue-1"),
    get("the thread is at rest", "queue", status="interrupted"),
    runs("both were cancelled", "queue"),
    start("one more there", "queue", "queue-3", steps=60, seconds=0.5),
    get("it runs", "queue", "queue-3", status="running"),
    Call("delete its thread", "DELETE", "/threads/{queue}"),
    get("the thread is gone", "queue"),
    get("its run is gone", "queue", "queue-3"),
    get("in its first step", "slow", "slow-1", status="running"),
    history("its input is kept", "slow", written=True, run_id="{slow-1}"),
    cancel("cancel it there", "slow", "slow-1"),
    get("at rest again", "slow", status="interrupted"),
    start("resume the first step", "slow", "slow-2", strategy="reject", resume=True),
    get("in its first step again", "slow", "slow-2", status="running"),
    cancel("cancel it there again", "slow", "slow-2"),
    get("at rest once more", "slow", status="interrupted"),
    history("what the resumed one has written", "slow", run_id="{slow-2}"),
    state("still in its first step", "slow"),
)

ENDS: Final = (
    stream("stream a run to its end", "streaming", "streaming-1"),
    get("it is over", "streaming", "streaming-1", status="success"),
    get("so is its thread", "streaming", status="idle"),
    stream("stream what is over", "streaming", "streaming-1", keep="event"),
    stream("stream it from an event on", "streaming", "streaming-1", since="{event}"),
    state("what it spent", "streaming"),
    Call("join a run", "GET", "/threads/{calm}/runs/{calm-2}/join"),
    get("joined to its end", "calm", "calm-2", status="success"),
    get("the run before", "calm", "calm-1"),
    get("idle again", "calm", status="idle"),
    get("idle, unchanged", "calm"),
    Call("join what is over", "GET", "/threads/{calm}/runs/{calm-1}/join"),
    cancel("cancel what is over", "calm", "calm-1"),
    get("left as it was", "calm", "calm-1"),
    runs("newest first", "calm"),
    runs("the second newest", "calm", 1, 1),
    history("history of a run", "calm", run_id="{calm-1}"),
    history("history of a run with our metadata", "calm", run_id="{calm-2}", attempt="2"),
    history("history with other metadata", "calm", run_id="{calm-1}", attempt="2"),
    history("history of no run", "calm", run_id="{none}"),
    state("all done", "calm"),
    get("failed", "failing", "failing-1", status="error"),
    get("its thread tells why", "failing", status="error"),
    state("not at its end", "failing"),
    start("try again", "failing", "failing-2", strategy="reject", attempt=2, resume=True),
    get("asked", "asking", "asking-1", status="success"),
    get("its thread waits", "asking", status="interrupted"),
    state("where it waits", "asking"),
    get("nothing to resume", "empty", "empty-1", status="error"),
    get("its thread says so", "empty", status="error"),
    history("it has no history", "empty", run_id="{empty-1}"),
    get("resumed to its end", "stopped", "stopped-2", status="success"),
    get("its thread is idle", "stopped", status="idle"),
    state("each step once", "stopped"),
    history("history of the stopped one", "stopped", run_id="{stopped-1}"),
    history("history of the resumed one", "stopped", run_id="{stopped-2}"),
    runs("two runs", "stopped"),
    stream("stream what was stopped", "stopped", "stopped-1"),
    stream("stream what was resumed", "stopped", "stopped-2"),
    get("tried again to its end", "failing", "failing-2", status="success"),
    get("its error is gone", "failing", status="idle"),
    state("at its end", "failing"),
    Call("search what has changed", "POST", "/threads/search", search()),
)

CALLS: Final = (*THREADS, *STARTS, *STOPS, *ENDS)


class Play:
    """One play of the calls.

    Parameters
    ----------
    wired
        The way to the server.
    pause
        Waits for a number of seconds.
    graph
        Returns the assistant and its input for an input of the model's graph.
    """

    def __init__(
        self, wired: Wired, pause: Callable[[float], Any], graph: Callable[[Json | None, str], tuple[str, Any]]
    ) -> None:
        self._wired, self._pause, self._graph = wired, pause, graph
        self._ids: dict[str, str] = defaultdict(lambda: str(uuid.uuid4()))
        self._assistants: dict[str, str] = {}
        self._updated: dict[str, str] = {}

    def all(self, calls: tuple[Call, ...] = CALLS) -> dict[str, Any]:
        """Play the calls; return what came back, by the call's name."""
        return {call.name: self._play(call) for call in calls}

    def _play(self, call: Call) -> Any:
        if call.path.endswith(("/join", "/stream")):
            return self._drain(call)
        path, thread = self._fill(call.path), call.path.split("/")[2].split("?")[0] if call.path.count("/") > 1 else ""
        body = json.loads(self._fill(json.dumps(call.body)))
        if call.body and "assistant_id" in call.body:
            assistant, given = self._graph(body["input"], self._assistants.get(thread, ""))
            self._assistants[thread] = assistant
            body |= {"assistant_id": assistant, "input": given}
        before = dict(self._updated)
        found: Any = None
        for _ in range(int(LONGEST_SECONDS / POLL_SECONDS)):
            answer = self._wired.request(call.method, path, None if body is None else json.dumps(body).encode())
            value: Any = json.loads(answer.body or b"{}") if answer.status < 300 else None
            if answer.status == 422 and "select" in (body or {}):  # the client asks for all of it, too
                body = {key: each for key, each in body.items() if key != "select"}
                continue
            if answer.status >= 300:
                found = answer.status
            elif call.keep:
                self._ids[call.keep] = value["run_id"]
                found = self._reduced(value, before)
            else:
                found = {"written": bool(value)} if call.path.endswith("/history") else self._reduced(value, before)
            if call.until is None or not isinstance(found, dict) or call.until.items() <= found.items():
                break
            self._pause(POLL_SECONDS)
        return found

    def _drain(self, call: Call) -> Any:
        events: list[tuple[str, str, Any]] = []
        reader = Events(lambda name, data, event_id: events.append((event_id, name, json.loads(data or b"null"))))
        since = self._fill(call.since)
        headers = {"Accept": "text/event-stream", "Last-Event-ID": since} if since else None
        status = self._wired.drain(
            self._fill(call.path), lambda: LONGEST_SECONDS, reader.feed if since else None, headers
        )
        if not since or status != 200:
            return status
        events = [event for event in events if event[1]]
        if call.keep and events:
            self._ids[call.keep] = events[0][0]
        ids = [event_id for event_id, _, _ in events]
        numbered = all(re.fullmatch(r"\d+-\d+", event_id) for event_id in ids)
        spent = {
            data[0]["id"]: data[0]["usage_metadata"]["total_tokens"]
            for _, name, data in events
            if name.startswith("messages") and data[0].get("usage_metadata")
        }
        return {
            "names": [name for name, _ in groupby(name.partition("|")[0] for _, name, _ in events)],
            "ids": "milliseconds-count" if numbered else "other",
            "ordered": not numbered or (times := [int(each.split("-")[0]) for each in ids]) == sorted(times),
            "first": [
                {"run": self._named(data.get("run_id")), "attempt": data.get("attempt")}
                for _, name, data in events
                if name == "metadata"
            ],
            "spent": sorted({tokens for tokens in spent.values() if tokens == 120}),
        }

    def _fill(self, text: str) -> str:
        return re.sub(r"\{([a-z0-9-]+)\}", lambda match: self._ids[match[1]], text)

    def _named(self, text: Any) -> Any:
        return next((name for name, each in self._ids.items() if each == text), text)

    def _reduced(self, value: Any, before: dict[str, str]) -> Any:
        """Return what the runner reads of a thread, a run or a state, or of a list of them."""
        if isinstance(value, list):
            return [self._reduced(each, before) for each in value]
        if not isinstance(value, dict):
            return {}
        if "values" in value and "next" in value:
            messages = (value["values"] or {}).get("messages") or []
            return {
                "spent": [(each.get("usage_metadata") or {}).get("total_tokens") for each in messages],
                "next": bool(value["next"]),
            }
        if "thread_id" not in value or "created_at" not in value:
            return {}
        value = run_in(value, value["thread_id"]) if "run_id" in value else value
        found = {
            "thread": self._named(value["thread_id"]),
            "status": value["status"],
            "metadata": {key: self._named(each) for key, each in value["metadata"].items() if key.startswith(PREFIX)},
            "ordered": value["created_at"] <= value["updated_at"],
        }
        if "run_id" in value:
            return {"run": self._named(value["run_id"]), **found}
        found["changed"] = before.get(value["thread_id"]) != value["updated_at"]
        self._updated[value["thread_id"]] = value["updated_at"]
        return {
            **found,
            "interrupts": bool(value.get("interrupts")),
            "error": error_of(value.get("error")).get("error"),
        }
