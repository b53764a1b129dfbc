"""One process of the operator: its watches, its workers, and the fate of its requests.

Coroutines are stepped by hand: each request to the API server, and each pause, hands the turn to the kernel.
"""

from __future__ import annotations

import json
import traceback
import types
from collections.abc import Awaitable, Callable, Generator
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import aiohttp

from graphcron.clock import Clock
from graphcron.controller.manager import Manager
from graphcron.errors import ClusterError, NameTakenError
from graphcron.settings import Settings
from tests.simulation.kernel import Kernel
from tests.simulation.reconciler.api import (
    CRONJOBS,
    GRAPHCRONS,
    GRAPHRUNS,
    GRAPHSERVERS,
    JOBS,
    PODS,
    Body,
    Change,
    Refusal,
    is_ours,
)

if TYPE_CHECKING:
    from tests.simulation.reconciler.world import World

WORKERS: Final = 3
COMPARE_SECONDS: Final = 5.0
"""How often a replica checks whether to compare its cache with a list."""

FAULTS: Final = ("500", "busy", "lost-before", "lost-after", "late", "contention")
"""A 500 before anything is done; a 429; the request lost; its answer lost; done after we gave up; a quota's 409."""

_USERS: Final = (GRAPHCRONS, GRAPHRUNS, GRAPHSERVERS)
_WATCHED: Final = (*_USERS, CRONJOBS, JOBS, PODS)


class Call(NamedTuple):
    """A request of the client, which waits for its answer."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class Pause(NamedTuple):
    """A coroutine that waits for a number of seconds."""

    seconds: float


@types.coroutine
def _yielded(what: Call | Pause) -> Generator[Call | Pause, Any, Any]:
    return (yield what)


class Response:
    """The part of an HTTP response that the client reads."""

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self._text = json.dumps(body).encode()

    async def read(self) -> bytes:
        return self._text


class Client:
    """The two calls of the Kubernetes client that the operator makes."""

    async def param_serialize(
        self, method: str, path: str, *, query_params: Any, header_params: Any, body: Any, auth_settings: Any
    ) -> Call:
        return Call(method, path, dict(query_params), header_params, body)

    async def call_api(self, *request: Any, _request_timeout: float) -> Response:
        answer: Response = await _yielded(Call(*request))
        return answer


class Timer:
    """A scheduled call."""

    def __init__(self, moment: float) -> None:
        self._moment, self._cancelled = moment, False

    def when(self) -> float:
        return self._moment

    def cancel(self) -> None:
        self._cancelled = True

    def cancelled(self) -> bool:
        return self._cancelled


class SimulatedClock(Clock):
    """The kernel's time, for one replica."""

    def __init__(self, replica: Replica, kernel: Kernel, random: Random) -> None:
        self._replica, self._kernel, self._random = replica, kernel, random

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._kernel.now, tz=UTC)

    def monotonic(self) -> float:
        return self._kernel.now

    def call_at(self, moment: float, call: Callable[[], None]) -> Timer:
        timer = Timer(moment)
        self._kernel.at(moment, lambda: None if timer.cancelled() else self._replica.do(call))
        return timer

    async def sleep(self, seconds: float) -> None:
        await _yielded(Pause(seconds))

    def uniform(self, least: float, most: float) -> float:
        return self._random.uniform(least, most)


