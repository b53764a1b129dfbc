"""Other active occurrences of the GraphCron, and ``concurrencyPolicy``.

The run on the server counts: its pod and Job can be gone. An occurrence is also active while it waits for a slot or for
a retry.
"""

from typing import Final

from graphcron.contract import Outcome
from graphcron.runner.admission import turns
from graphcron.runner.client.errors import RunEnded
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.times import seconds_of
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.identity import lock_id, resume_name
from graphcron.runner.occurrence.lookup import run_of
from graphcron.runner.occurrence.outcome import LIVE
from graphcron.runner.occurrence.record_thread import (
    ACTIVE,
    AWAITED_FOR,
    DONE,
    NO_RUN,
    OCCURRENCE,
    RUN_ID,
    STATE,
    THREAD_ID,
    TRIGGER,
    TTL_MINUTES,
    UID,
    WAITING,
    Record,
    closed_by,
    ended_mark,
    new_lock,
)

PREDECESSORS: Final = 100
"""Maximum number of records to look at."""

PROMPT_SECONDS: Final = 2.0
"""A pod that looks this soon after its time was not held back by an earlier Job."""

Active = tuple[Record, Json | None]
"""Another active occurrence: its record and its last run. None, or a run that is over: it waits for a slot, or for its
next run. (A named tuple would cost half a millisecond at the start of each pod.)"""


def check_predecessors(ctx: RunContext, *, again: bool = False) -> None:
    """Apply ``concurrencyPolicy`` to each other active occurrence of this GraphCron.

    Parameters
    ----------
    again
        It is for a further run of an active occurrence, which replaces nothing.
    """
    query = {UID: ctx.settings.uid, STATE: ACTIVE}
    found = [Record(thread) for thread in ctx.client.search_threads(query, limit=PREDECESSORS)]
    own = next((record for record in found if record.id == ctx.settings.record_id), None) or ctx.read_record()
    if own:
        check_not_over(own)
    turn = turns.turn_of(ctx, own, reserved=again) if own else None
    replace = ctx.settings.request.concurrencyPolicy == "Replace" and not again
    for record in found:
        if record.id == ctx.settings.record_id:
            continue
        active = _active(ctx, record, turn)
        while active and replace:
            _replace(ctx, active)
            active = _active(ctx, _read(ctx, record.id), turn)
        if active:
            raise _predecessor_active(record, "has not finished")
    if ctx.settings.request.concurrencyPolicy == "Forbid" and not again:
        _check_time_of_schedule(ctx, found)


def _check_time_of_schedule(ctx: RunContext, unfinished: list[Record]) -> None:
    """Skip an occurrence that was due while an earlier run was active, though that is over now.

    The CronJob controller creates no Job while one is active, and then creates the last one that it held back.
    """
    settings = ctx.settings
    due = settings.scheduled
    if settings.is_requested or settings.requested != due or ctx.clock.now() - due <= PROMPT_SECONDS:
        return
    query = {UID: settings.uid, STATE: DONE}
    finished = ctx.client.search_threads(query, limit=PREDECESSORS)
    for record in (*unfinished, *map(Record, finished)):
        if record.id != ctx.settings.record_id and _was_active(ctx, record, due):
            raise _predecessor_active(record, "had not finished when this one was due")


def _was_active(ctx: RunContext, record: Record, moment: int) -> bool:
    """Return whether the run of another occurrence, which is over, was active at a time."""
    run_id, closed = record.text(RUN_ID), record.text(STATE) == DONE
    if record.created[0] >= moment or (closed and (record.updated <= moment or not run_id)):
        return False
    if closed:  # by the pod that followed the last run; a newer one belongs to a user
        run = ctx.client.run(record.text(THREAD_ID) or record.id, run_id)
    else:
        run = run_of(ctx.client, ctx.settings, record)
    return run is not None and seconds_of(run.get("updated_at") or run["created_at"]) > moment


def _predecessor_active(record: Record, what: str) -> RunEnded:
    return RunEnded(Outcome.SKIPPED, "PredecessorActive", f"the run {description_of(record)} {what}")


def check_not_over(own: Record) -> None:
    """Raise RunEnded if another pod of the occurrence has ended it, or the next occurrence has replaced it."""
    check_not_closed(own)
    if own.ended_why(NO_RUN):
        raise replaced(had_run=False)


