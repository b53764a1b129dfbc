"""At most one run: who may start it, and what to do when that pod dies or hears no answer.

The right to start is a thread that only one can make. Its maker has half of the grace time to send the one request;
after the whole of it, any other pod may make the next such thread. So a request that is under way when its sender
dies is known, or surely lost, before anybody sends it again. Who has the right may also say that there will be no run.
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
"""How long to try to end an occurrence while the right to do so is over too soon each time."""

CONFLICT_SECONDS: Final = 2.0
"""How long to look for the run after a 409: it is there."""


class Start(NamedTuple):
    """One run to be started once."""

    name: str
    """What the locks are named after."""
    find: Callable[[], Json | None]
    """Find the run, where somebody has made it."""
    find_unrecorded: Callable[[], Json | None]
    """Find the run by its metadata alone, for the pod that has just made the record: an earlier record, which named
    the run, may have been deleted while the run went on."""
    check: Callable[[], None]
    """The checks before the request; raises RunEnded where one forbids it."""
    check_deadline: Callable[[], None]
    """Raises RunEnded where it may not be started any more."""
    on_rejected: Callable[[RequestRejected], Exception]
    """Return what a 4xx means: RunEnded, where there will be no run; otherwise the error itself."""
    close: Callable[[RunEnded], None]
    """Lets all pods of the occurrence know that there will be no run, where one of those has forbidden it."""
    body: Json
    """Body of the request."""
    is_late: Callable[[], bool] = lambda: False
    """Whether an earlier record may be deleted by now, so that to make one would prove nothing."""


def start_once(ctx: RunContext, start: Start) -> Json:
    """Start the run, or find the one that another pod has started.

    Raises
    ------
    RunEnded
        There is none, and no pod of the occurrence starts one any more; or ServerUnreachable.
    RequestRejected
        What :attr:`Start.refused` does not turn into RunEnded.
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
    """Start the run, or end the occurrence; where the right is over before, return why it is to end."""
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
    return None, ended  # others may have the right by now: not before it is ours again


def _is_ours(ctx: RunContext, claimed: float) -> bool:
    """Return whether we have the right still."""
    return ctx.clock.steady() - claimed <= ctx.settings.grace / 2


def _close(ctx: RunContext, start: Start, ended: RunEnded, claimed: float) -> bool:
    """Close the occurrence while the right is ours; False: we don't know whether we did."""
    deadline = ctx.clock.now() + claimed + ctx.settings.grace / 2 - ctx.clock.steady()
    try:
        ctx.client.until(deadline, lambda: start.close(ended))
    except RunEnded:
        return False
    except (RequestRejected, CertificateError) as error:  # it changes nothing about the ending
        ctx.log("cleanup-failed", level="warning", error=str(error))
    return True


def _claim(ctx: RunContext, start: Start, number: int) -> float | None:
    """Make the lock thread; return since when it is ours (steady clock), or None: it is another pod's.

    Raises
    ------
    RunEnded
        Replaced: it is another occurrence's.
    """
    lock = lock_id(start.name, number)
    is_record = lock == ctx.settings.record_id
    ttl = (
        None if is_record and not ctx.settings.shares_thread else TTL_MINUTES
    )  # the run's own thread is the user's to keep
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
        thread = ctx.api.thread(lock)  # perhaps ours: its answer was lost
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
    """Raise RunEnded where a lock of ours is another occurrence's."""
    thread = ctx.client.thread(lock)
    if thread and Record(thread).text(OCCURRENCE) != ctx.settings.occurrence:
        raise replaced(had_run=ctx.state.run is not None)


def _find_unrecorded(ctx: RunContext, start: Start) -> Json | None:
    """Look for a run whose locks were deleted while it went on, by a server that sweeps threads or by a person."""
    run = start.find_unrecorded()
    if run:
        ctx.log("record-missing", level="warning", run=run.get("run_id"), name=start.name)
    return run


def _await_run(ctx: RunContext, start: Start, number: int) -> Json | None:
    """Wait for the run of the pod that holds the lock, for as long as that pod has."""
    grace = ctx.settings.grace
    began = ctx.clock.steady()
    while True:
        run = start.find()
        if run:
            return run
        if ctx.clock.steady() - began >= grace or (
            number == 0 and ctx.state.record and has_withdrawn(ctx.state.record)
        ):
            break
        ctx.sleep(min(1.0, grace / 10))
    if ctx.state.record is None:  # nobody has made one while we waited: too late, nobody will
        start.check_deadline()
    return None


def _try_start(ctx: RunContext, start: Start, claimed: float) -> Json | None:
    """Check, then send; None: our time with this lock is over, or looking found nothing.

    A check may have waited for long. Then the next lock gives the right to start, and all is checked again, in no time.
    """
    start.check_deadline()  # nothing is replaced by a run that may not start
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
    """Look for the run after an answer that says that there is one, and for the thread after one that it is missing."""
    if error.status == 409 and not ctx.settings.shares_thread:  # "reject": some run is on the occurrence's own thread
        return _await_visible(ctx, start, CONFLICT_SECONDS)
    if error.status == 404 and ctx.client.thread(ctx.settings.thread_id) is None:
        message = "the thread was deleted before its run was made"
        raise RunEnded(Outcome.REJECTED, "ThreadNotFound", message) from None
    raise error


def _send(ctx: RunContext, start: Start) -> Json:
    """Send the request; ``ctx.state.in_doubt`` stays set unless we know what became of it.

    A 408 or 5xx is no answer: it may come from a proxy that has passed the request on, and it may be carried out yet.
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
    """Look for the run again and again; None: there is none."""
    until = ctx.clock.steady() + seconds
    while True:
        run = start.find()
        if run or ctx.clock.steady() >= until:
            ctx.state.in_doubt = False
            return run
        ctx.sleep(min(0.5, seconds / 4))
