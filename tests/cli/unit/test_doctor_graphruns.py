"""What ``doctor`` finds in GraphRuns."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from graphcron.cli.app import CliError
from graphcron.cli.clients.kubectl import GRAPHCRONS, GRAPHRUNS, Kubectl
from graphcron.cli.doctor.checks import Check, State
from graphcron.cli.doctor.graphruns import of_graphruns
from graphcron.cli.verbs import doctor
from tests.cli.unit.test_graphruns import graphrun

NOW = datetime(2026, 11, 22, 11, 5, tzinfo=UTC)
FAILED = {"Failed": "Timeout"}


@pytest.mark.parametrize(
    ("found", "state", "message"),
    [
        (
            graphrun(conditions={"Reconciling": "GraphCronNotFound"}),
            State.WARNING,
            "waits: GraphCronNotFound: GraphCronNotFound.",
        ),
        (graphrun(), State.FAILED, "no operator has reconciled it"),
        (
            graphrun(conditions=FAILED, outcome="GraphError", reason="KeyError", completionTime="2026-11-22T11:04:00Z"),
            State.WARNING,
            "failed: GraphError, KeyError",
        ),
    ],
)
def test_graphruns_in_trouble_are_listed(found: dict[str, Any], state: State, message: str):
    good = graphrun("good", conditions={"Complete": "Succeeded"}, completionTime="2026-11-22T11:04:00Z")
    [check] = of_graphruns([good, found], now=NOW, kubectl=Kubectl(context="c"))
    assert (check.about, check.state, check.message) == ("GraphRun agents/once", state, message)
    remedy = "graphcron describe graphrun/once -n agents --context c"
    assert check.remedy == (
        remedy if state is State.WARNING else "read the log of the operator, and check that it watches agents"
    )


@pytest.mark.parametrize(
    "found",
    [
        graphrun(job="once-1", conditions={"Reconciling": "JobCreated"}),
        graphrun(conditions=FAILED, completionTime="2026-11-21T11:04:00Z"),
        {**graphrun(), "metadata": {**graphrun()["metadata"], "creationTimestamp": "2026-11-22T11:04:30Z"}},
    ],
    ids=["active", "failed long ago", "new"],
)
def test_other_graphruns_are_counted(found: dict[str, Any]):
    message = "1, none waits, and none has failed in the last day"
    assert [*of_graphruns([found], now=NOW)] == [Check("GraphRuns", State.OK, message)]
    assert [*of_graphruns([], now=NOW)] == []


def test_equal_findings_are_one_line():
    waits = [graphrun(str(each), conditions={"Reconciling": "GraphCronNotFound"}) for each in range(5)]
    for at, each in enumerate(waits):
        [told] = each["status"]["conditions"]
        told |= {"lastTransitionTime": "2026-11-22T11:00:00Z"}
        told["message"] = f"There is none. The operator retries until 2026-11-22T12:0{at}:00Z."
    [check] = doctor.summed(of_graphruns(waits, now=NOW))
    assert check.about == "5 GraphRuns"
    assert check.message == "waits: GraphCronNotFound: There is none (agents/0, agents/1, agents/2 and 2 more)"


def test_all_namespaces_are_checked_and_nothing_less(monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, ...]] = []

    def run(_: Kubectl, *words: str) -> str:
        asked.append(words)
        if words[:2] == ("get", GRAPHCRONS):
            raise CliError("you may not list all")
        return json.dumps({"items": []})

    monkeypatch.setattr(Kubectl, "run", run)
    found = {each.about: each for each in doctor._examine(Kubectl(everywhere=True), NOW)}
    assert found["you"].message == "can create GraphCrons in all namespaces"
    assert (found["GraphCrons"].state, "may not list all" in found["GraphCrons"].message) == (State.WARNING, True)
    assert [words for words in asked if words[1] == GRAPHCRONS and "--all-namespaces" not in words] == []
    assert [words for words in asked if "customresourcedefinitions" in words[1] and "--all-namespaces" in words] == []


@pytest.mark.parametrize(
    ("allowed", "state", "message"),
    [
        ((GRAPHCRONS, GRAPHRUNS), State.OK, "can create GraphCrons in agents"),
        ((GRAPHRUNS,), State.OK, "can run GraphCrons in agents, but not change them"),
        ((), State.FAILED, "cannot create GraphCrons in agents"),
    ],
)
def test_who_may_only_run_is_told(
    allowed: tuple[str, ...], state: State, message: str, monkeypatch: pytest.MonkeyPatch
):
    def run(_: Kubectl, *words: str) -> str:
        if words[3] not in allowed:
            raise CliError("no")
        return "yes"

    monkeypatch.setattr(Kubectl, "run", run)
    check = doctor._you(Kubectl(namespace="agents"))
    assert (check.state, check.message) == (state, message)
