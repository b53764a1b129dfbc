"""The runs that are due in a period, and what they would use if they were like the recent ones. Pure.

A run is expected to use the median of the recent runs, or their 95th percentile. A budget limits both: what a single
run uses, and which runs of a window start at all.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil
from statistics import median
from typing import Any, Final, NamedTuple

from graphcron.api.calendar_for import calendar_for, time_zone_of
from graphcron.api.reasons import ConditionType, Reason
from graphcron.api.v1alpha1 import Budget, GraphCron, GraphCronStatus, RecentRun
from graphcron.contract import Outcome
from graphcron.manifests.suspension import suspension_reason
from graphcron.planning.run_history import percentile
from graphcron.schedule.enumeration import due_seconds
from graphcron.schedule.times import zone_for

STOPPED: Final = frozenset({Reason.NO_LONGER_ACTIVE, Reason.SUSPENDED, Reason.PAUSED})
"""Why no run is due until a user changes something."""

_ROLLING: Final = {"h": "hours", "d": "days"}


class Amount(NamedTuple):
    """Tokens and money; None: not known."""

    tokens: int | None = None
    cost: Decimal | None = None

    def times(self, count: int) -> "Amount":
        """Return what that many runs use."""
        return Amount(
            None if self.tokens is None else self.tokens * count, None if self.cost is None else self.cost * count
        )


UNKNOWN: Final = Amount()


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What the recent runs have used, each."""

    runs: int = 0
    """How many runs reported their tokens."""
    median: Amount = UNKNOWN
    p95: Amount = UNKNOWN
    at_least: bool = False
    """Some of them reported a lower bound."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the runs of a period use together."""

    amount: Amount
    skipped: int = 0
    """How many of the runs that are due the budget of a window skips."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The runs of a GraphCron in a period."""

    due: int
    sample: Sample
    median: Expected
    """If each run uses the median of the recent ones."""
    p95: Expected
    """If each run uses their 95th percentile."""
    stopped: Reason | None = None
    """Why none is due, if the GraphCron is suspended, paused or past its end."""


def sample_of(runs: Iterable[RecentRun]) -> Sample:
    """Return what recent runs have used; skipped occurrences, and runs that reported no tokens, are left out."""
    counted = [run for run in runs if run.outcome != Outcome.SKIPPED and run.tokens is not None]
    if not counted:
        return Sample()
    tokens = sorted(run.tokens for run in counted if run.tokens is not None)
    costs = sorted(Decimal(run.cost) for run in counted if run.cost is not None)
    return Sample(
        runs=len(counted),
        median=Amount(ceil(median(map(Decimal, tokens))), median(costs) if costs else None),
        p95=Amount(percentile(tokens, 95), percentile(costs, 95) if costs else None),
        at_least=any(run.tokens_at_least for run in counted),
    )


def forecast(graphcron: GraphCron, status: GraphCronStatus, *, now: datetime, length: timedelta) -> Forecast:
    """Return the runs that are due after ``now``, until a length of time later.

    Parameters
    ----------
    graphcron
        With the fields of its GraphServer.
    status
        Its status, with the recent runs.
    """
    sample = sample_of(status.recent_runs or ())
    stopped = stopped_by(graphcron, status, now=now)
    due = due_seconds(calendar_for(graphcron), now, now + length) if stopped is None else []
    median, p95 = (expected(graphcron, status, due, each, now=now) for each in (sample.median, sample.p95))
    return Forecast(due=len(due), sample=sample, median=median, p95=p95, stopped=stopped)


def stopped_by(graphcron: GraphCron, status: GraphCronStatus, *, now: datetime) -> Reason | None:
    """Return why no run is due until a user changes something; None: runs are due."""
    paused = any((each.type, each.status) == (ConditionType.PAUSED, "True") for each in status.conditions or ())
    found = suspension_reason(graphcron, paused=paused, now=now)
    return found if found in STOPPED else None


def expected(
    graphcron: GraphCron, status: GraphCronStatus, due: Sequence[int], per_run: Amount, *, now: datetime
) -> Expected:
    """Return what runs use that are due at these Unix times, if each uses the same and the budget limits it."""
    budget, per_run = graphcron.spec.budget, limited(graphcron, per_run)
    if budget is None or budget.window is None:
        return Expected(amount=per_run.times(len(due)))
    usage = _Usage(budget, time_zone_of(graphcron.spec), used_before(budget, status, now=now))
    return usage.expected((datetime.fromtimestamp(each, UTC) for each in due), per_run)