class Watch:
    """One watch, late by some time: it shows what has changed, and after a break only what there is."""

    def __init__(self, replica: Replica, resource: str) -> None:
        self.resource = resource
        self._replica, self._world = replica, replica.world
        self._delivered = 0
        """How much of the log it has delivered."""
        self.listed = False
        self._broken = self._planned = False
        self._world.kernel.later(self._world.random.uniform(0.1, 2), self._list)

    def changed(self) -> None:
        """Show what has changed, soon."""
        if self.listed and not (self._broken or self._planned):
            self._planned = True
            self._world.kernel.later(self._world.random.uniform(0, self._world.lateness), self._deliver)

    def lose(self, seconds: float) -> None:
        """Show nothing for so long, and list again."""
        if self.listed and not self._broken:
            self._broken = True
            self._world.kernel.later(seconds, self._list)

    def _list(self) -> None:
        if not self._replica.alive:
            return
        self._world.kernel.note(self._replica.name, f"lists {self.resource}")
        self._delivered, self.listed, self._broken = len(self._world.api.log), True, False
        for body in self._world.api.all(self.resource):
            if self._matches(body):
                self._show(None, body)
        self._replica.pump()

    def _deliver(self) -> None:
        self._planned = False
        if not self._replica.alive or self._broken:
            return
        new = [each for each in self._world.api.log[self._delivered :] if each.resource == self.resource]
        self._delivered = len(self._world.api.log)
        # kopf has a queue for each object, and shows the last of several events.
        last: dict[str, tuple[str, Body]] = {}
        for change in new:
            kind = self._kind_of(change)
            if kind:
                last[change.body["metadata"]["uid"]] = (kind, change.body)
        for kind, body in self._world.random.sample([*last.values()], len(last)):
            self._show(kind, body)
        self._replica.pump()

    def _kind_of(self, change: Change) -> str:
        before, after = self._matches(change.before), self._matches(change.after)
        return ("MODIFIED" if before else "ADDED") if after else "DELETED" if before else ""

    def _matches(self, body: Body | None) -> bool:
        return body is not None and (self.resource in _USERS or is_ours(body))

    def _show(self, kind: str | None, body: Body) -> None:
        self._replica.manager.handle_event(kind, body)


