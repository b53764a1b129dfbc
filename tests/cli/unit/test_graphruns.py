"""GraphRuns as the program writes and reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from graphcron.api.graphruns import graphcron_name_of, is_over
from graphcron.api.v1alpha1 import run_problems
from graphcron.cli.clients import graphruns
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.clients.kubectl_errors import ForbiddenError, NotFoundError


def graphrun(name: str = "once", *, spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    """Return a GraphRun as the API server has it."""
    conditions = status.pop("conditions", {})
    told = [{"type": k, "status": "True", "reason": r, "message": f"{r}."} for k, r in conditions.items()]
    return {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphRun",
        "metadata": {
            "name": name,
            "namespace": "agents",
            "uid": f"{name}-uid",
            "creationTimestamp": "2026-11-22T11:00:00Z",
        },
        "spec": spec or {"graphCronRef": {"name": "hello"}},
        "status": {**({"conditions": told} if told else {}), **status},
    }


@pytest.mark.parametrize("name", ["hello", "a" * 52, "a" * 45 + "-.-bbbb"])
def test_a_manifest_is_valid_and_its_name_too(name: str):
    made = graphruns.new_name(name)
    assert made != graphruns.new_name(name)
    body = graphruns.graphrun_body(made, graphcron=name[:45], namespace="a", labels={"b": "c"}, spec={"input": None})
    assert run_problems(body) == []
    assert body["metadata"] == {"name": made, "namespace": "a", "labels": {"b": "c"}}
    assert body["spec"]["input"] is None


@pytest.mark.parametrize(
    ("conditions", "is_finished"),
    [
        ({}, False),
        ({"Reconciling": "Waiting"}, False),
        ({"Complete": "Succeeded"}, True),
        ({"Failed": "Timeout"}, True),
    ],
)
def test_a_graphrun_is_over_with_complete_or_failed(conditions: dict[str, str], is_finished: bool):
    assert is_over(graphrun(conditions=conditions)) is is_finished
    assert not is_over({"status": {"conditions": [{"type": "Failed", "status": "False"}]}})


def test_a_run_is_an_entry_of_the_history():
    found = graphrun(
        outcome="Succeeded", job="once-1", tokens=5, graphCronUid="u", conditions={"Complete": "Succeeded"}
    )
    entry = {"scheduledTime": "2026-11-22T11:00:00Z", "graphRun": "once", "outcome": "Succeeded", "job": "once-1"}
    assert graphruns.run_of(found) == {**entry, "tokens": 5}
    past = graphrun(spec={"assistant": "agent", "scheduledTime": "2026-11-01T08:00:00Z"})
    assert graphruns.run_of(past) == {"scheduledTime": "2026-11-01T08:00:00Z", "graphRun": "once"}
    assert (graphcron_name_of(found), graphcron_name_of(past)) == ("hello", "")


def test_graphruns_that_the_user_may_not_see_are_none(monkeypatch: pytest.MonkeyPatch):
    def refuse(error: type[Exception]) -> None:
        def run(*_: Any, **__: Any) -> str:
            raise error("no")

        monkeypatch.setattr(Kubectl, "run", run)

    refuse(ForbiddenError)
    assert Kubectl().graphruns() == []
    refuse(NotFoundError)
    with pytest.raises(NotFoundError):
        Kubectl().graphruns()


def test_an_object_is_created_in_the_namespace(monkeypatch: pytest.MonkeyPatch):
    asked: list[Any] = []

    def run(_: Kubectl, *arguments: str, stdin: str) -> str:
        asked.append((*arguments, json.loads(stdin)))
        return json.dumps({"kind": "GraphRun", "metadata": {"uid": "u"}})

    monkeypatch.setattr(Kubectl, "run", run)
    body = graphruns.graphrun_body("once", graphcron="hello")
    assert Kubectl(namespace="agents").create(body)["metadata"] == {"uid": "u"}
    assert asked == [("create", "--filename=-", "--output=json", "--namespace", "agents", body)]
