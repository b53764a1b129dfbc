"""What GitOps tools rely on: the same manifest again changes nothing, however often everything is looked at again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.api.specs import manifest_of, table
from tests.cluster import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.objects import Objects
    from tests.operator.conftest import Operator

NEVER = "0 0 29 2 *"

ROUNDS = 2
"""How often everything is looked at again before we say that nothing has changed."""

TRACKED = {
    "annotations": {"argocd.argoproj.io/tracking-id": "agents:graphcron.dev/GraphCron:agents/hello"},
    "labels": {"app.kubernetes.io/instance": "agents", "kustomize.toolkit.fluxcd.io/name": "agents"},
}
"""By what Argo CD and Flux know what is theirs, and so what to delete that is not in Git."""


@pytest.fixture
def restless(operator: Operator) -> Operator:
    """Return an operator that looks at everything again all the time."""
    operator.stop()
    operator.start(GRAPHCRON_RESYNC_SECONDS="1", GRAPHCRON_PRICES='{"*": {"input": "1", "output": "2"}}')
    return operator


def manifests() -> list[dict[str, Any]]:
    """Return a GraphCron for each row of what users may write, such that it changes by itself at no time."""
    bodies = [manifest_of(row, name=f"row-{number}") for number, row in enumerate(table("good_specs.yaml"))]
    # One whose GraphServer is missing has no CronJob to be compared.
    graphcrons = [body for body in bodies if body["kind"] == "GraphCron" and "serverRef" not in body["spec"]]
    for body in graphcrons:
        spec = body["spec"]
        rests = {"schedules", "startTime", "endTime", "excludes"} & spec.keys() or spec["schedule"] != "30 8 * * 1-5"
        spec.update({"suspend": True} if rests else {"schedule": NEVER})
        spec["preflight"] = False  # its Job would change the status
    return graphcrons


def versions(objects: Objects) -> dict[str, str]:
    """Return the resourceVersion of each object that is concerned."""
    found = [*objects.all("graphcrons").values(), *objects.all("cronjobs").values()]
    return {f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["resourceVersion"] for each in found}


def all_are_seen(objects: Objects) -> bool:
    """Tell whether the operator has told something of every GraphCron."""
    return all("observedGeneration" in each.get("status", {}) for each in objects.all("graphcrons").values())


def wait_for_rounds(operator: Operator, objects: Objects) -> None:
    """Wait until everything has been looked at again several times."""
    count = len(objects.all("graphcrons"))
    before = looks(operator)
    wait_for("further looks at everything", lambda: looks(operator) >= before + ROUNDS * count, seconds=120)


def looks(operator: Operator) -> float:
    """Return how many times the operator has looked at GraphCrons so far."""
    return operator.metric("graphcron_reconcile_total", kind="GraphCron", result="success") or 0


@pytest.mark.parametrize("how", [(), ("--server-side",)], ids=["client-side", "server-side"])
def test_the_same_again_changes_nothing(
    restless: Operator, objects: Objects, tmp_path: Path, how: tuple[str, ...]
) -> None:
    bodies = manifests()
    file = tmp_path / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(bodies), encoding="utf-8")
    objects.kubectl("apply", *how, "-f", str(file))
    wait_for("a status of each", lambda: all_are_seen(objects))
    wait_for_rounds(restless, objects)
    before = versions(objects)
    assert len(before) >= 2 * len(bodies)

    for _ in range(2):
        objects.kubectl("apply", *how, "-f", str(file))
        wait_for_rounds(restless, objects)
    assert versions(objects) == before
    assert objects.kubectl("diff", *how, "-f", str(file)) == ""
    assert objects.all("jobs") == {}


def test_nothing_that_is_made_counts_as_the_tools_own(restless: Operator, objects: Objects) -> None:
    objects.apply()
    objects.wait_ready()
    before = objects.get("cronjob")
    objects.kubectl("patch", "graphcron", "hello", "--type=merge", "-p", json.dumps({"metadata": TRACKED}))
    objects.ask("graphcron.dev/run-requested-at", "now")
    objects.wait("that has run", "graphcron", "hello", lambda found: found["status"].get("lastHandledTrigger") == "now")
    wait_for_rounds(restless, objects)
    cronjob = objects.get("cronjob")
    assert cronjob["spec"] == before["spec"]
    (job,) = objects.all("jobs").values()
    for key in (*TRACKED["annotations"], *TRACKED["labels"]):
        assert key not in json.dumps([cronjob, job])
