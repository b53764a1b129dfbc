"""Deadlines of the tests: as long as they say on an idle machine, and longer on a busy one."""

from __future__ import annotations

import pytest

from tests import cluster


@pytest.mark.parametrize(("load", "expected"), [(0.3, 10), (2.0, 10), (8.0, 39), (80.0, 39)])
def test_deadline_is_longer_on_a_busy_machine(monkeypatch: pytest.MonkeyPatch, load: float, expected: int):
    clock = [0.0]
    monkeypatch.setattr(cluster.os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr(cluster.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(cluster.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(cluster.time, "sleep", lambda seconds: clock.append(clock.pop() + seconds))
    with pytest.raises(AssertionError, match=f"after {expected} s still no word"):
        cluster.wait_for("word", lambda: None, seconds=9.5, pause=1)
    assert clock[0] == expected