def check_not_closed(own: Record | None) -> None:
    """Raise RunEnded if another pod of the occurrence has ended it."""
    if own and own.outcome:
        raise RunEnded(own.outcome, own.reason, "an earlier pod of this occurrence ended so")


def _active(ctx: RunContext, record: Record | None, turn: turns.Turn | None) -> Active | None:
    """Return another occurrence if it is active; wait for one that is about to start, and has priority."""
    while record is not None and record.text(STATE) == ACTIVE:
        run = run_of(ctx.client, ctx.settings, record)
        now = turn.now(ctx.clock.steady()) if turn else record.updated
        is_live = run is not None and run.get("status") in LIVE
        if is_live or (turn and turns.precedes(record, turn, now)):
            return record, run
        if turn and turns.may_precede(record, turn, now):
            turns.wait(ctx, "", float("inf"), reserved=True)
            record = _read(ctx, record.id)
            continue
        if run or not turn:
            return None
        first = turns.has_priority(record, turn, now)
        if first and record.text(WAITING):
            return record, None
        if first:
            ctx.sleep(min(0.5, ctx.settings.grace / 10))
        seen, record = record, _read(ctx, record.id)
        if not first and record == seen:
            return None  # an older copy of the record would not prove that it is silent
    return None


def _read(ctx: RunContext, record_id: str) -> Record | None:
    thread = ctx.client.thread(record_id)
    return Record(thread) if thread else None


def _replace(ctx: RunContext, active: Active) -> None:
    """End another occurrence, whose own pod reads the reason from the record."""
    record, run = active
    run_id = str(run["run_id"]) if run else record.text(RUN_ID) or NO_RUN
    live = run if run and run.get("status") in LIVE else None
    # Without a live run, the next one may have been requested: it keeps its slot until the record is closed.
    mark = {**ended_mark(run_id, "Replaced"), **({AWAITED_FOR: ""} if live and record.text(AWAITED_FOR) else {})}
    ctx.client.patch_thread(record.id, mark)
    ctx.log("predecessor-replaced", run=run_id, scheduled=record.scheduled)
    if live:
        ctx.client.cancel(str(live["thread_id"]), run_id)
    else:
        _take_over(ctx, record, run_id)


def _take_over(ctx: RunContext, record: Record, run_id: str) -> None:
    """Take a predecessor's right to start its next run, and close its record, or return once it has a run.

    A pod of the predecessor loses the right after the grace time. Later ones find the lock of this occurrence.
    """
    number = 1 if run_id == NO_RUN else 0  # the record itself is the first lock
    while not _take_lock(ctx, record, run_id, number):
        number += 1
    began = ctx.clock.steady()
    while ctx.clock.steady() - began < ctx.settings.grace:
        ctx.sleep(min(0.5, ctx.settings.grace / 10))
        found = _read(ctx, record.id)
        run = run_of(ctx.client, ctx.settings, found) if found and found.text(STATE) == ACTIVE else None
        if found is None or found.text(STATE) != ACTIVE or (run and run.get("status") in LIVE):
            return
    result = replaced(had_run=run_id != NO_RUN).result
    ctx.client.patch_thread(record.id, closed_by(result))


def _take_lock(ctx: RunContext, record: Record, run_id: str, number: int) -> bool:
    occurrence = record.text(OCCURRENCE)
    lock = lock_id(occurrence if run_id == NO_RUN else resume_name(occurrence, run_id), number)
    metadata = new_lock(ctx.settings, ctx.clock.now())
    return ctx.client.create_thread(lock, metadata, ttl=TTL_MINUTES)


def replaced(*, had_run: bool) -> RunEnded:
    """Return the end of an occurrence that the next one has replaced."""
    if had_run:
        return RunEnded(Outcome.CANCELLED, "Replaced", "the next occurrence took its place")
    return RunEnded(Outcome.SKIPPED, "Replaced", "the next occurrence took its place before it started")


def description_of(record: Record) -> str:
    """Return which run it is, in words that follow "the run"."""
    return f"requested at {record.scheduled}" if record.text(TRIGGER) else f"of {record.scheduled}"
