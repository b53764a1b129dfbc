"""The budget of a window, and the ledger where it stands."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from graphcron.contract import Budget, Outcome
from graphcron.runner.budget import ledger
from graphcron.runner.client.times import rfc3339
from tests.runner.conftest import Faults
from tests.runner.harness import Api, Cron
from tests.runner.test_budget import CALL, HIDDEN, PRICES, exact, noted, spender


def in_day(tokens: int, **more: Any) -> Budget:
    return Budget(maxTokens=tokens, window="day", **more)


def late_enough(cron: Cron, minutes: int) -> None:
    """Let the test's occurrences lie on one day."""
    if cron.minute % 1440 < minutes:
        cron.minute += minutes


def test_a_window_that_is_used_up(api: Api, cron: Cron) -> None:
    late_enough(cron, 5)
    limit = 2 * (HIDDEN + CALL)
    reports = [cron.pod(minutes_ago=ago, **spender(1, in_day(limit))).wait() for ago in (3, 2, 1)]
    assert [report.outcome for report in reports] == [Outcome.SUCCEEDED, Outcome.SUCCEEDED, Outcome.SKIPPED]
    assert [report.windowTokens for report in reports] == [160, 320, 320]
    start, end = (rfc3339(cron.minute // 1440 * 86400 + more) for more in (0, 86400))
    assert {(report.windowStart, report.windowEnd) for report in reports} == {(start, end)}
    skipped = reports[-1]
    assert (skipped.reason, skipped.runId, skipped.tokens) == ("BudgetExceeded", "", None)
    assert skipped.message == f"320 of 320 tokens are used in this day; no run starts before {end}"
    assert len(api.all_runs(cron.uid)) == 2

    cron.next_occurrence()
    assert cron.pod(**spender(1, in_day(limit + 1))).wait().outcome is Outcome.SUCCEEDED


def test_a_window_in_money_and_by_the_clock_of_the_zone(cron: Cron) -> None:
    """Midnight there was 90 seconds before the first occurrence: only what came after it counts."""
    first = cron.minute * 60 - 180
    offset = -((first - 90) % 86400)
    budget = Budget(maxCost="0.001", window="day", prices=PRICES)
    request = {**spender(1, budget), "offsets": ((0, offset),)}
    assert cron.pod(minutes_ago=6, **request).wait().outcome is Outcome.SUCCEEDED
    second = cron.pod(minutes_ago=3, **request).wait()
    assert second.windowStart == rfc3339(first - 90)
    assert (second.outcome, second.windowCost, second.windowTokens) == (Outcome.SUCCEEDED, "0.000625", 160)
    assert cron.pod(minutes_ago=2, **request).wait().windowCost == "0.00125"
    skipped = cron.pod(minutes_ago=1, **request).wait()
    assert skipped.reason == "BudgetExceeded"
    assert skipped.message.startswith("0.00125 of 0.001 in money are used in this day")


def test_a_rolling_window(api: Api, cron: Cron) -> None:
    budget = Budget(maxTokens=200, window="1h")
    used = (cron.minute - 2) * 60
    assert cron.pod(minutes_ago=2, **spender(1, budget)).wait().outcome is Outcome.SUCCEEDED
    (day,) = api.threads(cron.uid, kind="ledger")
    older = ledger.Entry(used - 2000, "00000000", "00000000", 60, 0, at_least=False)
    gone = ledger.Entry(used - 4000, "00000000", "00000000", 999, 0, at_least=False)
    note = {older.key: older.value, gone.key: gone.value}
    api.get("PATCH", f"/threads/{day['thread_id']}", {"metadata": note})
    report = cron.pod(minutes_ago=1, **spender(1, budget)).wait()
    assert (report.reason, report.windowTokens) == ("BudgetExceeded", 220)
    assert report.windowEnd == rfc3339(used - 2000 + 3600)
    assert report.message == f"220 of 200 tokens are used in the last 1h; no run starts before {report.windowEnd}"


def test_the_budget_comes_before_concurrency(api: Api, cron: Cron) -> None:
    """A run is not replaced by one that may not start."""
    late_enough(cron, 5)
    budget = in_day(CALL)
    assert cron.pod(minutes_ago=3, **spender(1, budget)).wait().outcome is Outcome.SUCCEEDED
    cron.pod(minutes_ago=2, assistant="steps", input={"steps": 50, "seconds": 0.5})
    run = api.started_run(cron.uid)
    report = cron.pod(minutes_ago=1, concurrencyPolicy="Replace", **spender(1, budget)).wait()
    assert report.reason == "BudgetExceeded"
    assert api.get("GET", f"/threads/{run['thread_id']}/runs/{run['run_id']}")["status"] == "running"


def test_fifty_entries_at_once_lose_none(api: Api) -> None:
    thread = api.get("POST", "/threads", {})["thread_id"]
    keys = [f"{number}-1edac575-01a20448" for number in range(50)]
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda key: api.get("PATCH", f"/threads/{thread}", {"metadata": {key: "1 0"}}), keys))
    assert {entry.key for entry in ledger.entries(api.get("GET", f"/threads/{thread}")["metadata"])} == set(keys)


