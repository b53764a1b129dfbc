"""Conditions that are about runs."""

from datetime import timedelta
from typing import Any

import pytest

from graphcron.api.v1alpha1 import BudgetUsed, Condition, RecentRun
from graphcron.contract import Outcome, Report
from graphcron.planning.failures import Pause
from graphcron.status.conditions import ConditionInputs, run_conditions, target
from tests.unit.world import NOW, at, graphcron

OUTCOMES = [
    (Outcome.SUCCEEDED, "True"),
    (Outcome.GRAPH_ERROR, "False"),
    (Outcome.TIMEOUT, "False"),
    (Outcome.REJECTED, "False"),
    (Outcome.SERVER_UNREACHABLE, "False"),
    (Outcome.OVER_BUDGET, "False"),
    (Outcome.INTERNAL_ERROR, "False"),
    (Outcome.INTERRUPTED, "Unknown"),
    (Outcome.CANCELLED, "Unknown"),
    (Outcome.STOPPED, "Unknown"),
    (Outcome.UNKNOWN, "Unknown"),
]


def run(outcome: str = "Succeeded", reason: str | None = None, *, due: str = "12:00", **members: Any) -> RecentRun:
    return RecentRun(scheduled_time=at(due), outcome=outcome, reason=reason, **members)


def updates(*runs: RecentRun, times=(), pause=None, spent=None, now=NOW, **spec):
    inputs = ConditionInputs(graphcron(**spec), runs, list(times), pause, spent, now)
    return {update.kind.value: update for update in run_conditions(inputs)}


@pytest.mark.parametrize(("outcome", "verdict"), OUTCOMES)
def test_the_last_run_is_told_by_its_outcome(outcome, verdict):
    told = updates(run(outcome.value))["LastRunSucceeded"]
    assert (told.status, told.reason) == (verdict, outcome.value)


def test_what_was_skipped_is_no_run():
    told = updates(run("Skipped", "ThreadBusy"), run("GraphError", due="11:55", message="raised ValueError"))
    assert told["LastRunSucceeded"].reason == "GraphError"
    assert told["LastRunSucceeded"].message == "Run of 2026-11-22T11:55:00Z: raised ValueError."
    assert updates(run("Skipped", "ThreadBusy"))["LastRunSucceeded"].status == "Unknown"


def test_where_nothing_is_the_matter_only_the_last_run_is_told():
    assert list(updates(run(), pause=Pause(2, None, ""))) == ["LastRunSucceeded"]
    assert list(updates()) == ["LastRunSucceeded"]


# --- AwaitingHuman


WAITS = run("Interrupted", due="11:50", thread_id="t-1")


@pytest.mark.parametrize(
    ("runs", "waits"),
    [
        ([WAITS], True),
        ([run("Skipped", "ThreadAwaitsHuman"), WAITS], True),
        ([run("Skipped", "ThreadAwaitsHuman")], True),
        ([run("Skipped", "NotStarted"), WAITS], True),
        ([run("Skipped", "BudgetExceeded"), run("Skipped", "ThreadAwaitsHuman"), WAITS], True),
        ([run(), WAITS], False),
        ([run("Skipped", "NotStarted"), run(), WAITS], False),
        ([run("GraphError"), WAITS], False),
        ([run("Skipped", "ThreadBusy"), run()], False),
    ],
)
def test_a_person_is_awaited(runs, waits):
    assert ("AwaitingHuman" in updates(*runs)) is waits


def test_it_names_the_thread_that_waits():
    told = updates(run("Skipped", "ThreadAwaitsHuman"), WAITS)["AwaitingHuman"]
    assert told.message == "The run of 2026-11-22T11:50:00Z stopped at an interrupt: thread t-1 waits for an answer."
    assert "its thread waits" in updates(run("Skipped", "ThreadAwaitsHuman"))["AwaitingHuman"].message


# --- BudgetExceeded