def limited(graphcron: GraphCron, per_run: Amount) -> Amount:
    """Return what a run uses at most, within the limits of the budget for each run."""
    budget = graphcron.spec.budget
    if budget is None:
        return per_run
    return Amount(
        _at_most(per_run.tokens, budget.max_tokens_per_run), _at_most(per_run.cost, _money(budget.max_cost_per_run))
    )


def used_before(budget: Budget, status: GraphCronStatus, *, now: datetime) -> list[tuple[datetime, Amount]]:
    """Return what earlier runs have used in the budget's window, each with its time, the oldest first.

    The status knows the sum of a window, and the tokens of the latest runs. The rest of the sum counts as used at the
    time of the oldest of them.
    """
    window, length = status.budget, _length(budget.window or "")
    known = [
        (run.requested_time or run.scheduled_time, Amount(run.tokens, _money(run.cost)))
        for run in status.recent_runs or ()
        if run.tokens is not None
    ]
    counted = [each for each in known if length and now - length <= each[0] <= now]
    found = sorted(counted, key=lambda each: each[0])
    if window is None or window.window_start is None or window.window_end is None or window.window_end <= now:
        return found
    tokens = (window.tokens or 0) - sum(each.tokens or 0 for _, each in found)
    cost = (_money(window.cost) or Decimal()) - sum((each.cost or Decimal() for _, each in found), Decimal())
    at = found[0][0] if found else max(window.window_start, now - length) if length else now
    return [(at, Amount(max(tokens, 0), max(cost, Decimal()))), *found]


class _Usage:
    """Counts runs as the runner does: one starts while the window has used less than its limits."""

    def __init__(self, budget: Budget, zone: str, before: Sequence[tuple[datetime, Amount]]) -> None:
        self._limits = Amount(budget.max_tokens, _money(budget.max_cost))
        self._key, self._begin = _window(budget.window or "", zone)
        self._entries: deque[tuple[datetime, Amount]] = deque()
        self._tokens, self._cost = 0, Decimal()
        for at, amount in before:
            self._add(self._key(at), amount)

    def expected(self, due: Iterable[datetime], per_run: Amount) -> Expected:
        """Return what runs use that are due at these times."""
        tokens, cost, skipped = 0, Decimal(), 0
        for at in due:
            key = self._key(at)
            self._forget(self._begin(key))
            left = self._left()
            if left is None:
                skipped += 1
                continue
            used = Amount(_at_most(per_run.tokens, left.tokens), _at_most(per_run.cost, left.cost))
            self._add(key, used)
            tokens, cost = tokens + (used.tokens or 0), cost + (used.cost or Decimal())
        known = Amount(
            None if per_run.tokens is None else tokens,
            None if per_run.cost is None else cost,
        )
        return Expected(amount=known, skipped=skipped)

    def _left(self) -> Amount | None:
        """Return what the window leaves, None for no limit; None instead if a limit is reached."""
        tokens = None if self._limits.tokens is None else self._limits.tokens - self._tokens
        cost = None if self._limits.cost is None else self._limits.cost - self._cost
        is_reached = any(each is not None and each <= 0 for each in (tokens, cost))
        return None if is_reached else Amount(tokens, cost)

    def _add(self, key: datetime, amount: Amount) -> None:
        self._entries.append((key, amount))
        self._tokens += amount.tokens or 0
        self._cost += amount.cost or Decimal()

    def _forget(self, begin: datetime) -> None:
        while self._entries and self._entries[0][0] < begin:
            _, amount = self._entries.popleft()
            self._tokens -= amount.tokens or 0
            self._cost -= amount.cost or Decimal()


def _window(text: str, zone_name: str) -> tuple[Callable[[datetime], datetime], Callable[[datetime], datetime]]:
    """Return what a time is in a window, and when the window begins that such a time is in."""
    if length := _length(text):
        return lambda at: at.astimezone(UTC), lambda key: key - length
    zone = zone_for(zone_name)

    def begin(key: datetime) -> datetime:
        day = key.replace(hour=0, minute=0, second=0, microsecond=0)
        if text == "week":
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if text == "month" else day

    return lambda at: at.astimezone(zone).replace(tzinfo=None), begin


def _length(text: str) -> timedelta | None:
    """Return the length of a rolling window; None: it is a calendar's."""
    unit = _ROLLING.get(text[-1:])
    return timedelta(**{unit: int(text[:-1])}) if unit and text[:-1].isdecimal() else None


def _money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _at_most(value: Any, limit: Any) -> Any:
    return value if value is None or limit is None else min(value, limit)
