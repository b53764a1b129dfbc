"""Going on, from its last checkpoint, with a run that one of our pods was told to stop."""

from collections.abc import Callable
from typing import Any, Final

from graphcron.contract import Outcome
from graphcron.runner.admission.checks import before_again
from graphcron.runner.client import answers
from graphcron.runner.client.errors import Ended, Refused
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.occurrence.context import Tick
from graphcron.runner.occurrence.identity import resume_name
from graphcron.runner.occurrence.record_thread import LATE_SECONDS, RESUMES
from graphcron.runner.run.at_most_once import Start, start_once
from graphcron.runner.run.start import adopt, find_later_run, run_body

REST_LOOKS: Final = 8
"""How often to look whether a cancelled run's thread has come to rest."""


def resume(tick: Tick, stopped: Json, value: Any) -> Json:
    """Go on after a stopped run, or find the run that another pod goes on with.

    A run that never got to a checkpoint has nothing to go on from: its input is sent again.

    Raises
    ------
    Ended
        Cancelled: somebody else has used the thread since, or the server can't resume.
    """
    run_id = str(stopped["run_id"])
    await_rest(tick)
    begun = has_begun(tick, stopped)
    body = body_after(tick, run_id, value, begun=begun, attempt=tick.attempt)
    try:
        run = start_after(tick, stopped, body, lambda: before_again(tick, stopped, goes_on=begun))
    except Refused as error:
        raise _judged(tick, error, begun=begun) from None
    except Ended as ended:
        outcome, reason, message = ended.ending
        if outcome is not Outcome.SKIPPED:
            raise
        raise Ended(Outcome.CANCELLED, reason, f"the pod was stopped, and could not go on: {message}") from None
    tick.log("run-resumed", run=run["run_id"], stopped=run_id, from_checkpoint=begun)
    adopt(tick, run)
    return run


def start_after(tick: Tick, run: Json, body: Json, allow: Callable[[], None]) -> Json:
    """Start the one run that follows up this one, or find it."""
    run_id = str(run["run_id"])
    until = tick.clock.now() + tick.settings.request.startingDeadlineSeconds + LATE_SECONDS

    def in_time() -> None:
        if tick.clock.now() > until:
            raise Ended(Outcome.SKIPPED, "StartingDeadlineExceeded", "a further run was not started in time")

    plan = Start(
        name=resume_name(tick.settings.occurrence, run_id),
        look=lambda: find_later_run(tick, run_id),
        look_unrecorded=lambda: find_later_run(tick, run_id),
        allow=allow,
        in_time=in_time,
        refused=lambda error: error,
        close=lambda _: None,
        body=body,
    )
    return start_once(tick, plan)


def has_begun(tick: Tick, stopped: Json) -> bool:
    """Tell whether there is a checkpoint to go on from.

    A run that was a resume itself may have been stopped before its own first: it has its predecessor's.
    """
    if RESUMES in (stopped.get("metadata") or {}):
        return True
    return tick.ask(lambda: tick.server.has_checkpoint(tick.thread_id, {"run_id": stopped["run_id"]}))


def body_after(tick: Tick, run_id: str, value: Any, *, begun: bool, attempt: int) -> Json:
    """Return the body that goes on from the last checkpoint; where the run has none, that sends the input again."""
    if not begun:
        return run_body(tick, value, strategy=None if tick.shared else "reject", attempt=attempt)
    body = run_body(tick, None, strategy="reject", attempt=attempt)
    body["config"]["metadata"][RESUMES] = run_id
    torn = tick.ask(lambda: tick.server.torn_checkpoint(tick.thread_id))
    if torn:
        tick.log("torn-step", level="warning", checkpoint=torn if answers.is_uuid(torn) else "")
        body["checkpoint_id"] = torn
    return body


def await_rest(tick: Tick) -> None:
    """A cancelled run is called so before its last writes are down: give them a moment."""
    for _ in range(REST_LOOKS):
        thread = tick.ask(lambda: tick.server.thread(tick.thread_id))
        if thread is None or thread.get("status") != "busy":
            return
        tick.sleep(0.25)


def _judged(tick: Tick, error: Refused, *, begun: bool) -> Exception:
    if error.status == 409 and tick.shared:
        return Ended(Outcome.CANCELLED, "ThreadMovedOn", "the pod was stopped, and the thread has a newer run since")
    if error.status == 422 and begun:
        message = "the pod was stopped, and this server can't resume a run from its checkpoint"
        return Ended(Outcome.CANCELLED, "ResumeNotSupported", message)
    return error
