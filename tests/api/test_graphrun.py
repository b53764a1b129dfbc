"""What the API server guarantees of a GraphRun: its spec stays as it was created."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.api import names
from tests.api.specs import GOOD_RUN

if TYPE_CHECKING:
    from tests.cluster import Cluster

SPEC: dict[str, Any] = {
    "assistant": "agent",
    "input": {"a": {"b": [1, None]}},
    "config": {"run_name": "report", "tags": ["nightly"]},
    "context": {"model": "small"},
    "metadata": {"team": "research"},
    "timeoutSeconds": 60,
}

PATCH = {"Content-Type": "application/json-patch+json"}

CHANGES: dict[str, Any] = {
    "/assistant": "other",
    "/timeoutSeconds": 61,
    "/input": None,
    "/input/a": {"c": [1, None]},
    "/input/a/b/1": 2,
    "/config/run_name": "other",
    "/config/tags/0": "daily",
    "/context/model": "large",
    "/metadata/team": 1,
}
"""Values of the spec and what replaces them."""


@pytest.fixture(scope="module")
def run(cluster: Cluster, shared: str) -> str:
    """Create a GraphRun; return its path."""
    return _create(cluster, shared, {**GOOD_RUN, "spec": SPEC})


def _create(cluster: Cluster, namespace: str, body: dict[str, Any]) -> str:
    path = f"/apis/{names.API_VERSION}/namespaces/{namespace}/{names.RUN_PLURAL}"
    cluster.api.send("POST", path, body)
    return f"{path}/{body['metadata']['name']}"


def _patch(cluster: Cluster, run: str, *operations: dict[str, Any]) -> str:
    """Try a patch; return the words with which it is refused."""
    status, text = cluster.api.ask("PATCH", f"{run}?dryRun=All", operations, headers=PATCH)
    return "" if status == 200 else str(json.loads(text)["message"])


@pytest.mark.parametrize("path", CHANGES)
def test_a_change_of_the_spec_is_refused(cluster: Cluster, run: str, path: str) -> None:
    told = _patch(cluster, run, {"op": "replace", "path": f"/spec{path}", "value": CHANGES[path]})
    assert "spec: Forbidden: cannot be changed after the GraphRun is created; create another GraphRun" in told


@pytest.mark.parametrize("field", ["input", "config", "context", "metadata", "scheduledTime"])
def test_adding_and_removing_a_field_is_refused(cluster: Cluster, run: str, field: str) -> None:
    if field in SPEC:
        operation = {"op": "remove", "path": f"/spec/{field}"}
    else:
        operation = {"op": "add", "path": f"/spec/{field}", "value": "2026-11-01T00:00:00Z"}
    assert "cannot be changed after the GraphRun is created" in _patch(cluster, run, operation)


@pytest.mark.parametrize("field", ["config", "context", "metadata"])
def test_renaming_a_free_form_member_is_not_seen_by_the_crd(cluster: Cluster, run: str, field: str) -> None:
    """CEL's equality ignores names of members that the schema does not declare. Only the chart's policy refuses it."""
    member = next(iter(SPEC[field]))
    told = _patch(cluster, run, {"op": "move", "from": f"/spec/{field}/{member}", "path": f"/spec/{field}/other"})
    refused_by_policy = "ValidatingAdmissionPolicy" in told  # another test may have installed the chart
    assert not told or refused_by_policy, "the CRD refuses it: the policy has no need to any more"


def test_labels_and_annotations_can_be_changed(cluster: Cluster, run: str) -> None:
    for member in ("labels", "annotations"):
        operation = {"op": "add", "path": f"/metadata/{member}", "value": {"example.com/note": "again"}}
        assert _patch(cluster, run, operation) == ""


def test_a_large_input_is_compared_within_the_limits_of_cel(cluster: Cluster, shared: str) -> None:
    large = {f"key-{number}": {"values": list(range(100))} for number in range(2_000)}
    body = {**GOOD_RUN, "metadata": {"name": "large"}, "spec": {**SPEC, "context": large, "input": large}}
    it = _create(cluster, shared, body)
    label = {"op": "add", "path": "/metadata/labels", "value": {"team": "research"}}
    assert _patch(cluster, it, label) == ""
    told = _patch(cluster, it, {"op": "replace", "path": "/spec/input/key-1999/values/99", "value": 0})
    assert "cannot be changed after the GraphRun is created" in told
