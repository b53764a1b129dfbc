"""The budget of a window: whether a run may start, and the members of the report."""

from typing import Any, Final

from graphcron.contract import Budget, Outcome
from graphcron.runner.budget import ledger, money
from graphcron.runner.budget.ledger import Entry
from graphcron.runner.budget.spending import Limits, Spending
from graphcron.runner.budget.windows import Window, window_at
from graphcron.runner.client.errors import CertificateError, RequestRejected, RunEnded, RunResult, Unanswered
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.times import rfc3339

DELETED_DAYS: Final = 5
"""Maximum number of days that one occurrence deletes."""

WRITES: Final = 3
"""How often to write an entry that does not appear, in case a server loses one of two concurrent writes."""


def check(spending: Spending) -> None:
    """Check that the budget of the window is not exhausted.

    Raises
    ------
    RunEnded
        Skipped/BudgetExceeded.
    """
    budget = spending.budget
    if budget.window is None:
        return
    window = _window(spending, budget.window)
    found = _entries(
        spending, window, spending.client.retry(lambda: ledger.read(spending.client.api, spending.settings.uid))
    )
    limits = Limits.of(budget.maxTokens, budget.maxCost)
    used = Limits(sum(entry.tokens for entry in found), sum(entry.cost for entry in found))
    spending.window = _members(budget, window, found)
    if ledger.reached(used.tokens or 0, limits.tokens) or ledger.reached(used.cost or 0, limits.cost):
        raise RunEnded(Outcome.SKIPPED, "BudgetExceeded", _exceeded(budget, window, found, limits))


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


def report_members(spending: Spending) -> dict[str, Any]:
    """Return the members of the report about tokens, money and the window."""
    budget = spending.budget
    members: dict[str, Any] = {}
    if spending.state.run is not None:
        known = spending.tokens > 0 or not spending.at_least
        members["tokens"] = spending.tokens if known else None
        members["tokensAtLeast"] = True if known and spending.at_least else None
        members["cost"] = money.text_of(spending.cost) if known and spending.prices else None
        if budget.window and not spending.runtime.shutdown.requested:
            spending.window = _after(spending) or spending.window
    return {**members, **spending.window}


def _after(spending: Spending) -> dict[str, Any] | None:
    """Read the window again, and write those own entries that are missing in it."""
    budget = spending.budget
    window = _window(spending, budget.window or "")
    found: list[Entry] = []
    try:
        for _ in range(WRITES):
            found = _entries(spending, window, ledger.read(spending.client.api, spending.settings.uid))
            missing = [own for own in spending.all if own.at >= window.start and own not in found]
            if not missing:
                break
            ledger.write(spending.client.api, spending.settings, *missing)
    except (Unanswered, RequestRejected, CertificateError) as error:
        spending.runtime.log("ledger-not-read", level="warning", error=str(error))
        return None
    return _members(budget, window, found)


def _window(spending: Spending, text: str) -> Window:
    return window_at(text, spending.runtime.clock.now(), spending.settings.request.offsets)


def _entries(spending: Spending, window: Window, threads: list[Json]) -> list[Entry]:
    """Return the window's entries; log which of its days the server has deleted."""
    everything, gone = ledger.count(threads)
    # A rolling window includes an occurrence whose time is slightly in the future, by another clock.
    found = ledger.within(everything, window.start, float("inf") if window.rolling else window.end)
    lost = [day for day in gone if any(ledger.day_of(entry.at) == day for entry in found)]
    if lost != spending.lost_days:
        spending.lost_days = lost
        spending.runtime.log("ledger-swept", level="warning", days=lost)
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


def message_with_usage(spending: Spending, result: RunResult) -> str:
    """Return the result's message, with details about tokens and money."""
    said = [result.message]
    if spending.over:
        used = _over(spending)
        said = [f"the run used {used}, and was cancelled"] if result.outcome is Outcome.OVER_BUDGET else [*said, used]
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


def collect_garbage(spending: Spending) -> None:
    """Delete the days that are older than any window, a few at a time."""
    threads = ledger.read(spending.client.api, spending.settings.uid, oldest=DELETED_DAYS)
    for thread_id in ledger.outdated(threads, spending.runtime.clock.now()):
        spending.client.api.delete_thread(thread_id)
