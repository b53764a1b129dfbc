"""Resume a run from its last checkpoint, after its pod received SIGTERM."""

from collections.abc import Callable
from typing import Any, Final

from graphcron.contract import Outcome
from graphcron.runner.admission.checks import before_further_run
from graphcron.runner.client import answers
from graphcron.runner.client.errors import RequestRejected, RunEnded
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.identity import resume_name
from graphcron.runner.occurrence.record_thread import LATE_SECONDS, RESUMES
from graphcron.runner.run.at_most_once import Start, start_once
from graphcron.runner.run.start import adopt, find_later_run, run_body

REST_LOOKS: Final = 8
"""How often to look whether the thread of a cancelled run is idle."""


def resume(ctx: RunContext, stopped: Json, value: Any) -> Json:
    """Resume a stopped run, or find the run with which another pod has resumed it.

    A run without a checkpoint can't be resumed, so its input is sent again.

    Raises
    ------
    RunEnded
        Cancelled: something else has used the thread since, or the server can't resume.
    """
    run_id = str(stopped["run_id"])
    wait_until_idle(ctx)
    begun = has_checkpoint_of(ctx, stopped)
    body = body_after(ctx, run_id, value, begun=begun, attempt=ctx.state.attempt)
    try:
        run = start_after(ctx, stopped, body, lambda: before_further_run(ctx, stopped, from_checkpoint=begun))
    except RequestRejected as error:
        raise _judged(ctx, error, begun=begun) from None
    except RunEnded as ended:
        outcome, reason, message = ended.result
        if outcome is not Outcome.SKIPPED:
            raise
        raise RunEnded(Outcome.CANCELLED, reason, f"the pod was stopped, and could not go on: {message}") from None
    ctx.log("run-resumed", run=run["run_id"], stopped=run_id, from_checkpoint=begun)
    adopt(ctx, run)
    return run


def start_after(ctx: RunContext, run: Json, body: Json, check: Callable[[], None]) -> Json:
    """Start the one run that follows this one, or find it."""
    run_id = str(run["run_id"])
    until = ctx.clock.now() + ctx.settings.request.startingDeadlineSeconds + LATE_SECONDS

    def check_deadline() -> None:
        if ctx.clock.now() > until:
            raise RunEnded(Outcome.SKIPPED, "StartingDeadlineExceeded", "a further run was not started in time")

    plan = Start(
        name=resume_name(ctx.settings.occurrence, run_id),
        find=lambda: find_later_run(ctx, run_id),
        find_unrecorded=lambda: find_later_run(ctx, run_id),
        check=check,
        check_deadline=check_deadline,
        on_rejected=lambda error: error,
        close=lambda _: None,
        body=body,
    )
    return start_once(ctx, plan)


def has_checkpoint_of(ctx: RunContext, stopped: Json) -> bool:
    """Return whether there is a checkpoint to resume from.

    A run that resumed another, and was stopped before its own first checkpoint, has its predecessor's.
    """
    if RESUMES in (stopped.get("metadata") or {}):
        return True
    return ctx.client.has_checkpoint(ctx.settings.thread_id, {"run_id": stopped["run_id"]})


def body_after(ctx: RunContext, run_id: str, value: Any, *, begun: bool, attempt: int) -> Json:
    """Return the body that resumes from the last checkpoint, or sends the input again without one."""
    if not begun:
        return run_body(ctx, value, strategy=None if ctx.settings.shares_thread else "reject", attempt=attempt)
    body = run_body(ctx, None, strategy="reject", attempt=attempt)
    body["config"]["metadata"][RESUMES] = run_id
    torn = ctx.client.torn_checkpoint(ctx.settings.thread_id)
    if torn:
        ctx.log("torn-step", level="warning", checkpoint=torn if answers.is_uuid(torn) else "")
        body["checkpoint_id"] = torn
    return body


def wait_until_idle(ctx: RunContext) -> None:
    """Wait until the thread is idle: a run has the status of a cancelled one before its last writes."""
    for _ in range(REST_LOOKS):
        thread = ctx.client.thread(ctx.settings.thread_id)
        if thread is None or thread.get("status") != "busy":
            return
        ctx.sleep(0.25)


def _judged(ctx: RunContext, error: RequestRejected, *, begun: bool) -> Exception:
    if error.status == 409 and ctx.settings.shares_thread:
        return RunEnded(Outcome.CANCELLED, "ThreadMovedOn", "the pod was stopped, and the thread has a newer run since")
    if error.status == 422 and begun:
        message = "the pod was stopped, and this server can't resume a run from its checkpoint"
        return RunEnded(Outcome.CANCELLED, "ResumeNotSupported", message)
    return error
