"""The forecast: which runs are due, what they use, and what the budget leaves of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from graphcron.api.v1alpha1 import GraphCronStatus, RecentRun, parse, read_status
from graphcron.cli.printing.forecast_rows import row_of, total
from graphcron.cli.printing.forecasts import forecast_line, money
from graphcron.cli.schedules import forecast as forecasts
from graphcron.cli.schedules.busy_days import busiest_day
from graphcron.cli.schedules.forecast import Amount, Decimal, Forecast, sample_of
from graphcron.schedule import cron

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MONTH = timedelta(days=30)
HISTORY = [100, 200, 300, 400, 1000]


def body(name: str = "hello", *, status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphCron",
        "metadata": {"name": name, "namespace": "agents"},
        "spec": {"assistant": "agent", **({} if "schedules" in spec else {"schedule": "0 9 * * *"}), **spec},
        "status": status or {},
    }


def ran(hours: float, outcome: str = "Succeeded", **more: Any) -> dict[str, Any]:
    return {"scheduledTime": (NOW - timedelta(hours=hours)).isoformat(), "outcome": outcome, **more}


def history(*tokens: int, **more: Any) -> dict[str, Any]:
    """Return a status with runs that used that many tokens, a thousandth of it in money."""
    return {
        "recentRuns": [ran(100 + at, tokens=each, cost=f"{each / 1000:.3f}") for at, each in enumerate(tokens)],
        **more,
    }


def forecast(days: float = 30, status: dict[str, Any] | None = None, **spec: Any) -> Forecast:
    found = body(status=status, **spec)
    length = timedelta(days=days)
    return forecasts.forecast(parse(found), read_status(GraphCronStatus, found), now=NOW, length=length)


@pytest.mark.parametrize(
    ("spec", "due"),
    [
        ({}, 30),
        ({"schedules": ["0 9 * * *", "0 9,10 * * *"]}, 60),
        ({"excludes": [{"date": "2026-11-25"}]}, 29),
        ({"startTime": "2026-12-20T00:00:00Z"}, 3),
        ({"endTime": "2026-11-24T00:00:00Z"}, 1),
        ({"schedule": "* * * * *"}, 30 * 1440),
        ({"schedule": "0 9 1 1 *"}, 0),
    ],
)
def test_runs_that_are_due_are_counted(spec: dict[str, Any], due: int) -> None:
    assert (forecast(**spec).due, forecast(**spec).stopped) == (due, None)


@pytest.mark.parametrize(("now", "due"), [("2026-03-28T12:00:00+01:00", 0), ("2026-10-24T12:00:00+02:00", 2)])
def test_change_of_the_clock_counts_as_kubernetes_counts(now: str, due: int) -> None:
    found = parse(body(schedule="30 2 * * *", timeZone="Europe/Berlin"))
    at = datetime.fromisoformat(now)
    assert forecasts.forecast(found, GraphCronStatus(), now=at, length=timedelta(days=1)).due == due


@pytest.mark.parametrize(
    ("spec", "status", "reason"),
    [
        ({"suspend": True}, {}, "Suspended"),
        ({"endTime": "2026-11-22T12:00:00Z"}, {}, "NoLongerActive"),
        (
            {},
            {
                "conditions": [
                    {
                        "type": "Paused",
                        "status": "True",
                        "reason": "ConsecutiveFailures",
                        "lastTransitionTime": "2026-11-22T11:00:00Z",
                    }
                ]
            },
            "Paused",
        ),
    ],
)
def test_stopped_graphcron_has_no_runs(spec: dict[str, Any], status: dict[str, Any], reason: str) -> None:
    found = forecast(status={**history(*HISTORY), **status}, **spec)
    assert (found.due, found.stopped, found.median.amount.tokens) == (0, reason, 0)


def test_amounts_are_runs_times_the_median_and_the_95th_percentile() -> None:
    found = forecast(status=history(*HISTORY))
    assert found.sample.runs == 5
    assert found.median.amount == Amount(30 * 300, Decimal("0.3") * 30)
    assert found.p95.amount == Amount(30 * 1000, Decimal(30))


def test_sample_leaves_out_what_did_not_run() -> None:
    runs = [
        RecentRun.model_validate(each)
        for each in (
            ran(1, tokens=10),
            ran(2, "GraphError", tokens=30, tokensAtLeast=True),
            ran(3, "Skipped", tokens=0, count=40),
            ran(4, "ServerUnreachable"),
        )
    ]
    found = sample_of(runs)
    assert (found.runs, found.median, found.p95, found.at_least) == (2, Amount(20), Amount(30), True)
    assert sample_of(runs[2:]).runs == 0


@pytest.mark.parametrize(
    ("values", "median", "p95"),
    [([7], 7, 7), ([1, 2], 2, 2), (list(range(1, 101)), 51, 95), (list(range(1, 21)), 11, 19)],
)
def test_median_and_percentile(values: list[int], median: int, p95: int) -> None:
    found = sample_of(RecentRun.model_validate(ran(1, tokens=each)) for each in reversed(values))
    assert (found.median.tokens, found.p95.tokens) == (median, p95)


def test_limit_of_a_run_caps_each_run() -> None:
    found = forecast(status=history(*HISTORY), budget={"maxTokensPerRun": 400, "maxCostPerRun": "0.25"})
    assert found.median.amount == Amount(30 * 300, Decimal("0.25") * 30)
    assert found.p95.amount == Amount(30 * 400, Decimal("0.25") * 30)


@pytest.mark.parametrize(
    ("budget", "tokens", "skipped"),
    [
        ({"maxTokens": 700, "window": "day"}, 31 * 700, 720 - 31 * 3),
        ({"maxTokens": 10_000, "window": "day"}, 720 * 300, 0),
        ({"maxCost": "0.6", "window": "day"}, 31 * 600, 720 - 31 * 2),
        ({"maxTokens": 3000, "window": "week"}, 6 * 3000, 720 - 6 * 10),
        ({"maxTokens": 1000, "window": "month"}, 2 * 1000, 720 - 2 * 4),
        ({"maxTokens": 600, "window": "23h"}, 30 * 600, 720 - 30 * 2),
    ],
)
def test_limit_of_a_window_caps_the_total(budget: dict[str, Any], tokens: int, skipped: int) -> None:
    found = forecast(status=history(300), schedule="0 * * * *", budget=budget)
    assert (found.due, found.median.amount.tokens, found.median.skipped) == (720, tokens, skipped)


def test_what_the_window_has_used_counts() -> None:
    window = {"windowStart": "2026-11-22T00:00:00Z", "windowEnd": "2026-11-23T00:00:00Z", "tokens": 900}
    budget = {"maxTokens": 1000, "window": "day"}
    spec: dict[str, Any] = {"schedule": "0 * * * *", "budget": budget}
    assert forecast(0.49, status=history(300), **spec).median.amount.tokens == 1000
    found = forecast(0.49, status=history(300, budget=window), **spec)
    assert (found.due, found.median.amount.tokens, found.median.skipped) == (11, 100, 10)
    past = {**window, "windowEnd": "2026-11-22T12:00:00Z"}
    assert forecast(0.49, status=history(300, budget=past), **spec).median.skipped == 7


def test_what_a_rolling_window_has_used_leaves_it() -> None:
    status = {"recentRuns": [ran(1, tokens=300), ran(5, tokens=300), ran(7, tokens=300)]}
    spec: dict[str, Any] = {"schedule": "30 * * * *", "budget": {"maxTokens": 600, "window": "6h"}}
    found = forecast(0.25, status=status, **spec)
    assert (found.due, found.median.skipped, found.median.amount.tokens) == (6, 4, 600)
    status["recentRuns"] = status["recentRuns"][:1]
    assert forecast(0.25, status=status, **spec).median.skipped == 4
    window = {"windowStart": "2026-11-22T06:00:00Z", "windowEnd": "2026-11-22T13:00:00Z", "tokens": 600}
    assert forecast(0.25, status={**status, "budget": window}, **spec).median.skipped == 5


def test_graphrun_counts_when_it_was_created_whatever_time_it_represents() -> None:
    spec: dict[str, Any] = {"schedule": "30 * * * *", "budget": {"maxTokens": 600, "window": "6h"}}
    past = ran(100, tokens=600, graphRun="past", requestedTime=ran(1)["scheduledTime"])
    runs = [past, ran(5.75, tokens=1)]
    window = {"windowStart": "2026-11-22T06:00:00Z", "windowEnd": "2026-11-22T12:15:00Z", "tokens": 601}
    found = forecast(0.25, status={"recentRuns": runs, "budget": window}, **spec)
    assert (found.due, found.median.skipped) == (6, 5)


def test_row_is_for_programs_and_the_line_for_people() -> None:
    status = history(*HISTORY)
    status["recentRuns"][0]["tokensAtLeast"] = True
    row = row_of(body(status=status), [], now=NOW, length=MONTH)
    assert row == {
        "namespace": "agents",
        "name": "hello",
        "runs": 30,
        "tokens": 9000,
        "cost": "9",
        "tokensP95": 30000,
        "costP95": "30",
        "skipped": 0,
        "skippedP95": 0,
        "measuredRuns": 5,
        "tokensPerRun": 300,
        "costPerRun": "0.3",
        "tokensPerRunP95": 1000,
        "costPerRunP95": "1",
        "tokensAtLeast": True,
        "note": "",
    }
    assert forecast_line(row, 30) == "30 runs in 30 days, ≥9,000 tokens (p95 ≥30,000), cost ≥9.00 (p95 ≥30.00)"


@pytest.mark.parametrize(
    ("spec", "status", "line"),
    [
        ({"schedule": "0 9 23 11 *"}, {}, "1 run in 30 days, no history"),
        ({"suspend": True}, history(5), "0 runs in 30 days, suspended"),
        ({"schedule": "0 9 31 2 *"}, {}, 'spec.schedule: "0 9 31 2 *" never matches: there is no such day; '),
        (
            {"budget": {"maxTokens": 100, "window": "month"}},
            history(30, 30, 200),
            "30 runs in 30 days, 200 tokens (p95 200), cost 0.24 (p95 0.40), the budget skips 22 to 28 of them",
        ),
    ],
)
def test_line_names_what_limits_it(spec: dict[str, Any], status: dict[str, Any], line: str) -> None:
    assert forecast_line(row_of(body(status=status, **spec), [], now=NOW, length=MONTH), 30).startswith(line)


def test_budget_of_the_graphserver_applies() -> None:
    def server(namespace: str, limit: int) -> dict[str, Any]:
        return {
            "apiVersion": "graphcron.dev/v1alpha1",
            "kind": "GraphServer",
            "metadata": {"name": "shared", "namespace": namespace},
            "spec": {"url": "http://langgraph:8000", "budget": {"maxTokensPerRun": limit}},
        }

    found = body(status=history(300), serverRef={"name": "shared"})
    servers = [server("agents", 50), server("other", 1)]
    assert row_of(found, servers, now=NOW, length=MONTH)["tokensPerRun"] == 300
    assert row_of(found, servers, now=NOW, length=MONTH)["tokens"] == 30 * 50
    assert row_of(found, [], now=NOW, length=MONTH)["note"] == "the budget of its GraphServer is not known"


def test_total_names_what_it_does_not_include() -> None:
    def row(**more: Any) -> dict[str, Any]:
        return row_of(body(**more), [], now=NOW, length=MONTH)

    rows = [row(status=history(100)), row(status={"recentRuns": [ran(1, tokens=5)]}), row()]
    assert total(rows) == {
        "namespace": "",
        "name": "total",
        "runs": 90,
        "tokens": 3150,
        "tokensP95": 3150,
        "cost": "3",
        "costP95": "3",
        "tokensAtLeast": False,
        "note": "1 of them without history",
    }
    assert total([row()]).keys() == {"namespace", "name", "runs", "tokensAtLeast", "note"}


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0"), ("12", "12.00"), ("1234.567", "1234.57"), ("0.1234", "0.12"), ("0.00034567", "0.00035")],
)
def test_money_is_rounded(amount: str, text: str) -> None:
    assert money(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("lines", "runs"),
    [
        (["* * * * *"], 1440),
        (["*/5 * * * 1", "2-59/5 * * * 2"], 288),
        (["*/5 * * * 1", "2-59/5 * * * 1,2"], 576),
        (["*/5 * 1 * 1", "2-59/5 * * 2 *"], 576),
        (["0 9 29 2 *", "0 10 * * *"], 2),
        (["0 9 29 2 *", "0 10 * 3 *"], 1),
    ],
)
def test_busiest_day_is_one_day(lines: list[str], runs: int) -> None:
    assert busiest_day([cron.parse(each) for each in lines]) == runs
