"""GraphCron → what its pods are asked to do."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from graphcron.contract import Budget, Request
from graphcron.errors import SpecError
from graphcron.manifests.request import OFFSET_YEARS, request_for, request_text, whole_seconds
from graphcron.runner.occurrence.identity import first_day
from graphcron.settings import Settings
from tests.unit.world import SETTINGS, at, graphcron

PRICES = {"*": {"input": "2.50", "output": 10}}
SINCE = at("12:00")


def request(settings: Settings = SETTINGS, since: datetime = SINCE, **spec) -> Request:
    return request_for(graphcron(**spec), settings, since=since)


def test_what_nobody_asks_for_is_left_out():
    sent = json.loads(request_text(request()))
    assert sent == {"url": "http://langgraph:2024", "assistant": "agent", "notBefore": "2026-11-22T12:00:00Z"}


@pytest.mark.parametrize(
    ("spec", "members"),
    [
        ({"thread": {"per": "week"}}, {"threadPer": "week", "thread": None, "createThread": False}),
        ({"thread": {"id": "4f6b3c1e-0d4a-4c55-9a53-6a1c2f0e7b11", "create": True}, "onInterrupted": "proceed"},
         {"thread": "4f6b3c1e-0d4a-4c55-9a53-6a1c2f0e7b11", "createThread": True, "onInterrupted": "proceed"}),
        ({"retry": {"attempts": 2, "onGraphError": True, "resume": False}},
         {"retryAttempts": 2, "retryOnGraphError": True, "retryResume": False}),
        ({"server": {"maxConcurrentRuns": 4}}, {"maxConcurrentRuns": 4, "url": "http://langgraph:2024"}),
        ({"history": {"threads": 0}}, {"historyThreads": 0}),
        ({"startTime": "2026-12-01T01:00:00+01:00", "endTime": "2027-01-01T00:00:00Z"},
         {"startTime": "2026-12-01T00:00:00Z", "notAfter": "2027-01-01T00:00:00Z"}),
        ({"budget": {}}, {"budget": Budget()}),
    ],
    ids=str,
)  # fmt: skip
def test_what_somebody_asks_for_is_there(spec, members):
    made = request(**spec)
    assert {name: getattr(made, name) for name in members} == members
    assert Request.from_json(request_text(made)) == made


@pytest.mark.parametrize("spec", [{}, {"inputTemplate": True, "input": "{{ scheduledTime | date }}"}], ids=str)
def test_offsets_of_a_run_before_the_graphcron_existed(spec):
    due = datetime(2024, 7, 9, 22, 30, tzinfo=UTC)  # half past midnight of the next day
    made = request(since=due, timeZone="Europe/Berlin", thread={"per": "day"}, **spec)
    assert first_day("day", made.offsets, int(due.timestamp())) == "2024-07-10"
    assert made.offsets[-1] == request(timeZone="Europe/Berlin", thread={"per": "day"}).offsets[-1]


def test_invalid_template_of_another_object_is_reported():
    graph = graphcron(inputTemplate=True, input="{{ name }}")
    spec = graph.spec.model_copy(update={"input": "{{ name | date }}"})
    with pytest.raises(SpecError, match=r"spec\.input: applies a filter to a value that is not a time"):
        request_for(graph.model_copy(update={"spec": spec}), SETTINGS, since=SINCE)


def test_excludes_become_instants_in_order_and_joined():
    made = request(
        timeZone="Europe/Berlin",
        excludes=[
            {"date": "2026-12-25"},
            {"from": "2026-12-24T18:00", "to": "2026-12-25T00:00"},
            {"date": "2026-07-01"},
        ],
    )
    assert made.excludes == (
        ("2026-06-30T22:00:00Z", "2026-07-01T22:00:00Z"),
        ("2026-12-24T17:00:00Z", "2026-12-25T23:00:00Z"),
    )


# --- The zone, where it matters


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({}, False),
        ({"thread": {"per": "day"}}, True),
        ({"budget": {"maxTokens": 1, "window": "month"}}, True),
        ({"budget": {"maxTokens": 1, "window": "36h"}}, False),
        ({"budget": {"maxTokensPerRun": 1}}, False),
        ({"thread": {"id": "4f6b3c1e-0d4a-4c55-9a53-6a1c2f0e7b11"}}, False),
    ],
    ids=str,
)
def test_the_pod_is_told_the_zone_where_periods_matter(spec, told):
    assert bool(request(timeZone="Europe/Berlin", **spec).offsets) is told


def test_the_zone_is_told_for_years_to_come():
    offsets = request(timeZone="Europe/Berlin", thread={"per": "day"}).offsets
    begin, end = (datetime(2026 + years, 1, 1, tzinfo=UTC).timestamp() for years in (0, OFFSET_YEARS))
    assert offsets[0] == (begin, 3600)
    assert offsets[1] == (datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp(), 7200)
    assert len(offsets) == 1 + 2 * OFFSET_YEARS
    assert offsets[-1][0] < end
    assert len({(seconds, distance) for seconds, distance in offsets}) == len(offsets)
    assert request(thread={"per": "day"}).offsets == ((begin, 0),)


# --- Money


def test_prices_go_along_as_texts():
    made = request(Settings(server_url="http://x", prices=PRICES), budget={"maxCost": "12.50", "window": "month"})
    assert made.budget == Budget(maxCost="12.50", window="month", prices={"*": ["2.50", "10"]})
    assert Request.from_json(request_text(made)) == made


@pytest.mark.parametrize("field", ["maxCost", "maxCostPerRun"])
def test_a_limit_in_money_needs_prices(field):
    spec = {"budget": {field: "1", **({"window": "day"} if field == "maxCost" else {})}}
    with pytest.raises(SpecError, match=rf"spec\.budget\.{field}: limits money.*no prices"):
        request(**spec)


def test_a_limit_in_tokens_needs_none():
    made = request(budget={"maxTokens": 5, "maxTokensPerRun": 4, "window": "7d"})
    assert made.budget == Budget(maxTokensPerRun=4, maxTokens=5, window="7d")


# --- The rest


@pytest.mark.parametrize(("nodes", "sent"), [(["*"], "*"), (["write"], ["write"])])
def test_all_nodes_are_a_word_of_their_own(nodes, sent):
    made = request(interruptBefore=nodes)
    assert made.run == {"interrupt_before": sent}


@pytest.mark.parametrize(("micro", "second"), [(0, 0), (1, 1), (999_999, 1)])
def test_times_are_rounded_up_to_the_second(micro, second):
    assert whole_seconds(SINCE + timedelta(microseconds=micro)) == SINCE + timedelta(seconds=second)


def test_what_fits_into_the_environment_is_counted_in_bytes():
    assert request_text(request(input="x" * 100_000))
    with pytest.raises(SpecError, match=r"spec\.input: the request is"):
        request_text(request(input="🕰" * 30_000))
