"""``concurrencyPolicy: Queue``: wait for the predecessors to end, in the order of the scheduled times.

Of two occurrences that are about to start, the later one to register sees the other, as :mod:`admission.turns` says. So
two never run at a time, and that does not depend on the clocks of their pods. An occurrence that is silent for the
grace time loses its place, and obtains it again when another pod of it registers.
"""

from typing import NamedTuple

from graphcron.contract import Outcome
from graphcron.runner.admission import turns
from graphcron.runner.admission.capacity import active_records
from graphcron.runner.admission.predecessors import check_not_over, description_of
from graphcron.runner.client.errors import RunEnded
from graphcron.runner.client.times import rfc3339
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.lookup import run_of
from graphcron.runner.occurrence.outcome import LIVE
from graphcron.runner.occurrence.record_thread import RUN_ID, UID, Record


class Ahead(NamedTuple):
    """The other occurrences that start, or end, before this one may start."""

    running: Record | None
    """One with an active run, or whose next run has a reservation."""
    waiting: list[Record]
    """Those that are about to start or wait, and start first."""

    @property
    def position(self) -> int:
        """Number of occurrences that wait before this one; the first of them starts at once if none is running."""
        return max(len(self.waiting) - (self.running is None), 0)


def wait_for_predecessors(ctx: RunContext, until: float, *, reserved: bool = False) -> bool:
    """Wait until no other occurrence of the GraphCron is active; return whether that was necessary.

    Parameters
    ----------
    until
        When to give up (seconds since the epoch).
    reserved
        It is for a further run of an active occurrence, which precedes all that wait.

    Raises
    ------
    RunEnded
        Skipped/QueueFull, Skipped/StartingDeadlineExceeded; for a further run Skipped/PredecessorActive;
        Skipped/Replaced, if another occurrence has replaced this one.
    """
    since = rfc3339(ctx.clock.now())
    waited = False
    while True:
        ahead = _ahead(ctx, reserved=reserved)
        first = ahead.running or next(iter(ahead.waiting), None)
        if first is None:
            return waited
        if not reserved:
            _check_limit(ctx, ahead)
        if ctx.clock.now() >= until:
            raise _too_late(ctx, first, reserved=reserved)
        if not waited:
            ctx.log("waiting-for-predecessor", predecessor=first.scheduled, position=ahead.position)
        waited = True
        turns.wait(ctx, since, until, reserved=reserved)


def _check_limit(ctx: RunContext, ahead: Ahead) -> None:
    limit = ctx.settings.request.queueLimit
    if ahead.position >= limit:
        waiting = "1 occurrence waits" if ahead.position == 1 else f"{ahead.position} occurrences wait"
        raise RunEnded(Outcome.SKIPPED, "QueueFull", f"{waiting} already, and queueLimit is {limit}")


def _too_late(ctx: RunContext, first: Record, *, reserved: bool) -> RunEnded:
    predecessor = f"the run {description_of(first)}"
    if reserved:
        return RunEnded(Outcome.SKIPPED, "PredecessorActive", f"{predecessor} has not finished")
    seconds = ctx.settings.request.startingDeadlineSeconds
    message = f"waited for {predecessor}, and was not started within startingDeadlineSeconds ({seconds})"
    return RunEnded(Outcome.SKIPPED, "StartingDeadlineExceeded", message)


def _ahead(ctx: RunContext, *, reserved: bool) -> Ahead:
    """Return what is ahead of this occurrence, and ask the server for all runs only if nothing else is."""
    records = active_records(ctx, {UID: ctx.settings.uid})
    own = records.pop(ctx.settings.record_id, None) or ctx.read_record()
    if own is None:
        return Ahead(None, [])  # it was deleted: the pod has no place in the queue
    check_not_over(own)
    if own.text(RUN_ID) and not reserved:
        return Ahead(None, [])  # another pod of the occurrence has created the run
    turn = turns.turn_of(ctx, own, reserved=reserved, by_schedule=True)
    now = turn.now(ctx.clock.steady())
    others = sorted(records.values(), key=lambda record: turns.order_of(record, by_schedule=True))
    for record in others:
        if turns.may_precede(record, turn, now):
            return Ahead(record, _waiting(others, turn, now))
    waiting = _waiting(others, turn, now)
    with_run = [record for record in others if record.text(RUN_ID)]
    for record in with_run if waiting else others:
        run = run_of(ctx.client, ctx.settings, record)
        if run is not None and run.get("status") in LIVE:
            return Ahead(record, [each for each in waiting if each.id != record.id])
    return Ahead(None, waiting)


def _waiting(others: list[Record], turn: turns.Turn, now: float) -> list[Record]:
    return [record for record in others if turns.has_priority(record, turn, now)]