def used(tokens: int | None = None, cost: str | None = None, *, end: str | None = "13:00") -> BudgetUsed:
    return BudgetUsed(window_end=end and at(end), tokens=tokens, cost=cost)


TOKENS = {"budget": {"maxTokens": 1000, "window": "day"}}
COST = {"budget": {"maxCost": "12.50", "window": "7d"}}


@pytest.mark.parametrize(
    ("spec", "spent", "exceeded"),
    [
        (TOKENS, used(999), False),
        (TOKENS, used(1000), True),
        (TOKENS, used(1000, end="12:00:31"), True),
        (TOKENS, used(1000, end="12:00:30"), False),
        (TOKENS, used(1000, end=None), False),
        (TOKENS, used(), False),
        (TOKENS, None, False),
        (COST, used(10**9, "12.49999"), False),
        (COST, used(0, "12.5"), True),
        (COST, used(0, "100"), True),
        (COST, used(0), False),
        ({"budget": {"maxTokensPerRun": 5}}, used(1000, "100"), False),
        ({"budget": {}}, used(1000, "100"), False),
        ({}, used(1000, "100"), False),
    ],
)
def test_the_budget_is_exceeded(spec, spent, exceeded):
    assert ("BudgetExceeded" in updates(spent=spent, **spec)) is exceeded


def test_it_says_what_is_used_and_until_when():
    told = updates(spent=used(1_234_567), **TOKENS)
    assert (
        told["BudgetExceeded"].message
        == "1,234,567 of 1,000 tokens are used. Runs are skipped until 2026-11-22T13:00:00Z."
    )


# --- ScheduleTight


def lasting(*seconds: float) -> list[RecentRun]:
    return [run(duration_seconds=float(each)) for each in seconds]


def every(minutes: float, count: int = 5):
    return [NOW + timedelta(minutes=minutes * each) for each in range(count)]


@pytest.mark.parametrize(
    ("runs", "times", "tight"),
    [
        (lasting(*[301] * 5), every(5), True),
        (lasting(*[300] * 5), every(5), False),
        (lasting(*[301] * 4), every(5), False),
        (lasting(*[10] * 19, 9999), every(5), False),
        (lasting(*[10] * 18, 9999, 9999), every(5), True),
        (lasting(*[10] * 9, 9999), every(5), True),
        (lasting(*[301] * 5), every(5, count=1), False),
        (lasting(*[301] * 5), [], False),
        ([*lasting(*[301] * 4), run("Skipped", "ThreadBusy")], every(5), False),
        (lasting(*[301] * 5), [NOW, NOW + timedelta(hours=9), NOW + timedelta(hours=9, minutes=5)], True),
    ],
)
def test_schedule_tight_if_p95_exceeds_smallest_gap(runs, times, tight):
    assert ("ScheduleTight" in updates(*runs, times=times)) is tight


# --- TargetResolved


def before(status: str, reason: str) -> Condition:
    return Condition(
        type="TargetResolved", status=status, reason=reason, message="so it was.", last_transition_time=NOW
    )


@pytest.mark.parametrize(
    ("report", "known", "verdict", "reason"),
    [
        (None, None, "Unknown", "Checking"),
        (None, before("Unknown", "Checking"), "Unknown", "Checking"),
        (None, before("False", "AssistantNotFound"), "False", "AssistantNotFound"),
        (None, before("True", "Resolved"), "True", "Resolved"),
        (Report(Outcome.SUCCEEDED, "fine"), before("False", "AssistantNotFound"), "True", "Resolved"),
        (Report(Outcome.REJECTED, "no", "KeyRefused"), before("True", "Resolved"), "False", "KeyRefused"),
        (Report(Outcome.SERVER_UNREACHABLE, "no"), None, "False", "ServerUnreachable"),
    ],
)
def test_the_target_is_told_by_the_newest_preflight(report, known, verdict, reason):
    update = target(report, known)
    assert (update.status, update.reason) == (verdict, reason)
