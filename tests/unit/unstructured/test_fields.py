"""Fields of untrusted objects."""

import pytest

from graphcron.api.v1alpha1 import parse_run
from graphcron.unstructured.fields import time_of


@pytest.mark.parametrize(
    "text",
    ["2026-11-02T07:30:00Z", "2026-11-02t07:30:00z", "2026-11-02T08:30:00+01:00", "2026-11-02T07:30:00.25Z"],
)
def test_time_is_what_the_model_reads(text: str) -> None:
    run = parse_run(
        {
            "apiVersion": "graphcron.dev/v1alpha1",
            "kind": "GraphRun",
            "metadata": {"name": "once", "namespace": "agents"},
            "spec": {"graphCronRef": {"name": "report"}, "scheduledTime": text},
        }
    )
    assert time_of(text) == run.spec.scheduled_time


@pytest.mark.parametrize("value", ["2026-11-02T07:30:00", "2026-11-02", "soon", "", None, 7, ["2026-11-02T07:30:00Z"]])
def test_other_values_are_no_time(value: object) -> None:
    assert time_of(value) is None
