"""The end of a pod's work: the record, the report, and the reaction to SIGTERM."""

from collections.abc import Callable
from typing import Final, TypeVar

from graphcron.contract import Outcome, Report
from graphcron.runner.client.errors import CertificateError, RequestRejected, RunEnded, RunResult, Unanswered
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.times import rfc3339, seconds_of
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.outcome import LIVE, tokens_of
from graphcron.runner.occurrence.record_thread import (
    ACCEPTED,
    AWAITED_FOR,
    DELETE_AFTER,
    RUN_ID,
    THREAD_ID,
    WITHDRAWN,
    closed_by,
    delete_after,
    stopped_mark,
)
from graphcron.runner.occurrence.shutdown import STOP_SECONDS
from graphcron.runner.run import follow
from graphcron.runner.run.retry import left_to_next_pod
from graphcron.runner.run.start import adopt, find_later_run

HURRY_SECONDS: Final = 3.0
"""How long to wait for one answer after SIGTERM."""

CLOSE_SECONDS: Final = 5.0
"""How long the last write to the record can take."""

RESUME_SECONDS: Final = 60
"""With ``Queue``, how long after the pod is stopped its occurrence keeps its place: the next pod resumes the run."""

DOUBT_SECONDS: Final = 5.0
"""How long to look, after SIGTERM, for a run whose POST was active."""

T = TypeVar("T")


def stopped(ctx: RunContext) -> RunResult:
    """Mark the record and cancel the run, so that it can be resumed; a run that is over keeps its result."""
    ctx.client.give_up_at(ctx.clock.now() + STOP_SECONDS)
    ctx.api.limit_timeouts(HURRY_SECONDS)
    ctx.log("stopping", in_doubt=ctx.state.in_doubt)
    try:
        if ctx.state.run is None or ctx.state.in_doubt:
            _find_run(ctx)
        if ctx.state.run is None:
            return _stopped_before_start(ctx)
        return left_to_next_pod(ctx, _cancel(ctx))
    except (RunEnded, RequestRejected, CertificateError) as error:
        ctx.log("stop-failed", level="error", error=str(error))
        message = (
            "the pod was told to stop and could not cancel the run" if ctx.state.run else "the pod was told to stop"
        )
        return RunResult(Outcome.STOPPED, "NotCancelled" if ctx.state.run else "", message)


def _find_run(ctx: RunContext) -> None:
    """Find a run that the pod does not know: created a moment ago, or by an earlier pod."""
    known = ctx.state.run_id
    until = ctx.clock.now() + (DOUBT_SECONDS if ctx.state.in_doubt else 0)

    def find() -> Json | None:
        while True:
            run = find_later_run(ctx, known)
            if run or ctx.clock.now() >= until:
                return run
            ctx.clock.sleep(0.5)

    run = ctx.client.until(until, find)  # without any contact so far, there is time for one try
    if run:
        ctx.read_record()
        adopt(ctx, run)


def _stopped_before_start(ctx: RunContext) -> RunResult:
    """If there is no run, mark the record so that the next pod does not wait for this one."""
    if ctx.state.created_record and not ctx.state.in_doubt:
        ctx.update_record({WITHDRAWN: ctx.settings.pod})
    return RunResult(Outcome.STOPPED, "", "the pod was told to stop before it started a run")


def _cancel(ctx: RunContext) -> RunResult:
    thread_id, run_id = ctx.settings.thread_id, ctx.state.run_id
    run = ctx.client.run(thread_id, run_id)
    if run is not None and run.get("status") in LIVE:
        # In one request, since the record can still name an older run.
        note = {
            RUN_ID: ctx.state.run_id,
            THREAD_ID: ctx.settings.thread_id,
            ACCEPTED: ctx.state.accepted or str(run["created_at"]),
        }
        if ctx.settings.request.concurrencyPolicy == "Queue":
            note[AWAITED_FOR] = str(RESUME_SECONDS)
        ctx.update_record({**note, **stopped_mark(ctx.state.run_id, ctx.settings.pod)})
        run = ctx.client.cancel(ctx.settings.thread_id, ctx.state.run_id)
    return follow.judge(ctx, run)


def report(ctx: RunContext, result: RunResult) -> Report:
    """Return the report of the pod."""
    finished: float | None = None
    if ctx.state.run and ctx.state.run.get("updated_at") and ctx.state.accepted:
        finished = seconds_of(ctx.state.run["updated_at"]) - seconds_of(ctx.state.accepted)
    awaited = result.outcome is Outcome.INTERRUPTED or result.reason == "ThreadAwaitsHuman"
    report = Report(
        outcome=result.outcome,
        message=result.message,
        reason=result.reason,
        scheduledTime=rfc3339(ctx.settings.scheduled),
        runId=ctx.state.run_id,
        threadId=ctx.settings.thread_id if ctx.state.run or awaited else "",
        startTime=rfc3339(seconds_of(ctx.state.accepted)) if ctx.state.accepted else "",
        durationSeconds=None if finished is None else round(max(finished, 0.0), 1),
        attempts=ctx.state.attempt if ctx.state.attempt > 1 else None,
        awaited=awaited or None,
    )
    if ctx.spending:
        from graphcron.runner.budget import budget

        return report._replace(
            message=budget.message_with_usage(ctx.spending, result), **budget.report_members(ctx.spending)
        )
    tokens = _tokens(ctx)
    return report._replace(tokens=tokens, tokensAtLeast=None if tokens is None else True)


def _tokens(ctx: RunContext) -> int | None:
    """Count the tokens in the thread's messages, except on a shared one, which has other runs' messages too."""
    if ctx.state.run is None or ctx.settings.shares_thread or ctx.shutdown.requested:
        return None
    return attempt(ctx, lambda: tokens_of(ctx.api.state(ctx.settings.thread_id)))


def close_record(ctx: RunContext, result: RunResult) -> None:
    """Write the outcome onto the record, if the server answers in time."""
    if ctx.state.run is None or result.outcome in (Outcome.STOPPED, Outcome.INTERNAL_ERROR, Outcome.SERVER_UNREACHABLE):
        return  # the holder of the right has closed it, or the run can be active and must be found
    ctx.client.give_up_at(ctx.clock.now() + CLOSE_SECONDS)
    note = {
        RUN_ID: ctx.state.run_id,  # a late request can have named an older run
        THREAD_ID: ctx.settings.thread_id,
        DELETE_AFTER: delete_after(ctx.settings, max(ctx.settings.requested, ctx.clock.now())),
    }
    attempt(ctx, lambda: ctx.update_record({**note, **closed_by(result)}))


def attempt(ctx: RunContext, call: Callable[[], T]) -> T | None:
    """Make a call whose failure does not change the outcome."""
    try:
        return call()
    except (RunEnded, Unanswered, RequestRejected, CertificateError) as error:
        ctx.log("cleanup-failed", level="warning", error=str(error))
        return None
