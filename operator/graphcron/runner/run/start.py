"""Start the occurrence's run, or find the one that another pod has started."""

from typing import Any, Final

from graphcron.contract import Outcome
from graphcron.runner.admission import checks
from graphcron.runner.admission.predecessors import check_not_closed
from graphcron.runner.client import answers
from graphcron.runner.client.errors import RequestRejected, RunEnded
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence import outcome
from graphcron.runner.occurrence.identity import lock_id, resume_name
from graphcron.runner.occurrence.lookup import newest_run
from graphcron.runner.occurrence.record_thread import (
    ACCEPTED,
    ACTIVE,
    ATTEMPT,
    ATTEMPTS,
    AWAITED_FOR,
    DONE,
    LATE_SECONDS,
    OCCURRENCE,
    OUTCOME,
    REASON,
    RUN_ID,
    STATE,
    THREAD_ID,
    Record,
    closed_by,
    common_metadata,
)
from graphcron.runner.occurrence.retrying_client import LONGEST_DELAY
from graphcron.runner.run.at_most_once import Start, start_once

GONE: Final = "gone"
"""The runner's own status for a run that the server has lost, and that can be retried."""


def start(ctx: RunContext, value: Any) -> Json:
    """Start the occurrence's run with this input, or follow the one that exists."""
    settings = ctx.settings

    def check_deadline() -> None:
        if ctx.clock.now() > settings.deadline:
            when, error = ctx.client.last_failure
            if when > settings.deadline - LONGEST_DELAY:
                raise ctx.client.unreachable(error)
            raise RunEnded(
                Outcome.SKIPPED,
                "StartingDeadlineExceeded",
                f"not started within {settings.request.startingDeadlineSeconds} s of "
                + ("the scheduled time" if settings.requested == settings.scheduled else "being asked for"),
            )

    def on_rejected(error: RequestRejected) -> RunEnded:
        if error.status == 409 and ctx.settings.shares_thread:
            message = "the thread runs something else, and multitaskStrategy is reject"
            return RunEnded(Outcome.SKIPPED, "ThreadBusy", message)
        return RunEnded(*outcome.of_refusal(error, settings.credentials))

    def close(ended: RunEnded) -> None:
        ctx.update_record(closed_by(ended.result))

    strategy = None if ctx.settings.shares_thread else "reject"
    body = run_body(ctx, value, strategy=strategy)
    plan = Start(
        name=settings.occurrence,
        find=lambda: find_run(ctx),
        find_unrecorded=lambda: find_unrecorded_run(ctx),
        check=lambda: checks.before_start(ctx),
        check_deadline=check_deadline,
        on_rejected=on_rejected,
        close=close,
        body=body,
        is_late=lambda: ctx.clock.now() > settings.deadline + LATE_SECONDS,
        keep_place=lambda: checks.keep_place(ctx),
    )
    run = start_once(ctx, plan)
    adopt(ctx, run)
    return run


def adopt(ctx: RunContext, run: Json, *, attempt: int = 1) -> None:
    """Follow this run from here on, and write it onto the record.

    Parameters
    ----------
    run
        The run.
    attempt
        Its number among the occurrence's runs; record and run can name a higher one.
    """
    ctx.state.run = run
    ctx.state.attempt = max(ctx.state.attempt, attempt, _attempt(run, ctx.state.record))
    ctx.state.in_doubt = False
    ctx.state.registered_at = ctx.state.queued_since = None  # others ignore the place of an occurrence with a run
    run_id = ctx.state.run_id
    ctx.log.bind(run=run_id, thread=ctx.settings.thread_id)
    ctx.log("following", status=answers.run_status(run))
    known = ctx.state.record.text(ACCEPTED) if ctx.state.record else ""
    ctx.state.accepted = known or str(run["created_at"])
    if not ctx.state.record or ctx.state.record.text(RUN_ID) != run_id:
        note = {RUN_ID: run_id, THREAD_ID: ctx.settings.thread_id, ACCEPTED: ctx.state.accepted}
        if ctx.state.attempt > 1:
            note[ATTEMPTS] = str(ctx.state.attempt)
        if ctx.state.record and ctx.state.record.text(AWAITED_FOR):
            note[AWAITED_FOR] = ""
        if ctx.state.record and ctx.state.record.text(STATE) == DONE:
            note |= {STATE: ACTIVE, OUTCOME: "", REASON: ""}
        ctx.update_record(note)


