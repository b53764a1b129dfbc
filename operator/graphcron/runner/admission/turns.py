"""The order in which occurrences start that are about to start at the same time.

A pod registers on the server, by creating or updating its record, *before* it looks for others. So of two pods at least
the later one sees the other, and lets it start first. A pod that has been silent for the grace time has lost its turn:
its request was sent within half of that time, or is never sent. If it comes back, it lets those start first that it
finds. All times are the server's, extrapolated with the monotonic clock. Wall clocks are never compared.
"""

from typing import Final, NamedTuple

from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.record_thread import AWAITED_FOR, KEPT, POD, RUN_ID, WAITING, WITHDRAWN, Record

POLL_SECONDS: Final = 2.0
"""Interval of polling; shorter with a shorter grace time."""


class Turn(NamedTuple):
    """The place of the pod's occurrence among those that are about to start."""

    order: tuple[float, float, str]
    """As :func:`order_of`: the order of starts."""
    queued_since: tuple[float, str]
    """Since when it has been registered without a gap: an occurrence that registered earlier has priority. A run
    ends the registration."""
    reserved: bool
    """It is a further run of an active occurrence, whose slot is reserved: it precedes all that wait."""
    grace: float
    updated: float
    """When it last registered, in the server's time."""
    read_at: float
    """When the pod read that (monotonic clock)."""
    by_schedule: bool = False
    """The scheduled times determine the order, and an occurrence whose pod was stopped keeps its place for the grace
    time, because another pod follows. Otherwise the creation of the records does."""

    def now(self, steady: float) -> float:
        """Return the server's time, or slightly less."""
        return self.updated + steady - self.read_at


def register(ctx: RunContext, marks: dict[str, str] | None = None) -> None:
    """Register the start with the others, by updating the record."""
    last, since = ctx.state.registered_at, ctx.clock.steady()
    ctx.update_record({POD: ctx.settings.pod, **({KEPT: ""} if ctx.state.kept_place else {}), **(marks or {})})
    ctx.state.kept_place = False
    if last is None or ctx.clock.steady() - last > ctx.settings.grace / 2:
        ctx.state.queued_since = None
    ctx.state.registered_at = since


def ensure_registered(ctx: RunContext) -> None:
    """Register the start, unless the pod has just done so by creating the record."""
    if ctx.state.kept_place or not _is_registered(ctx):
        register(ctx)


def keep_place(ctx: RunContext) -> None:
    """Register for another pod of the occurrence, which may hold the right to start, or be dead."""
    if not _is_registered(ctx):
        register(ctx, {KEPT: ctx.settings.pod})
        ctx.state.kept_place = True


def _is_registered(ctx: RunContext) -> bool:
    last = ctx.state.registered_at
    return last is not None and ctx.clock.steady() - last <= ctx.settings.grace / 10


def reserve(ctx: RunContext, seconds: float = 0.0) -> None:
    """Reserve the slot of an occurrence whose run is over: a further run follows within about that time."""
    register(ctx, {AWAITED_FOR: str(round(seconds + ctx.settings.grace) + 1)})


def wait(ctx: RunContext, since: str, until: float, *, reserved: bool) -> None:
    """Wait before the next look at the others, and keep the place of the occurrence.

    Parameters
    ----------
    since
        Since when it waits.
    until
        When it gives up (seconds since the epoch).
    reserved
        As in :class:`Turn`.
    """
    ctx.sleep(min(POLL_SECONDS, ctx.settings.grace / 10, max(until - ctx.clock.now(), 0.05)))
    if reserved:
        reserve(ctx)
    else:
        register(ctx, {WAITING: since})


def is_reserved(record: Record, now: float) -> bool:
    """Return whether a further run is to follow the occurrence's last run, at this time of the server's clock."""
    text = record.text(AWAITED_FOR)
    return text.isascii() and text.isdigit() and len(text) < 10 and now < record.updated + int(text)


def precedes(record: Record, turn: Turn, now: float) -> bool:
    """Return whether a further run of another occurrence precedes this start, at this time of the server's clock.

    It precedes all first runs, and the further runs of later occurrences.
    """
    return (not turn.reserved or _is_earlier(record, turn)) and is_reserved(record, now)


def may_precede(record: Record, turn: Turn, now: float) -> bool:
    """Return whether a further run of another occurrence precedes this start, or can have been requested already.

    A pod that looked for others before this occurrence registered has sent its request within the grace time.
    """
    return precedes(record, turn, now) or (now - turn.queued_since[0] < turn.grace and is_reserved(record, now))


def _is_earlier(record: Record, turn: Turn) -> bool:
    return order_of(record, by_schedule=turn.by_schedule) < turn.order


def has_withdrawn(record: Record) -> bool:
    """Return whether the pod that was about to start was stopped before it did."""
    pod = record.text(WITHDRAWN)
    return bool(pod) and pod == record.text(POD)


def order_of(record: Record, *, by_schedule: bool = False) -> tuple[float, float, str]:
    """Return the place of an occurrence in the order of starts."""
    return (record.scheduled_at if by_schedule else 0.0, *record.created)


def turn_of(ctx: RunContext, own: Record, *, reserved: bool = False, by_schedule: bool = False) -> Turn:
    """Return the pod's turn, from its own record as read after it registered."""
    ctx.state.queued_since = ctx.state.queued_since or (own.updated, own.id)
    return Turn(
        order=order_of(own, by_schedule=by_schedule),
        queued_since=ctx.state.queued_since,
        reserved=reserved,
        grace=ctx.settings.grace,
        updated=own.updated,
        read_at=ctx.clock.steady(),
        by_schedule=by_schedule,
    )


def has_priority(record: Record, turn: Turn, now: float) -> bool:
    """Return whether another occurrence is about to start, and starts first, at this time of the server's clock."""
    if record.text(RUN_ID) or now - record.updated >= turn.grace or (has_withdrawn(record) and not turn.by_schedule):
        return False
    if (not turn.reserved and _is_earlier(record, turn)) or (record.updated, record.id) < turn.queued_since:
        return True
    # The pod that keeps the place has not looked for this occurrence; the one that may hold the right looked before.
    is_kept = bool(record.text(KEPT)) and record.text(KEPT) == record.text(POD)
    return is_kept and now - turn.queued_since[0] < turn.grace
