"""GraphRun → the GraphCron that its Job is built from."""

from typing import Any

import pytest

from graphcron.api import names
from graphcron.api.graphrun_ref import effective_graphcron
from graphcron.api.v1alpha1 import GraphCron, parse_run
from graphcron.errors import SpecError
from tests.unit.world import UID


def effective(spec: dict[str, Any], **cron: Any) -> GraphCron:
    """Return the effective GraphCron of a GraphRun; with a GraphCron's fields, of one that references it."""
    metadata = {"namespace": "agents", "creationTimestamp": "2026-11-22T12:00:00Z"}
    reference = {"graphCronRef": {"name": "report"}} if cron else {}
    head = {
        "apiVersion": names.API_VERSION,
        "kind": names.RUN_KIND,
        "metadata": {**metadata, "name": "once", "uid": "u"},
    }
    run = {**head, "spec": {**spec, **reference}}
    usual = {"assistant": "agent", "schedule": "0 4 * * *"}
    graphcron = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {**metadata, "name": "report", "uid": UID},
        "spec": {**usual, **cron},
    }
    return effective_graphcron(parse_run(run), run, graphcron if cron else None)


SOURCE = {"configMapKeyRef": {"name": "inputs", "key": "a"}}


@pytest.mark.parametrize(
    ("run", "cron", "value", "source"),
    [
        ({}, {"input": 1}, 1, False),
        ({"input": 2}, {"input": 1}, 2, False),
        ({"input": None}, {"input": 1}, None, False),
        ({"input": 2}, {"inputFrom": SOURCE}, 2, False),
        ({"inputFrom": SOURCE}, {"input": 1}, None, True),
    ],
)
def test_the_input_of_the_graphrun_replaces_that_of_the_graphcron(run: Any, cron: Any, value: Any, source: bool):
    spec = effective(run, **cron).spec
    assert (spec.input, spec.input_from is not None) == (value, source)


def test_config_context_and_metadata_are_replaced_whole():
    spec = effective(
        {"metadata": {"b": 2}, "config": {"tags": ["y"]}}, metadata={"a": 1}, config={"recursion_limit": 5}
    ).spec
    assert (spec.metadata, spec.config) == ({"b": 2}, {"tags": ["y"]})


def test_graphrun_sets_deadline_and_policy_only():
    graphcron = effective({"concurrencyPolicy": "Replace", "startingDeadlineSeconds": 60}, suspend=True)
    assert (graphcron.spec.concurrency_policy, graphcron.spec.starting_deadline_seconds) == ("Replace", 60)
    assert (graphcron.metadata.name, graphcron.metadata.uid) == ("report", UID)
    assert effective({}, concurrencyPolicy="Allow").spec.concurrency_policy == "Allow"


def test_fields_that_do_not_fit_are_an_error():
    with pytest.raises(SpecError, match=r"spec\.config\.configurable"):
        effective({"config": {"configurable": {"a": 1}}}, context={"b": 2})


def test_without_a_graphcron_all_fields_are_the_graphruns():
    graphcron = effective({"assistant": "agent", "input": {"a": 1}, "timeoutSeconds": 5})
    assert (graphcron.metadata.name, graphcron.spec.lines) == ("once", ())
    assert (graphcron.spec.input, graphcron.spec.timeout_seconds) == ({"a": 1}, 5)
    assert graphcron.spec.starting_deadline_seconds == 3600
