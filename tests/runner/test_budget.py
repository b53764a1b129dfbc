"""Budgets: exact counts whatever happens to the stream, money, and the limits of a run."""

import signal
import time
import uuid
from typing import Any

import pytest

from graphcron.contract import Budget, Outcome, Report
from graphcron.runner.budget import ledger
from tests.runner.conftest import Faults
from tests.runner.harness import Api, Cron, Pod, wait_for

HIDDEN, CALL = 40, 120
"""Tokens of the spender's call that leaves nothing in the state, and of each that does."""

COUNT = Budget()
PRICES = {"sample-model-1": ["3", "15"], "sample-model-2": ["0.5", "1"]}
STREAM = {"method": "GET", "path": "/stream$"}


def spender(calls: int, budget: Budget | None = COUNT, seconds: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"assistant": "spender", "input": {"calls": calls, "seconds": seconds, **more}, "budget": budget}


def exact(report: Report) -> tuple[Outcome, int | None, bool | None]:
    return report.outcome, report.tokens, report.tokensAtLeast


def noted(api: Api, cron: Cron) -> list[ledger.Entry]:
    """Return the ledger's entries, asked past the runner."""
    days = api.threads(cron.uid, kind="ledger")
    return [entry for day in days for entry in ledger.entries(day["metadata"])]


def stop(pod: Pod) -> Report:
    pod.process.send_signal(signal.SIGTERM)
    return pod.wait(20)


# --- exact ------------------------------------------------------------------------------------------------------------


def test_hidden_calls_subgraphs_and_streams_count(api: Api, cron: Cron) -> None:
    report = cron.pod(**spender(3)).wait()
    assert exact(report) == (Outcome.SUCCEEDED, HIDDEN + 3 * CALL, None)
    assert report.cost is None
    assert report.windowStart == ""
    (entry,) = noted(api, cron)
    assert (entry.tokens, entry.at_least) == (report.tokens, False)


def test_without_a_budget_it_is_a_lower_bound_and_called_so(api: Api, cron: Cron) -> None:
    report = cron.pod(**spender(3, budget=None)).wait()
    assert exact(report) == (Outcome.SUCCEEDED, 3 * CALL, True)
    assert noted(api, cron) == []
    (run,) = api.all_runs(cron.uid)
    assert run["kwargs"]["stream_mode"] == ["custom"]


def test_calls_before_a_failure_count(cron: Cron) -> None:
    report = cron.pod(**spender(2, fails=True)).wait()
    assert exact(report) == (Outcome.GRAPH_ERROR, HIDDEN + 2 * CALL, None)


def test_a_graph_without_a_model_uses_nothing(cron: Cron) -> None:
    assert cron.pod(assistant="steps", input={"steps": 1, "seconds": 0}, budget=COUNT).wait().tokens == 0


def test_on_a_thread_of_the_users_own(api: Api, cron: Cron) -> None:
    thread = str(uuid.uuid4())
    for ago in (1, 0):
        report = cron.pod(minutes_ago=ago, thread=thread, createThread=True, **spender(2)).wait()
        assert exact(report) == (Outcome.SUCCEEDED, HIDDEN + 2 * CALL, None)
    assert len(api.get("GET", f"/threads/{thread}/state")["values"]["messages"]) == 4
    assert [entry.tokens for entry in noted(api, cron)] == [HIDDEN + 2 * CALL] * 2


def test_a_cut_stream_is_taken_up_where_it_was_cut(cron: Cron, faults: Faults) -> None:
    cuts = [{**STREAM, "fault": "cut", "bytes": size} for size in (700, 1500, 4000, 9000)]
    faults.rules(*cuts, {**STREAM, "fault": "answer", "status": 502}, {**STREAM, "fault": "drop"})
    report = cron.pod(**spender(4, seconds=0.3)).wait()
    assert exact(report) == (Outcome.SUCCEEDED, HIDDEN + 4 * CALL, None)
    seen = faults.requests("GET", "/stream")
    assert len([request for request in seen if request["fault"]]) == 6
    assert seen[0]["headers"]["Last-Event-ID"] == "-1"
    assert len({request["headers"]["Last-Event-ID"] for request in seen}) > 2


