"""What Prometheus is told."""

from prometheus_client.parser import text_string_to_metric_families

from graphcron.metrics import OF_GRAPHCRONS, Metrics

READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Reconciled",
    "message": "",
    "lastTransitionTime": "2026-11-22T08:30:00Z",
}
FULL = {
    "conditions": [READY, {**READY, "type": "Paused", "reason": "ConsecutiveFailures"}],
    "nextScheduleTime": "1970-01-01T00:01:00Z",
    "lastScheduleTime": "1970-01-01T00:00:30Z",
    "lastSuccessfulTime": "1970-01-01T00:00:40Z",
    "consecutiveFailures": 3,
    "missedRuns": 2,
}


def body(name, status=None):
    return {"metadata": {"name": name, "namespace": "agents"}, **({"status": status} if status else {})}


def told(metrics):
    """Return the samples by name and labels."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {(each.name, *sorted(each.labels.items())): each.value for family in families for each in family.samples}


def samples_of(name, bodies):
    samples = told(Metrics("1.2.3", queued=lambda: 0, graphcrons=lambda: bodies))
    return {key[0]: value for key, value in samples.items() if ("name", name) in key}


def test_a_graphcron_is_told_of_by_its_status():
    assert samples_of("full", [body("full", FULL)]) == {
        "graphcron_ready": 1,
        "graphcron_paused": 1,
        "graphcron_next_schedule_timestamp_seconds": 60,
        "graphcron_last_schedule_timestamp_seconds": 30,
        "graphcron_last_success_timestamp_seconds": 40,
        "graphcron_consecutive_failures": 3,
        "graphcron_missed_runs": 2,
    }
    assert len(OF_GRAPHCRONS) == 7


def test_what_is_not_known_is_not_told():
    nothing = {
        "graphcron_ready": 0,
        "graphcron_paused": 0,
        "graphcron_consecutive_failures": 0,
        "graphcron_missed_runs": 0,
    }
    assert samples_of("new", [body("new")]) == nothing
    assert samples_of("spoilt", [body("spoilt", {"conditions": "mine"})]) == nothing


def test_the_operators_own_work_is_counted():
    metrics = Metrics("1.2.3", queued=lambda: 7, graphcrons=list)
    metrics.count("GraphCron", "success", 0.02)
    metrics.count("GraphCron", "error", 40)
    metrics.leader.set(1)
    samples = told(metrics)
    assert samples["graphcron_build_info", ("version", "1.2.3")] == 1
    assert samples["graphcron_leader",] == 1
    assert samples["graphcron_workqueue_depth",] == 7
    assert samples["graphcron_reconcile_total", ("kind", "GraphCron"), ("result", "error")] == 1
    assert samples["graphcron_reconcile_duration_seconds_count", ("kind", "GraphCron")] == 2