def _attempt(run: Json, record: Record | None) -> int:
    texts = ((run.get("metadata") or {}).get(ATTEMPT), record.text(ATTEMPTS) if record else None)
    digits = (text for text in texts if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 4)
    return max(map(int, digits), default=1)


def _accepted(record: Record) -> str:
    """Return when the occurrence's first run was accepted, or else when the record was created."""
    return record.text(ACCEPTED) or str(record.thread["created_at"])


def run_body(ctx: RunContext, value: Any, *, strategy: str | None, attempt: int = 1) -> Json:
    """Return the body of ``POST /threads/{id}/runs``."""
    settings = ctx.settings
    run = dict(settings.request.run or {})
    body = {
        "stream_mode": "custom",  # nothing reads the stream, and this is the cheapest mode
        **run,
        "assistant_id": settings.request.assistant,
        "input": value,
    }
    # Every server keeps metadata in the config; LangGraph copies them to the run.
    config = run.get("config") or {}
    if isinstance(config, dict):  # the server rejects anything else
        kept = config.get("metadata")
        ours = {**common_metadata(settings), **({ATTEMPT: str(attempt)} if attempt > 1 else {})}
        body["config"] = {**config, "metadata": {**(kept if isinstance(kept, dict) else {}), **ours}}
    if settings.request.budget is not None:  # events for each model call, which can be read again
        body |= {"stream_mode": ["messages-tuple"], "stream_resumable": True, "stream_subgraphs": True}
    if strategy:
        body["multitask_strategy"] = strategy
    return body


def find_run(ctx: RunContext) -> Json | None:
    """Return the occurrence's newest run, or None if no pod has started one.

    Raises
    ------
    RunEnded
        Another pod has ended the occurrence, or its run is gone.
    """
    record = ctx.read_record()
    if record is None:
        return find_unrecorded_run(ctx)
    run_id = record.text(RUN_ID)
    if not run_id:
        check_not_closed(record)
        return find_later_run(ctx, "")
    run = ctx.client.run(ctx.settings.thread_id, run_id)
    if run is None:
        if record.outcome:
            raise RunEnded(record.outcome, record.reason, "an earlier pod followed the run to its end")
        if not ctx.settings.request.retryAttempts:
            raise RunEnded(Outcome.CANCELLED, "RunNotFound", "the run is gone from the server")
        return {"run_id": run_id, "thread_id": ctx.settings.thread_id, "status": GONE, "created_at": _accepted(record)}
    return run


def find_unrecorded_run(ctx: RunContext) -> Json | None:
    """Return the occurrence's newest run if no record can name it.

    On the occurrence's own thread there is none: that thread is the record, and its deletion deletes its runs. A server
    that keeps them answers a second request with 409 (``reject``).
    """
    return find_later_run(ctx, "") if ctx.settings.shares_thread else None


def find_follow_up(ctx: RunContext, run_id: str) -> Json | None:
    """Return the newer run that a pod of the occurrence has started after this one, or None.

    A newer run on the occurrence's own thread can also be a person's. A pod creates a lock first.
    """
    later = find_later_run(ctx, run_id)
    if later is None or ctx.settings.shares_thread:
        return later
    return later if may_have_follow_up(ctx, run_id) else None


def may_have_follow_up(ctx: RunContext, run_id: str) -> bool:
    """Return whether a pod of the occurrence has obtained the right to start a run after this one."""
    lock = ctx.client.thread(lock_id(resume_name(ctx.settings.occurrence, run_id), 0))
    return lock is not None and Record(lock).text(OCCURRENCE) == ctx.settings.occurrence


def find_later_run(ctx: RunContext, than: str) -> Json | None:
    """Return the occurrence's newest run on its thread, unless it is the given one."""
    run = newest_run(
        ctx.client,
        ctx.settings.thread_id,
        ctx.settings.occurrence,
        ctx.settings.earliest,
        shared=ctx.settings.shares_thread,
    )
    return run if run and run.get("run_id") != than else None
