"""Where SIGTERM is noticed, and where it waits."""

import signal
import time

import pytest

from graphcron.runner import stop


def signal_in(flag: stop.Stop, section: stop.Section | None, seconds: float) -> float:
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
    monkeypatch.setattr(stop, "PATIENCE_SECONDS", 0.2)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)}
    flag = stop.Stop()
    flag.install()
    yield flag
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_stop_cuts_short_at_once(flag: stop.Stop) -> None:
    with pytest.raises(stop.Stopped):
        signal_in(flag, flag.at_once(), 5)
    assert signal_in(flag, flag.at_once(), 0.01) < 1  # it is raised once


def test_stop_gives_a_request_time(flag: stop.Stop) -> None:
    assert signal_in(flag, flag.soon(), 0.05) < 1
    with pytest.raises(stop.Stopped), flag.soon():
        pytest.fail("no request is begun after the signal")


def test_stop_ends_a_request_that_takes_too_long(flag: stop.Stop) -> None:
    with pytest.raises(TimeoutError):
        signal_in(flag, flag.soon(), 5)
    with pytest.raises(stop.Stopped), flag.at_once():
        pytest.fail("the signal is noticed here")


def test_stop_elsewhere_only_leaves_a_mark(flag: stop.Stop) -> None:
    signal_in(flag, None, 0)
    assert flag.requested
    with pytest.raises(stop.Stopped), flag.at_once():
        pytest.fail("the signal is noticed here")


def test_stop_after_the_outcome(flag: stop.Stop) -> None:
    flag.disarm()
    assert signal_in(flag, flag.at_once(), 0.01) < 1
