"""Where SIGTERM is noticed, and where it waits."""

import signal
import time

import pytest

from graphcron.runner.occurrence import shutdown


def signal_in(flag: shutdown.Stop, section: shutdown.Section | None, seconds: float) -> float:
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
    monkeypatch.setattr(shutdown, "PATIENCE_SECONDS", 0.2)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)}
    flag = shutdown.Stop()
    flag.install()
    yield flag
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_stop_cuts_short_at_once(flag: shutdown.Stop) -> None:
    with pytest.raises(shutdown.Stopped):
        signal_in(flag, flag.at_once(), 5)
    assert signal_in(flag, flag.at_once(), 0.01) < 1  # it is raised once


def test_stop_gives_a_request_time(flag: shutdown.Stop) -> None:
    assert signal_in(flag, flag.soon(), 0.05) < 1
    with pytest.raises(shutdown.Stopped), flag.soon():
        pytest.fail("no request is begun after the signal")


def test_stop_ends_a_request_that_takes_too_long(flag: shutdown.Stop) -> None:
    with pytest.raises(TimeoutError):
        signal_in(flag, flag.soon(), 5)
    with pytest.raises(shutdown.Stopped), flag.at_once():
        pytest.fail("the signal is noticed here")


def test_stop_elsewhere_only_leaves_a_mark(flag: shutdown.Stop) -> None:
    signal_in(flag, None, 0)
    assert flag.requested
    with pytest.raises(shutdown.Stopped), flag.at_once():
        pytest.fail("the signal is noticed here")


def test_stop_after_the_outcome(flag: shutdown.Stop) -> None:
    flag.disarm()
    assert signal_in(flag, flag.at_once(), 0.01) < 1
