"""Every example is applied as a reader does it, and becomes what its comments say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron.api import names
from tests.cluster import ROOT, wait_for
from tests.objects import condition

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.crons import Crons

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))

FIELDS = {
    "schedules",
    "startTime",
    "endTime",
    "excludes",
    "catchUp",
    "queueLimit",
    "thread.id",
    "thread.per",
    "onInterrupted",
    "retry.attempts",
    "retry.onGraphError",
    "retry.resume",
    "failurePolicy.pauseAfterConsecutiveFailures",
    "budget.maxTokensPerRun",
    "budget.maxTokens",
    "budget.window",
    "history.threads",
    "server.maxConcurrentRuns",
    "serverRef.name",
    "preflight",
}
"""What some example of a GraphCron shows."""

RESTING = {"Reconciled", "NotYetActive", "NoLongerActive", "Excluded"}
"""Why an example may be ready: those with dates in them are at rest before and after."""


def resources(example: Path) -> list[Any]:
    """Return what an example makes."""
    return list(yaml.safe_load_all(example.read_text(encoding="utf-8")))


def paths(value: Any, at: str = "") -> set[str]:
    """Return the paths of all members, such as ``thread.per``."""
    if not isinstance(value, dict):
        return {at}
    return {at} | {path for key, each in value.items() for path in paths(each, f"{at}.{key}" if at else key)}


def test_each_field_has_an_example() -> None:
    bodies = [body for example in EXAMPLES for body in resources(example)]
    specs = [body["spec"] for body in bodies if body["kind"] == names.KIND]
    servers = [{"server": body["spec"]} for body in bodies if body["kind"] == names.SERVER_KIND]
    assert FIELDS - {path for spec in specs + servers for path in paths(spec)} == set()
    assert any(re.search(r"\bH\b", spec.get("schedule", "")) for spec in specs)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_works(example: Path, crons: Crons) -> None:
    crons.cluster.kubectl("apply", "--namespace", crons.namespace, "--filename", str(example))
    for body in resources(example):
        name, spec = body["metadata"]["name"], body.get("spec", {})
        if body["kind"] == names.SERVER_KIND:
            found = wait_true(crons, names.SERVER_PLURAL, name, "Ready")
            assert found["status"]["server"].startswith("langgraph-api ")
        elif body["kind"] == names.KIND:
            found = wait_true(crons, names.PLURAL, name, "Ready")
            assert condition(found, "Ready")["reason"] in RESTING
            if spec.get("preflight", True):
                wait_true(crons, names.PLURAL, name, "TargetResolved")
            else:
                assert condition(found, "TargetResolved") == {}
        elif body["kind"] == names.RUN_KIND:
            # One of a GraphCron waits for it: the file of an example holds only the GraphRun.
            wait_true(crons, names.RUN_PLURAL, name, "Reconciling" if "graphCronRef" in spec else "Complete")


def wait_true(crons: Crons, plural: str, name: str, kind: str) -> Any:
    """Wait until a condition of a resource of ours is True; return the resource."""
    seen: dict[str, Any] = {}

    def look() -> Any:
        seen.update(crons.cluster.get(f"{plural}.{names.GROUP}", name, "--namespace", crons.namespace))
        return seen if condition(seen, kind).get("status") == "True" else None

    try:
        return wait_for(f"{kind} of {plural}/{name}", look, seconds=120)
    except AssertionError as error:
        raise AssertionError(f"{error}: {seen.get('status')}") from None
