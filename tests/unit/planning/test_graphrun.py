"""What is known of one GraphRun."""

from datetime import timedelta
from typing import Any

import pytest

from graphcron.api.v1alpha1 import GraphRunStatus
from graphcron.planning.graphrun import ObservedGraphRun, is_left_to_other
from tests.unit.world import NOW


def observed(spec: dict[str, Any], **status: Any) -> ObservedGraphRun:
    body = {"kind": "GraphRun", "metadata": {"name": "once", "uid": "u"}, "spec": spec}
    previous = GraphRunStatus(**status)
    return ObservedGraphRun(body=body, previous=previous, created=NOW, scheduled=NOW, job="once-1", jobs=[], pods=[])


@pytest.mark.parametrize(("seconds", "expected"), [(60, 60), (None, 3600), ("soon", 3600), (10**9, 3600), (True, 3600)])
def test_the_deadline_counts_from_the_creation(seconds: Any, expected: int):
    spec = {} if seconds is None else {"startingDeadlineSeconds": seconds}
    assert observed(spec).deadline == NOW + timedelta(seconds=expected)


@pytest.mark.parametrize(
    ("installation", "after", "is_left"),
    [(None, 0, False), ("team/own", 0, False), ("team/other", 0, True), ("team/other", 2 * 3600 + 1, False)],
)
def test_another_installation_is_taken_over_from_if_it_reports_no_end(installation: Any, after: int, is_left: bool):
    run, now = observed({}, installation=installation), NOW + timedelta(seconds=after)
    assert is_left_to_other(run, (), "team/own", now) is is_left
