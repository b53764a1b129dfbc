"""Follow a run to its end, and determine its result."""

from typing import Any, Final

from graphcron.contract import Outcome
from graphcron.runner.client.errors import CertificateError, RunResult, Unanswered
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.times import seconds_of
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence import outcome
from graphcron.runner.occurrence.outcome import LIVE
from graphcron.runner.occurrence.record_thread import ended_mark
from graphcron.runner.occurrence.retrying_client import delays
from graphcron.runner.run.resume import resume
from graphcron.runner.run.retry import start_retry
from graphcron.runner.run.start import GONE, find_follow_up, may_have_follow_up
from graphcron.runner.run.stopped_mark import StoppedMark

SILENCE_SECONDS: Final = 30.0
"""A join without a byte for this time is repeated; the server sends one every 5 s."""

BUSY_LOOKS: Final = 8
"""How often to look again at a thread that is still busy after its last run."""


def follow(ctx: RunContext, value: Any) -> RunResult:
    """Follow the run until it is over; resume it if a pod of the occurrence has stopped it, and retry it.

    Parameters
    ----------
    value
        The input, for a run that was stopped before its first checkpoint, and for a retry from the start.

    Raises
    ------
    RunEnded
    """
    while True:
        run = _wait(ctx)
        if run is not None and run.get("status") == GONE:
            run = None
        result = cancel_run(ctx) if run is not None and run.get("status") in LIVE else judge(ctx, run)
        if result.outcome is Outcome.STOPPED:
            assert run is not None
            resume(ctx, run, value)
        elif not start_retry(ctx, result, value):
            return result


def age(ctx: RunContext) -> float:
    """Return the run's age in seconds."""
    assert ctx.state.run is not None
    return max(0.0, ctx.clock.now() - seconds_of(ctx.state.run["created_at"]))


def _left(ctx: RunContext) -> float:
    """Return how many seconds are left for the run: none if it is over its budget."""
    if ctx.spending and ctx.spending.over:
        return 0.0
    return ctx.settings.timeout - age(ctx)


def _wait(ctx: RunContext) -> Json | None:
    """Return the run once it is over, too old, or over its budget; None if it was deleted."""
    assert ctx.state.run is not None
    if ctx.spending:
        ctx.spending.attach()
    pauses, mark = delays(ctx.random), StoppedMark(ctx)
    run: Json | None = ctx.state.run
    while run is not None and run.get("status") in LIVE and _left(ctx) > 0:
        joined = ctx.clock.steady()
        _join(ctx, mark)
        if ctx.clock.steady() - joined >= 1:
            pauses = delays(ctx.random)
        run = ctx.client.run(ctx.settings.thread_id, ctx.state.run_id)
        if run is not None and run.get("status") in LIVE and _left(ctx) > 0:
            ctx.sleep(min(next(pauses), _left(ctx)))  # the join was disconnected, or is behind the run's status
    if run is not None:
        ctx.state.run = run
    return run


def _join(ctx: RunContext, mark: StoppedMark) -> None:
    """Wait at the server until the run is over or its mark is void. In any case the caller reads its status next."""
    is_void = False

    def wait() -> float:
        nonlocal is_void
        left, is_void = _left(ctx), mark.is_void()
        if left <= 0 or is_void:
            raise TimeoutError
        return min(SILENCE_SECONDS, left)

    with ctx.shutdown.interruptible():
        try:
            if ctx.spending and ctx.spending.can_stream:
                ctx.spending.follow(wait)
            else:
                ctx.api.join(ctx.settings.thread_id, ctx.state.run_id, wait)
        except (Unanswered, CertificateError) as error:  # the status decides
            ctx.log("stream-disconnected", level="debug", error=str(error))
    if is_void:
        mark.write_void()


def cancel_run(ctx: RunContext) -> RunResult:
    """Cancel a run that is too old or over its budget; first write the reason, in case the pod dies in between."""
    why = Outcome.OVER_BUDGET if ctx.spending and ctx.spending.over else Outcome.TIMEOUT
    ctx.update_record(ended_mark(ctx.state.run_id, why.value))
    return judge(ctx, ctx.client.cancel(ctx.settings.thread_id, ctx.state.run_id))


def judge(ctx: RunContext, run: Json | None) -> RunResult:
    """Return the result of a run that is over."""
    if ctx.spending:
        ctx.spending.settle()
    if run is None:
        return RunResult(Outcome.CANCELLED, "RunNotFound", "the run is gone from the server")
    ctx.state.run = run
    status = run.get("status")
    if status == "success":
        return _judge_success(ctx)
    if status == "error":
        return outcome.of_error(ctx.client.thread_error(ctx.settings.thread_id) if _newest(ctx) else {})
    if status == "timeout":
        return outcome.timed_out_by_server()
    if status == "interrupted":
        return _judge_interrupted(ctx)
    return RunResult(
        Outcome.INTERNAL_ERROR, "UnknownStatus", "the server tells a status that this version does not know"
    )


def _judge_interrupted(ctx: RunContext) -> RunResult:
    """Some servers give a run that waits for human input the status ``interrupted`` instead of ``success``."""
    result = outcome.of_interrupted(ctx.state.run_id, ctx.read_record(), timeout=ctx.settings.request.timeoutSeconds)
    if result.outcome is Outcome.CANCELLED and not result.reason and find_follow_up(ctx, ctx.state.run_id):
        return outcome.stopped()  # another pod of the occurrence has resumed it
    if result.reason == "Replaced" and may_have_follow_up(ctx, ctx.state.run_id):
        return outcome.stopped()  # the run was over when it was replaced, and the request for the next one was sent
    if result.outcome is Outcome.STOPPED and ctx.spending and ctx.spending.over and not ctx.shutdown.requested:
        return outcome.over_budget()  # nothing is left for a resume
    if result.outcome is Outcome.CANCELLED and not result.reason and _newest(ctx):
        plain = ctx.client.thread(ctx.settings.thread_id) or {}
        if ctx.settings.shares_thread and "interrupts" in plain:
            return result  # with a list of interrupts, such a run is a success
        thread = ctx.client.thread_at_rest(ctx.settings.thread_id) or {}
        if outcome.waits_for_human(thread):
            return outcome.of_success({**thread, "status": "interrupted"}, newest=True)
    return result


def _judge_success(ctx: RunContext) -> RunResult:
    """The thread's status follows the run's with a delay: while it is busy without a newer run, look again."""
    looks = 0
    while True:
        newest = _newest(ctx)
        thread = ctx.client.thread_at_rest(ctx.settings.thread_id) or {}
        if not newest or thread.get("status") != "busy" or looks == BUSY_LOOKS:
            return outcome.of_success(thread, newest=newest)
        looks += 1
        ctx.sleep(0.25)


def _newest(ctx: RunContext) -> bool:
    """Return whether the thread's state is this run's, because no other has started since."""
    runs = ctx.client.runs(ctx.settings.thread_id, limit=1)
    return bool(runs) and runs[0].get("run_id") == ctx.state.run_id
