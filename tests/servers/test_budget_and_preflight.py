"""What is looked at before, and what is counted after, on every server."""

from graphcron import contract
from graphcron.contract import Budget, Outcome
from tests.runner.harness import Api, Cron
from tests.servers.beds import Bed

PER_RUN = 30 + 10 + 3 * (100 + 20)
"""Tokens of a run of the graph ``spender`` with three calls, the one out of sight included."""


def test_a_preflight_names_the_server_and_what_it_lacks(bed: Bed, api: Api, cron: Cron) -> None:
    environment = {contract.ENV_PREFLIGHT: "1", contract.ENV_JOB: "nightly-probe"}
    report = cron.pod(env=environment, input={"messages": []}).wait()
    assert report.outcome is Outcome.SUCCEEDED
    assert report.server.partition(" ")[0].lower() == ("aegra" if bed.name == "aegra" else "langgraph-api")
    assert ("multitaskStrategy: reject has no effect" in report.message) is not bed.rejects
    assert not api.threads(cron.uid)

    report = cron.pod(env=environment, assistant="agnet", input={}).wait()
    assert (report.outcome, report.reason) == (Outcome.REJECTED, "AssistantNotFound")


def test_tokens_are_exact_and_a_window_that_is_used_up_skips(bed: Bed, api: Api, cron: Cron) -> None:
    request = {
        "assistant": "spender",
        "input": {"calls": 3, "seconds": 0},
        "budget": Budget(maxTokens=PER_RUN, window="24h"),
    }
    first = cron.pod(minutes_ago=1, **request).wait()
    assert (first.outcome, first.tokens, first.tokensAtLeast) == (Outcome.SUCCEEDED, PER_RUN, None)
    second = cron.pod(**request).wait()
    assert (second.outcome, second.reason, second.windowTokens) == (Outcome.SKIPPED, "BudgetExceeded", PER_RUN)


def test_a_run_over_its_own_budget_is_cancelled_while_it_goes(bed: Bed, api: Api, cron: Cron) -> None:
    request = {"assistant": "spender", "input": {"calls": 100, "seconds": 0.3}, "budget": Budget(maxTokensPerRun=300)}
    report = cron.pod(**request).wait()
    assert (report.outcome, report.reason) == (Outcome.OVER_BUDGET, "RunBudgetExceeded")
    assert api.get("GET", f"/threads/{report.threadId}/runs/{report.runId}")["status"] == "interrupted"