def test_a_pod_that_comes_later_counts_the_whole_run(api: Api, cron: Cron) -> None:
    first = cron.pod(**spender(4, seconds=0.5))
    run = api.started_run(cron.uid)
    wait_for("call", lambda: messages_of(api, run["thread_id"]))
    first.process.kill()
    first.process.wait()
    assert exact(cron.pod(**spender(4, seconds=0.5)).wait()) == (Outcome.SUCCEEDED, HIDDEN + 4 * CALL, None)
    assert exact(cron.pod(**spender(4, seconds=0.5)).wait()) == (Outcome.SUCCEEDED, HIDDEN + 4 * CALL, None)
    assert [entry.tokens for entry in noted(api, cron)] == [HIDDEN + 4 * CALL]


def test_a_run_that_ended_while_no_pod_looked(api: Api, cron: Cron) -> None:
    first = cron.pod(**spender(3, seconds=0.4))
    api.started_run(cron.uid)
    first.process.kill()
    first.process.wait()
    api.started_run(cron.uid, status="success")
    assert noted(api, cron) == []
    assert exact(cron.pod(**spender(3, seconds=0.4)).wait()) == (Outcome.SUCCEEDED, HIDDEN + 3 * CALL, None)


def messages_of(api: Api, thread: str) -> Any:
    values = api.get("GET", f"/threads/{thread}/state")["values"]
    return values.get("messages") if isinstance(values, dict) else None


def test_a_run_that_was_stopped_and_its_resume_add_up(api: Api, cron: Cron) -> None:
    request = spender(5, seconds=0.6)
    pod = cron.pod(**request)
    thread = api.started_run(cron.uid)["thread_id"]
    wait_for("two calls", lambda: len(messages_of(api, thread) or []) == 2)
    stopped = stop(pod)
    assert stopped.outcome is Outcome.STOPPED
    assert stopped.tokens is not None
    assert stopped.tokens >= HIDDEN + 2 * CALL

    final = cron.pod(**request).wait()
    assert final.outcome is Outcome.SUCCEEDED
    assert final.tokens == HIDDEN + 5 * CALL  # nothing that had finished ran again, nothing counts twice
    assert sorted(entry.tokens for entry in noted(api, cron)) == sorted(
        [stopped.tokens, HIDDEN + 5 * CALL - stopped.tokens]
    )


# --- where it can't be exact ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 405, 422])
def test_a_server_without_the_stream(api: Api, cron: Cron, faults: Faults, status: int) -> None:
    faults.rules({**STREAM, "fault": "answer", "status": status, "times": None})
    report = cron.pod(**spender(2, budget=Budget(prices=PRICES))).wait()
    assert exact(report) == (Outcome.SUCCEEDED, 2 * CALL, True)
    assert report.cost == "0.0012"
    assert faults.requests("GET", "/join")
    (entry,) = noted(api, cron)
    assert (entry.tokens, entry.at_least) == (2 * CALL, True)


def test_a_server_that_replays_nothing(cron: Cron, faults: Faults) -> None:
    faults.rules({**STREAM, "fault": "answer", "status": 200, "body": ": heartbeat\n\n", "times": None})
    assert exact(cron.pod(**spender(2)).wait()) == (Outcome.SUCCEEDED, 2 * CALL, True)


def test_a_server_that_has_forgotten_the_beginning(cron: Cron, faults: Faults) -> None:
    rest = 'event: messages\ndata: [{"type": "ai", "id": "x", "usage_metadata": {"total_tokens": 999}}, {}]\n\n'
    faults.rules({**STREAM, "fault": "answer", "status": 200, "body": rest, "times": None})
    assert exact(cron.pod(**spender(1)).wait()) == (Outcome.SUCCEEDED, 999, True)


