"""At most one run: who may start it, and what to do when that pod dies or hears no answer.

The right to start is a thread that only one can make. Its maker has half of the grace time to send the one request;
after the whole of it, any other pod may make the next such thread. So a request that is under way when its sender
dies is known, or surely lost, before anybody sends it again.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from graphcron.runner.failures import Busy, Lost, NotSent, Refused, Unanswered
from graphcron.runner.identity import lock_id
from graphcron.runner.record import POD, Record, new_lock, new_record
from graphcron.runner.server import Json
from graphcron.runner.tick import Tick, delays
from graphcron.runner.turns import given_up

BUSY_LOOK_SECONDS: Final = 2.0
"""How long to look for the run after a 5xx: that request is over, its sender was told so."""


class Start(NamedTuple):
    """One run to be started once."""

    name: str
    """What the locks are named after."""
    look: Callable[[], Json | None]
    """Find the run, where somebody has made it."""
    open: Callable[[], bool]
    """Whether it may still be started."""
    allow: Callable[[], None]
    """The checks before the request; raises Ended where one forbids it."""
    late: Callable[[], None]
    """Raises Ended: not started, and it may not be any more."""
    body: Json
    """Body of the request."""


def start_once(tick: Tick, start: Start) -> Json:
    """Start the run, or find the one that another pod has started."""
    number = 0
    while True:
        claimed = _claim(tick, start.name, number) if start.open() else None
        if claimed is None:
            run = _await_run(tick, start, number)
        else:
            run = (start.look() if number else None) or _try_start(tick, start, claimed)
        if run:
            return run
        number += 1


def _claim(tick: Tick, name: str, number: int) -> float | None:
    """Make the lock thread; return since when it is ours (steady clock), or None: it is another's."""
    lock = lock_id(name, number)
    is_record = lock == tick.record_id
    metadata = new_record(tick.settings) if is_record else new_lock(tick.settings, tick.clock.now())
    doubtful = False

    def attempt() -> bool:
        nonlocal doubtful
        try:
            made = tick.server.create_thread(lock, metadata)
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
        tick.recorded, tick.owner = True, won
        tick.announced = since if won else None
    tick.log("claim", lock=lock, number=number, won=won)
    return since if won else None


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
    if not start.open():
        start.late()
    return None


def _try_start(tick: Tick, start: Start, claimed: float) -> Json | None:
    """Check, then send; None: our time with this lock is over, or looking found nothing.

    A check may have waited for long. Then the next lock gives the right to start, and all is checked again, in no time.
    """
    start.allow()
    began = tick.clock.now()
    for delay in delays():
        if not start.open():
            start.late()
        if tick.clock.steady() - claimed > tick.settings.grace / 2:
            return None
        try:
            return _send(tick, start)
        except (NotSent, Busy) as error:
            run = _look_for(tick, start, BUSY_LOOK_SECONDS) if tick.in_doubt else None
            if run:
                return run
            tick.pause(error, delay, tick.limit(began))
        except (Lost, Refused) as error:
            return _after(tick, start, error)
    raise AssertionError("delays() never ends")


def _after(tick: Tick, start: Start, error: Lost | Refused) -> Json | None:
    """Look for the run after an answer that never came, or one that says that there is a run."""
    if isinstance(error, Lost):
        tick.log("answer-lost", level="warning", error=str(error))
        return _look_for(tick, start, tick.settings.grace / 2)
    if error.status == 409 and not tick.shared:  # "reject": some run is on the occurrence's own thread
        return _look_for(tick, start, BUSY_LOOK_SECONDS)
    raise error


def _send(tick: Tick, start: Start) -> Json:
    """Send the request; ``tick.in_doubt`` stays set unless we know what became of it."""
    with tick.stop.soon():
        try:
            tick.in_doubt = True
            tick.run = tick.server.create_run(tick.thread_id, start.body)
        except Refused:
            tick.in_doubt = False
            raise
        except (NotSent, Busy) as error:
            tick.in_doubt = isinstance(error, Busy) and error.status >= 500
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