class Replica:
    """A process of the operator."""

    def __init__(self, world: World, name: str, settings: Settings, *, standby: bool = False) -> None:
        self.world, self.name, self.standby = world, name, standby
        self.alive = True
        clock = SimulatedClock(self, world.kernel, world.random)
        self.manager = Manager(settings, clock)
        self.manager.connect(Client())
        self._reconcilers: Any = None
        self._tasks: dict[Any, None] = {}
        self._working = 0
        self.began: dict[tuple[str, str], float] = {}
        """By namespace and name: when the last reconciliation began."""
        self._compares = False
        self._resync = world.kernel.now + settings.resync_seconds
        self.watches = [Watch(self, resource) for resource in _WATCHED]
        world.kernel.later(COMPARE_SECONDS, self._tick)

    def changed(self, change: Change) -> None:
        """Let the watches show a change."""
        for each in self.watches:
            if each.resource == change.resource:
                each.changed()

    def kill(self) -> None:
        """Kill the process; the API server may still process its pending requests."""
        self.alive = False
        self.world.kernel.note(self.name, "! killed")
        for each in self._tasks:
            each.close()

    def do(self, call: Callable[[], None]) -> None:
        """Run a function in this process, and then let free workers take keys from the queue."""
        if self.alive:
            call()
            self.pump()

    def run_at_once(self, coroutine: Awaitable[Any]) -> Any:
        """Return what a coroutine returns that waits for nothing."""
        try:
            coroutine.send(None)  # type: ignore[attr-defined]
        except StopIteration as end:
            return end.value
        raise AssertionError("it waits")

    def pump(self) -> None:
        """Let free workers take keys from the queue, if the watches have listed and this process leads."""
        queue = self.manager.queue
        if not self.alive or self.standby or not all(each.listed for each in self.watches):
            return
        if self._reconcilers is None:
            self._reconcilers = {
                kind: partial(self._watched, call) for kind, call in self.manager.reconcilers().items()
            }
        while self._working < WORKERS and len(queue) > self._working and (queue._waiting or queue._low_priority):
            key = self.run_at_once(queue.get())
            self._working += 1
            self.began[key.namespace, key.name] = self.world.kernel.now
            self._start(self.manager.reconcile(self._reconcilers, key), partial(self._done, key))

    async def _watched(self, call: Any, key: Any, *, now: datetime) -> Any:
        try:
            return await call(key, now=now)
        except (ClusterError, NameTakenError) as error:
            self.world.kernel.note(self.name, f"{key.name}: {error}")
            raise
        except Exception:
            self.world.judge.check(False, "no bug", f"{self.name} {key.name}: {traceback.format_exc()}")
            raise

    def _done(self, key: Any) -> None:
        self._working -= 1
        self.manager.queue.done(key)

    # --- the comparison with a list

    def _tick(self) -> None:
        if not self.alive:
            return
        self.world.kernel.later(COMPARE_SECONDS, self._tick)
        manager, now = self.manager, self.world.kernel.now
        asked = manager.relist._requested.is_set()
        late = manager.expectations.late(now=manager._clock.now())
        if all(each.listed for each in self.watches) and not self._compares and (asked or late or now >= self._resync):
            manager.relist._requested.clear()
            if now >= self._resync:
                self._resync = now + manager.settings.resync_seconds
            self._compares = True
            self._start(self._compare(), self._compared)

    async def _compare(self) -> None:
        try:
            await self.manager.relist.compare()
        except ClusterError:
            self.manager.relist.request()

    def _compared(self) -> None:
        self._compares = False

    # --- coroutines, and their requests

    def _start(self, coroutine: Any, ended: Callable[[], None]) -> None:
        self._tasks[coroutine] = None
        self._step(coroutine, ended, partial(coroutine.send, None))

    def _step(self, coroutine: Any, ended: Callable[[], None], resume: Callable[[], Any]) -> None:
        if not self.alive:
            return
        try:
            what = resume()
        except StopIteration:
            del self._tasks[coroutine]
            ended()
            self.pump()
            return
        resumed = partial(self._step, coroutine, ended)
        if isinstance(what, Pause):
            self.world.kernel.later(what.seconds, lambda: resumed(partial(coroutine.send, None)))
        else:
            self._ask(coroutine, what, resumed)
        self.pump()

    def _ask(self, coroutine: Any, call: Call, resumed: Callable[[Any], None]) -> None:
        """Let a request reach the API server, or not, and its answer us, or not."""
        world, fault = self.world, self.world.fault_for(call)
        there, back = world.delay(), world.delay()
        lost = partial(coroutine.throw, aiohttp.ServerDisconnectedError())
        if fault in ("lost-before", "500", "busy", "contention"):
            refusal = {
                "500": Refusal(500, "InternalError", "etcdserver: request timed out"),
                "busy": Refusal(429, "TooManyRequests"),
                "contention": Refusal(409, "Conflict", 'Operation cannot be fulfilled on resourcequotas "q"'),
            }.get(fault)
            world.kernel.note(self.name, f"{_line(call)}: ! {fault}")
            answer = partial(coroutine.send, Response(refusal.status, refusal.body)) if refusal else lost
            world.kernel.later(there + back, lambda: resumed(answer))
        elif fault == "late":
            world.kernel.later(back, lambda: resumed(lost))
            world.kernel.later(back + there + world.random.uniform(0, 5), lambda: self._carry_out(call, "late"))
        else:
            world.kernel.later(there, lambda: self._answered(coroutine, call, resumed, lost if fault else None, back))

    def _answered(self, coroutine: Any, call: Call, resumed: Any, lost: Any, back: float) -> None:
        response = self._carry_out(call, "its answer is lost" if lost else "")
        self.world.kernel.later(back, lambda: resumed(lost or partial(coroutine.send, response)))

    def _carry_out(self, call: Call, note: str) -> Response:
        world, version = self.world, self.world.api.version
        try:
            answer = Response(200, world.api.answer(*call, by=self.name))
        except Refusal as error:
            answer = Response(error.status, error.body)
            note = f"{error} {note}"
        if note or call.method != "GET":
            done = "" if world.api.version > version else " (no change)"
            world.kernel.note(self.name, f"{_line(call)}{done} {note}".rstrip())
        return answer


def _line(call: Call) -> str:
    """Return a request as a line of the trace."""
    said = ""
    body = json.loads(call.body) if isinstance(call.body, str) else call.body
    if call.method in ("PATCH", "POST") and body:
        spec = body.get("spec") or {}
        said = f" {body['metadata'].get('name', '')} suspend={spec.get('suspend')} schedule={spec.get('schedule')}"
        said = said if "cronjobs" in call.path else f" {body['metadata'].get('name', '')} {body.get('reason', '')}"
    elif call.method == "PUT":
        ready = next((each for each in body["status"].get("conditions", ()) if each["type"] == "Ready"), {})
        said = f" Ready={ready.get('status')} {ready.get('reason')} {[(each['job'], each['outcome']) for each in body['status'].get('recentRuns', ()) if 'job' in each]}"
    return f"{call.method} {call.path.partition('namespaces/')[2] or call.path}{said}"
