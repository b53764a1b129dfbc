"""The connection between a pod and the server, which replaces the runner's transport and injects faults."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from random import Random
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from graphcron.runner.client.errors import NotSent, ResponseLost
from graphcron.runner.client.http_transport import ANSWER_SECONDS, BODY_BYTES, Answer
from tests.simulation.kernel import TIMED_OUT, Kernel, Process
from tests.simulation.server import PICK_UP_SECONDS, LangGraph, Run

HEARTBEAT_SECONDS: Final = 5.0
"""How often a server that is joined sends a byte."""

LATE_SECONDS: Final = 9.0
"""Maximum delay of a request that its sender has given up: less than half of the grace time."""

KINDS: Final = ("not-sent", "lost-before", "lost-after", "late", "slow", "busy", "busy-done", "busy-late", "cut")
"""Faults: no connection; no response and the request not processed, processed, or processed later; slow; 429 or 5xx and
the request not processed, processed, or processed later; a disconnected stream."""

ENDS: Final = ("die-before", "die-in", "die-late", "die-after", "term-in")
"""SIGKILL before a request is sent, while it is pending, while it is pending and will be processed later, and after its
response; SIGTERM while it is pending."""

SWEPT: Final = "swept"
"""A user deletes the thread just before the request."""


class Fault(NamedTuple):
    """The fault of one request in a scripted scenario."""

    pod: str
    request: str
    """The prefix of its method and path; ``*`` matches any part of the path."""
    nth: int
    """Which of the pod's requests that match it is, from 1."""
    kind: str


class Faults(NamedTuple):
    """How often a fault happens to a request, and which kinds do; or which faults happen."""

    rate: float = 0.0
    kinds: tuple[str, ...] = KINDS
    script: tuple[Fault, ...] = ()


class Fate(NamedTuple):
    """The fate of a request, in seconds after it was sent."""

    carried_out: float | None
    told: float | None = None
    """When the sender receives the status or loses the connection; None: it receives the true response, if any."""
    status: int | None = None
    signal: str = ""
    signalled: float = 0.0


class Pod(Protocol):
    """What a wire knows of its pod."""

    name: str
    process: Process

    def signal(self, name: str) -> None:
        """Send it ``die`` or ``term``."""


