"""What may forbid to start: the schedule's own bounds, a predecessor that still runs, a thread that waits for a person.

They are for starting only: a pod that finds its occurrence's run goes straight to following it.
"""

from graphcron.contract import Outcome
from graphcron.runner.admission import turns
from graphcron.runner.admission.predecessors import check_predecessors, replaced
from graphcron.runner.client.errors import Ended
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.times import rfc3339, seconds_of
from graphcron.runner.occurrence.context import Tick
from graphcron.runner.occurrence.outcome import waits_for_human
from graphcron.runner.occurrence.record_thread import (
    ENDED_RUN,
    ENDED_WHY,
    KIND,
    KIND_PERIOD,
    OCCURRENCE,
    SCHEDULED,
    whose,
)
from graphcron.runner.occurrence.settings import Settings


def within_schedule(settings: Settings) -> None:
    """Refuse an occurrence that the schedule does not have: too early, too late, or in an excluded time.

    A person's request is none of the schedule's.

    Raises
    ------
    Ended
        Skipped/ScheduleIsYounger, NotYetActive, NoLongerActive or Excluded.
    """
    request, at = settings.request, settings.scheduled
    if settings.trigger:
        return
    if request.notBefore and at < seconds_of(request.notBefore):
        raise _skipped("ScheduleIsYounger", f"was due before its schedule took effect ({request.notBefore})")
    if request.startTime and at < seconds_of(request.startTime):
        raise _skipped("NotYetActive", f"was due before the campaign's begin ({request.startTime})")
    if request.notAfter and at >= seconds_of(request.notAfter):
        raise _skipped("NoLongerActive", f"was due after the end of the campaign ({request.notAfter})")
    for start, end in request.excludes:
        if seconds_of(start) <= at < seconds_of(end):
            raise _skipped("Excluded", f"was due in a time that is excluded (from {start} to {end})")


def before_start(tick: Tick) -> None:
    """Make all checks that need the server; after a wait for a place, those before it once more.

    Raises
    ------
    Ended
    """
    turns.announced(tick)
    while True:
        within_budget(tick)  # first: nothing is replaced by a run that may not start
        if tick.settings.request.concurrencyPolicy != "Allow":
            check_predecessors(tick)
        if tick.shared:
            check_thread(tick)
        if not await_place(tick, tick.settings.deadline):
            return


def before_again(tick: Tick, run: Json, *, goes_on: bool) -> None:
    """Make all checks before a further run of the occurrence, after this one.

    Parameters
    ----------
    tick
        Who wants to start.
    run
        The run that was stopped, or failed.
    goes_on
        The further run depends on what is on the thread: nobody else may have used it since.

    Raises
    ------
    Ended
        Skipped: it can't be now, which leaves the occurrence with the run that it has had.
    """
    turns.hold(tick)
    until = tick.clock.now() + tick.settings.request.startingDeadlineSeconds
    while True:
        see_ended(tick, str(run["run_id"]))
        if tick.settings.request.concurrencyPolicy != "Allow":
            check_predecessors(tick, again=True)
        if tick.shared:
            check_thread(tick, after=run if goes_on else None)
        if not await_place(tick, until, holds=True):
            return


def within_budget(tick: Tick) -> None:
    """See that the budget's window is not used up."""
    if tick.spending:
        from graphcron.runner.budget import budget

        budget.check(tick)


def await_place(tick: Tick, until: float, *, holds: bool = False) -> bool:
    """Wait for a place on the server; tell whether we had to."""
    limit = tick.settings.request.maxConcurrentRuns
    if limit is None:
        return False
    from graphcron.runner.admission import capacity

    return capacity.await_place(tick, limit, until, holds=holds)


def see_ended(tick: Tick, run_id: str) -> None:
    """Raise Ended where another pod has ended the occurrence meanwhile, ours or the next one's."""
    record = tick.read_record()
    if record and record.outcome:
        raise Ended(record.outcome, record.reason, "an earlier pod of this occurrence ended so")
    if record and record.text(ENDED_RUN) == run_id and record.text(ENDED_WHY) == "Replaced":
        raise replaced(had_run=True)


def check_thread(tick: Tick, *, after: Json | None = None) -> None:
    """See that the shared thread is there and waits for nobody; where it is to be made, make it.

    Parameters
    ----------
    tick
        Who wants to start.
    after
        The run of ours that a further one is to follow, where nobody else may have gone on since; what the thread
        waits for is that run's then.
    """
    request = tick.settings.request
    thread = tick.ask(lambda: tick.server.thread_at_rest(tick.thread_id))
    if thread is None:
        if not (request.createThread or request.threadPer):
            raise Ended(
                Outcome.REJECTED, "ThreadNotFound", f"there is no thread {tick.thread_id}; set thread.create to make it"
            )
        tick.ask(lambda: tick.server.create_thread(tick.thread_id, _made_for(tick), if_exists="do_nothing"), soon=True)
        return
    if after:
        if _moved_on(tick, after):
            raise _skipped("ThreadMovedOn", "the thread has a newer run since, of somebody else")
        return
    if request.onInterrupted != "proceed" and (waits_for_human(thread) or at_breakpoint(tick, thread)):
        raise _skipped("ThreadAwaitsHuman", "the thread waits for a person, whose answer new input would discard")


def _made_for(tick: Tick) -> dict[str, str]:
    """Return the metadata of a period's thread: its runs get them too, so they name no occurrence."""
    if tick.settings.request.threadPer is None:
        return {}
    return {**whose(tick.settings), KIND: KIND_PERIOD, SCHEDULED: rfc3339(tick.settings.scheduled)}


def _moved_on(tick: Tick, after: Json) -> bool:
    newest = next(iter(tick.ask(lambda: tick.server.runs(tick.thread_id, limit=1))), None)
    if newest is None or newest.get("run_id") == after["run_id"]:
        return False
    ours = (newest.get("metadata") or {}).get(OCCURRENCE) == tick.settings.occurrence
    return not ours and seconds_of(newest["created_at"]) > seconds_of(after["created_at"])


def at_breakpoint(tick: Tick, thread: Json) -> bool:
    """Tell whether a graph stopped at interrupt_before or interrupt_after: it lists no interrupts.

    The thread of a cancelled run looks the same, but for the run.
    """
    if thread.get("status") != "interrupted":
        return False
    newest = tick.ask(lambda: tick.server.runs(str(thread["thread_id"]), limit=1))
    return bool(newest) and newest[0].get("status") == "success"


def _skipped(reason: str, message: str) -> Ended:
    return Ended(Outcome.SKIPPED, reason, message)
