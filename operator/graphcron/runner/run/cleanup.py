"""Delete what earlier occurrences left on the server: never this one's threads, never a thread with an active run."""

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
    NAMESPACE,
    ON_COMPLETED,
    OUTCOME,
    RUN_ID,
    STANDALONE,
    STATE,
    THREAD_ID,
    UID,
    Record,
    delete_after,
)

SECONDS: Final = 3.0
"""Time limit."""

THREADS: Final = 200
"""Maximum number of threads to look at."""

_DELETABLE: Final = (
    {KIND: KIND_LOCK},
    {KIND: KIND_SHARED},
    {OUTCOME: Outcome.SKIPPED.value},
    {OUTCOME: Outcome.REJECTED.value},
    {OUTCOME: Outcome.SUCCEEDED.value, ON_COMPLETED: "delete"},
)
"""Metadata of the records and locks that can become deletable."""

PAGE: Final = 100
"""Threads in one list request, to find those beyond the limit."""

ABANDONED_SECONDS: Final = 3600
"""An active record without an active run is closed this long after its time: no pod is left to do so."""


def is_due(record: Record, now: float, *, late: float = 0.0) -> bool:
    """Return whether no late pod can need the record or lock any more, since that long."""
    text = record.text(DELETE_AFTER)
    return bool(text) and now > seconds_of(text) + late


def is_deletable(record: Record, now: float) -> bool:
    """Return whether a finished record or lock has served its purpose."""
    if not is_due(record, now):
        return False
    if record.text(KIND) in (KIND_LOCK, KIND_SHARED):
        return True
    if not record.text(RUN_ID):
        # An empty thread.
        return record.outcome in (Outcome.SKIPPED, Outcome.REJECTED)
    return is_disposable(record)


def is_disposable(record: Record) -> bool:
    """Return whether to delete the thread of a run regardless of the limit."""
    return record.outcome is Outcome.SUCCEEDED and record.text(ON_COMPLETED) == "delete"


def beyond_limit(records: Iterable[Record], keep: int) -> Iterator[Record]:
    """Yield the threads of runs beyond the limit, from records in descending order."""
    for record in records:
        if record.text(KIND) == KIND_PERIOD or (record.text(RUN_ID) and not is_disposable(record)):
            if keep <= 0:
                yield record
            keep -= 1


def collect_garbage(ctx: RunContext) -> None:
    """Delete what is not needed any more, for a few seconds at most.

    Raises
    ------
    Unanswered, RequestRejected, CertificateError, RunEnded
        The next occurrence continues.
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
    """Close records that no pod will close, so that later occurrences need not look at them."""
    now = ctx.clock.now()
    for record in _oldest(ctx, {UID: ctx.settings.uid, STATE: ACTIVE}):
        if ctx.clock.steady() > until:
            return
        if record.id == ctx.settings.record_id or not is_due(record, now, late=ABANDONED_SECONDS):
            continue
        run = run_of(ctx.client, ctx.settings, record)
        if run is None or run.get("status") not in LIVE:
            ctx.api.patch_thread(record.id, {STATE: DONE, DELETE_AFTER: delete_after(ctx.settings, now)})


def _garbage(ctx: RunContext) -> Iterator[Record]:
    """Yield what can be deleted."""
    now = ctx.clock.now()
    for record in _oldest_done(ctx):
        if is_deletable(record, now):
            yield record
    keep = ctx.settings.request.historyThreads
    if keep is None:
        return
    per = ctx.settings.request.threadPer is not None
    records = _newest_periods(ctx) if per else _newest(ctx, {KIND: KIND_OWN, STATE: DONE})
    for record in beyond_limit(records, keep):
        if not _needed_by_occurrence(ctx, record) if per else is_due(record, now):
            yield record


def _oldest_done(ctx: RunContext) -> Iterator[Record]:
    """Yield the oldest finished records and locks of the GraphCron.

    A GraphRun without a GraphCron is the only occurrence of its UID. It finds those of all such GraphRuns in its
    namespace.
    """
    if ctx.settings.is_standalone:
        owner = {NAMESPACE: ctx.settings.namespace, STANDALONE: "true"}
    else:
        owner = {UID: ctx.settings.uid}
    records = _oldest(ctx, {**owner, STATE: DONE})
    yield from records
    if len(records) >= THREADS:  # threads that stay fill the page
        for each in _DELETABLE:
            yield from _oldest(ctx, {**owner, STATE: DONE, **each})


def _oldest(ctx: RunContext, query: dict[str, str]) -> list[Record]:
    return [Record(each) for each in ctx.api.search_threads(query, limit=THREADS, sort_order="asc")]


def _newest(ctx: RunContext, query: dict[str, str]) -> Iterator[Record]:
    """Yield all such threads, newest first; some may be skipped if others are deleted meanwhile."""
    offset = 0
    while True:
        page = ctx.api.search_threads({UID: ctx.settings.uid, **query}, limit=PAGE, offset=offset)
        yield from map(Record, page)
        if len(page) < PAGE:
            return
        offset += PAGE


def _newest_periods(ctx: RunContext) -> list[Record]:
    """Return the threads of periods, the latest period first: a GraphRun may create that of an earlier one."""
    records = _newest(ctx, {KIND: KIND_PERIOD})
    return sorted(records, key=lambda record: record.scheduled_at or record.created[0], reverse=True)


def _needed_by_occurrence(ctx: RunContext, period: Record) -> bool:
    """Return whether an active occurrence has, or will have, its run on this thread."""
    query = {UID: ctx.settings.uid, STATE: ACTIVE, THREAD_ID: period.id}
    return bool(ctx.api.search_threads(query, limit=1))


def _in_use(ctx: RunContext, record: Record) -> bool:
    """Return whether a thread has an active run, or waits for human input.

    An idle one is checked too, since someone may have started a run just now.
    """
    if any(run.get("status") in LIVE for run in ctx.api.runs(record.id, limit=20)):
        return True
    return waits_for_human(record.thread) or at_breakpoint(ctx, record.thread)
