"""Virtual time, and processes that take turns in it. The same seed results in exactly the same order."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random
from typing import Any, Final

import greenlet

START: Final = 1_798_761_600.0
"""When every scenario begins: 2027-01-01, midnight UTC."""

TIMED_OUT: Final = object()
"""The result of :meth:`Process.park` after a timeout."""


class Killed(greenlet.GreenletExit):
    """The process was killed, as with SIGKILL, so none of its code may run."""


class Kernel:
    """The clock and the future events in order of time. The seed determines the order of simultaneous events."""

    def __init__(self, random: Random) -> None:
        self.now = START
        self.random = random
        self.trace: list[str] = []
        self._events: list[tuple[float, float, int, Callable[[], None]]] = []
        self._count = 0
        self.hub = greenlet.getcurrent()

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Schedule a call after a number of seconds."""
        self.at(self.now + seconds, call)

    def at(self, time: float, call: Callable[[], None]) -> None:
        """Schedule a call at a time, or now if that time has passed."""
        self._count += 1
        heapq.heappush(self._events, (max(time, self.now), self.random.random(), self._count, call))

    def run(self, until: float) -> None:
        """Run all events up to that time."""
        while self._events and self._events[0][0] <= until:
            self.now, _, _, call = heapq.heappop(self._events)
            call()
        self.now = max(self.now, until)

    def note(self, who: str, what: str) -> None:
        """Write a line of the trace."""
        self.trace.append(f"{self.now - START:9.2f} {who:<12} {what}")


class Process:
    """Code that runs until it parks, and continues when it is woken.

    Parameters
    ----------
    work
        What it does.
    ended
        Called when it has done so, or is killed, with what it raised or None.
    """

    def __init__(self, kernel: Kernel, work: Callable[[], None], ended: Callable[[BaseException | None], None]) -> None:
        self.alive = True
        self._kernel = kernel
        self._work, self._ended = work, ended
        self._greenlet = greenlet.greenlet(self._run, parent=kernel.hub)
        self._serial = 0
        kernel.later(0, lambda: self._resume(None))

    def park(self, seconds: float | None = None) -> Any:
        """Wait for a call of :meth:`wake`, and return its value, or :data:`TIMED_OUT` after that many seconds."""
        if not self.alive:
            raise Killed
        self._serial += 1
        serial = self._serial
        if seconds is not None:
            self._kernel.later(seconds, lambda: self.wake(serial, TIMED_OUT))
        while True:
            found = self._kernel.hub.switch()
            if isinstance(found, _Interrupt):
                found.call()
            else:
                self._serial += 1
                return found

    @property
    def serial(self) -> int:
        """What the next :meth:`park` is to be woken with."""
        return self._serial + 1

    def wake(self, serial: int, value: Any) -> None:
        """Wake it from that park; do nothing if it no longer waits there."""
        if self.alive and serial == self._serial:
            self._resume(value)

    def interrupt(self, call: Callable[[], None]) -> None:
        """Have something called in it while it is parked, as a signal's handler is; what that raises, park raises."""
        if self.alive:
            self._resume(_Interrupt(call))

    def kill(self) -> None:
        """Kill the process at its current point."""
        if self.alive:
            self.alive = False
            if self._greenlet:
                self._greenlet.throw(Killed)
            else:
                self._ended(Killed())

    def _resume(self, value: Any) -> None:
        if self.alive:
            self._greenlet.switch(value)

    def _run(self, _: Any) -> None:
        error: BaseException | None = None
        try:
            self._work()
        except BaseException as raised:
            error = raised
        self.alive = False
        self._ended(error)


class _Interrupt:
    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call
