"""Trying again what failed, where the GraphCron allows it: one further run after each failed one, and never more.

A further run is claimed as a resume is, under a name that follows from the run before it. So pods that are killed or
doubled meet, and the number of runs stands on the record and on the runs themselves.
"""

from typing import Any, Final

from graphcron.contract import Outcome
from graphcron.runner.admission import turns
from graphcron.runner.admission.checks import before_further_run, before_start, check_not_ended, within_budget
from graphcron.runner.client.errors import RequestRejected, RunEnded, RunResult
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.times import seconds_of
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.record_thread import LATE_SECONDS, OCCURRENCE
from graphcron.runner.run.at_most_once import Start, start_once
from graphcron.runner.run.resume import body_after, has_checkpoint_of, start_after, wait_until_idle
from graphcron.runner.run.start import adopt, find_follow_up, find_run, find_unrecorded_run

FIRST_SECONDS: Final = 2.0
"""Pause before the first further run; each later one's is twice as long."""

LONGEST_SECONDS: Final = 60.0
"""Longest pause."""


def should_retry(ctx: RunContext, result: RunResult) -> bool:
    """Return whether an ending is one after which to try again, and whether a try is left."""
    if ctx.state.attempt > ctx.settings.request.retryAttempts or (ctx.spending and ctx.spending.exhausted):
        return False
    return _is_retriable(ctx, result)


def _is_retriable(ctx: RunContext, result: RunResult) -> bool:
    """Return whether an ending is one after which this occurrence tries again at all."""
    request = ctx.settings.request
    if not request.retryAttempts:
        return False
    if result.outcome is Outcome.GRAPH_ERROR:
        return request.retryOnGraphError
    return result.outcome is Outcome.TIMEOUT or result[:2] == (Outcome.CANCELLED, "RunNotFound")


def left_to_next_pod(ctx: RunContext, result: RunResult) -> RunResult:
    """Return the ending for a pod that was told to stop: a try that is left is the next pod's."""
    if ctx.state.run is None or not should_retry(ctx, result):
        return result
    return RunResult(Outcome.STOPPED, "", "the pod was told to stop before it tried again")


def backoff(attempt: int, jitter: float) -> float:
    """Return the seconds to wait after the run of this number, with a jitter between 0 and 1."""
    return min(FIRST_SECONDS * (1 << attempt - 1), LONGEST_SECONDS) * (0.5 + jitter / 2)


def start_retry(ctx: RunContext, result: RunResult, value: Any) -> bool:
    """Start one more run after ``ctx.state.run``, or find the one that another pod has started; False: there is none.

    Raises
    ------
    RunEnded
        Another pod has ended the occurrence, or the next one has.
    """
    failed, attempt = ctx.state.run, ctx.state.attempt + 1
    if failed is None or not _is_retriable(ctx, result):
        return False
    # Also where no try is left: a mark that a dead pod sent late can name an earlier run on the record.
    later = find_follow_up(ctx, str(failed["run_id"]))
    if later:  # another pod of ours has tried again
        adopt(ctx, later)
        return True
    if not should_retry(ctx, result):
        return False
    pause = backoff(ctx.state.attempt, ctx.random.random())
    try:
        check_not_ended(ctx, str(failed["run_id"]))
        turns.reserve(ctx, pause)
        ctx.log("retrying", attempt=attempt, after=result.outcome.value, seconds=round(pause, 1))
        ctx.sleep(pause)
        run = _further_run(ctx, failed, result, value, attempt)
    except RunEnded as ended:
        if ended.result.outcome is not Outcome.SKIPPED:
            raise
        ctx.log("not-retried", level="warning", reason=ended.result.reason, message=ended.result.message)
        return False
    except RequestRejected as error:
        if error.status not in (409, 422):  # a thread with a newer run; a server that can't resume
            raise
        ctx.log("not-retried", level="warning", reason=f"HTTP{error.status}")
        return False
    ctx.log("retried", run=run["run_id"], failed=failed["run_id"], attempt=attempt)
    adopt(ctx, run, attempt=attempt)
    return True


def _further_run(ctx: RunContext, failed: Json, result: RunResult, value: Any, attempt: int) -> Json:
    within_budget(ctx)
    wait_until_idle(ctx)
    lost = result.outcome is Outcome.CANCELLED
    begun = ctx.settings.request.retryResume and _has_checkpoint(ctx, failed, lost=lost)
    body = body_after(ctx, str(failed["run_id"]), value, begun=begun, attempt=attempt)
    if ctx.read_record() is None:
        if not lost and ctx.clock.now() > ctx.settings.deadline + LATE_SECONDS:  # closed, and deleted since
            raise RunEnded(Outcome.SKIPPED, "RecordNotFound", "the record of how the occurrence ended is gone")
        return _start_over(ctx, failed, body)
    return start_after(ctx, failed, body, lambda: before_further_run(ctx, failed, from_checkpoint=True))


def _has_checkpoint(ctx: RunContext, failed: Json, *, lost: bool) -> bool:
    """Return whether there is a checkpoint to go on from; a run that is gone may have left some."""
    if lost:
        ours = {OCCURRENCE: ctx.settings.occurrence}
        if ctx.client.thread(ctx.settings.thread_id) is None:
            return False
        return ctx.client.has_checkpoint(ctx.settings.thread_id, ours)
    return has_checkpoint_of(ctx, failed)


def _start_over(ctx: RunContext, failed: Json, body: Json) -> Json:
    """Claim the occurrence again: the server has lost all that it knew of it, its record too."""

    def find_unrecorded() -> Json | None:
        run = find_unrecorded_run(ctx)
        return run if run and seconds_of(run["created_at"]) > seconds_of(failed["created_at"]) else None

    plan = Start(
        name=ctx.settings.occurrence,
        find=lambda: find_run(ctx),
        find_unrecorded=find_unrecorded,
        check=lambda: before_start(ctx),
        check_deadline=lambda: None,
        on_rejected=lambda error: error,
        close=lambda _: None,
        body=body,
    )
    return start_once(ctx, plan)
