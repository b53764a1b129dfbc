"""Whose turn it is where several occurrences are about to start, so that none slips past another's check.

Everyone makes itself seen on the server, by making its record or touching it, *before* it looks who else is there. So
of two that are about to start at least the later one sees the other, and lets it go first. Who was silent for the
grace time is out: its request was sent within half of that, or is not sent any more. Should it come back, it lets
those go first that it finds. All times are the server's own, and go on by our steady clock from what it told us last:
no two wall clocks are compared.
"""

from typing import NamedTuple

from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.record_thread import AWAITED_FOR, NO_RUN, POD, RUN_ID, STOPPED_BY, STOPPED_RUN, Record


class Turn(NamedTuple):
    """Our own place among those who are about to start."""

    created: tuple[float, str]
    """As :attr:`Record.made`: the order in which all go."""
    queued_since: tuple[float, str]
    """Since when we have been seen without a gap: whoever was seen before goes first, if it is younger."""
    reserved: bool
    """Ours is a further run of an occurrence that is under way: its place is kept, nobody who waits is before us."""
    grace: float
    updated: float
    """The server's time when we made ourselves seen last."""
    read_at: float
    """When we knew of that (steady clock)."""

    def now(self, steady: float) -> float:
        """Return the server's time, or a little less."""
        return self.updated + steady - self.read_at


def register(ctx: RunContext, marks: dict[str, str] | None = None) -> None:
    """Make ourselves seen, by touching our record."""
    last, since = ctx.state.registered_at, ctx.clock.steady()
    ctx.update_record({POD: ctx.settings.pod, **(marks or {})})
    if last is None or ctx.clock.steady() - last > ctx.settings.grace / 2:
        ctx.state.queued_since = None
    ctx.state.registered_at = since


def ensure_registered(ctx: RunContext) -> None:
    """Make ourselves seen, unless we have just done so by making the record."""
    if ctx.state.registered_at is None or ctx.clock.steady() - ctx.state.registered_at > ctx.settings.grace / 10:
        register(ctx)


def reserve(ctx: RunContext, seconds: float = 0.0) -> None:
    """Say that the occurrence goes on though its run is over: another follows, in so many seconds or soon after."""
    register(ctx, {AWAITED_FOR: str(round(seconds + ctx.settings.grace) + 1)})


def is_reserved(record: Record, now: float) -> bool:
    """Return whether the occurrence goes on though its run is over (by the server's clock)."""
    text = record.text(AWAITED_FOR)
    return text.isascii() and text.isdigit() and len(text) < 10 and now < record.updated + int(text)


def has_withdrawn(record: Record) -> bool:
    """Return whether the pod that was to start was stopped in good order before it did."""
    return record.text(STOPPED_RUN) == NO_RUN and record.text(STOPPED_BY) == record.text(POD)


def turn_of(ctx: RunContext, own: Record, *, reserved: bool = False) -> Turn:
    """Return our turn, from our record as it was read after we made ourselves seen."""
    ctx.state.queued_since = ctx.state.queued_since or (own.updated, own.id)
    return Turn(own.created, ctx.state.queued_since, reserved, ctx.settings.grace, own.updated, ctx.clock.steady())


def has_priority(record: Record, turn: Turn, now: float) -> bool:
    """Return whether another occurrence that has no run is about to start one, and before us (by the server's clock)."""
    if record.text(RUN_ID) or has_withdrawn(record) or now - record.updated >= turn.grace:
        return False
    return (not turn.reserved and record.created < turn.created) or (record.updated, record.id) < turn.queued_since
