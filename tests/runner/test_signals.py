"""Where SIGTERM is noticed, and where it waits."""

import signal
import time

import pytest

from graphcron.runner.occurrence import shutdown


def signal_in(flag: shutdown.ShutdownSignal, section: shutdown.SignalMask | None, seconds: float) -> float:
    """Send SIGTERM to ourselves while waiting in a section; return how long the wait took."""
    began = time.monotonic()
    if section is None:
        signal.raise_signal(signal.SIGTERM)
        return 0.0
    with section:
        signal.raise_signal(signal.SIGTERM)
        time.sleep(seconds)
    return time.monotonic() - began


@pytest.fixture
def flag(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(shutdown, "DELAY_SECONDS", 0.2)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)}
    flag = shutdown.ShutdownSignal()
    flag.install()
    yield flag
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_stop_cuts_short_at_once(flag: shutdown.ShutdownSignal) -> None:
    with pytest.raises(shutdown.Stopped):
        signal_in(flag, flag.interruptible(), 5)
    assert signal_in(flag, flag.interruptible(), 0.01) < 1  # it is raised once


def test_stop_gives_a_request_time(flag: shutdown.ShutdownSignal) -> None:
    assert signal_in(flag, flag.delayed(), 0.05) < 1
    with pytest.raises(shutdown.Stopped), flag.delayed():
        pytest.fail("no request is begun after the signal")


def test_stop_ends_a_request_that_takes_too_long(flag: shutdown.ShutdownSignal) -> None:
    with pytest.raises(TimeoutError):
        signal_in(flag, flag.delayed(), 5)
    with pytest.raises(shutdown.Stopped), flag.interruptible():
        pytest.fail("the signal is noticed here")


def test_stop_elsewhere_only_leaves_a_mark(flag: shutdown.ShutdownSignal) -> None:
    signal_in(flag, None, 0)
    assert flag.requested
    with pytest.raises(shutdown.Stopped), flag.interruptible():
        pytest.fail("the signal is noticed here")


def test_stop_after_the_outcome(flag: shutdown.ShutdownSignal) -> None:
    flag.disarm()
    assert signal_in(flag, flag.interruptible(), 0.01) < 1
