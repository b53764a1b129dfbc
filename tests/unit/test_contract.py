"""What operator and pod agree on."""

import json

import pytest

from graphcron import contract
from graphcron.contract import (
    EXIT_CODES,
    FINAL_EXIT_CODES,
    RETIRED_EXIT_CODES,
    RETRIABLE,
    Budget,
    Outcome,
    Report,
    Request,
)
from graphcron.planning.failures import FAILURES

FULL = Request(
    url="https://server/prefix",
    assistant="agent",
    thread="3f2b1a52-0000-4000-8000-000000000000",
    createThread=True,
    input={"messages": ["ünïcode"]},
    inputFile=True,
    inputTemplate=True,
    run={"metadata": {"a": 1}},
    onRunCompleted="keep",
    concurrencyPolicy="Replace",
    queueLimit=3,
    startingDeadlineSeconds=5,
    timeoutSeconds=60,
    defaultTimeoutSeconds=900,
    notBefore="2026-11-22T14:00:00Z",
    notAfter="2026-11-23T14:00:00Z",
    startTime="2026-11-21T14:00:00Z",
    excludes=(("2026-11-22T00:00:00Z", "2026-11-22T12:00:00Z"), ("2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z")),
    threadPer="week",
    offsets=((1_767_225_600, 3600), (1_774_746_000, 7200)),
    lines=("0,30 8 * * 1,2,3,4,5", "0 12 1 * *"),
    onInterrupted="proceed",
    retryAttempts=2,
    retryOnGraphError=True,
    retryResume=False,
    maxConcurrentRuns=4,
    historyThreads=0,
    budget=Budget(
        maxTokensPerRun=1,
        maxCostPerRun="0.5",
        maxTokens=10,
        maxCost="12.50",
        window="36h",
        prices={"*": ["2.50", "10"]},
    ),
    headers=("x-a", "x-b"),
    caFile=True,
)


def test_a_request_survives_the_way() -> None:
    assert Request.from_json(FULL.to_json()) == FULL
    small = Request(url="http://server", assistant="agent")
    assert Request.from_json(small.to_json()) == small


def test_request_omits_defaults_but_not_lookalikes() -> None:
    assert json.loads(Request(url="u", assistant="a").to_json()) == {"url": "u", "assistant": "a"}
    for value in (0, False, "", [], {}):
        assert json.loads(Request(url="u", assistant="a", input=value).to_json())["input"] == value


def test_a_request_of_another_version_is_refused() -> None:
    with pytest.raises(TypeError):
        Request.from_json('{"url": "u", "assistant": "a", "novelty": 1}')
    with pytest.raises(TypeError):
        Request.from_json('{"url": "u"}')


def test_a_request_says_everything_that_is_a_field() -> None:
    assert set(json.loads(FULL.to_json())) == set(Request._fields)


def test_a_request_says_everything_of_a_budget() -> None:
    assert set(json.loads(FULL.to_json())["budget"]) == set(Budget._fields)


def test_an_empty_budget_is_not_none() -> None:
    """It counts, and limits nothing."""
    counting = Request(url="u", assistant="a", budget=Budget())
    assert json.loads(counting.to_json())["budget"] == {}
    assert Request.from_json(counting.to_json()).budget == Budget()
    assert Request.from_json(Request(url="u", assistant="a").to_json()).budget is None


def test_a_budget_of_another_version_is_refused() -> None:
    with pytest.raises(TypeError):
        Request.from_json('{"url": "u", "assistant": "a", "budget": {"novelty": 1}}')


def test_a_limit_of_nothing_is_a_limit() -> None:
    small = Request(url="u", assistant="a", historyThreads=0)
    assert Request.from_json(small.to_json()).historyThreads == 0


def test_a_report_survives_the_way() -> None:
    report = Report(
        Outcome.GRAPH_ERROR,
        message="the graph raised ValueError",
        reason="ValueError",
        scheduledTime="2026-11-22T14:00:00Z",
        runId="r",
        threadId="t",
        startTime="2026-11-22T14:00:01Z",
        durationSeconds=1.5,
        attempts=3,
        tokens=0,
        tokensAtLeast=True,
        cost="0.01",
        windowStart="2026-11-22T00:00:00Z",
        windowEnd="2026-11-23T00:00:00Z",
        windowTokens=0,
        windowCost="0",
        server="langgraph-api 0.16.7",
        awaited=False,
    )
    assert all(value not in ("", None) for value in report)
    assert set(json.loads(report.to_json())) == set(Report._fields)
    assert Report.from_json(report.to_json()) == report
    assert Report.from_json(Report(Outcome.SKIPPED).to_json()) == Report(Outcome.SKIPPED)
    assert json.loads(Report(Outcome.SKIPPED).to_json()) == {"outcome": "Skipped"}


def test_a_report_of_a_newer_version_is_read() -> None:
    assert Report.from_json('{"outcome": "Timeout", "novelty": {}}') == Report(Outcome.TIMEOUT)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"outcome": "Novel"}', '{"outcome": null}', "x" * 4096])
def test_what_is_no_report(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own errors are among them
        Report.from_json(text)


@pytest.mark.parametrize("character", ["x", "ü", "🦜", '"', "\n"])
def test_a_report_fits_a_termination_message(character: str) -> None:
    text = Report(Outcome.REJECTED, message=character * 5000, runId="r" * 36).to_json()
    assert len(text.encode()) <= contract.TERMINATION_MESSAGE_BYTES
    assert Report.from_json(text).message.startswith(character * 100)


def test_exit_code_zero_unless_failed_or_resumable() -> None:
    """A Job fails when, and only when, its run has failed: alerts on failed Jobs must not fire for a skip."""
    assert set(EXIT_CODES) == set(Outcome)
    assert {outcome for outcome, code in EXIT_CODES.items() if code} == FAILURES | {Outcome.STOPPED}
    failed = [code for code in EXIT_CODES.values() if code]
    assert len(set(failed)) == len(failed)
    assert all(code < 126 for code in failed)  # above are the shell's and the signals'


def test_final_exit_codes_those_of_paid_runs() -> None:
    """Exit codes are final if another pod would only pay again."""
    final = {code for outcome, code in EXIT_CODES.items() if code and outcome not in RETRIABLE}
    assert set(FINAL_EXIT_CODES) == final | set(RETIRED_EXIT_CODES)
    assert not set(RETIRED_EXIT_CODES) & set(EXIT_CODES.values())
    assert list(FINAL_EXIT_CODES) == sorted(FINAL_EXIT_CODES)
