"""Two installations of the operator on one namespace, and CronJobs whose GraphCron was deleted without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster import Cluster, wait_for
from tests.objects import Objects, condition
from tests.operator.conftest import Operator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FIRST = {"GRAPHCRON_INSTALLATION": "ops/graphcron", "GRAPHCRON_SERVER_URL": "http://first.example.svc:2024"}
SECOND = {"GRAPHCRON_INSTALLATION": "team/second", "GRAPHCRON_SERVER_URL": "http://second.example.svc:2024"}
DAILY = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphServer", "metadata": {"name": "shared"}}


@pytest.fixture
def start(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Callable[..., Operator]]:
    """Return what starts an operator; all of them are stopped at the end."""
    started: list[Operator] = []

    def start(settings: dict[str, str]) -> Operator:
        operator = Operator(cluster, namespace, tmp_path / f"operator-{len(started)}.log")
        started.append(operator)
        operator.start(**settings)
        return operator

    yield start
    for each in started:
        if each._process and each._process.poll() is None:
            each.stop()
        print(each.log())
        assert "Traceback" not in each.log()


def look_again(objects: Objects, operators: list[Operator], value: str) -> None:
    """Touch the GraphCron, and wait until each operator has looked at it and has no more to do."""

    def looks() -> list[float]:
        return [each.metric("graphcron_reconcile_total", kind="GraphCron", result="success") or 0 for each in operators]

    before = looks()
    objects.ask("example.com/touched", value)
    wait_for("a look by each operator", lambda: all(now > was for was, now in zip(before, looks(), strict=True)))
    wait_for("nothing left to do", lambda: [each.metric("graphcron_workqueue_depth") for each in operators] == [0, 0])


def versions(objects: Objects) -> list[str]:
    return [objects.get(kind)["metadata"]["resourceVersion"] for kind in ("cronjob", "graphcron")]


def installation_of(cronjob: Any) -> str:
    return cronjob["metadata"]["annotations"].get("graphcron.dev/installation", "")


def test_two_installations_one_namespace_settle_and_ready_reports_it(objects: Objects, start: Callable[..., Operator]):
    first = start(FIRST)
    objects.apply()
    objects.wait_ready()
    made = objects.get("cronjob")
    second = start(SECOND)
    graphcron = objects.wait_ready(reason="InstallationConflict")
    message = condition(graphcron, "Ready")["message"]
    assert "ops/graphcron" in message
    assert "team/second" in message
    rest: list[str] = []
    for number in range(5):
        look_again(objects, [first, second], f"touch-{number}")
        cronjob = objects.get("cronjob")
        assert cronjob["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
        rest.append(objects.get("graphcron")["status"])
    assert rest == [rest[0]] * 5
    assert [each.probe("livez") for each in (first, second)] == [200, 200]
    objects.ask("graphcron.dev/run-requested-at", "now")
    objects.wait(
        "that was triggered", "graphcron", "hello", lambda found: found["status"].get("lastHandledTrigger") == "now"
    )
    (job,) = [each for each in objects.all("job").values() if "purpose" in str(each["metadata"]["labels"])]
    assert "first.example.svc" in str(job["spec"])
    objects.apply(schedule="0 5 * * *")
    objects.wait_ready(reason="InstallationConflict")
    cronjob = objects.get("cronjob")
    assert cronjob["spec"]["schedule"] == "0 5 * * *"
    assert "first.example.svc" in str(cronjob["spec"])
    assert second.metric("graphcron_ready", name="hello") is None


def test_a_new_graphcron_goes_to_one_of_two_installations(objects: Objects, start: Callable[..., Operator]):
    operators = [start(FIRST), start(SECOND)]
    objects.apply()
    objects.wait_ready(reason="InstallationConflict")
    look_again(objects, operators, "touched")
    before = versions(objects)[0]
    look_again(objects, operators, "again")
    assert versions(objects)[0] == before
    assert installation_of(objects.get("cronjob")) == objects.get("graphcron")["status"]["installation"]


def test_replicas_of_one_installation_are_no_conflict(objects: Objects, start: Callable[..., Operator]):
    operators = [start(FIRST), start(FIRST)]
    objects.apply()
    objects.wait_ready()
    before = objects.get("cronjob")["metadata"]["resourceVersion"]
    look_again(objects, operators, "touched")
    assert objects.get("cronjob")["metadata"]["resourceVersion"] == before
    objects.wait_ready()


def test_a_cronjob_is_handed_over_by_removing_its_annotation(objects: Objects, start: Callable[..., Operator]):
    first = start(FIRST)
    objects.apply()
    objects.wait_ready()
    first.stop()
    start(SECOND)
    objects.wait("that has a contender", "graphcron", "hello", lambda found: found["status"].get("contender"))
    assert installation_of(objects.get("cronjob")) == "ops/graphcron"
    objects.kubectl("annotate", "cronjobs", "--all", "graphcron.dev/installation-")
    objects.wait("that is adopted", "cronjob", "hello", lambda found: installation_of(found) == "team/second")
    objects.wait("without a contender", "graphcron", "hello", lambda found: not found["status"].get("contender"))
    assert objects.wait_ready()["status"]["installation"] == "team/second"


def test_a_graphserver_is_probed_by_one_installation(objects: Objects, start: Callable[..., Operator]):
    operators = [start(FIRST), start(SECOND)]
    server = {**DAILY, "spec": {"url": "http://langgraph.example.svc:2024"}}
    objects.cluster.apply(server, namespace=objects.namespace)
    objects.wait("that is claimed", "graphserver", "shared", lambda found: found.get("status", {}).get("preflight"))
    for each in operators:
        wait_for("a first look", lambda each=each: _looks(each))
    before, looks = objects.get("graphserver", "shared")["status"], [_looks(each) for each in operators]
    objects.kubectl("annotate", "graphserver", "shared", "example.com/touched=yes")
    for each, number in zip(operators, looks, strict=True):
        wait_for("another look", lambda each=each, number=number: _looks(each) > number)
    assert objects.get("graphserver", "shared")["status"] == before


def _looks(operator: Operator) -> float:
    return operator.metric("graphcron_reconcile_total", kind="GraphServer", result="success") or 0


# --- orphans


def test_a_cronjob_left_by_its_graphcron_is_suspended_and_counted(objects: Objects, operator: Operator):
    objects.apply()
    objects.wait_ready()
    objects.kubectl("delete", "graphcron", "hello", "--cascade=orphan")
    left = objects.wait("that is suspended", "cronjob", "hello", lambda found: found["spec"]["suspend"])
    assert "ownerReferences" not in left["metadata"]
    wait_for("the metric", lambda: operator.metric("graphcron_orphaned_cronjobs", name="hello") == 1)
    objects.apply()
    graphcron = objects.wait_ready(status="False", reason="CronJobNotOurs")
    assert "kubectl delete cronjob hello" in condition(graphcron, "Ready")["message"]
    objects.kubectl("patch", "cronjob", "hello", "--type=merge", "-p", '{"spec":{"suspend":false}}')
    objects.wait("that is suspended again", "cronjob", "hello", lambda found: found["spec"]["suspend"])
    objects.kubectl("delete", "cronjob", "hello")
    objects.wait_ready()
    wait_for("no orphan", lambda: operator.metric("graphcron_orphaned_cronjobs", name="hello") is None)


def test_a_cronjob_that_was_left_while_no_operator_ran_is_suspended(objects: Objects, operator: Operator):
    objects.apply()
    objects.wait_ready()
    operator.stop()
    objects.kubectl("delete", "graphcron", "hello", "--cascade=orphan")
    assert not objects.get("cronjob")["spec"]["suspend"]
    operator.start()
    objects.wait("that is suspended", "cronjob", "hello", lambda found: found["spec"]["suspend"])


@pytest.mark.parametrize("cascade", ["background", "foreground"])
def test_a_deleted_graphcrons_cronjob_gets_no_write(objects: Objects, operator: Operator, cascade: str):
    objects.apply()
    objects.wait_ready()
    written = operator.metric("graphcron_api_requests_total", verb="patch")
    objects.kubectl("delete", "graphcron", "hello", f"--cascade={cascade}")
    objects.cluster.kubectl("--namespace", objects.namespace, "wait", "--for=delete", "cronjob/hello", "--timeout=60s")
    wait_for("nothing left to do", lambda: operator.metric("graphcron_workqueue_depth") == 0)
    assert operator.metric("graphcron_api_requests_total", verb="patch") == written