class Wire:
    """The transport of one pod; its process waits in here.

    Parameters
    ----------
    reachable
        Whether the server can be reached now.
    """

    def __init__(
        self,
        kernel: Kernel,
        server: LangGraph,
        pod: Pod,
        *,
        faults: Faults,
        random: Random,
        reachable: Callable[[], bool],
    ) -> None:
        self._kernel, self._server, self._pod = kernel, server, pod
        self._faults, self._random, self._reachable = faults, random, reachable
        self._asked: Counter[str] = Counter()
        self._answer_seconds = ANSWER_SECONDS

    def limit_timeouts(self, seconds: float) -> None:
        self._answer_seconds = seconds

    def close(self) -> None:
        """Nothing is kept open."""

    def request(self, method: str, path: str, body: bytes | None = None, *, limit: int = BODY_BYTES) -> Answer:  # noqa: C901
        kind = self._begin(method, path)
        process = self._pod.process
        serial = process.serial
        there, back = (self._random.uniform(0.001, 0.02) for _ in range(2))
        if path.endswith("action=interrupt"):
            back += self._random.uniform(0, PICK_UP_SECONDS)
        if kind == "slow":
            there, back = there + self._random.uniform(0.2, 4.0), back + self._random.uniform(0.2, 4.0)
        fate = self._fate(kind, there, back)

        def carry_out() -> None:
            found = self._server.request(method, path, body, self._pod.name)
            self._kernel.note(self._pod.name, f"  {method} {urlsplit(path).path[-50:]} {kind} carried out: {found[0]}")
            if fate.told is None:
                self._kernel.later(back, lambda: process.wake(serial, found))

        if kind == SWEPT:
            self._server.request("DELETE", "/".join(path.split("/")[:3]), None, "person")
        if fate.carried_out is not None:
            self._kernel.later(fate.carried_out, carry_out)
        if fate.told is not None:
            told = None if fate.status is None else (fate.status, {"detail": "the server is busy"})
            self._kernel.later(fate.told, lambda: process.wake(serial, told))
        if fate.signal:
            self._kernel.later(fate.signalled, lambda: self._pod.signal(fate.signal))
        status, value = self._park(self._answer_seconds)
        return Answer(status, "", json.dumps(value).encode(), whole=True)

    def _fate(self, kind: str, there: float, back: float) -> Fate:
        random, over = self._random, there + back
        late, lost = there + random.uniform(0.1, LATE_SECONDS), random.uniform(0.01, self._answer_seconds)
        fates = {
            "lost-before": Fate(None, lost),
            "lost-after": Fate(there, there + lost),
            "late": Fate(late, lost),
            "busy": Fate(None, over, random.choice((429, 500, 503))),
            "busy-done": Fate(there, over, random.choice((500, 502, 504))),
            "busy-late": Fate(late, over, random.choice((502, 504))),
            "die-before": Fate(None, signal="die"),
            "die-in": Fate(there, signal="die", signalled=there / 2),
            "die-late": Fate(late, signal="die", signalled=there / 2),
            "die-after": Fate(there, signal="die", signalled=there + back / 2),
            "term-in": Fate(there, signal="term", signalled=random.uniform(0, over)),
        }
        return fates.get(kind, Fate(there))

    def drain(
        self,
        path: str,
        wait: Callable[[], float],
        take: Callable[[bytes], None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        kind = self._begin("GET", path)
        if kind in ENDS:
            self._kernel.later(self._random.uniform(0.01, 20.0), lambda: self._pod.signal(kind.split("-")[0]))
        if kind in ("lost-before", "lost-after", "late"):
            self._park(self._random.uniform(0.01, 5.0))
        self._pod.process.park(self._random.uniform(0.001, 0.02))
        _, _, thread_id, _, run_id, _ = urlsplit(path).path.split("/")
        run = self._server.find(thread_id, run_id)
        if run is None or kind.startswith("busy"):
            return 503 if run else 404
        until = self._kernel.now + self._random.uniform(0.1, 20.0) if kind == "cut" else float("inf")
        sent = _after(run.events, (headers or {}).get("Last-Event-ID", "-1"))
        while True:
            for event_id, name, data in run.events[sent:] if take else ():
                take(f"id: {event_id}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode())  # type: ignore[misc]
            sent = len(run.events)
            if not run.live:
                return 200
            self._await_news(run, wait, until)

    def _await_news(self, run: Run, wait: Callable[[], float], until: float) -> None:
        """Wait for the next event of a run, or the next byte of the stream; raise Lost where there is none in time."""
        if self._kernel.now >= until:
            raise ResponseLost("the stream was cut")
        try:
            left = wait()
        except TimeoutError:
            raise ResponseLost("no answer in time") from None
        serial = self._pod.process.serial
        run.listeners.append(lambda: self._hear(serial))
        rest = min(left, HEARTBEAT_SECONDS, until - self._kernel.now)
        if self._pod.process.park(rest) is TIMED_OUT and left <= rest:
            raise ResponseLost("no answer in time")

    def _hear(self, serial: int) -> None:
        process = self._pod.process
        self._kernel.later(self._random.uniform(0.001, 0.02), lambda: process.wake(serial, None))

    def _begin(self, method: str, path: str) -> str:
        kind = self._pick(method, path)
        self._kernel.note(self._pod.name, f"{method} {urlsplit(path).path[-50:]} {kind}")
        if kind == "not-sent" or not self._reachable():
            self._pod.process.park(self._random.uniform(0.001, 0.2))
            raise NotSent("refused")
        return kind

    def _pick(self, method: str, path: str) -> str:
        """Return the fault of this request, or nothing."""
        faults, request = self._faults, f"{method} {path}"
        for each in dict.fromkeys(fault.request for fault in faults.script if fault.pod == self._pod.name):
            if fnmatch(request, each + "*"):
                self._asked[each] += 1
                for fault in faults.script:
                    if fault[:3] == (self._pod.name, each, self._asked[each]):
                        return fault.kind
        return self._random.choice(faults.kinds) if self._random.random() < faults.rate else ""

    def _park(self, seconds: float) -> Any:
        """Wait for an answer; None is one that was lost."""
        try:
            found = self._pod.process.park(seconds)
        except TimeoutError as error:
            raise ResponseLost(str(error)) from None
        if found is TIMED_OUT or found is None:
            raise ResponseLost("no answer in time")
        return found


def _after(events: list[tuple[str, str, Any]], since: str) -> int:
    """Return how many events are not after the one of that id."""
    if since == "-1":
        return 0
    last = _order(since)
    return sum(_order(event_id) <= last for event_id, _, _ in events)


def _order(event_id: str) -> tuple[int, int]:
    first, _, second = event_id.partition("-")
    return int(first), int(second)
