"""``maxConcurrentRuns``: wait for a slot on the server, in the order in which the records were created."""

from typing import Final

from graphcron.contract import Outcome
from graphcron.runner.admission import turns
from graphcron.runner.admission.predecessors import check_not_over
from graphcron.runner.client.errors import RunEnded
from graphcron.runner.client.times import rfc3339
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.lookup import run_of
from graphcron.runner.occurrence.outcome import LIVE
from graphcron.runner.occurrence.record_thread import ACTIVE, NAMESPACE, QUEUED, RUN_ID, STATE, UID, Record

PAGE: Final = 100
"""Records in one list request."""

OVERLAP: Final = 20
"""Records that two pages have in common: others can finish, and move up, between the two requests."""


def acquire_slot(ctx: RunContext, limit: int, until: float, *, reserved: bool = False) -> bool:
    """Wait for a slot; return whether that was necessary.

    Parameters
    ----------
    limit
        Number of slots.
    until
        When to give up (seconds since the epoch).
    reserved
        It is for a further run of an active occurrence; see :class:`turns.Turn`.

    Raises
    ------
    RunEnded
        Skipped/ServerAtCapacity; Skipped/Replaced, if the next occurrence has replaced this one.
    """
    since = rfc3339(ctx.clock.now())
    waited = False
    while True:
        records = active_records(ctx, {NAMESPACE: ctx.settings.namespace})
        own = records.pop(ctx.settings.record_id, None) or ctx.read_record()
        if own is None:
            return waited  # it was deleted: the pod has no place in the queue
        check_not_over(own)
        if own.text(RUN_ID) and not reserved:
            return False  # another pod of the occurrence has created the run
        others = [each for each in records.values() if not _is_in_same_queue(each, own)]
        if _occupied(ctx, limit, others, turns.turn_of(ctx, own, reserved=reserved)) < limit:
            return waited
        if ctx.clock.now() >= until:
            message = f"{limit} or more runs of this namespace were active on the server until the start deadline"
            raise RunEnded(Outcome.SKIPPED, "ServerAtCapacity", message)
        if not waited:
            ctx.log("waiting-for-slot", limit=limit)
        waited = True
        turns.wait(ctx, since, until, reserved=reserved)


def active_records(ctx: RunContext, metadata: dict[str, str]) -> dict[str, Record]:
    """Return all active records with these metadata, by id."""
    found: dict[str, Record] = {}
    query = {**metadata, STATE: ACTIVE}
    offset = 0
    while True:
        page = {record.id: record for record in _page(ctx, query, offset)}
        if offset and not page.keys() & found.keys():
            offset = max(0, offset - PAGE)  # many have finished meanwhile, so the page has skipped some
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
    """Count the slots that others occupy, up to the limit, and ask the server only if needed."""
    now = turn.now(ctx.clock.steady())
    taken = {
        _slot_of(each) for each in others if turns.may_precede(each, turn, now) or turns.has_priority(each, turn, now)
    }
    for record in others:
        if len(taken) >= limit:
            break
        if _slot_of(record) not in taken:
            run = run_of(ctx.client, ctx.settings, record)
            if run is not None and run.get("status") in LIVE:
                taken.add(_slot_of(record))
    return len(taken)


def _slot_of(record: Record) -> str:
    """Return what takes a slot: the occurrence, or all occurrences of a queue, of which at most one runs."""
    return record.text(UID) if record.text(QUEUED) else record.id


def _is_in_same_queue(record: Record, own: Record) -> bool:
    """Return whether the occurrence waits for this one, or this one has waited for it."""
    return bool(own.text(QUEUED) and record.text(QUEUED)) and record.text(UID) == own.text(UID)
