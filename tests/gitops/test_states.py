"""What Argo CD and kstatus make of every state that the operator can leave an object in."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.gitops.argo import run_lua
from tests.gitops.kstatus import kstatus

if TYPE_CHECKING:
    from tests.gitops.argo import Argo

pytestmark = pytest.mark.needs("go")

STATES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("states.yaml").read_text(encoding="utf-8"))


SPECS: dict[str, dict[str, Any]] = {
    "GraphCron": {"assistant": "agent", "schedule": "0 4 * * *"},
    "GraphRun": {"graphCronRef": {"name": "hello"}},
    "GraphServer": {"url": "http://langgraph:8000"},
}


def body_of(state: dict[str, Any]) -> dict[str, Any]:
    """Return the object that is in the state; what the state does not say is as in most of them."""
    kind = state.get("kind", "GraphCron")
    spec = SPECS[kind]
    metadata = {"name": "hello", "namespace": "agents", "generation": state.get("generation", 1)}
    body = {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": kind,
        "metadata": metadata | ({"annotations": state["annotations"]} if "annotations" in state else {}),
        "spec": spec | state.get("spec", {}),
    }
    return body | ({"status": {"observedGeneration": 1, **state["status"]}} if "status" in state else {})


def actions_of(spec: dict[str, Any], *conditions: dict[str, str]) -> dict[str, Any]:
    """Return a GraphCron to act on."""
    return body_of({"spec": spec, "status": {"conditions": list(conditions)}})


@pytest.mark.parametrize("state", STATES, ids=lambda state: state["name"])
def test_argo_cd_tells_the_health(argo: Argo, state: dict[str, Any]) -> None:
    assert argo.health(body_of(state)) == (state["argo"], state["message"])


@pytest.mark.parametrize("state", STATES, ids=lambda state: state["name"])
def test_kstatus_tells_whether_it_is_ready(state: dict[str, Any]) -> None:
    assert kstatus(body_of(state)) == state["kstatus"]


PAUSED = {"type": "Paused", "status": "True", "reason": "ConsecutiveFailures", "message": ""}


@pytest.mark.parametrize(
    ("body", "possible"),
    [
        (body_of({}), {"trigger", "suspend"}),
        (actions_of({}), {"trigger", "suspend"}),
        (actions_of({"suspend": False}), {"trigger", "suspend"}),
        (actions_of({"suspend": True}), {"trigger", "resume"}),
        (actions_of({}, PAUSED), {"trigger", "suspend", "unpause"}),
        (actions_of({}, {**PAUSED, "status": "False"}), {"trigger", "suspend"}),
    ],
)
def test_what_makes_no_sense_cannot_be_chosen(argo: Argo, body: Any, possible: set[str]) -> None:
    actions = argo.actions(body)
    assert set(actions) == {"trigger", "suspend", "resume", "unpause"}
    assert {name for name, can in actions.items() if can} == possible


@pytest.mark.parametrize(("action", "suspend"), [("suspend", True), ("resume", False)])
def test_suspend_and_resume_change_one_field(argo: Argo, action: str, suspend: bool) -> None:
    before = actions_of({"suspend": not suspend, "input": {"list": [], "map": {}}})
    after = argo.act(before, action)
    assert after["spec"]["suspend"] is suspend
    assert after["metadata"] == before["metadata"]
    assert (after["spec"]["assistant"], after["spec"]["schedule"]) == ("agent", "0 4 * * *")


@pytest.mark.parametrize(
    ("action", "annotation"),
    [("trigger", "graphcron.dev/run-requested-at"), ("unpause", "graphcron.dev/resume-requested-at")],
)
@pytest.mark.parametrize("annotations", [{}, {"example.com/owner": "ada"}])
def test_what_is_asked_for_is_an_annotation(
    argo: Argo, action: str, annotation: str, annotations: dict[str, str]
) -> None:
    before = body_of({"annotations": {annotation: "before", **annotations}, "status": {"conditions": []}})
    after = argo.act(before, action)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"].keys() == {annotation, *annotations}
    assert datetime.fromisoformat(after["metadata"]["annotations"][annotation])
    bare = body_of({"status": {"conditions": []}})
    assert argo.act(bare, action)["metadata"]["annotations"].keys() == {annotation}


@pytest.mark.parametrize(
    ("status", "health"),
    [(None, ("Progressing", "")), ({"health": {"status": "Degraded", "message": "why"}}, ("Degraded", "why"))],
)
def test_an_application_is_as_healthy_as_what_it_holds(argo: Argo, status: Any, health: tuple[str, str]) -> None:
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"}, "spec": {}}
    assert argo.health(body | ({"status": status} if status else {})) == health


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("return os.date()", "attempt to index a non-table"),
        ("return string.format('%d', 1)", "attempt to index a non-table"),
        ("while true do end", "deadline exceeded"),
    ],
)
def test_lua_has_no_more_than_argo_cd_gives_it(script: str, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        run_lua(script, body_of({}))


def test_an_empty_map_stays_a_map() -> None:
    body = {"spec": {"map": {}, "list": [], "inner": [{"map": {}}]}}
    assert run_lua("return obj", body) == body
