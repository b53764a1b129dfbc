"""The usage of a GraphCron, kept on the LangGraph server: one small thread for each UTC day, one entry for each run.

A day's thread also holds the totals of the days before it, for a server that deletes threads before their time.

An entry is a member of the thread's metadata, with its own key, and holds what its run has used so far. A write merges
the entry without reading before, so concurrent pods can't lose each other's entries, and a repeated write is harmless.
The entry's time is when the run was due, or was requested.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, NamedTuple

from graphcron.runner.budget import money
from graphcron.runner.client.errors import RequestRejected
from graphcron.runner.client.langgraph_api import Json, LangGraphClient
from graphcron.runner.client.times import rfc3339, seconds_of
from graphcron.runner.occurrence.identity import uuid5
from graphcron.runner.occurrence.record_thread import KIND, TTL_MINUTES, UID, owner_metadata
from graphcron.runner.occurrence.settings import Settings

KIND_LEDGER: Final = "ledger"
"""Value of the record's ``kind``: no run, only entries."""

DAY: Final = "graphcron/day"

EARLIER: Final = "graphcron/earlier"
"""On a day's thread: the totals of earlier days when it was made, ``<time of the last entry>:<tokens>:<cost>`` each."""

KEEP_DAYS: Final = 32
"""How long a day is kept: no window is longer."""

THREADS: Final = 100
"""Maximum number of days to read."""

_KEY: Final = re.compile(r"([0-9]{1,12})-([0-9a-f]{8})-([0-9a-f]{8})")
_TOTAL: Final = re.compile(r"([0-9]{1,12}):([0-9]{1,18}):([0-9.]{1,40})")
_AT_LEAST: Final = "at-least"
_VALUE: Final = re.compile(rf"([0-9]{{1,15}}) ([0-9]{{1,24}}(?:\.[0-9]{{1,18}})?)( {_AT_LEAST})?")


class Entry(NamedTuple):
    """What one run has used."""

    at: int
    """Time at which the run was due or requested (seconds since the epoch)."""
    occurrence: str
    run: str
    tokens: int
    cost: int
    at_least: bool
    """It is a lower bound."""

    @property
    def key(self) -> str:
        """The member of the metadata."""
        return f"{self.at}-{self.occurrence}-{self.run}"

    @property
    def value(self) -> str:
        """What it holds."""
        return f"{self.tokens} {money.text_of(self.cost)}" + (f" {_AT_LEAST}" if self.at_least else "")


def short(thread_or_run_id: str) -> str:
    """Return the part of an id that a key contains: the end, since a run's id begins with a time."""
    return thread_or_run_id.replace("-", "")[-8:]


def entries(metadata: Json) -> list[Entry]:
    """Return the entries of one day, without any other metadata."""
    found = []
    for key, value in metadata.items():
        match = _KEY.fullmatch(key)
        used = _VALUE.fullmatch(value) if isinstance(value, str) else None
        if match and used:
            tokens, cost, at_least = int(used[1]), money.units(used[2]), bool(used[3])
            found.append(Entry(int(match[1]), match[2], match[3], tokens, cost, at_least))
    return found


def count(threads: Iterable[Json]) -> tuple[list[Entry], list[str]]:
    """Return the entries of these days, and the days whose threads were deleted.

    For a day that is gone its total stands in, as the days after it knew it: a lower bound, counted at the time of the
    day's last entry.
    """
    known = [thread.get("metadata") or {} for thread in threads]
    there = {day for metadata in known if isinstance(day := metadata.get(DAY), str)}
    gone: dict[str, Entry] = {}
    for total in (total for metadata in known for total in _totals(metadata.get(EARLIER))):
        day = day_of(total.at)
        if day not in there:
            gone[day] = max(gone.get(day, total), total, key=lambda each: (each.tokens, each.cost))
    return [*(entry for metadata in known for entry in entries(metadata)), *gone.values()], sorted(gone)


def _totals(text: Any) -> list[Entry]:
    found = []
    for at, tokens, cost in _TOTAL.findall(text if isinstance(text, str) else ""):
        with suppress(ValueError):
            found.append(Entry(int(at), "", "", int(tokens), money.units(cost), at_least=True))
    return found


def earlier(threads: Iterable[Json], at: int) -> str:
    """Return the totals of the days before that time, for the thread of its day."""
    days: dict[str, list[Entry]] = {}
    for entry in count(threads)[0]:
        if 0 <= at - entry.at <= KEEP_DAYS * 86400 and day_of(entry.at) != day_of(at):
            days.setdefault(day_of(entry.at), []).append(entry)
    return " ".join(
        f"{max(each.at for each in day)}:{sum(each.tokens for each in day)}"
        f":{money.text_of(sum(each.cost for each in day))}"
        for day in days.values()
    )


def within(found: Iterable[Entry], start: float, end: float) -> list[Entry]:
    """Return the entries of a window, oldest first."""
    return sorted(entry for entry in found if start <= entry.at < end)


def relief(found: list[Entry], over: tuple[int | None, int | None]) -> int | None:
    """Return the time of the entry whose expiry brings a rolling window below its limits; None if it is below.

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
    """Return whether a limit is reached."""
    return limit is not None and used >= limit


def day_of(at: float) -> str:
    """Return the UTC day of a time."""
    return rfc3339(at)[:10]


def thread_of(uid: str, at: float) -> str:
    """Return the id of the thread of that day."""
    return uuid5(f"{uid}/ledger/{day_of(at)}")


def read(server: LangGraphClient, uid: str, *, oldest: int = 0) -> list[Json]:
    """Return the threads: all, or that many of the oldest."""
    query = {UID: uid, KIND: KIND_LEDGER}
    if oldest:
        return server.search_threads(query, limit=oldest, sort_order="asc")
    return server.search_threads(query, limit=THREADS)


def write(server: LangGraphClient, settings: Settings, *entries: Entry) -> None:
    """Write entries of one day; the first one of a day creates its thread."""
    at = entries[0].at
    thread = thread_of(settings.uid, at)
    note = {entry.key: entry.value for entry in entries}
    try:
        server.patch_thread(thread, note)
    except RequestRejected as error:
        if error.status != 404:
            raise
        metadata = {**owner_metadata(settings), KIND: KIND_LEDGER, DAY: day_of(at)}
        metadata[EARLIER] = earlier(read(server, settings.uid), at)
        server.create_thread(thread, metadata, if_exists="do_nothing", ttl=TTL_MINUTES)
        server.patch_thread(thread, note)


def outdated(threads: Iterable[Json], now: float) -> list[str]:
    """Return the ids of the days that are older than any window."""
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
