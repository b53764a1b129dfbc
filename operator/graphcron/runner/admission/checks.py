"""The checks before a run starts: schedule, budget, predecessors, thread, slot.

They apply to starts only: a pod that finds its occurrence's run follows it at once.
"""

from graphcron.contract import Outcome
from graphcron.runner.admission import turns
from graphcron.runner.admission.predecessors import check_not_closed, check_predecessors, replaced
from graphcron.runner.client.errors import RunEnded
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.times import rfc3339, seconds_of
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.outcome import waits_for_human
from graphcron.runner.occurrence.record_thread import (
    KIND,
    KIND_PERIOD,
    OCCURRENCE,
    QUEUED,
    RUN_ID,
    SCHEDULED,
    WAITING,
    owner_metadata,
)
from graphcron.runner.occurrence.settings import Settings


def within_schedule(settings: Settings) -> None:
    """Check that the schedule has this occurrence: not too early, not too late, and not in an excluded time.

    An occurrence that a person has requested is exempt.

    Raises
    ------
    RunEnded
        Skipped/ScheduleIsYounger, NotYetActive, NoLongerActive or Excluded.
    """
    request, at = settings.request, settings.scheduled
    if settings.is_requested:
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
    """Make all checks that need the server, and repeat them after a wait.

    Raises
    ------
    RunEnded
    """
    turns.ensure_registered(ctx)
    while True:
        within_budget(ctx)  # first: a run that may not start must not replace another
        if wait_for_predecessors(ctx, ctx.settings.deadline):
            continue
        if ctx.settings.request.concurrencyPolicy in ("Forbid", "Replace"):
            check_predecessors(ctx)
        if ctx.settings.shares_thread:
            check_thread(ctx)
        if not acquire_slot(ctx, ctx.settings.deadline):
            return


def before_further_run(ctx: RunContext, run: Json, *, from_checkpoint: bool) -> None:
    """Make all checks before a further run of the occurrence.

    Parameters
    ----------
    run
        The run that was stopped, or failed.
    from_checkpoint
        The further run continues from the thread's state, so nothing else may have used the thread since.

    Raises
    ------
    RunEnded
        Skipped: no further run starts, and the last run decides the outcome.
    """
    turns.reserve(ctx)
    until = ctx.clock.now() + ctx.settings.request.startingDeadlineSeconds
    while True:
        _check_not_ended(ctx, str(run["run_id"]))
        if wait_for_predecessors(ctx, until, reserved=True):
            continue
        if ctx.settings.request.concurrencyPolicy in ("Forbid", "Replace"):
            check_predecessors(ctx, again=True)
        if ctx.settings.shares_thread:
            check_thread(ctx, after=run if from_checkpoint else None)
        if not acquire_slot(ctx, until, reserved=True):
            return


def within_budget(ctx: RunContext) -> None:
    """Check that the budget of the window is not exhausted."""
    if ctx.spending:
        from graphcron.runner.budget import budget

        budget.check(ctx.spending)


def wait_for_predecessors(ctx: RunContext, until: float, *, reserved: bool = False) -> bool:
    """Wait until the predecessors have ended if the policy is ``Queue``; return whether that was necessary."""
    if ctx.settings.request.concurrencyPolicy != "Queue":
        return False
    from graphcron.runner.admission import queue_policy

    return queue_policy.wait_for_predecessors(ctx, until, reserved=reserved)


def keep_place(ctx: RunContext) -> None:
    """Register again for an occurrence of a queue, whose earlier pod waited and may be dead."""
    record = ctx.state.record
    if record and record.text(QUEUED) and record.text(WAITING) and not record.text(RUN_ID):
        turns.keep_place(ctx)


def acquire_slot(ctx: RunContext, until: float, *, reserved: bool = False) -> bool:
    """Wait for a slot on the server; return whether that was necessary."""
    limit = ctx.settings.request.maxConcurrentRuns
    if limit is None:
        return False
    from graphcron.runner.admission import capacity

    return capacity.acquire_slot(ctx, limit, until, reserved=reserved)


def _check_not_ended(ctx: RunContext, run_id: str) -> None:
    """Raise RunEnded if another pod, of this or of the next occurrence, has ended the occurrence.

    The pod must hold the right to start: without it, ``Replaced`` does not exclude that a further run was requested.
    """
    record = ctx.read_record()
    check_not_closed(record)
    if record and record.ended_why(run_id) == "Replaced":
        raise replaced(had_run=True)


def check_thread(ctx: RunContext, *, after: Json | None = None) -> None:
    """Check that the shared thread exists and does not wait for human input; create it if the request allows that.

    Parameters
    ----------
    after
        The run to continue, if nothing else may have used the thread since. An open interrupt is that run's then.
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
            raise _skipped("ThreadMovedOn", "another client has started a newer run on the thread")
        return
    if request.onInterrupted != "proceed" and (waits_for_human(thread) or at_breakpoint(ctx, thread)):
        raise _skipped("ThreadAwaitsHuman", "the thread waits for human input, whose answer new input would discard")


def _made_for(ctx: RunContext) -> dict[str, str]:
    """Return the metadata of a period's thread: they name no occurrence, since the server copies them to its runs."""
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
    """Return whether a graph stopped at interrupt_before or interrupt_after, which lists no interrupts.

    The thread of a cancelled run looks the same; only the run differs.
    """
    if thread.get("status") != "interrupted":
        return False
    newest = ctx.client.runs(str(thread["thread_id"]), limit=1)
    return bool(newest) and newest[0].get("status") == "success"


def _skipped(reason: str, message: str) -> RunEnded:
    return RunEnded(Outcome.SKIPPED, reason, message)
