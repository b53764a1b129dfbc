"""Other occurrences of the GraphCron that are under way, and what ``concurrencyPolicy`` has us do about them.

What counts is the run on the server: its pod and Job may be long gone. An occurrence is also under way while it waits
for a place, or pauses before it tries again.
"""

from typing import Final

from graphcron.contract import Outcome
from graphcron.runner import turns
from graphcron.runner.failures import Ended
from graphcron.runner.identity import lock_id, resume_name
from graphcron.runner.lookup import cancel, run_of
from graphcron.runner.record import (
    ACTIVE,
    AWAITED_UNTIL,
    ENDED_RUN,
    ENDED_WHY,
    NO_RUN,
    OCCURRENCE,
    RUN_ID,
    SCHEDULED,
    STATE,
    TRIGGER,
    UID,
    WAITING,
    Record,
    new_lock,
)
from graphcron.runner.server import Json
from graphcron.runner.tick import Tick
from graphcron.runner.verdict import LIVE

PREDECESSORS: Final = 100
"""At most so many unfinished records are looked at."""


Active = tuple[Record, Json | None]
"""Another occurrence that is under way: its record, and its run, if that is not over; None: it waits for a place, or
for its next run. (A named tuple would cost a tick half a millisecond.)"""


def check_predecessors(tick: Tick, *, again: bool = False) -> None:
    """Apply ``concurrencyPolicy`` to each other occurrence of this GraphCron that is under way.

    Parameters
    ----------
    tick
        Who wants to start.
    again
        Ours is under way itself, and wants a further run: nobody is replaced then.
    """
    query = {UID: tick.settings.uid, STATE: ACTIVE}
    found = [Record(thread) for thread in tick.ask(lambda: tick.server.search_threads(query, limit=PREDECESSORS))]
    own = next((record for record in found if record.id == tick.record_id), None) or tick.read_record()
    if own:
        see_replaced(own)
    turn = turns.turn_of(tick, own, holds=again) if own else None
    replace = tick.settings.request.concurrencyPolicy == "Replace" and not again
    for record in found:
        if record.id == tick.record_id:
            continue
        active = _active(tick, record, turn)
        while active and replace:
            _replace(tick, active)
            active = _active(tick, _read(tick, record.id), turn)
        if active:
            raise Ended(Outcome.SKIPPED, "PredecessorActive", f"the run {_of(record)} has not finished")


def see_replaced(own: Record) -> None:
    """Raise Ended where the next occurrence took our place before we had a run."""
    if own.text(ENDED_RUN) == NO_RUN:
        raise Ended(Outcome.SKIPPED, "Replaced", "the next occurrence took its place before it started")


def _active(tick: Tick, record: Record | None, turn: turns.Turn | None) -> Active | None:
    """Tell whether another occurrence is under way; wait for one that is about to start, and goes first."""
    began = tick.clock.steady()
    while record is not None and record.text(STATE) == ACTIVE:
        run = run_of(tick, record)
        if run is not None and run.get("status") in LIVE:
            return record, run
        if turns.awaited(record, tick.clock.now()) and not (turn and turn.holds and record.made > turn.made):
            return record, None
        if run or not turn or not turns.goes_first(record, turn, turn.now + tick.clock.steady() - began):
            return None
        if record.text(WAITING):
            return record, None
        tick.sleep(min(0.5, tick.settings.grace / 10))
        record = _read(tick, record.id)
    return None


def _read(tick: Tick, record_id: str) -> Record | None:
    thread = tick.ask(lambda: tick.server.thread(record_id))
    return Record(thread) if thread else None


def _replace(tick: Tick, active: Active) -> None:
    """End another occurrence; its own pod reads on the record why."""
    record, run = active
    run_id = str(run["run_id"]) if run else record.text(RUN_ID) or NO_RUN
    mark = {ENDED_RUN: run_id, ENDED_WHY: "Replaced", **({AWAITED_UNTIL: ""} if record.text(AWAITED_UNTIL) else {})}
    tick.ask(lambda: tick.server.patch_thread(record.id, mark))
    tick.log("predecessor-replaced", run=run_id, scheduled=record.text(SCHEDULED))
    if run:
        cancel(tick, str(run["thread_id"]), run_id)
    elif run_id == NO_RUN or not _take_turn(tick, record, run_id):
        _await_end(tick, record)


def _await_end(tick: Tick, record: Record) -> None:
    """Wait until its pod has read that it is to end, or has made its run all the same, or can make none any more."""
    began = tick.clock.steady()
    while tick.clock.steady() - began < tick.settings.grace:
        tick.sleep(min(0.5, tick.settings.grace / 10))
        found = _read(tick, record.id)
        run = run_of(tick, found) if found and found.text(STATE) == ACTIVE else None
        if found is None or found.text(STATE) != ACTIVE or (run and run.get("status") in LIVE):
            return


def _take_turn(tick: Tick, record: Record, run_id: str) -> bool:
    """Take from a predecessor the right to follow up its run; False: one of its pods has it, and may use it yet."""
    lock = lock_id(resume_name(record.text(OCCURRENCE), run_id), 0)
    metadata = new_lock(tick.settings, tick.clock.now())
    return tick.ask(lambda: tick.server.create_thread(lock, metadata), soon=True)


def _of(record: Record) -> str:
    at = record.text(SCHEDULED)
    return f"that somebody asked for at {at}" if record.text(TRIGGER) else f"of {at}"
