"""At most one run: who may start it, and what to do when that pod dies or hears no answer.

The right to start is a thread that only one can make. Its maker has half of the grace time to send the one request;
after the whole of it, any other pod may make the next such thread. So a request that is under way when its sender
dies is known, or surely lost, before anybody sends it again. Who has the right may also say that there will be no run.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from graphcron.contract import Outcome
from graphcron.runner.admission.predecessors import replaced
from graphcron.runner.admission.turns import given_up
from graphcron.runner.client.errors import Busy, Ended, NotSent, Refused, Unanswered, Untrusted
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.occurrence.context import Tick, delays
from graphcron.runner.occurrence.identity import lock_id
from graphcron.runner.occurrence.record_thread import OCCURRENCE, POD, TTL_MINUTES, Record, new_lock, new_record

CLOSING_SECONDS: Final = 60.0
"""How long to try to end an occurrence while the right to do so is over too soon each time."""

CONFLICT_LOOK_SECONDS: Final = 2.0
"""How long to look for the run after a 409: it is there."""


class Start(NamedTuple):
    """One run to be started once."""

    name: str
    """What the locks are named after."""
    look: Callable[[], Json | None]
    """Find the run, where somebody has made it."""
    look_unrecorded: Callable[[], Json | None]
    """Find the run by its metadata alone, for the pod that has just made the record: an earlier record, which named
    the run, may have been deleted while the run went on."""
    allow: Callable[[], None]
    """The checks before the request; raises Ended where one forbids it."""
    in_time: Callable[[], None]
    """Raises Ended where it may not be started any more."""
    refused: Callable[[Refused], Exception]
    """Return what a 4xx means: Ended, where there will be no run; otherwise the error itself."""
    close: Callable[[Ended], None]
    """Lets all pods of the occurrence know that there will be no run, where one of those has forbidden it."""
    body: Json
    """Body of the request."""
    is_late: Callable[[], bool] = lambda: False
    """Whether an earlier record may be deleted by now, so that to make one would prove nothing."""


def start_once(tick: Tick, start: Start) -> Json:
    """Start the run, or find the one that another pod has started.

    Raises
    ------
    Ended
        There is none, and no pod of the occurrence starts one any more; or ServerUnreachable.
    Refused
        What :attr:`Start.refused` does not turn into Ended.
    """
    number, forbidden, until = 0, None, float("inf")
    while True:
        claimed = _claim(tick, start, number)
        if claimed is None:
            run = _await_run(tick, start, number)
        else:
            run = start.look() if number else _look_unrecorded(tick, start)
        if claimed is not None and not run:
            run, ended = _start_or_end(tick, start, claimed, forbidden)
            if ended and not forbidden:
                until = tick.clock.steady() + CLOSING_SECONDS
                tick.until = max(tick.until, tick.clock.now() + CLOSING_SECONDS)
            forbidden = ended or forbidden
        if run:
            return run
        if tick.clock.steady() > until:
            raise tick.unreachable("the server answers too slowly to agree on how the occurrence ends")
        number += 1


def _start_or_end(
    tick: Tick, start: Start, claimed: float, forbidden: Ended | None
) -> tuple[Json | None, Ended | None]:
    """Start the run, or end the occurrence; where the right is over before, return why it is to end."""
    try:
        if forbidden:
            raise forbidden
        return _try_start(tick, start, claimed), None
    except Refused as error:
        meant = start.refused(error)
        if not isinstance(meant, Ended):
            raise
        ended = meant
    except Ended as error:
        if error.ending.outcome is Outcome.SERVER_UNREACHABLE:
            raise
        ended = error
    if _is_ours(tick, claimed):
        if _closed(tick, start, ended, claimed):
            raise ended
        tick.sleep(claimed + tick.settings.grace / 2 - tick.clock.steady())
    return None, ended  # others may have the right by now: not before it is ours again


def _is_ours(tick: Tick, claimed: float) -> bool:
    """Tell whether we have the right still."""
    return tick.clock.steady() - claimed <= tick.settings.grace / 2


def _closed(tick: Tick, start: Start, ended: Ended, claimed: float) -> bool:
    """Close the occurrence while the right is ours; False: we don't know whether we did."""
    before = tick.give_up
    tick.give_up = tick.clock.now() + claimed + tick.settings.grace / 2 - tick.clock.steady()
    try:
        start.close(ended)
    except Ended:
        return False
    except (Refused, Untrusted) as error:  # it changes nothing about the ending
        tick.log("left-undone", level="warning", error=str(error))
    finally:
        tick.give_up = before
    return True


