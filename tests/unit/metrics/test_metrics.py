"""What Prometheus is told of the operator and of how GraphCrons stand."""

import asyncio
import socket

import pytest
from kubernetes.aio import client
from prometheus_client.parser import text_string_to_metric_families

from graphcron.kube.client import Cluster
from graphcron.metrics import GRAPHCRON_GAUGES, Metrics

READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Reconciled",
    "message": "",
    "lastTransitionTime": "2026-11-22T08:30:00Z",
}
FULL = {
    "conditions": [
        READY,
        {**READY, "type": "Paused", "reason": "ConsecutiveFailures"},
        {**READY, "type": "AwaitingHuman", "reason": "WaitsForAnswer"},
        {**READY, "type": "ScheduleTight", "reason": "RunsOutlastInterval"},
    ],
    "nextScheduleTime": "1970-01-01T00:01:00Z",
    "lastScheduleTime": "1970-01-01T00:00:30Z",
    "lastSuccessfulTime": "1970-01-01T00:00:40Z",
    "lastFailureTime": "1970-01-01T00:00:50Z",
    "active": [{"job": "full-1"}, {"job": "full-2"}],
    "budget": {"windowEnd": "2999-01-01T00:00:00Z", "tokens": 300, "cost": "0.50"},
    "consecutiveFailures": 3,
    "missedRuns": 2,
}


def body(name, status=None, **spec):
    return {
        "metadata": {"name": name, "namespace": "agents"},
        "spec": spec,
        **({"status": status} if status else {}),
    }


def told(metrics):
    """Return the samples by name and labels."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {(each.name, *sorted(each.labels.items())): each.value for family in families for each in family.samples}


def samples_of(name, bodies):
    samples = told(Metrics("1.2.3", queued=lambda: 0, graphcrons=lambda: bodies))
    gauges = {each for each, *_ in GRAPHCRON_GAUGES}
    return {key[0]: value for key, value in samples.items() if ("name", name) in key and key[0] in gauges}


def test_a_graphcron_is_told_of_by_its_status():
    spec = {"suspend": True, "budget": {"window": "day", "maxTokens": 1000, "maxCost": "2.00"}}
    assert samples_of("full", [body("full", FULL, **spec)]) == {
        "graphcron_ready": 1,
        "graphcron_suspended": 1,
        "graphcron_paused": 1,
        "graphcron_awaiting_human": 1,
        "graphcron_schedule_tight": 1,
        "graphcron_budget_used_ratio": 0.3,
        "graphcron_next_schedule_timestamp_seconds": 60,
        "graphcron_last_schedule_timestamp_seconds": 30,
        "graphcron_last_success_timestamp_seconds": 40,
        "graphcron_last_failure_timestamp_seconds": 50,
        "graphcron_consecutive_failures": 3,
        "graphcron_missed_runs": 2,
        "graphcron_active_runs": 2,
    }
    assert len(GRAPHCRON_GAUGES) == 13


def test_what_is_not_known_is_not_told():
    nothing = {
        "graphcron_ready": 0,
        "graphcron_suspended": 0,
        "graphcron_paused": 0,
        "graphcron_awaiting_human": 0,
        "graphcron_schedule_tight": 0,
        "graphcron_active_runs": 0,
        "graphcron_consecutive_failures": 0,
        "graphcron_missed_runs": 0,
    }
    assert samples_of("new", [body("new")]) == nothing
    assert samples_of("spoilt", [body("spoilt", {"conditions": "mine"})]) == nothing


@pytest.mark.parametrize(
    ("limits", "used", "ratio"),
    [
        ({"maxCost": "2.00"}, {}, 0.25),
        ({"maxTokens": 400, "maxCost": "2.00"}, {}, 0.75),
        ({"maxTokens": 400}, {"tokens": None}, 0),
        ({"maxTokensPerRun": 10}, {}, None),
        ({}, {}, None),
        ({"maxTokens": 400}, {"windowEnd": "1999-01-01T00:00:00Z"}, None),
        ({"maxCost": "2.00"}, {"cost": "somebody wrote this"}, None),
    ],
)
def test_nearer_limit_counts_none_is_absent(limits, used, ratio):
    status = {**FULL, "budget": FULL["budget"] | used}
    samples = samples_of("full", [body("full", status, budget=limits)])
    assert samples.get("graphcron_budget_used_ratio") == ratio


def test_the_operators_own_work_is_counted():
    metrics = Metrics("1.2.3", queued=lambda: 7, graphcrons=list)
    metrics.count_reconcile("GraphCron", "success", 0.02)
    metrics.count_reconcile("GraphCron", "error", 40)
    metrics.count_request("patch", 409)
    metrics.count_request("patch", None)
    metrics.leader.set(1)
    samples = told(metrics)
    assert samples["graphcron_build_info", ("version", "1.2.3")] == 1
    assert samples["graphcron_leader",] == 1
    assert samples["graphcron_workqueue_depth",] == 7
    assert samples["graphcron_reconcile_total", ("kind", "GraphCron"), ("result", "error")] == 1
    assert samples["graphcron_reconcile_duration_seconds_count", ("kind", "GraphCron")] == 2
    assert samples["graphcron_api_requests_total", ("code", "409"), ("verb", "patch")] == 1
    assert samples["graphcron_api_requests_total", ("code", "none"), ("verb", "patch")] == 1
    assert not [name for name, *_ in samples if name.endswith("_created")]


def test_a_request_without_an_answer_is_counted_too():
    asked = []

    async def look(port):
        configuration = client.Configuration(host=f"http://127.0.0.1:{port}")
        cluster = Cluster(client.ApiClient(configuration), print, lambda *request: asked.append(request))
        try:
            assert not await cluster.is_reachable()
        finally:
            await cluster.close()

    with socket.socket() as nobody:  # it has a port, and does not listen
        nobody.bind(("127.0.0.1", 0))
        asyncio.run(look(nobody.getsockname()[1]))
    assert asked == [("get", None)]
