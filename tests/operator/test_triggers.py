"""A run now: made once, echoed, and never in retrospect."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from graphcron.api import names
from tests.cluster import wait_for
from tests.objects import Objects

pytestmark = pytest.mark.usefixtures("operator")

ASK = names.ANNOTATION_RUN_REQUESTED


def wait_handled(objects: Objects, value: str) -> Any:
    return objects.wait(
        "that is echoed", "graphcron", "hello", lambda found: found["status"].get("lastHandledTrigger") == value
    )


def jobs(objects: Objects) -> list[Any]:
    return list(objects.all("jobs").values())


def environment(job: Any) -> dict[str, str]:
    variables = job["spec"]["template"]["spec"]["containers"][0]["env"]
    return {each["name"]: each.get("value", "") for each in variables}


@pytest.mark.parametrize("spec", [{}, {"suspend": True}, {"endTime": "2020-01-01T00:00:00Z"}], ids=str)
def test_a_new_value_makes_one_job_whatever_the_schedule_says(objects, spec):
    objects.apply(**spec)
    objects.wait("that is told of", "graphcron", "hello", lambda found: "conditions" in found.get("status", {}))
    before = datetime.now(UTC).replace(microsecond=0)
    objects.ask(ASK, "first")
    wait_handled(objects, "first")
    (job,) = jobs(objects)
    assert job["metadata"]["ownerReferences"][0]["kind"] == "GraphCron"
    values = environment(job)
    assert values["GRAPHCRON_TRIGGER"] == "first"
    assert before <= datetime.fromisoformat(values["GRAPHCRON_SCHEDULED_TIME"]) <= datetime.now(UTC)
    generation = objects.get("graphcron")["metadata"]["generation"]
    assert generation == 1, "asking is no change of the spec"

    objects.ask(ASK, "second")
    wait_handled(objects, "second")
    assert len(jobs(objects)) == 2


def test_one_value_makes_one_job_whatever_gets_lost(objects, operator):
    objects.apply()
    objects.wait_ready()
    objects.ask(ASK, "once")
    wait_handled(objects, "once")
    (job,) = jobs(objects)
    objects.kubectl("delete", "job", job["metadata"]["name"])

    operator.kill()
    lose = ("patch", "graphcron", "hello", "--subresource=status", "--type=merge", "-p")
    objects.kubectl(*lose, '{"status": {"lastHandledTrigger": null, "conditions": null, "cronJobs": null}}')
    operator.start()
    wait_handled(objects, "once")
    assert not jobs(objects)


def test_a_value_that_stands_on_a_new_graphcron_starts_nothing(objects):
    body = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": "hello", "annotations": {ASK: "from a repository"}},
        "spec": {"assistant": "agent", "schedule": "0 4 * * *", "preflight": False},
    }
    objects.cluster.apply(body, namespace=objects.namespace)
    objects.wait_ready()
    wait_handled(objects, "from a repository")
    assert not jobs(objects)


def test_trigger_operator_down_past_deadline_skipped(objects, operator):
    """A trigger that was set while the operator was down is too late after the deadline."""
    objects.apply(startingDeadlineSeconds=10)
    objects.wait_ready()
    operator.kill()
    objects.ask(ASK, "late")
    asked = time.time()
    wait_for("deadline", lambda: time.time() > asked + 12)
    operator.start()
    graphcron = wait_handled(objects, "late")
    assert not jobs(objects)
    (told,) = graphcron["status"]["recentRuns"]
    assert (told["trigger"], told["outcome"], told["reason"]) == ("late", "Skipped", "StartingDeadlineExceeded")


def test_trigger_operator_down_within_deadline_handled(objects, operator):
    """A trigger that was set while the operator was down is handled within the deadline."""
    objects.apply()
    objects.wait_ready()
    operator.kill()
    objects.ask(ASK, "in time")
    operator.start()
    wait_handled(objects, "in time")
    assert len(jobs(objects)) == 1