def _claim(tick: Tick, start: Start, number: int) -> float | None:
    """Make the lock thread; return since when it is ours (steady clock), or None: it is another pod's.

    Raises
    ------
    Ended
        Replaced: it is another occurrence's.
    """
    lock = lock_id(start.name, number)
    is_record = lock == tick.record_id
    ttl = None if is_record and not tick.shared else TTL_MINUTES  # the run's own thread is the user's to keep
    metadata = new_record(tick.settings) if is_record else new_lock(tick.settings, tick.clock.now())
    doubtful = False

    def attempt() -> bool:
        nonlocal doubtful
        if is_record and start.is_late():
            return False
        try:
            made = tick.server.create_thread(lock, metadata, ttl=ttl)
        except NotSent:
            raise
        except Unanswered:
            doubtful = True
            raise
        if made or not doubtful:
            return made
        thread = tick.server.thread(lock)  # perhaps ours: its answer was lost
        return thread is not None and Record(thread).text(POD) == tick.settings.pod

    since = tick.clock.steady()
    won = tick.ask(attempt, soon=True)
    if is_record:
        tick.owner = won
        tick.announced = since if won else None
    tick.log("claim", lock=lock, number=number, won=won)
    if not won and not is_record:
        _see_whose(tick, lock)
    return since if won else None


def _see_whose(tick: Tick, lock: str) -> None:
    """Raise Ended where a lock of ours is another occurrence's."""
    thread = tick.ask(lambda: tick.server.thread(lock))
    if thread and Record(thread).text(OCCURRENCE) != tick.settings.occurrence:
        raise replaced(had_run=tick.run is not None)


def _look_unrecorded(tick: Tick, start: Start) -> Json | None:
    """Look for a run whose locks were deleted while it went on, by a server that sweeps threads or by a person."""
    run = start.look_unrecorded()
    if run:
        tick.log("record-missing", level="warning", run=run.get("run_id"), name=start.name)
    return run


def _await_run(tick: Tick, start: Start, number: int) -> Json | None:
    """Wait for the run of the pod that holds the lock, for as long as that pod has."""
    grace = tick.settings.grace
    began = tick.clock.steady()
    while True:
        run = start.look()
        if run:
            return run
        if tick.clock.steady() - began >= grace or (number == 0 and tick.record and given_up(tick.record)):
            break
        tick.sleep(min(1.0, grace / 10))
    if tick.record is None:  # nobody has made one while we waited: too late, nobody will
        start.in_time()
    return None


def _try_start(tick: Tick, start: Start, claimed: float) -> Json | None:
    """Check, then send; None: our time with this lock is over, or looking found nothing.

    A check may have waited for long. Then the next lock gives the right to start, and all is checked again, in no time.
    """
    start.in_time()  # nothing is replaced by a run that may not start
    start.allow()
    began = tick.clock.now()
    for delay in delays(tick.random):
        if not _is_ours(tick, claimed):
            return None
        start.in_time()
        try:
            return _send(tick, start)
        except Unanswered as error:
            tick.unanswered = tick.clock.now(), str(error)
            if tick.in_doubt:
                tick.log("answer-lost", level="warning", error=str(error))
                return _look_for(tick, start, tick.settings.grace / 2)
            tick.pause(error, delay, tick.limit(began))
        except Refused as error:
            return _after_refusal(tick, start, error)
    raise AssertionError("delays() never ends")


def _after_refusal(tick: Tick, start: Start, error: Refused) -> Json | None:
    """Look for the run after an answer that says that there is one, and for the thread after one that it is missing."""
    if error.status == 409 and not tick.shared:  # "reject": some run is on the occurrence's own thread
        return _look_for(tick, start, CONFLICT_LOOK_SECONDS)
    if error.status == 404 and tick.ask(lambda: tick.server.thread(tick.thread_id)) is None:
        message = "the thread was deleted before its run was made"
        raise Ended(Outcome.REJECTED, "ThreadNotFound", message) from None
    raise error


def _send(tick: Tick, start: Start) -> Json:
    """Send the request; ``tick.in_doubt`` stays set unless we know what became of it.

    A 408 or 5xx is no answer: it may come from a proxy that has passed the request on, and it may be carried out yet.
    """
    with tick.stop.soon():
        try:
            tick.in_doubt = True
            tick.run = tick.server.create_run(tick.thread_id, start.body)
        except (NotSent, Refused):
            tick.in_doubt = False
            raise
        except Busy as error:
            tick.in_doubt = error.status not in (425, 429)
            raise
        tick.in_doubt = False
    tick.log("run-created", run=tick.run_id, thread=tick.thread_id)
    return tick.run


def _look_for(tick: Tick, start: Start, seconds: float) -> Json | None:
    """Look for the run again and again; None: there is none."""
    until = tick.clock.steady() + seconds
    while True:
        run = start.look()
        if run or tick.clock.steady() >= until:
            tick.in_doubt = False
            return run
        tick.sleep(min(0.5, seconds / 4))
