"""``maxConcurrentRuns``: waiting for a place on the server, in the order in which the records were made."""

from typing import Final

from graphcron.contract import Outcome
from graphcron.runner.admission import turns
from graphcron.runner.admission.predecessors import check_not_over
from graphcron.runner.client.errors import RunEnded
from graphcron.runner.client.times import rfc3339
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.lookup import run_of
from graphcron.runner.occurrence.outcome import LIVE
from graphcron.runner.occurrence.record_thread import ACTIVE, NAMESPACE, RUN_ID, STATE, WAITING, Record

PAGE: Final = 100
"""Records that are listed at a time."""

OVERLAP: Final = 20
"""Records that a page has in common with the one before it; others may finish, and move up, while we turn it."""

POLL_SECONDS: Final = 2.0
"""Between two looks; shorter where the grace time is."""


def acquire_slot(ctx: RunContext, limit: int, until: float, *, reserved: bool = False) -> bool:
    """Wait for a place; tell whether we had to.

    Parameters
    ----------
    ctx
        Who waits.
    limit
        How many places there are.
    until
        When to give up (seconds since the epoch).
    holds
        A further run of an occurrence that is under way: see :class:`turns.Turn`.

    Raises
    ------
    RunEnded
        Skipped/ServerAtCapacity; Skipped/Replaced, where the next occurrence took our place.
    """
    since = rfc3339(ctx.clock.now())
    waited = False
    while True:
        records = active_records(ctx)
        own = records.pop(ctx.settings.record_id, None) or ctx.read_record()
        if own is None:
            return waited  # somebody took it away: nothing to stand in line with
        check_not_over(own)
        if own.text(RUN_ID) and not reserved:
            return False  # another pod of ours has made the run
        if _occupied(ctx, limit, list(records.values()), turns.turn_of(ctx, own, reserved=reserved)) < limit:
            return waited
        if ctx.clock.now() >= until:
            message = f"{limit} or more runs of this namespace were under way on the server until the start deadline"
            raise RunEnded(Outcome.SKIPPED, "ServerAtCapacity", message)
        if not waited:
            ctx.log("waiting-for-slot", limit=limit)
        waited = True
        ctx.sleep(min(POLL_SECONDS, ctx.settings.grace / 10, max(until - ctx.clock.now(), 0.05)))
        if reserved:
            turns.reserve(ctx)
        else:
            turns.register(ctx, {WAITING: since})


def active_records(ctx: RunContext) -> dict[str, Record]:
    """Return all unfinished records of the namespace, by id."""
    found: dict[str, Record] = {}
    query = {NAMESPACE: ctx.settings.namespace, STATE: ACTIVE}
    offset = 0
    while True:
        page = {record.id: record for record in _page(ctx, query, offset)}
        if offset and not page.keys() & found.keys():
            offset = max(0, offset - PAGE)  # so many have finished meanwhile that some were passed over
            continue
        news = page.keys() - found.keys()
        found.update(page)
        if len(page) < PAGE or not news:
            return found
        offset += PAGE - OVERLAP


def _page(ctx: RunContext, query: dict[str, str], offset: int) -> list[Record]:
    threads = ctx.client.search_threads(query, limit=PAGE, offset=offset, sort_order="asc")
    return [Record(thread) for thread in threads]


def _occupied(ctx: RunContext, limit: int, others: list[Record], turn: turns.Turn) -> int:
    """Count the places that others have, up to the limit; those that can be told without asking come first."""
    now = turn.now(ctx.clock.steady())
    unsure = [each for each in others if not (turns.is_reserved(each, now) or turns.has_priority(each, turn, now))]
    taken = len(others) - len(unsure)
    for record in unsure:
        if taken >= limit:
            break
        run = run_of(ctx.client, ctx.settings, record)
        taken += run is not None and run.get("status") in LIVE
    return taken
