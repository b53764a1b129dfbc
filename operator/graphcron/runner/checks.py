"""What may forbid to start: the schedule's own bounds, a predecessor that still runs, a thread that waits for a person.

They are for starting only: a pod that finds its occurrence's run goes straight to following it.
"""

from typing import Final

from graphcron.contract import Outcome
from graphcron.runner.failures import Ended
from graphcron.runner.lookup import cancel, newest_run
from graphcron.runner.record import (
    ACTIVE,
    ENDED_RUN,
    ENDED_WHY,
    KIND,
    KIND_SHARED,
    OCCURRENCE,
    RUN_ID,
    SCHEDULED,
    STATE,
    THREAD_ID,
    UID,
    Record,
)
from graphcron.runner.server import Json
from graphcron.runner.settings import Settings
from graphcron.runner.tick import Tick
from graphcron.runner.times import seconds_of
from graphcron.runner.verdict import LIVE, waits_for_human

PREDECESSORS: Final = 100
"""At most so many unfinished records are looked at."""


def within_schedule(settings: Settings) -> None:
    """Refuse an occurrence that was due before the schedule took effect, or after its campaign's end.

    Raises
    ------
    Ended
        Skipped/ScheduleIsYounger or Skipped/CampaignEnded.
    """
    request = settings.request
    if request.notBefore and settings.scheduled < seconds_of(request.notBefore):
        raise Ended(
            Outcome.SKIPPED, "ScheduleIsYounger", f"was due before its schedule took effect ({request.notBefore})"
        )
    if request.notAfter and settings.scheduled >= seconds_of(request.notAfter):
        raise Ended(Outcome.SKIPPED, "CampaignEnded", f"was due after the end of the campaign ({request.notAfter})")


def before_start(tick: Tick) -> None:
    """Make all checks that need the server.

    Raises
    ------
    Ended
    """
    if tick.settings.request.concurrencyPolicy != "Allow":
        check_predecessors(tick)
    if tick.shared:
        check_thread(tick)


def check_predecessors(tick: Tick) -> None:
    """Apply ``concurrencyPolicy`` to each other occurrence of this GraphCron that still runs on the server."""
    query = {UID: tick.settings.uid, STATE: ACTIVE}
    found = [Record(thread) for thread in tick.ask(lambda: tick.server.search_threads(query, limit=PREDECESSORS))]
    own = next((record for record in found if record.id == tick.record_id), None)
    for record in found:
        if record.id == tick.record_id:
            continue
        run = _live_run(tick, record, own)
        if run is None:
            continue
        if tick.settings.request.concurrencyPolicy == "Replace":
            _replace(tick, record, run)
        else:
            message = f"the run of {record.text(SCHEDULED)} has not finished"
            raise Ended(Outcome.SKIPPED, "PredecessorActive", message)


def _live_run(tick: Tick, record: Record, own: Record | None) -> Json | None:
    """Return a predecessor's run if it is not over; wait for one that is about to start."""
    began = tick.clock.steady()
    while True:
        run = _run_of(tick, record)
        if run is not None:
            return run if run.get("status") in LIVE else None
        if not _about_to_start(tick, record, own, tick.clock.steady() - began):
            return None
        tick.sleep(min(0.5, tick.settings.grace / 10))
        thread = _thread(tick, record.id)
        if thread is None or Record(thread).text(STATE) != ACTIVE:
            return None
        record = Record(thread)


def _thread(tick: Tick, thread_id: str) -> Json | None:
    return tick.ask(lambda: tick.server.thread(thread_id))


def _run_of(tick: Tick, record: Record) -> Json | None:
    shared = record.text(KIND) == KIND_SHARED
    run_id, thread_id = record.text(RUN_ID), record.text(THREAD_ID)
    if run_id:
        return tick.ask(lambda: tick.server.run(thread_id or record.id, run_id))
    if shared and not tick.settings.request.thread:
        return None  # made before the GraphCron's thread was taken away: where its run is stands nowhere
    place = tick.thread_id if shared else record.id
    return newest_run(tick, place, record.text(OCCURRENCE), seconds_of(record.text(SCHEDULED)), shared=shared)


def _about_to_start(tick: Tick, record: Record, own: Record | None, waited: float) -> bool:
    """Tell whether an earlier occurrence without a run may get one soon. A later one waits for us, not we for it."""
    if own is None or seconds_of(record.text(SCHEDULED)) >= tick.settings.scheduled:
        return False
    older_by = seconds_of(own.thread["created_at"]) - seconds_of(record.thread["created_at"])
    return older_by + waited < tick.settings.grace


def _replace(tick: Tick, record: Record, run: Json) -> None:
    """Cancel a predecessor's run and wait until it is over; its own pod reads on the record why."""
    thread_id, run_id = str(run["thread_id"]), str(run["run_id"])
    tick.ask(lambda: tick.server.patch_thread(record.id, {ENDED_RUN: run_id, ENDED_WHY: "Replaced"}))
    tick.log("predecessor-cancelled", run=run_id, scheduled=record.text(SCHEDULED))
    cancel(tick, thread_id, run_id)


def check_thread(tick: Tick) -> None:
    """See that the user's thread is there and waits for nobody."""
    thread = _thread(tick, tick.thread_id)
    if thread is None:
        if not tick.settings.request.createThread:
            raise Ended(
                Outcome.REJECTED, "ThreadNotFound", f"there is no thread {tick.thread_id}; set thread.create to make it"
            )
        tick.ask(lambda: tick.server.create_thread(tick.thread_id, {}, if_exists="do_nothing"), soon=True)
        return
    if waits_for_human(thread) or _at_breakpoint(tick, thread):
        raise Ended(
            Outcome.SKIPPED, "ThreadAwaitsHuman", "the thread waits for a person, whose answer new input would discard"
        )


def _at_breakpoint(tick: Tick, thread: Json) -> bool:
    """Tell whether a graph stopped at interrupt_before or interrupt_after: it lists no interrupts.

    The thread of a cancelled run looks the same, but for the run.
    """
    if thread.get("status") != "interrupted":
        return False
    newest = tick.ask(lambda: tick.server.runs(tick.thread_id, limit=1))
    return bool(newest) and newest[0].get("status") == "success"
