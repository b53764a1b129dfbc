"""SIGTERM, raised as an exception where that is safe, and kept as a flag elsewhere.

Code marks what a signal can interrupt. In ``with shutdown.interruptible():``, around waiting and reading,
:class:`Stopped` is raised at once. In ``with shutdown.delayed():``, around a request that changes something, the
request has a few more seconds to receive its answer, and then counts as lost. Anywhere else the signal only sets the
flag, and the next block raises. :class:`Stopped` is raised once: its handling is not interrupted again.
"""

import signal
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

DELAY_SECONDS: Final = 3.0
"""How long an active request can wait for its answer after SIGTERM."""

_BLOCKED: Final = 0
_DELAYED: Final = 1
_INTERRUPTIBLE: Final = 2

STOP_SECONDS: Final = 20.0
"""How long the pod tries to cancel its run after SIGTERM: with the last try, inside its grace period of 30 s."""


class Stopped(BaseException):
    """The pod received SIGTERM. Not an ``Exception``, so that no error handler catches it."""


def _set_alarm(seconds: float, interval: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds, interval)


class ShutdownSignal:
    """State of the shutdown: whether the pod received SIGTERM, and where that can interrupt it.

    Parameters
    ----------
    set_timer
        Schedule a call of :meth:`on_alarm` after a number of seconds, and then at an interval; 0 cancels it. Default:
        the process's own timer.
    """

    def __init__(self, set_timer: Callable[[float, float], object] | None = None) -> None:
        self.requested = False
        self._set_timer = set_timer or _set_alarm
        self._armed = True
        self._mode = _BLOCKED

    def install(self) -> None:
        """Catch SIGTERM and SIGINT from here on."""
        signal.signal(signal.SIGALRM, self.on_alarm)
        signal.signal(signal.SIGTERM, self.on_stop)
        signal.signal(signal.SIGINT, self.on_stop)

    def disarm(self) -> None:
        """Raise nothing from here on: the outcome is known."""
        self._armed = False

    def ignore(self) -> None:
        """Ignore all signals, so that none changes the exit code; Python resets handlers at exit, but not this."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def interruptible(self) -> "SignalMask":
        """Return a block that a signal interrupts."""
        return SignalMask(self, _INTERRUPTIBLE)

    def delayed(self) -> "SignalMask":
        """Return a block that has :data:`DELAY_SECONDS` to finish after a signal."""
        return SignalMask(self, _DELAYED)

    def enter(self, mode: int) -> None:
        """Begin a block; raises :class:`Stopped` if a signal has come before."""
        self._mode = mode
        if self.requested:
            self._raise()

    def leave(self) -> None:
        """End the block."""
        self._mode = _BLOCKED
        if self.requested:
            self._set_timer(0.0, 0.0)

    def _raise(self) -> None:
        if self._armed:
            self._armed = False
            self._mode = _BLOCKED
            raise Stopped

    def on_stop(self, *_: Any) -> None:
        """Handle SIGTERM or SIGINT; raises :class:`Stopped` in an interruptible block."""
        self.requested = True
        if self._mode == _INTERRUPTIBLE:
            self._raise()
        elif self._mode == _DELAYED:
            self._set_timer(DELAY_SECONDS, 1.0)

    def on_alarm(self, *_: Any) -> None:
        """Interrupt a delayed block whose time is over."""
        if self._mode == _DELAYED:
            raise TimeoutError("told to stop while waiting for an answer")


class SignalMask:
    """A block of code with its reaction to a signal."""

    def __init__(self, shutdown: ShutdownSignal, kind: int) -> None:
        self._shutdown = shutdown
        self._kind = kind

    def __enter__(self) -> None:
        self._shutdown.enter(self._kind)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shutdown.leave()
