"""Taking away what earlier occurrences left on the server: never our own, never a thread with a live run."""

from collections.abc import Iterable, Iterator
from typing import Final

from graphcron.contract import Outcome
from graphcron.runner.admission.checks import at_breakpoint
from graphcron.runner.client.times import seconds_of
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.lookup import run_of
from graphcron.runner.occurrence.outcome import LIVE, waits_for_human
from graphcron.runner.occurrence.record_thread import (
    ACTIVE,
    DELETE_AFTER,
    DONE,
    KIND,
    KIND_LOCK,
    KIND_OWN,
    KIND_PERIOD,
    KIND_SHARED,
    ON_COMPLETED,
    RUN_ID,
    STATE,
    THREAD_ID,
    UID,
    Record,
)

SECONDS: Final = 3.0
"""Longest time for it."""

THREADS: Final = 200
"""At most so many threads are looked at."""

PAGE: Final = 100
"""Threads that are listed at a time to find those that are too many."""

ABANDONED_SECONDS: Final = 3600
"""An unfinished record is closed so long after its time, if it has no live run: no pod is left to do it."""


def is_due(record: Record, now: float, *, late: float = 0.0) -> bool:
    """Return whether the time has passed, by so much, up to which a late pod may need the record or lock."""
    text = record.text(DELETE_AFTER)
    return bool(text) and now > seconds_of(text) + late


def is_deletable(record: Record, now: float) -> bool:
    """Return whether a finished record or lock has served its purpose."""
    if not is_due(record, now):
        return False
    if record.text(KIND) in (KIND_LOCK, KIND_SHARED):
        return True
    if not record.text(RUN_ID):
        # An empty thread: nothing on it for a person to see.
        return record.outcome in (Outcome.SKIPPED, Outcome.REJECTED)
    return is_disposable(record)


def is_disposable(record: Record) -> bool:
    """Return whether the thread of a run is not to be kept, however few there are."""
    return record.outcome is Outcome.SUCCEEDED and record.text(ON_COMPLETED) == "delete"


def beyond_limit(records: Iterable[Record], keep: int) -> Iterator[Record]:
    """Yield the threads of runs that are too many, from records that come newest first."""
    for record in records:
        if record.text(KIND) == KIND_PERIOD or (record.text(RUN_ID) and not is_disposable(record)):
            if keep <= 0:
                yield record
            keep -= 1


def collect_garbage(ctx: RunContext) -> None:
    """Take away what is not needed any more, for a few seconds at most.

    Raises
    ------
    Unanswered, RequestRejected, CertificateError, RunEnded
        Then the next occurrence goes on with it.
    """
    until = ctx.clock.steady() + SECONDS
    _close_abandoned(ctx, until)
    deleted = 0
    for record in _garbage(ctx):
        if ctx.clock.steady() > until or ctx.shutdown.requested:
            break
        if record.id not in (ctx.settings.record_id, ctx.settings.thread_id) and not _in_use(ctx, record):
            ctx.api.delete_thread(record.id)
            deleted += 1
    if deleted:
        ctx.log("threads-deleted", threads=deleted)
    if ctx.spending:
        from graphcron.runner.budget import budget

        budget.collect_garbage(ctx.spending)


def _close_abandoned(ctx: RunContext, until: float) -> None:
    """Close records that no pod will close, lest every later occurrence asks after them."""
    now = ctx.clock.now()
    for record in _oldest(ctx, ACTIVE):
        if ctx.clock.steady() > until:
            return
        if record.id == ctx.settings.record_id or not is_due(record, now, late=ABANDONED_SECONDS):
            continue
        run = run_of(ctx.client, ctx.settings, record)
        if run is None or run.get("status") not in LIVE:
            ctx.api.patch_thread(record.id, {STATE: DONE})


def _garbage(ctx: RunContext) -> Iterator[Record]:
    """Yield what may go."""
    now = ctx.clock.now()
    for record in _oldest(ctx, DONE):
        if is_deletable(record, now):
            yield record
    keep = ctx.settings.request.historyThreads
    if keep is None:
        return
    per = ctx.settings.request.threadPer is not None
    query = {KIND: KIND_PERIOD} if per else {KIND: KIND_OWN, STATE: DONE}
    for record in beyond_limit(_newest(ctx, query), keep):
        if not _needed_by_occurrence(ctx, record) if per else is_due(record, now):
            yield record


def _oldest(ctx: RunContext, state: str) -> Iterator[Record]:
    query = {UID: ctx.settings.uid, STATE: state}
    return map(Record, ctx.api.search_threads(query, limit=THREADS, sort_order="asc"))


def _newest(ctx: RunContext, query: dict[str, str]) -> Iterator[Record]:
    """Yield all such threads; where some are deleted meanwhile, those that are passed over are found the next time."""
    offset = 0
    while True:
        page = ctx.api.search_threads({UID: ctx.settings.uid, **query}, limit=PAGE, offset=offset)
        yield from map(Record, page)
        if len(page) < PAGE:
            return
        offset += PAGE


def _needed_by_occurrence(ctx: RunContext, period: Record) -> bool:
    """Return whether an unfinished occurrence has, or is to have, its run on this thread."""
    query = {UID: ctx.settings.uid, STATE: ACTIVE, THREAD_ID: period.id}
    return bool(ctx.api.search_threads(query, limit=1))


def _in_use(ctx: RunContext, record: Record) -> bool:
    """Return whether a thread has a live run, or waits for a person.

    One that looks idle is asked too: somebody may have gone on with it in a moment.
    """
    if any(run.get("status") in LIVE for run in ctx.api.runs(record.id, limit=20)):
        return True
    return waits_for_human(record.thread) or at_breakpoint(ctx, record.thread)
