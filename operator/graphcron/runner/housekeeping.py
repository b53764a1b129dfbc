"""Taking away what earlier occurrences left on the server: never our own, never a thread with a live run."""

from typing import Final

from graphcron.contract import Outcome
from graphcron.runner.record import (
    DELETE_AFTER,
    DONE,
    KIND,
    KIND_LOCK,
    KIND_SHARED,
    ON_COMPLETED,
    RUN_ID,
    STATE,
    UID,
    Record,
)
from graphcron.runner.tick import Tick
from graphcron.runner.times import seconds_of
from graphcron.runner.verdict import LIVE

SECONDS: Final = 3.0
"""Longest time for it."""

THREADS: Final = 200
"""At most so many threads are looked at."""


def deletable(record: Record, now: float) -> bool:
    """Tell whether a finished record or lock has served its purpose."""
    try:
        if now <= seconds_of(record.text(DELETE_AFTER)):
            return False
    except ValueError:
        return False  # not made by us
    if record.text(KIND) in (KIND_LOCK, KIND_SHARED):
        return True
    if not record.text(RUN_ID):
        return record.outcome is Outcome.SKIPPED  # an empty thread: nothing on it for a person to see
    return record.outcome is Outcome.SUCCEEDED and record.text(ON_COMPLETED) == "delete"


def tidy(tick: Tick) -> None:
    """Delete predecessors' threads, oldest first, for a few seconds at most.

    Raises
    ------
    Unanswered, Refused, Untrusted
        Then the next occurrence goes on with it.
    """
    until = tick.clock.steady() + SECONDS
    query = {UID: tick.settings.uid, STATE: DONE}
    deleted = 0
    for thread in tick.server.search_threads(query, limit=THREADS, sort_order="asc"):
        record = Record(thread)
        if tick.clock.steady() > until or tick.stop.requested:
            break
        if record.id != tick.record_id and deletable(record, tick.clock.now()) and not _live(tick, record):
            tick.server.delete_thread(record.id)
            deleted += 1
    if deleted:
        tick.log("tidied", threads=deleted)


def _live(tick: Tick, record: Record) -> bool:
    """A thread that looks idle is asked too: somebody may have gone on with it in a moment."""
    return any(run.get("status") in LIVE for run in tick.server.runs(record.id, limit=20))
