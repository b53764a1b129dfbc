"""Whatever GraphCrons hold, ``list``, ``history``, ``top``, ``forecast`` and ``doctor`` show the others beside them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphcron.cli.clients import graphruns
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.doctor import checks
from graphcron.cli.doctor.graphruns import of_graphruns
from graphcron.cli.files import manifests
from graphcron.cli.options import Output
from graphcron.cli.printing import columns, forecast_rows, forecasts, graphrun_page, output
from graphcron.cli.verbs import cancel, history, list_, top
from graphcron.unstructured.bounded_json import LEFT_OUT, is_deeper
from tests.unit.hostile import AMOUNTS, JSON, NUMBERS, PROFILE, TEXT, TIMES, mapping
from tests.unit.test_hostile import GRAPHCRONS, NOW
from tests.unit.unstructured.test_bounded_json import nested


@PROFILE
@given(st.lists(GRAPHCRONS, max_size=3))
def test_any_graphcrons_are_shown(graphcrons: list[dict[str, Any]]):
    for order in list_.Order:
        found = columns.in_order(graphcrons, order)
        assert len(output.cells(found, columns.graphcron_columns(now=NOW, everywhere=True))) == len(graphcrons)
    for each in graphcrons:
        runs = columns.runs_of(each)
        assert len(output.cells(runs, columns.run_columns("Etc/UTC"))) == len(runs)
    used = [top.usage(each, columns.runs_of(each), begin=NOW - timedelta(days=1)) for each in graphcrons]
    output.cells([*used, top.total(used)], columns.usage_columns(everywhere=True))
    rows = [forecast_rows.row_of(each, graphcrons, now=NOW, length=timedelta(days=1)) for each in graphcrons]
    output.cells([*rows, forecast_rows.total(rows)], forecasts.forecast_columns(everywhere=True, only_runs=False))
    assert all(forecasts.forecast_line(each, 1) for each in rows)


@PROFILE
@given(st.lists(GRAPHCRONS, max_size=3))
def test_any_graphcrons_are_examined(graphcrons: list[dict[str, Any]]):
    assert list(checks.of_graphcrons(graphcrons))
    list(checks.of_servers(graphcrons, graphcrons))


RUN = st.fixed_dictionaries(
    {"outcome": TEXT}, optional={"job": JSON, "tokens": NUMBERS, "cost": AMOUNTS, "startTime": TIMES, "message": JSON}
)
GRAPHRUNS = st.builds(
    lambda name, spec, status: {
        "kind": "GraphRun",
        "metadata": {"name": name, "namespace": "agents", "creationTimestamp": "2026-11-22T11:00:00Z"},
        "spec": spec,
        "status": status,
    },
    st.sampled_from(["a", "b"]),
    JSON | mapping(graphCronRef=JSON | mapping(name=st.just("hello") | JSON), scheduledTime=TIMES, server=JSON, thread=JSON),
    JSON | RUN.map(lambda run: {**run, "conditions": [{"type": "Complete", "status": "True"}]})
    | mapping(conditions=st.lists(JSON | mapping(type=st.just("Reconciling"), status=st.just("True"), reason=JSON))),
)  # fmt: skip


@PROFILE
@given(st.lists(GRAPHCRONS, max_size=2), st.lists(GRAPHRUNS, max_size=3))
def test_any_graphruns_are_shown_beside_the_graphcrons(graphcrons: list[Any], found: list[Any]):
    alone = graphruns.without_graphcron(found, graphcrons)
    owners = [*(history._of_graphcron(each, found) for each in graphcrons), *map(history._of_graphrun, alone)]
    runs = history.runs_of_all(owners)
    assert len(output.cells(runs, columns.run_columns("Etc/UTC"))) == len(runs)
    used = [top._sum("agents", "a", runs, begin=NOW - timedelta(days=1)) for _, runs in owners]
    output.cells([*used, top.total(used)], columns.usage_columns(everywhere=True))
    for each in found:
        graphrun_page.facts(each)
        cancel._names_of(each)
    waiting = graphrun_page.waiting(found)
    assert len(output.cells(waiting, graphrun_page.waiting_columns(now=NOW))) == len(waiting)
    list(of_graphruns(found, now=NOW))
    for graphcron in graphcrons:
        graphruns.unfinished(found, graphcron)


@pytest.mark.parametrize("levels", [300, 1500, 10_000])
@pytest.mark.parametrize("form", [Output.JSON, Output.YAML])
def test_a_deep_object_is_read_from_kubectl_and_printed(levels, form, monkeypatch, capsys):
    metadata = {"name": "deep", "namespace": "agents"}
    text = json.dumps({"items": [{"kind": "GraphCron", "apiVersion": "g/v1", "metadata": metadata, "spec": "DEEP"}]})
    monkeypatch.setattr(Kubectl, "run", lambda *_: text.replace('"DEEP"', nested(levels, "both")))
    [found] = Kubectl().graphcrons()
    assert found["metadata"] == metadata
    output.show([found], (), form)
    assert LEFT_OUT in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("levels", [300, 1500, 10_000])
@pytest.mark.parametrize("kind", ["object", "list"])
def test_a_deep_file_is_read(levels, kind):
    head = "apiVersion: graphcron.dev/v1alpha1\nkind: GraphCron\nmetadata: {name: deep}\nspec:\n  input: "
    [found] = manifests.of_text(f"{head}{nested(levels, kind)}\n  assistant: agent\n", "deep.yaml")
    assert found.body["spec"]["assistant"] == "agent"
    assert is_deeper(found.body["spec"]["input"], 90)
    assert not is_deeper(found.body, 101)
    assert found.place("spec.input") == (5, 10)


def test_a_sum_leaves_out_what_cannot_be_read():
    runs = [
        {"scheduledTime": "2026-11-22T11:00:00Z", "outcome": "Succeeded", "tokens": 5, "cost": "0.5"},
        {"scheduledTime": "2026-11-22T11:00:00Z", "outcome": "Novel", "tokens": "many", "cost": "1e999999999"},
        {"scheduledTime": "0001-01-01T00:00:00+14:00", "outcome": "Succeeded", "tokens": 7},
    ]
    graphcron = {"metadata": {"name": "hello", "namespace": "agents"}, "spec": {}, "status": {"recentRuns": runs}}
    used = top.usage(graphcron, runs, begin=NOW - timedelta(days=1))
    assert (used["runs"], used["succeeded"], used["tokens"], used["cost"]) == (2, 1, 5, "0.5")
    assert columns.duration_of({"durationSeconds": 10**18}) == "1000000000000000000s"
