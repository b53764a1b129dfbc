"""What a GraphCron has used, kept on the LangGraph server: one small thread a UTC day, one entry a run.

An entry is a member of the thread's metadata, under a key of its own, and says what its run has used so far. To write
one is to merge it: nothing is read before, so several pods can't lose each other's entries, and to write it twice does
no harm. The entry's time is when the run was due, or asked for, whenever it is written.
"""

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from graphcron.runner import money
from graphcron.runner.failures import Refused
from graphcron.runner.identity import uuid5
from graphcron.runner.record import KIND, UID, whose
from graphcron.runner.server import Json, Server
from graphcron.runner.settings import Settings
from graphcron.runner.times import rfc3339, seconds_of

KIND_LEDGER: Final = "ledger"
"""Value of the record's ``kind``: no run, only entries."""

DAY: Final = "graphcron/day"

KEEP_DAYS: Final = 32
"""A day is kept for so long: no window is longer."""

THREADS: Final = 100
"""At most so many days are read."""

_KEY: Final = re.compile(r"([0-9]{1,12})-([0-9a-f]{8})-([0-9a-f]{8})")
_AT_LEAST: Final = "at-least"


class Entry(NamedTuple):
    """What one run has used."""

    at: int
    """When the run was due, or asked for (seconds since the epoch)."""
    occurrence: str
    run: str
    tokens: int
    cost: int
    at_least: bool
    """It may have been more."""

    @property
    def key(self) -> str:
        """The member of the metadata."""
        return f"{self.at}-{self.occurrence}-{self.run}"

    @property
    def value(self) -> str:
        """What it holds."""
        return f"{self.tokens} {money.text_of(self.cost)}" + (f" {_AT_LEAST}" if self.at_least else "")


def short(thread_or_run_id: str) -> str:
    """Return the part of an id that stands in a key: of a run's, whose beginning is a time, the end."""
    return thread_or_run_id.replace("-", "")[-8:]


def entries(metadata: Json) -> list[Entry]:
    """Return the entries of one day; anything else in the metadata is left out."""
    found = []
    for key, value in metadata.items():
        match = _KEY.fullmatch(key)
        words = value.split() if isinstance(value, str) else []
        if match and len(words) in (2, 3):
            try:
                tokens, cost = int(words[0]), money.units(words[1])
            except ValueError:
                continue
            found.append(Entry(int(match[1]), match[2], match[3], tokens, cost, words[2:] == [_AT_LEAST]))
    return found


def within(found: Iterable[Entry], start: float, end: float) -> list[Entry]:
    """Return the entries of a window, oldest first."""
    return sorted(entry for entry in found if start <= entry.at < end)


def relief(found: list[Entry], over: tuple[int | None, int | None]) -> int | None:
    """Return the time of the entry after whose leaving a rolling window is below its limits again; None: it is now.

    Parameters
    ----------
    found
        The window's entries, oldest first.
    over
        The limits in tokens and in money.
    """
    tokens, cost = sum(entry.tokens for entry in found), sum(entry.cost for entry in found)
    last = None
    for entry in found:
        if not reached(tokens, over[0]) and not reached(cost, over[1]):
            break
        tokens, cost, last = tokens - entry.tokens, cost - entry.cost, entry.at
    return last


def reached(used: int, limit: int | None) -> bool:
    """Tell whether a limit is used up."""
    return limit is not None and used >= limit


def thread_of(uid: str, at: float) -> str:
    """Return the id of the thread of that day."""
    return uuid5(f"{uid}/ledger/{rfc3339(at)[:10]}")


def read(server: Server, uid: str, *, oldest: int = 0) -> list[Json]:
    """Fetch the threads: all, or so many of the oldest."""
    query = {UID: uid, KIND: KIND_LEDGER}
    if oldest:
        return server.search_threads(query, limit=oldest, sort_order="asc")
    return server.search_threads(query, limit=THREADS)


def write(server: Server, settings: Settings, entry: Entry) -> None:
    """Write an entry; the first one of a day makes its thread."""
    thread = thread_of(settings.uid, entry.at)
    note = {entry.key: entry.value}
    try:
        server.patch_thread(thread, note)
    except Refused as error:
        if error.status != 404:
            raise
        metadata = {**whose(settings), KIND: KIND_LEDGER, DAY: rfc3339(entry.at)[:10]}
        server.create_thread(thread, metadata, if_exists="do_nothing")
        server.patch_thread(thread, note)


def outdated(threads: Iterable[Json], now: float) -> list[str]:
    """Return the ids of the days that no window reaches any more."""
    found = []
    for thread in threads:
        day: Any = (thread.get("metadata") or {}).get(DAY)
        try:
            old = now - seconds_of(f"{day}T00:00:00Z") > (KEEP_DAYS + 1) * 86400
        except ValueError:
            continue
        if old:
            found.append(str(thread["thread_id"]))
    return found
