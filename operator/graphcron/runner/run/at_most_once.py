"""Start at most one run: which pod may start it, and what happens if that pod dies or receives no answer.

The right to start is a lock: a thread that only one pod can create. Its creator has half of the grace time to send the
one request. After the whole grace time another pod can create the next lock. So a request that was active when its
sender died is visible or lost before another pod sends it again. The holder of the right can also end the occurrence
without a run. See docs/protocol.md.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from graphcron.contract import Outcome
from graphcron.runner.admission.predecessors import replaced
from graphcron.runner.admission.turns import has_withdrawn
from graphcron.runner.client.errors import CertificateError, NotSent, RequestRejected, RunEnded, ServerBusy, Unanswered
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.identity import lock_id
from graphcron.runner.occurrence.record_thread import OCCURRENCE, POD, TTL_MINUTES, Record, new_lock, new_record
from graphcron.runner.occurrence.retrying_client import delays

END_SECONDS: Final = 60.0
"""How long to try to end an occurrence if the right expires too early each time."""

CONFLICT_SECONDS: Final = 2.0
"""How long to look for the run after a 409."""


class Start(NamedTuple):
    """A run to start at most once."""

    name: str
    """The name that the ids of the locks derive from."""
    find: Callable[[], Json | None]
    """Find the run, if a pod has created it."""
    find_unrecorded: Callable[[], Json | None]
    """Find the run by its metadata alone, for the pod that has just created the record: an earlier record, which named
    the run, may have been deleted while the run was active."""
    check: Callable[[], None]
    """Make the checks before the request; raises RunEnded if one fails."""
    check_deadline: Callable[[], None]
    """Raise RunEnded if it is too late to start the run."""
    on_rejected: Callable[[RequestRejected], Exception]
    """Return the meaning of a 4xx: RunEnded if there will be no run, otherwise the error itself."""
    close: Callable[[RunEnded], None]
    """Close the record of an occurrence that ends without a run."""
    body: Json
    """Body of the request."""
    is_late: Callable[[], bool] = lambda: False
    """Return whether an earlier record may be deleted by now, so that creating one would prove nothing."""
    keep_place: Callable[[], None] = lambda: None
    """Keep the place of the occurrence among those that wait, while another pod of it may hold the right."""


def start_once(ctx: RunContext, start: Start) -> Json:
    """Start the run, or find the one that another pod has started.

    Raises
    ------
    RunEnded
        The occurrence ends without a run, or ServerUnreachable.
    RequestRejected
        What :attr:`Start.on_rejected` does not turn into RunEnded.
    """
    number, forbidden, until = 0, None, float("inf")
    while True:
        claimed = _claim(ctx, start, number)
        if claimed is None:
            run = _await_run(ctx, start, number)
        else:
            run = start.find() if number else _find_unrecorded(ctx, start)
        if claimed is not None and not run:
            run, ended = _start_or_end(ctx, start, claimed, forbidden)
            if ended and not forbidden:
                until = ctx.clock.steady() + END_SECONDS
                ctx.client.start_deadline = max(ctx.client.start_deadline, ctx.clock.now() + END_SECONDS)
            forbidden = ended or forbidden
        if run:
            return run
        if ctx.clock.steady() > until:
            raise ctx.client.unreachable("the server answers too slowly to agree on how the occurrence ends")
        number += 1


def _start_or_end(
    ctx: RunContext, start: Start, claimed: float, forbidden: RunEnded | None
) -> tuple[Json | None, RunEnded | None]:
    """Start the run, or end the occurrence; if the right expires before that, return how it is to end."""
    try:
        if forbidden:
            raise forbidden
        return _try_start(ctx, start, claimed), None
    except RequestRejected as error:
        meant = start.on_rejected(error)
        if not isinstance(meant, RunEnded):
            raise
        ended = meant
    except RunEnded as error:
        if error.result.outcome is Outcome.SERVER_UNREACHABLE:
            raise
        ended = error
    if _is_ours(ctx, claimed):
        if _close(ctx, start, ended, claimed):
            raise ended
        ctx.sleep(claimed + ctx.settings.grace / 2 - ctx.clock.steady())
    return None, ended  # the pod may have lost the right, so it needs the next lock first


def _is_ours(ctx: RunContext, claimed: float) -> bool:
    """Return whether the pod still holds the right."""
    return ctx.clock.steady() - claimed <= ctx.settings.grace / 2


def _close(ctx: RunContext, start: Start, ended: RunEnded, claimed: float) -> bool:
    """Close the occurrence while the pod holds the right; return whether the server has answered."""
    deadline = ctx.clock.now() + claimed + ctx.settings.grace / 2 - ctx.clock.steady()
    try:
        ctx.client.until(deadline, lambda: start.close(ended))
    except RunEnded:
        return False
    except (RequestRejected, CertificateError) as error:  # the result is the same
        ctx.log("cleanup-failed", level="warning", error=str(error))
    return True


def _claim(ctx: RunContext, start: Start, number: int) -> float | None:
    """Create the lock; return since when the pod holds it (monotonic clock), or None if another pod does.

    Raises
    ------
    RunEnded
        Replaced: another occurrence holds it.
    """
    lock = lock_id(start.name, number)
    is_record = lock == ctx.settings.record_id
    is_run_thread = is_record and not ctx.settings.shares_thread  # the user decides how long to keep it
    ttl = None if is_run_thread else TTL_MINUTES
    metadata = new_record(ctx.settings) if is_record else new_lock(ctx.settings, ctx.clock.now())
    doubtful = False

    def attempt() -> bool:
        nonlocal doubtful
        if is_record and start.is_late():
            return False
        try:
            made = ctx.api.create_thread(lock, metadata, ttl=ttl)
        except NotSent:
            raise
        except Unanswered:
            doubtful = True
            raise
        if made or not doubtful:
            return made
        thread = ctx.api.thread(lock)  # it may be this pod's, whose answer was lost
        return thread is not None and Record(thread).text(POD) == ctx.settings.pod

    since = ctx.clock.steady()
    won = ctx.client.retry(attempt, delayed=True)
    if is_record:
        ctx.state.created_record = won
        ctx.state.registered_at = since if won else None
    ctx.log("claim", lock=lock, number=number, won=won)
    if not won and not is_record:
        _check_owner(ctx, lock)
    return since if won else None


def _check_owner(ctx: RunContext, lock: str) -> None:
    """Raise RunEnded if another occurrence holds a lock of this one."""
    thread = ctx.client.thread(lock)
    if thread and Record(thread).text(OCCURRENCE) != ctx.settings.occurrence:
        raise replaced(had_run=ctx.state.run is not None)


def _find_unrecorded(ctx: RunContext, start: Start) -> Json | None:
    """Find an active run whose locks were deleted, by a server that sweeps threads or by a person."""
    run = start.find_unrecorded()
    if run:
        ctx.log("record-missing", level="warning", run=run.get("run_id"), name=start.name)
    return run


def _await_run(ctx: RunContext, start: Start, number: int) -> Json | None:
    """Wait for the run of the pod that holds the lock, until that pod loses the right."""
    grace = ctx.settings.grace
    began = ctx.clock.steady()
    while True:
        run = start.find()
        if run:
            return run
        record = ctx.state.record
        if ctx.clock.steady() - began >= grace or (number == 0 and record and has_withdrawn(record)):
            break
        start.keep_place()
        ctx.sleep(min(1.0, grace / 10))
    if ctx.state.record is None:  # if it is too late for this pod, it is too late for all
        start.check_deadline()
    return None


def _try_start(ctx: RunContext, start: Start, claimed: float) -> Json | None:
    """Check, then send; None if the right expires, or if the answer is lost and the run can't be found.

    A check can wait for longer than the right lasts. The pod then needs the next lock, and checks again.
    """
    start.check_deadline()  # first: a run that may not start must not replace another
    start.check()
    began = ctx.clock.now()
    for delay in delays(ctx.random):
        if not _is_ours(ctx, claimed):
            return None
        start.check_deadline()
        try:
            return _send(ctx, start)
        except Unanswered as error:
            ctx.client.last_failure = ctx.clock.now(), str(error)
            if ctx.state.in_doubt:
                ctx.log("answer-lost", level="warning", error=str(error))
                return _await_visible(ctx, start, ctx.settings.grace / 2)
            ctx.client.pause(error, delay, began)
        except RequestRejected as error:
            return _after_refusal(ctx, start, error)
    raise AssertionError("delays() never ends")


def _after_refusal(ctx: RunContext, start: Start, error: RequestRejected) -> Json | None:
    """Look for the run after a 409, and for the thread after a 404."""
    if error.status == 409 and not ctx.settings.shares_thread:  # the occurrence's own thread has a run
        return _await_visible(ctx, start, CONFLICT_SECONDS)
    if error.status == 404 and ctx.client.thread(ctx.settings.thread_id) is None:
        message = "the thread was deleted before its run was made"
        raise RunEnded(Outcome.REJECTED, "ThreadNotFound", message) from None
    raise error


def _send(ctx: RunContext, start: Start) -> Json:
    """Send the request; ``in_doubt`` stays set if its result is unknown.

    A 408 or 5xx does not count as an answer: a proxy can send it after it has passed the request on, and the server can
    still carry out the request.
    """
    with ctx.shutdown.delayed():
        try:
            ctx.state.in_doubt = True
            ctx.state.run = ctx.api.create_run(ctx.settings.thread_id, start.body)
        except (NotSent, RequestRejected):
            ctx.state.in_doubt = False
            raise
        except ServerBusy as error:
            ctx.state.in_doubt = error.status not in (425, 429)
            raise
        ctx.state.in_doubt = False
    ctx.log("run-created", run=ctx.state.run_id, thread=ctx.settings.thread_id)
    return ctx.state.run


def _await_visible(ctx: RunContext, start: Start, seconds: float) -> Json | None:
    """Poll for the run; None if it does not become visible."""
    until = ctx.clock.steady() + seconds
    while True:
        run = start.find()
        if run or ctx.clock.steady() >= until:
            ctx.state.in_doubt = False
            return run
        ctx.sleep(min(0.5, seconds / 4))
