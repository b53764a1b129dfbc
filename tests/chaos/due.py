"""When a schedule is due, worked out anew and simply, for schedules that say something about the minute only."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tests.chaos.records import MINUTE

_PART = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?")


def minutes_of(line: str) -> frozenset[int]:
    """Return the minutes of an hour at which a line such as ``1-59/2 * * * *`` is due."""
    first, *others = line.split()
    if others == ["0", "29", "2", "*"]:
        return frozenset()  # not while we look
    assert others == ["*"] * 4, line
    return frozenset(minute for part in first.split(",") for minute in _range(part))


def _range(part: str) -> range:
    match = _PART.fullmatch(part)
    assert match, part
    first, last, step = match.groups()
    start = int(first or 0)
    end = int(last) if last else start if first and not step else 59
    return range(start, end + 1, int(step or 1))


def due(lines: list[str], after: float, until: float) -> tuple[int, ...]:
    """List the scheduled minutes (since the epoch) after a time and not after another, both in seconds."""
    hits = frozenset[int]().union(*map(minutes_of, lines))
    first, last = int(after // MINUTE) + 1, int(until // MINUTE)
    return tuple(minute for minute in range(first, last + 1) if minute % MINUTE in hits)


def occurrence(uid: str, minute: int) -> str:
    """Return the name that an occurrence carries on the server."""
    return f"{uid}/{datetime.fromtimestamp(minute * MINUTE, UTC):%Y-%m-%dT%H:%M:%SZ}"


def of_graph_run(uid: str, run: str) -> str:
    """Return the name of the occurrence that a GraphRun with this UID stands for."""
    return f"{uid}/run/{run}"


def asked(uid: str, trigger: str) -> str:
    """Return the name of the occurrence that a person has asked for."""
    return f"{uid}/trigger/{trigger}"