def test_several_pods_at_once_write_one_ledger(api: Api, cron: Cron) -> None:
    late_enough(cron, 10)
    request = spender(1, in_day(10**6), seconds=0)
    pods = [cron.pod(minutes_ago=ago, concurrencyPolicy="Allow", **request) for ago in range(6)]
    assert {pod.wait().outcome for pod in pods} == {Outcome.SUCCEEDED}
    (day,) = api.threads(cron.uid, kind="ledger")
    assert [entry.tokens for entry in ledger.entries(day["metadata"])] == [160] * 6


def test_a_lost_answer_to_an_entry_does_no_harm(api: Api, cron: Cron, faults: Faults) -> None:
    late_enough(cron, 1)
    day = ledger.thread_of(cron.uid, cron.minute * 60)
    patch = {"method": "PATCH", "path": f"/threads/{day}$"}
    faults.rules({**patch, "fault": "drop"}, {**patch, "fault": "drop"}, {**patch, "fault": "answer", "status": 503})
    report = cron.pod(**spender(1, in_day(1000))).wait(30)
    assert (report.outcome, report.windowTokens) == (Outcome.SUCCEEDED, 160)
    assert [entry.tokens for entry in noted(api, cron)] == [160]


def test_a_server_that_loses_an_entry_is_told_again(api: Api, cron: Cron, faults: Faults) -> None:
    late_enough(cron, 1)
    day = ledger.thread_of(cron.uid, cron.minute * 60)
    patch = {"method": "PATCH", "path": f"/threads/{day}$"}
    faults.rules({**patch, "fault": "answer", "status": 200, "body": "{}"})
    assert cron.pod(**spender(1, in_day(1000))).wait().windowTokens == 160
    assert [entry.tokens for entry in noted(api, cron)] == [160]


def test_a_ledger_that_can_not_be_written_changes_no_outcome(cron: Cron, faults: Faults) -> None:
    day = ledger.thread_of(cron.uid, cron.minute * 60)
    faults.rules({"method": "PATCH", "path": f"/threads/{day}$", "fault": "answer", "status": 403, "times": None})
    report = cron.pod(**spender(1)).wait()
    assert exact(report) == (Outcome.SUCCEEDED, HIDDEN + CALL, None)


def test_old_days_are_tidied_away(api: Api, cron: Cron) -> None:
    for age in (20, 40):
        day = rfc3339(time.time() - age * 86400)[:10]
        metadata = {"graphcron/uid": cron.uid, "graphcron/kind": "ledger", ledger.DAY: day}
        api.get("POST", "/threads", {"metadata": metadata})
    assert cron.pod(**spender(1)).wait().outcome is Outcome.SUCCEEDED
    days = {thread["metadata"][ledger.DAY] for thread in api.threads(cron.uid, kind="ledger")}
    assert days == {rfc3339(time.time() - 20 * 86400)[:10], rfc3339(cron.minute * 60)[:10]}
