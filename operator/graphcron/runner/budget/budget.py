"""The budget of a window: whether a run may start, and what the report tells of it."""

from typing import Any, Final

from graphcron.contract import Budget, Outcome
from graphcron.runner.budget import ledger, money
from graphcron.runner.budget.ledger import Entry
from graphcron.runner.budget.spending import Limits, Spending
from graphcron.runner.budget.windows import Window, window_at
from graphcron.runner.client.errors import Ended, Ending, Refused, Unanswered, Untrusted
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.times import rfc3339
from graphcron.runner.occurrence.context import Tick

TIDIED: Final = 5
"""At most so many days are looked at for tidying."""

LOOKS: Final = 3
"""How often to write an entry that does not show: there may be servers that lose one of two written at a time."""


def spending_of(tick: Tick) -> Spending | None:
    """Return what counts the occurrence's tokens; None: it has no budget."""
    settings = tick.settings
    if settings.request.budget is None:
        return None
    return Spending(settings.request.budget, tick.record_id, settings.requested)


def _spending_in(tick: Tick) -> Spending | None:
    return tick.spending if isinstance(tick.spending, Spending) else None


def check(tick: Tick) -> None:
    """See that the window's budget is not used up.

    Raises
    ------
    Ended
        Skipped/BudgetExceeded.
    """
    budget = tick.settings.request.budget
    if budget is None or budget.window is None:
        return
    window = _window(tick, budget.window)
    found = _entries(tick, window, tick.ask(lambda: ledger.read(tick.server, tick.settings.uid)))
    limits = Limits.of(budget.maxTokens, budget.maxCost)
    used = Limits(sum(entry.tokens for entry in found), sum(entry.cost for entry in found))
    spending = _spending_in(tick)
    if spending is not None:
        spending.window = _members(budget, window, found)
    if ledger.reached(used.tokens or 0, limits.tokens) or ledger.reached(used.cost or 0, limits.cost):
        raise Ended(Outcome.SKIPPED, "BudgetExceeded", _exceeded(budget, window, found, limits))


def _exceeded(budget: Budget, window: Window, found: list[Entry], limits: Limits) -> str:
    length = int(window.end - window.start)
    last = ledger.relief(found, limits) if window.rolling else None
    until = window.end if last is None else last + length
    tokens, cost = sum(entry.tokens for entry in found), sum(entry.cost for entry in found)
    said = []
    if ledger.reached(tokens, limits.tokens):
        said.append(f"{tokens:,} of {limits.tokens:,} tokens")
    if ledger.reached(cost, limits.cost):
        said.append(f"{money.text_of(cost)} of {budget.maxCost} in money")
    which = f"the last {budget.window}" if window.rolling else f"this {budget.window}"
    return f"{' and '.join(said)} are used in {which}; no run starts before {rfc3339(until)}"


def report_members(tick: Tick) -> dict[str, Any]:
    """Return what the report tells of tokens, money and the window."""
    spending, budget = _spending_in(tick), tick.settings.request.budget
    if spending is None or budget is None:
        return {}
    members: dict[str, Any] = {}
    if tick.run is not None:
        known = spending.tokens > 0 or not spending.at_least
        members["tokens"] = spending.tokens if known else None
        members["tokensAtLeast"] = True if known and spending.at_least else None
        members["cost"] = money.text_of(spending.cost) if known and spending.prices else None
        if budget.window and not tick.stop.requested:
            spending.window = _after(tick, budget, spending) or spending.window
    return {**members, **spending.window}


def _after(tick: Tick, budget: Budget, spending: Spending) -> dict[str, Any] | None:
    """Read the window again, our own entries in it; write those that do not show."""
    window = _window(tick, budget.window or "")
    found: list[Entry] = []
    try:
        for _ in range(LOOKS):
            found = _entries(tick, window, ledger.read(tick.server, tick.settings.uid))
            missing = [own for own in spending.all if own.at >= window.start and own not in found]
            if not missing:
                break
            for own in missing:
                ledger.write(tick.server, tick.settings, own)
    except (Unanswered, Refused, Untrusted) as error:
        tick.log("ledger-not-read", level="warning", error=str(error))
        return None
    return _members(budget, window, found)


def _window(tick: Tick, text: str) -> Window:
    return window_at(text, tick.clock.now(), tick.settings.request.offsets)


def _entries(tick: Tick, window: Window, threads: list[Json]) -> list[Entry]:
    """Return the window's entries; say which days of it the server has deleted."""
    everything, gone = ledger.count(threads)
    # An occurrence that was asked for a moment from now, by another clock, is in a rolling window all the same.
    found = ledger.within(everything, window.start, float("inf") if window.rolling else window.end)
    lost = [day for day in gone if any(ledger.day_of(entry.at) == day for entry in found)]
    spending = _spending_in(tick)
    if spending is not None and lost != spending.lost_days:
        spending.lost_days = lost
        tick.log("ledger-swept", level="warning", days=lost)
    return found


def _members(budget: Budget, window: Window, found: list[Entry]) -> dict[str, Any]:
    end = window.end
    if window.rolling:
        end += found[0].at - window.start if found else window.end - window.start
    return {
        "windowStart": rfc3339(window.start),
        "windowEnd": rfc3339(end),
        "windowTokens": sum(entry.tokens for entry in found),
        "windowCost": money.text_of(sum(entry.cost for entry in found)) if budget.prices else None,
    }


def told(tick: Tick, ending: Ending) -> str:
    """Return the ending's message, with what there is to say of tokens and money."""
    spending = _spending_in(tick)
    if spending is None:
        return ending.message
    said = [ending.message]
    if spending.over:
        used = _over(spending)
        said = [f"the run used {used}, and was cancelled"] if ending.outcome is Outcome.OVER_BUDGET else [*said, used]
    if spending.unpriced:
        models = "a model" if spending.unpriced == 1 else f"{spending.unpriced} models"
        said.append(f"no price is known for {models} that the run used, so the cost is a lower bound")
    if spending.counter.silent:
        said.append("a model told no token usage")
    if spending.lost_days:
        first, *more = spending.lost_days
        days = f"{first} and {len(more)} more days" if more else first
        said.append(f"the server has deleted the ledger of {days}, so the window's total is a lower bound")
    return "; ".join(said)


def _over(spending: Spending) -> str:
    said = []
    if ledger.reached(spending.tokens - 1, spending.per_run.tokens):
        said.append(f"{spending.tokens:,} tokens, more than maxTokensPerRun ({spending.per_run.tokens:,})")
    if ledger.reached(spending.cost - 1, spending.per_run.cost):
        limit = money.text_of(spending.per_run.cost or 0)
        said.append(f"{money.text_of(spending.cost)} in money, more than maxCostPerRun ({limit})")
    return " and ".join(said)


def tidy(tick: Tick) -> None:
    """Delete the days that no window reaches any more, a few at a time."""
    if tick.spending is None:
        return
    threads = ledger.read(tick.server, tick.settings.uid, oldest=TIDIED)
    for thread_id in ledger.outdated(threads, tick.clock.now()):
        tick.server.delete_thread(thread_id)
