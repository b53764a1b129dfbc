"""``maxConcurrentRuns``: waiting for a place on the server, in the order in which the records were made."""

from typing import Final

from graphcron.contract import Outcome
from graphcron.runner.admission import turns
from graphcron.runner.admission.predecessors import see_over
from graphcron.runner.client.errors import Ended
from graphcron.runner.client.times import rfc3339
from graphcron.runner.occurrence.context import Tick
from graphcron.runner.occurrence.lookup import run_of
from graphcron.runner.occurrence.outcome import LIVE
from graphcron.runner.occurrence.record_thread import ACTIVE, NAMESPACE, RUN_ID, STATE, WAITING, Record

PAGE: Final = 100
"""Records that are listed at a time."""

OVERLAP: Final = 20
"""Records that a page has in common with the one before it; others may finish, and move up, while we turn it."""

POLL_SECONDS: Final = 2.0
"""Between two looks; shorter where the grace time is."""


def await_place(tick: Tick, limit: int, until: float, *, holds: bool = False) -> bool:
    """Wait for a place; tell whether we had to.

    Parameters
    ----------
    tick
        Who waits.
    limit
        How many places there are.
    until
        When to give up (seconds since the epoch).
    holds
        A further run of an occurrence that is under way: see :class:`turns.Turn`.

    Raises
    ------
    Ended
        Skipped/ServerAtCapacity; Skipped/Replaced, where the next occurrence took our place.
    """
    since = rfc3339(tick.clock.now())
    waited = False
    while True:
        records = active_records(tick)
        own = records.pop(tick.record_id, None) or tick.read_record()
        if own is None:
            return waited  # somebody took it away: nothing to stand in line with
        see_over(own)
        if own.text(RUN_ID) and not holds:
            return False  # another pod of ours has made the run
        if _taken(tick, limit, list(records.values()), turns.turn_of(tick, own, holds=holds)) < limit:
            return waited
        if tick.clock.now() >= until:
            message = f"{limit} or more runs of this namespace were under way on the server until the start deadline"
            raise Ended(Outcome.SKIPPED, "ServerAtCapacity", message)
        if not waited:
            tick.log("waiting-for-place", limit=limit)
        waited = True
        tick.sleep(min(POLL_SECONDS, tick.settings.grace / 10, max(until - tick.clock.now(), 0.05)))
        if holds:
            turns.hold(tick)
        else:
            turns.announce(tick, {WAITING: since})


def active_records(tick: Tick) -> dict[str, Record]:
    """Return all unfinished records of the namespace, by id."""
    found: dict[str, Record] = {}
    query = {NAMESPACE: tick.settings.namespace, STATE: ACTIVE}
    offset = 0
    while True:
        page = {record.id: record for record in _page(tick, query, offset)}
        if offset and not page.keys() & found.keys():
            offset = max(0, offset - PAGE)  # so many have finished meanwhile that some were passed over
            continue
        news = page.keys() - found.keys()
        found.update(page)
        if len(page) < PAGE or not news:
            return found
        offset += PAGE - OVERLAP


def _page(tick: Tick, query: dict[str, str], offset: int) -> list[Record]:
    threads = tick.ask(lambda: tick.server.search_threads(query, limit=PAGE, offset=offset, sort_order="asc"))
    return [Record(thread) for thread in threads]


def _taken(tick: Tick, limit: int, others: list[Record], turn: turns.Turn) -> int:
    """Count the places that others have, up to the limit; those that can be told without asking come first."""
    now = turn.now(tick.clock.steady())
    unsure = [each for each in others if not (turns.awaited(each, now) or turns.goes_first(each, turn, now))]
    taken = len(others) - len(unsure)
    for record in unsure:
        if taken >= limit:
            break
        run = run_of(tick, record)
        taken += run is not None and run.get("status") in LIVE
    return taken