def test_models_that_tell_no_usage(cron: Cron) -> None:
    report = cron.pod(**spender(2, silent=True)).wait()
    assert exact(report) == (Outcome.SUCCEEDED, None, None)
    assert "told no token usage" in report.message


def test_cost_by_model(api: Api, cron: Cron) -> None:
    report = cron.pod(**spender(3, Budget(prices=PRICES))).wait()
    assert report.cost == "0.001825"  # 30 x 0.5 + 10 x 1 + 3 x (100 x 3 + 20 x 15), a millionth of it
    assert report.message == "the graph ran to its end"
    assert ledger.money.text_of(noted(api, cron)[0].cost) == report.cost


def test_a_model_without_a_price(cron: Cron) -> None:
    pod = cron.pod(**spender(1, Budget(prices={"sample-model-2": ["0.5", "1"]})))
    report = pod.wait()
    assert report.cost == "0.000025"
    assert "no price is known for a model that the run used, so the cost is a lower bound" in report.message
    assert "sample-model-1" not in pod.log
    cron.next_occurrence()
    assert cron.pod(**spender(1, Budget(prices={"*": ["1", "1"]}))).wait().cost == "0.00016"


# --- limits of a run --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        (Budget(maxTokensPerRun=HIDDEN + CALL), "more than maxTokensPerRun (160)"),
        (Budget(maxCostPerRun="0.0010", prices=PRICES), "more than maxCostPerRun (0.001)"),
    ],
)
def test_a_run_that_uses_too_much_is_cancelled(api: Api, cron: Cron, budget: Budget, says: str) -> None:
    report = cron.pod(**spender(50, budget, seconds=3)).wait(60)
    assert (report.outcome, report.reason) == (Outcome.OVER_BUDGET, "RunBudgetExceeded")
    assert says in report.message
    assert report.tokens == HIDDEN + 2 * CALL  # one call more than it may
    (run,) = api.all_runs(cron.uid)
    assert (run["run_id"], run["status"]) == (report.runId, "interrupted")
    record = api.record(cron.uid)
    assert record["outcome"] == "OverBudget"
    assert f"{report.runId}/OverBudget" in record.values()

    again = cron.pod(**spender(50, budget, seconds=0.3)).wait(30)
    assert (again.outcome, again.reason, again.tokens) == (report.outcome, report.reason, report.tokens)
    assert len(api.all_runs(cron.uid)) == 1


def test_up_to_the_limit_is_not_over_it(cron: Cron) -> None:
    report = cron.pod(**spender(2, Budget(maxTokensPerRun=HIDDEN + 2 * CALL))).wait()
    assert (report.outcome, report.message) == (Outcome.SUCCEEDED, "the graph ran to its end")


def test_the_pod_dies_between_its_note_and_the_cancel(api: Api, cron: Cron, faults: Faults) -> None:
    """The run is the server's still; the next pod finds it over its budget and judges the same."""
    faults.rules({"method": "POST", "path": "/cancel", "fault": "hang", "seconds": 60})
    budget = Budget(maxTokensPerRun=100)
    pod = cron.pod(**spender(50, budget, seconds=0.3))
    wait_for("cancel", lambda: faults.requests("POST", "/cancel"))
    pod.process.kill()
    (run,) = api.all_runs(cron.uid)
    assert f"{run['run_id']}/OverBudget" in api.record(cron.uid).values()
    report = cron.pod(**spender(50, budget, seconds=0.3)).wait(30)
    assert (report.outcome, report.reason) == (Outcome.OVER_BUDGET, "RunBudgetExceeded")


