"""Budgets end to end: what is counted, what is skipped, and where that is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from graphcron.api import names
from tests.cluster import wait_for
from tests.e2e.crons import Crons
from tests.objects import condition

PER_RUN = 30 + 10 + 2 * (100 + 20)
"""Tokens of a run of the graph ``spender`` with two calls, the one out of sight included."""


def occurrences(crons: Crons, count: int, name: str = "hello") -> list[Any]:
    """Run some occurrences one after another; return what is told of each, the first first."""
    told = []
    for number in range(count):
        crons.ask(names.ANNOTATION_RUN_REQUESTED, f"number {number}", name)

        def look(number: int = number) -> Any:
            runs = crons.status(name).get("recentRuns", [])
            return next((run for run in runs if run.get("trigger") == f"number {number}"), None)

        told.append(wait_for(f"outcome of number {number}", look, seconds=90))
    return told


def test_budget_window_used_up_skips_runs_until_its_end(crons: Crons):
    """A used-up window skips runs and reports its end, even if the status is lost."""
    budget = {"maxTokens": 2 * PER_RUN - 1, "window": "day"}
    # The day must not turn meanwhile.
    zone = "UTC" if datetime.now(UTC).hour < 22 else "Asia/Tokyo"
    uid = crons.make(assistant="spender", input={"calls": 2, "seconds": 0}, budget=budget, timeZone=zone)
    first, second, third = occurrences(crons, 3)
    assert [each["outcome"] for each in (first, second)] == ["Succeeded", "Succeeded"]
    assert [(each["tokens"], each.get("tokensAtLeast")) for each in (first, second)] == [(PER_RUN, None)] * 2
    assert (third["outcome"], third["reason"]) == ("Skipped", "BudgetExceeded")
    assert len(crons.server.runs_of(uid)) <= 2

    def exceeded(graphcron: Any) -> bool:
        return bool(condition(graphcron, "BudgetExceeded") and graphcron["status"].get("budget"))

    graphcron = crons.wait("that is over its budget", "graphcrons", "hello", exceeded)
    used = graphcron["status"]["budget"]
    assert used["tokens"] == 2 * PER_RUN
    assert used["windowStart"] < used["windowEnd"]
    assert used["windowEnd"] in condition(graphcron, "BudgetExceeded")["message"]
    assert crons.wait_event("BudgetExceeded")["type"] == "Warning"

    lose = ("patch", "graphcron", "hello", "--subresource=status", "--type=merge", "-p", '{"status": {"budget": null}}')
    crons.cluster.kubectl(*lose, "--namespace", crons.namespace)
    crons.ask(names.ANNOTATION_RUN_REQUESTED, "after the loss")
    graphcron = crons.wait("that is over its budget again", "graphcrons", "hello", exceeded)
    assert graphcron["status"]["budget"]["tokens"] == 2 * PER_RUN
    assert len(crons.server.runs_of(uid)) <= 2


def test_a_run_over_its_own_budget_is_cancelled_while_it_goes(crons: Crons):
    budget = {"maxTokensPerRun": 300}
    crons.make(assistant="spender", input={"calls": 60, "seconds": 0.5}, budget=budget)
    (told,) = occurrences(crons, 1)
    assert (told["outcome"], told["reason"]) == ("OverBudget", "RunBudgetExceeded")
    assert 300 < told["tokens"] < 30 * 120
    run = crons.server.run(told["threadId"], told["runId"])
    assert run["status"] == "interrupted"
    assert condition(crons.get("graphcrons", "hello"), "LastRunSucceeded")["status"] == "False"
