"""Runs are counted once, whoever tells of them, and their GraphCron's series go with it."""

from datetime import timedelta
from functools import partial

import pytest
from pydantic import ValidationError

from graphcron.api.v1alpha1 import RecentRun
from graphcron.contract import Outcome, Report
from graphcron.controller.graphcron import Reconciler
from graphcron.metrics import Metrics
from tests.unit import world
from tests.unit.metrics.test_metrics import body, told
from tests.unit.world import NOW, World, graphcron, job

KEY = ("agents", "report")
ITS = (("name", "report"), ("namespace", "agents"))


def run(outcome="Succeeded", *, minutes=0, **more):
    return RecentRun(scheduled_time=NOW + timedelta(minutes=minutes), outcome=outcome, **more)


def metrics_of(*names):
    return Metrics("1", queued=lambda: 0, graphcrons=lambda: [body(name) for name in names])


def outcomes(metrics):
    """Return how many runs there were of each outcome that there was."""
    runs = {key: value for key, value in told(metrics).items() if key[0] == "graphcron_runs_total"}
    return {dict(labels)["outcome"]: value for (_, *labels), value in runs.items() if value}


def test_a_run_adds_to_all_counts():
    metrics = metrics_of("report")
    accepted = NOW + timedelta(seconds=7)
    metrics.count_runs(KEY, [], [run(start_time=accepted, duration_seconds=20.0, tokens=300, cost="0.25")])
    metrics.count_runs(KEY, [], [run("GraphError", minutes=5)])
    samples = told(metrics)
    assert outcomes(metrics) == {"Succeeded": 1, "GraphError": 1}
    assert samples["graphcron_run_duration_seconds_sum", *ITS] == 20
    assert samples["graphcron_run_duration_seconds_count", *ITS] == 1
    assert samples["graphcron_run_start_skew_seconds_sum", *ITS] == 7
    assert samples["graphcron_tokens_total", *ITS] == 300
    assert samples["graphcron_cost_total", *ITS] == 0.25


def test_counters_start_at_zero():
    runs = [(key, value) for key, value in told(metrics_of("report")).items() if key[0] == "graphcron_runs_total"]
    assert len(runs) == len(Outcome)
    assert {value for _, value in runs} == {0}


@pytest.mark.parametrize(
    ("before", "after", "counted"),
    [
        ("Stopped", "Succeeded", {}),
        ("Skipped", "Skipped", {}),
        ("Skipped", "Succeeded", {"Succeeded": 1}),  # it was made up for
    ],
)
def test_a_run_that_was_told_before_is_no_further_run(before, after, counted):
    metrics = metrics_of("report")
    metrics.count_runs(KEY, [run(before)], [run(after)])
    assert outcomes(metrics) == counted


def test_listed_run_adds_only_the_difference():
    metrics = metrics_of("report")
    known = {"duration_seconds": 10.0, "start_time": NOW, "tokens": 100, "cost": "0.10"}
    metrics.count_runs(KEY, [run("Stopped", **known)], [run(**known | {"tokens": 150, "cost": "0.35"})])
    samples = told(metrics)
    assert samples["graphcron_tokens_total", *ITS] == 50
    assert samples["graphcron_cost_total", *ITS] == pytest.approx(0.25)
    assert samples["graphcron_run_duration_seconds_count", *ITS] == 0


def test_a_run_that_was_accepted_before_it_was_due_has_no_skew():
    metrics = metrics_of("report")
    metrics.count_runs(KEY, [], [run(start_time=NOW - timedelta(hours=1))])
    assert told(metrics)["graphcron_run_start_skew_seconds_sum", *ITS] == 0


@pytest.mark.parametrize("wrong", [{"cost": "nan"}, {"cost": "-3"}, {"cost": "1e999999999"}, {"tokens": -5},
                                   {"duration_seconds": 1e18}])  # fmt: skip
def test_no_run_has_a_number_that_would_spoil_a_count(wrong):
    with pytest.raises(ValidationError):
        run(**wrong)


def test_what_is_told_of_a_graphcron_goes_with_it():
    there = [body("report"), body("other")]
    metrics = Metrics("1", queued=lambda: 0, graphcrons=lambda: there)
    metrics.count_runs(KEY, [], [run(duration_seconds=1.0)])
    told(metrics)
    del there[0]
    names = {dict(labels).get("name") for _, *labels in told(metrics)}
    assert names == {"other", None}


def test_a_run_is_not_counted_before_the_status_tells_it(monkeypatch):
    """Where the status could not be written, the next look tells the run again."""

    async def refuse(*_):
        return False

    metrics = metrics_of("hello")
    monkeypatch.setattr(world, "Reconciler", partial(Reconciler, on_run_finished=metrics.count_runs))
    cron = World(graphcron(schedule="0 * * * *"))
    cron.look(NOW)
    cron.end(job(), Report(outcome=Outcome.GRAPH_ERROR))
    with monkeypatch.context() as refused:
        refused.setattr(world._ApiServer, "update_status", refuse)
        cron.look(NOW)
        assert outcomes(metrics) == {}
    cron.look(NOW)
    assert outcomes(metrics) == {"GraphError": 1}


def test_a_run_is_counted_once_whatever_comes_after_and_whoever_works(monkeypatch):
    """Each look is another operator's, as after a restart: what was told stands in the status."""
    cron = World(graphcron(schedule="0 * * * *"))
    counted = []
    for minutes in range(4):
        metrics = metrics_of("hello")
        monkeypatch.setattr(world, "Reconciler", partial(Reconciler, on_run_finished=metrics.count_runs))
        cron.look(NOW + timedelta(minutes=minutes))
        if minutes == 0:
            cron.end(job(), Report(outcome=Outcome.SUCCEEDED, tokens=5))
        counted.append(outcomes(metrics))
    assert counted == [{}, {"Succeeded": 1}, {}, {}]