def test_a_run_that_was_over_before_the_cancel_keeps_its_outcome(api: Api, cron: Cron, faults: Faults) -> None:
    faults.rules({**STREAM, "fault": "delay", "seconds": 4})
    report = cron.pod(**spender(1, Budget(maxTokensPerRun=100))).wait(30)
    assert (report.outcome, report.tokens) == (Outcome.SUCCEEDED, HIDDEN + CALL)
    assert "160 tokens, more than maxTokensPerRun (100)" in report.message
    assert api.all_runs(cron.uid)[0]["status"] == "success"


def test_all_pods_of_an_occurrence_share_the_limit(api: Api, cron: Cron) -> None:
    """Stopped at two calls; the resume is cancelled at the call that is too much for both together."""
    budget = Budget(maxTokensPerRun=HIDDEN + 4 * CALL)
    pod = cron.pod(**spender(50, budget, seconds=2))
    thread = api.started_run(cron.uid)["thread_id"]
    wait_for("two calls", lambda: len(messages_of(api, thread) or []) == 2)
    assert stop(pod).outcome is Outcome.STOPPED
    report = cron.pod(**spender(50, budget, seconds=2)).wait()
    assert (report.outcome, report.tokens) == (Outcome.OVER_BUDGET, HIDDEN + 5 * CALL)


def test_sigterm_while_the_stream_is_read(api: Api, cron: Cron) -> None:
    pod = cron.pod(**spender(2, seconds=30))
    thread = api.started_run(cron.uid)["thread_id"]
    wait_for("call", lambda: messages_of(api, thread))
    began = time.monotonic()
    report = stop(pod)
    assert time.monotonic() - began < 10
    assert exact(report) == (Outcome.STOPPED, HIDDEN + CALL, None)
    assert [entry.tokens for entry in noted(api, cron)] == [HIDDEN + CALL]


def test_timeout_seconds_holds_as_ever(cron: Cron) -> None:
    report = cron.pod(**spender(2, seconds=30), timeoutSeconds=3).wait(20)
    assert exact(report) == (Outcome.TIMEOUT, HIDDEN + CALL, None)


@pytest.mark.needs("linux")
def test_a_long_message_is_not_held_in_memory(cron: Cron) -> None:
    pod = cron.pod(**spender(1, characters=8_000_000))
    peak = pod.peak_memory()
    assert exact(pod.wait()) == (Outcome.SUCCEEDED, HIDDEN + CALL, None)
    assert 0 < peak < 26_000


def failing_twice(budget: Budget, seconds: float = 0.0) -> dict[str, Any]:
    again = {"retryAttempts": 1, "retryOnGraphError": True, "retryResume": False}
    return {**spender(1, budget, seconds, fails=True), **again}


def test_attempts_add_up(api: Api, cron: Cron) -> None:
    report = cron.pod(**failing_twice(COUNT)).wait()
    assert exact(report) == (Outcome.GRAPH_ERROR, 2 * (HIDDEN + CALL), None)
    assert report.attempts == 2
    assert [entry.tokens for entry in noted(api, cron)] == [160, 160]


def test_attempts_share_the_limit(api: Api, cron: Cron) -> None:
    report = cron.pod(**failing_twice(Budget(maxTokensPerRun=161), seconds=20)).wait()
    assert exact(report) == (Outcome.OVER_BUDGET, HIDDEN + CALL + HIDDEN, None)
    assert report.attempts == 2
    assert [run["status"] for run in api.all_runs(cron.uid)] == ["error", "interrupted"]


@pytest.mark.parametrize("budget", [Budget(maxTokensPerRun=160), Budget(maxTokens=160, window="2d")])
def test_what_is_used_up_is_not_tried_again(api: Api, cron: Cron, budget: Budget) -> None:
    report = cron.pod(**failing_twice(budget)).wait()
    assert exact(report) == (Outcome.GRAPH_ERROR, HIDDEN + CALL, None)
    assert report.attempts is None
    assert len(api.all_runs(cron.uid)) == 1
