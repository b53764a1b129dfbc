"""Retry a failed run, if the GraphCron allows it: at most one further run after each failed one.

A further run is claimed in the same way as a resume, under a name that derives from the run before it. So replaced and
duplicate pods find it. The record and the runs themselves hold the number of runs.
"""

from typing import Any, Final

from graphcron.contract import Outcome
from graphcron.runner.admission import turns
from graphcron.runner.admission.checks import before_further_run, before_start, within_budget
from graphcron.runner.admission.predecessors import check_not_closed
from graphcron.runner.client.errors import RequestRejected, RunEnded, RunResult
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.times import seconds_of
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.record_thread import LATE_SECONDS, OCCURRENCE
from graphcron.runner.run.at_most_once import Start, start_once
from graphcron.runner.run.resume import body_after, has_checkpoint_of, start_after, wait_until_idle
from graphcron.runner.run.start import adopt, find_follow_up, find_run, find_unrecorded_run

FIRST_SECONDS: Final = 2.0
"""Delay before the first retry; it doubles with each further one."""

LONGEST_SECONDS: Final = 60.0
"""Longest delay."""


def should_retry(ctx: RunContext, result: RunResult) -> bool:
    """Return whether to retry after this result, and whether a retry is left."""
    if ctx.state.attempt > ctx.settings.request.retryAttempts or (ctx.spending and ctx.spending.exhausted):
        return False
    return _is_retriable(ctx, result)


def _is_retriable(ctx: RunContext, result: RunResult) -> bool:
    """Return whether this occurrence retries after such a result at all."""
    request = ctx.settings.request
    if not request.retryAttempts:
        return False
    if result.outcome is Outcome.GRAPH_ERROR:
        return request.retryOnGraphError
    return result.outcome is Outcome.TIMEOUT or result[:2] == (Outcome.CANCELLED, "RunNotFound")


def left_to_next_pod(ctx: RunContext, result: RunResult) -> RunResult:
    """Return the result of a pod that received SIGTERM; the next pod starts the remaining retry."""
    if ctx.state.run is None or not should_retry(ctx, result):
        return result
    return RunResult(Outcome.STOPPED, "", "the pod was told to stop before it tried again")


def backoff(attempt: int, jitter: float) -> float:
    """Return the delay after the run of this number, for a jitter between 0 and 1."""
    return min(FIRST_SECONDS * (1 << attempt - 1), LONGEST_SECONDS) * (0.5 + jitter / 2)


def start_retry(ctx: RunContext, result: RunResult, value: Any) -> bool:
    """Start a further run, or find the one that another pod has started; return whether there is one.

    Raises
    ------
    RunEnded
        Another pod, of this or of the next occurrence, has ended the occurrence.
    """
    failed, attempt = ctx.state.run, ctx.state.attempt + 1
    if failed is None or not _is_retriable(ctx, result):
        return False
    # Even if no retry is left: a mark that a dead pod sent late can name an earlier run on the record.
    later = find_follow_up(ctx, str(failed["run_id"]))
    if later:  # another pod of the occurrence has retried
        adopt(ctx, later)
        return True
    if not should_retry(ctx, result):
        return False
    pause = backoff(ctx.state.attempt, ctx.random.random())
    try:
        check_not_closed(ctx.read_record())
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
    """Return whether there is a checkpoint to resume from, which a deleted run may have left too."""
    if lost:
        ours = {OCCURRENCE: ctx.settings.occurrence}
        if ctx.client.thread(ctx.settings.thread_id) is None:
            return False
        return ctx.client.has_checkpoint(ctx.settings.thread_id, ours)
    return has_checkpoint_of(ctx, failed)


def _start_over(ctx: RunContext, failed: Json, body: Json) -> Json:
    """Claim the occurrence again after the server has lost its record and its runs."""

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
