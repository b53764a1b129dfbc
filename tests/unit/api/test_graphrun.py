"""The model of a GraphRun: what it shares with a GraphCron, what it replaces, and that any body can be read."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphcron.api import v1alpha1
from graphcron.api.v1alpha1 import GraphRunStatus
from graphcron.errors import SpecError
from tests.api.specs import GOOD_RUN, manifest_of, problems
from tests.unit.hostile import JSON, PROFILE, TIMES, mapping

FIELDS = sorted(field.alias or name for name, field in v1alpha1.GraphRunSpec.model_fields.items())
SPECS = JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON | TIMES))
STATUSES = mapping(
    conditions=JSON, outcome=JSON, startTime=TIMES, completionTime=TIMES, durationSeconds=JSON, tokens=JSON, job=JSON
)


def test_defaults_of_a_graph_run_are_the_models() -> None:
    spec = v1alpha1.parse_run(GOOD_RUN).spec
    assert spec.graph_cron_ref is not None
    assert spec.graph_cron_ref.name == "daily-report"
    assert (spec.starting_deadline_seconds, spec.ttl_seconds_after_finished) == (3600, None)
    assert (spec.concurrency_policy, spec.scheduled_time, spec.assistant) == (None, None, None)
    assert "input" not in spec.model_fields_set
    assert (spec.on_run_completed, spec.on_interrupted, spec.retry.attempts) == ("delete", "skip", 0)


def test_graphrun_has_run_fields_of_graphcron() -> None:
    shared = v1alpha1.RunTemplate.model_fields.keys()
    only = {"graph_cron_ref", "scheduled_time", "starting_deadline_seconds", "concurrency_policy"}
    assert v1alpha1.GraphRunSpec.model_fields.keys() == shared | only | {"ttl_seconds_after_finished"}
    assert shared < v1alpha1.GraphCronSpec.model_fields.keys()


def test_each_field_beside_ref_replaced_or_rejected() -> None:
    """A field that is neither would be ignored without a word."""
    rules = {rule.field for rule in v1alpha1.GraphRunSpec.rules if "graphCronRef, whose" in rule.problem}
    shared = {field.alias or name for name, field in v1alpha1.RunTemplate.model_fields.items()}
    assert shared - rules == {"assistant", "input", "inputFrom", "config", "context", "metadata"}


def test_a_graph_run_is_read_like_a_graph_cron() -> None:
    run = v1alpha1.parse_run({**GOOD_RUN, "status": {"outcome": "Succeeded", "later": 1}})
    assert run.status == GraphRunStatus(outcome="Succeeded")
    assert v1alpha1.parse_run({**GOOD_RUN, "status": {"conditions": 1}}).status is None
    with pytest.raises(SpecError, match=r"^kind: is \"GraphCron\"; write GraphRun$"):
        v1alpha1.parse_run({**GOOD_RUN, "kind": "GraphCron"})


@pytest.mark.parametrize("field", ["input", "config", "context", "metadata"])
@pytest.mark.parametrize(("levels", "is_taken"), [(64, True), (65, False)])
def test_a_field_of_a_graph_run_may_be_nested_64_levels_deep(field: str, levels: int, is_taken: bool) -> None:
    value = json.loads('{"a":' * levels + "1" + "}" * levels)
    found = problems(manifest_of({"kind": "GraphRun", "with": {"spec": {field: value}}}))
    assert [str(each) for each in found] == (
        [] if is_taken else [f"spec.{field}: is nested more than 64 levels deep; make it flatter"]
    )


@PROFILE
@given(SPECS, STATUSES)
def test_any_graph_run_is_read_or_refused_in_words(spec: Any, status: Any) -> None:
    body = {**GOOD_RUN, "spec": spec, "status": status}
    found = v1alpha1.run_problems(body)
    assert all(str(each) for each in found)
    with suppress(SpecError):
        v1alpha1.parse_run(body)
        assert found == []
    assert isinstance(v1alpha1.read_status(GraphRunStatus, body), GraphRunStatus)
