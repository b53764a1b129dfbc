"""The occurrences of a range, and what a backfill does for each. Pure."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from graphcron.api import names
from graphcron.cli.clients.graphruns import name_with_suffix
from graphcron.contract import Outcome
from graphcron.schedule.occurrences import Calendar, excluded
from graphcron.unstructured.fields import EARLIEST_YEAR, LATEST_YEAR

MOST: Final = 10_000
"""Maximum number of occurrences of one backfill."""

_TICK: Final = timedelta(microseconds=1)
_DIGEST: Final = 8
"""Characters of the hash in the name of a GraphRun, if the name of its GraphCron is too long."""


class Existing(NamedTuple):
    """A GraphRun that exists."""

    name: str
    outcome: str
    finished: bool


class Action(Enum):
    """What a backfill does for an occurrence."""

    CREATE = "create"
    FOLLOW = "follow"
    """Its GraphRun exists, and has not ended."""
    KEEP = "keep"
    """Its GraphRun exists, and has ended."""
    LEAVE_OUT = "leave out"
    """It has succeeded."""


class Step(NamedTuple):
    """An occurrence, and what a backfill does for it."""

    at: datetime
    action: Action
    name: str
    """Of its GraphRun; empty if there is none."""
    outcome: str = ""
    """Of that GraphRun, if it has ended."""


def first_moment(text: str, zone: ZoneInfo) -> datetime:
    """Return the begin of a day in a zone, or a time.

    Raises
    ------
    ValueError
        The text is neither.
    """
    return _bounds(text, zone)[0]


def last_moment(text: str, zone: ZoneInfo) -> datetime:
    """Return the last moment of a day in a zone, or a time.

    Raises
    ------
    ValueError
        The text is neither.
    """
    return _bounds(text, zone)[1]


def _bounds(text: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    found = datetime.fromisoformat(text)
    if not EARLIEST_YEAR < found.year < LATEST_YEAR - 1:
        raise ValueError(text)
    if _is_day(text):
        day = date.fromisoformat(text).isoformat()
        for interval in excluded([(day, day)], zone):
            return interval.start, interval.end - _TICK
        raise ValueError(text)  # a zone may skip a day
    at = (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    return at, at


def occurrences(calendar: Calendar, first: datetime, last: datetime) -> list[datetime]:
    """Return the times that are due in a range, both ends included; one more than :data:`MOST` if there are more."""
    return calendar.due_between(first - _TICK, last, MOST + 1)


def steps(
    graphcron: str,
    times: Iterable[datetime],
    existing: Mapping[datetime, Sequence[Existing]],
    succeeded: Collection[datetime] | None,
    taken: Collection[str],
) -> list[Step]:
    """Return what to do for each occurrence, in order.

    Parameters
    ----------
    existing
        The GraphRuns of the GraphCron, by the time for which they stand.
    succeeded
        The occurrences that have succeeded, and are left out; None: each occurrence without a GraphRun of a backfill
        runs.
    taken
        The names of all GraphRuns of the namespace.
    """
    return [_step(graphcron, at, existing.get(at, ()), succeeded, taken) for at in times]


def _step(
    graphcron: str,
    at: datetime,
    runs: Sequence[Existing],
    succeeded: Collection[datetime] | None,
    taken: Collection[str],
) -> Step:
    for each in runs:
        if not each.finished:
            return Step(at, Action.FOLLOW, each.name)
    if succeeded is not None:
        if at in succeeded or any(each.outcome == Outcome.SUCCEEDED for each in runs):
            return Step(at, Action.LEAVE_OUT, "")
    else:
        for each in runs:
            if each.name == name_of(graphcron, at):
                return Step(at, Action.KEEP, each.name, each.outcome)
    number = 1
    while name_of(graphcron, at, number) in taken:
        number += 1
    return Step(at, Action.CREATE, name_of(graphcron, at, number))


def name_of(graphcron: str, at: datetime, number: int = 1) -> str:
    """Return the name of the GraphRun for an occurrence: the same one each time, and none of another GraphCron.

    Parameters
    ----------
    number
        Which GraphRun of this occurrence it is, from 1.
    """
    suffix = f"{at.astimezone(UTC):%Y%m%d%H%M}" + (f"-{number}" if number > 1 else "")
    if len(name := f"{graphcron}-{suffix}") <= names.MAX_NAME_LENGTH:
        return name
    suffix = f"{hashlib.sha256(graphcron.encode()).hexdigest()[:_DIGEST]}-{suffix}"
    return name_with_suffix(graphcron, suffix)


def label_of(first: str, last: str, zone: ZoneInfo) -> str:
    """Return the value of the label that the GraphRuns of a backfill have: its range, days as they are given."""
    return f"{_label(first, zone)}--{_label(last, zone)}"


def _label(text: str, zone: ZoneInfo) -> str:
    at = first_moment(text, zone)
    return date.fromisoformat(text).isoformat() if _is_day(text) else f"{at:%Y%m%dT%H%M%SZ}"


def _is_day(text: str) -> bool:
    return "T" not in text and " " not in text
