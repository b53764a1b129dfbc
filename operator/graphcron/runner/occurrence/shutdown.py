"""SIGTERM, turned into an exception where that is safe and into a flag where it is not.

Code says what may be cut short: ``with stop.at_once():`` around waiting and reading, where :class:`Stopped` is
raised in the middle; ``with stop.soon():`` around a request that changes something, which gets a few seconds more
to hear its answer and then counts as lost. Anywhere else a signal only leaves a mark, and the next
section raises. It is raised once: what is done about it is not interrupted again.
"""

import signal
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

PATIENCE_SECONDS: Final = 3.0
"""How long a request that is under way at SIGTERM may still wait for its answer."""

_NOWHERE: Final = 0
_SOON: Final = 1
_AT_ONCE: Final = 2


class Stopped(BaseException):
    """The pod was told to stop. No ``Exception``, so that no handler of errors catches it."""


def _set_alarm(seconds: float, interval: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, seconds, interval)


class Stop:
    """Whether we were told to stop, and where that may be noticed.

    Parameters
    ----------
    set_timer
        Has :meth:`on_alarm` called in so many seconds, and each so many from then on; 0: not any more. Absent: a
        timer of the process.
    """

    def __init__(self, set_timer: Callable[[float, float], object] | None = None) -> None:
        self.requested = False
        self._set_timer = set_timer or _set_alarm
        self._armed = True
        self._section = _NOWHERE

    def install(self) -> None:
        """Catch SIGTERM and SIGINT from here on."""
        signal.signal(signal.SIGALRM, self.on_alarm)
        signal.signal(signal.SIGTERM, self.on_stop)
        signal.signal(signal.SIGINT, self.on_stop)

    def disarm(self) -> None:
        """Raise nothing any more: the outcome is known."""
        self._armed = False

    def ignore(self) -> None:
        """Let no signal change the exit code any more; Python takes handlers back while it shuts down, not this."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def at_once(self) -> "Section":
        """Return a section that a signal cuts short."""
        return Section(self, _AT_ONCE)

    def soon(self) -> "Section":
        """Return a section that a signal gives :data:`PATIENCE_SECONDS` to finish."""
        return Section(self, _SOON)

    def enter(self, section: int) -> None:
        """Begin a section; raises :class:`Stopped` where a signal has come before."""
        self._section = section
        if self.requested:
            self._raise()

    def leave(self) -> None:
        """End the section."""
        self._section = _NOWHERE
        if self.requested:
            self._set_timer(0.0, 0.0)

    def _raise(self) -> None:
        if self._armed:
            self._armed = False
            self._section = _NOWHERE
            raise Stopped

    def on_stop(self, *_: Any) -> None:
        """Take a signal that tells us to stop; raises :class:`Stopped` where that may be cut short."""
        self.requested = True
        if self._section == _AT_ONCE:
            self._raise()
        elif self._section == _SOON:
            self._set_timer(PATIENCE_SECONDS, 1.0)

    def on_alarm(self, *_: Any) -> None:
        """Cut short what has had its few seconds more."""
        if self._section == _SOON:
            raise TimeoutError("told to stop while waiting for an answer")


class Section:
    """What :meth:`Stop.at_once` and :meth:`Stop.soon` return."""

    def __init__(self, stop: Stop, kind: int) -> None:
        self._stop = stop
        self._kind = kind

    def __enter__(self) -> None:
        self._stop.enter(self._kind)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.leave()
