"""What may forbid to start: the schedule's own bounds, a predecessor that still runs, a thread that waits for a person.

They are for starting only: a pod that finds its occurrence's run goes straight to following it.
"""

from graphcron.contract import Outcome
from graphcron.runner.admission import turns
from graphcron.runner.admission.predecessors import check_predecessors, replaced
from graphcron.runner.client.errors import RunEnded
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.times import rfc3339, seconds_of
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.outcome import waits_for_human
from graphcron.runner.occurrence.record_thread import (
    ENDED_RUN,
    ENDED_WHY,
    KIND,
    KIND_PERIOD,
    OCCURRENCE,
    SCHEDULED,
    owner_metadata,
)
from graphcron.runner.occurrence.settings import Settings


def within_schedule(settings: Settings) -> None:
    """Refuse an occurrence that the schedule does not have: too early, too late, or in an excluded time.

    A person's request is none of the schedule's.

    Raises
    ------
    RunEnded
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


def before_start(ctx: RunContext) -> None:
    """Make all checks that need the server; after a wait for a place, those before it once more.

    Raises
    ------
    RunEnded
    """
    turns.ensure_registered(ctx)
    while True:
        within_budget(ctx)  # first: nothing is replaced by a run that may not start
        if ctx.settings.request.concurrencyPolicy != "Allow":
            check_predecessors(ctx)
        if ctx.settings.shares_thread:
            check_thread(ctx)
        if not acquire_slot(ctx, ctx.settings.deadline):
            return


def before_further_run(ctx: RunContext, run: Json, *, from_checkpoint: bool) -> None:
    """Make all checks before a further run of the occurrence, after this one.

    Parameters
    ----------
    ctx
        Who wants to start.
    run
        The run that was stopped, or failed.
    goes_on
        The further run depends on what is on the thread: nobody else may have used it since.

    Raises
    ------
    RunEnded
        Skipped: it can't be now, which leaves the occurrence with the run that it has had.
    """
    turns.reserve(ctx)
    until = ctx.clock.now() + ctx.settings.request.startingDeadlineSeconds
    while True:
        check_not_ended(ctx, str(run["run_id"]))
        if ctx.settings.request.concurrencyPolicy != "Allow":
            check_predecessors(ctx, again=True)
        if ctx.settings.shares_thread:
            check_thread(ctx, after=run if from_checkpoint else None)
        if not acquire_slot(ctx, until, reserved=True):
            return


def within_budget(ctx: RunContext) -> None:
    """See that the budget's window is not used up."""
    if ctx.spending:
        from graphcron.runner.budget import budget

        budget.check(ctx.spending)


def acquire_slot(ctx: RunContext, until: float, *, reserved: bool = False) -> bool:
    """Wait for a place on the server; tell whether we had to."""
    limit = ctx.settings.request.maxConcurrentRuns
    if limit is None:
        return False
    from graphcron.runner.admission import capacity

    return capacity.acquire_slot(ctx, limit, until, reserved=reserved)


def check_not_ended(ctx: RunContext, run_id: str) -> None:
    """Raise RunEnded where another pod has ended the occurrence meanwhile, ours or the next one's."""
    record = ctx.read_record()
    if record and record.outcome:
        raise RunEnded(record.outcome, record.reason, "an earlier pod of this occurrence ended so")
    if record and record.text(ENDED_RUN) == run_id and record.text(ENDED_WHY) == "Replaced":
        raise replaced(had_run=True)


def check_thread(ctx: RunContext, *, after: Json | None = None) -> None:
    """See that the shared thread is there and waits for nobody; where it is to be made, make it.

    Parameters
    ----------
    ctx
        Who wants to start.
    after
        The run of ours that a further one is to follow, where nobody else may have gone on since; what the thread
        waits for is that run's then.
    """
    request = ctx.settings.request
    thread = ctx.client.thread_at_rest(ctx.settings.thread_id)
    if thread is None:
        if not (request.createThread or request.threadPer):
            raise RunEnded(
                Outcome.REJECTED,
                "ThreadNotFound",
                f"there is no thread {ctx.settings.thread_id}; set thread.create to make it",
            )
        ctx.client.create_thread(ctx.settings.thread_id, _made_for(ctx), if_exists="do_nothing")
        return
    if after:
        if _moved_on(ctx, after):
            raise _skipped("ThreadMovedOn", "the thread has a newer run since, of somebody else")
        return
    if request.onInterrupted != "proceed" and (waits_for_human(thread) or at_breakpoint(ctx, thread)):
        raise _skipped("ThreadAwaitsHuman", "the thread waits for a person, whose answer new input would discard")


def _made_for(ctx: RunContext) -> dict[str, str]:
    """Return the metadata of a period's thread: its runs get them too, so they name no occurrence."""
    if ctx.settings.request.threadPer is None:
        return {}
    return {**owner_metadata(ctx.settings), KIND: KIND_PERIOD, SCHEDULED: rfc3339(ctx.settings.scheduled)}


def _moved_on(ctx: RunContext, after: Json) -> bool:
    newest = next(iter(ctx.client.runs(ctx.settings.thread_id, limit=1)), None)
    if newest is None or newest.get("run_id") == after["run_id"]:
        return False
    ours = (newest.get("metadata") or {}).get(OCCURRENCE) == ctx.settings.occurrence
    return not ours and seconds_of(newest["created_at"]) > seconds_of(after["created_at"])


def at_breakpoint(ctx: RunContext, thread: Json) -> bool:
    """Return whether a graph stopped at interrupt_before or interrupt_after: it lists no interrupts.

    The thread of a cancelled run looks the same, but for the run.
    """
    if thread.get("status") != "interrupted":
        return False
    newest = ctx.client.runs(str(thread["thread_id"]), limit=1)
    return bool(newest) and newest[0].get("status") == "success"


def _skipped(reason: str, message: str) -> RunEnded:
    return RunEnded(Outcome.SKIPPED, reason, message)
