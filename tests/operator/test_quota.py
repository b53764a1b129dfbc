"""A ResourceQuota that refuses Jobs: what it holds up, and what it must not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from graphcron.api import names
from tests.cluster import wait_for
from tests.objects import Objects, condition

pytestmark = pytest.mark.usefixtures("operator")

ASK = names.ANNOTATION_RUN_REQUESTED
RETRY_SECONDS = 90
"""The operator retries at least once a minute, and some seconds more for the other work."""


@pytest.fixture
def quota(objects: Objects) -> Iterator[str]:
    """Let the namespace take no Jobs, until the quota of this name is deleted."""
    body = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "no-jobs"},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }
    objects.cluster.apply(body, namespace=objects.namespace)
    objects.wait("that counts", "resourcequota", "no-jobs", lambda found: found.get("status", {}).get("used"))
    yield "no-jobs"
    objects.kubectl("delete", "resourcequota", "no-jobs", "--ignore-not-found")


def jobs(objects: Objects, purpose: str) -> list[Any]:
    labels = (each["metadata"]["labels"] for each in objects.all("jobs").values())
    return [each for each in labels if each[names.LABEL_PURPOSE] == purpose]


def wait_told(objects: Objects, kind: str, reason: str, words: str = "") -> Any:
    """Wait for a condition with that reason and words; return the GraphCron."""

    def holds(found: Any) -> bool:
        told = condition(found, kind)
        return bool(told and told["reason"] == reason and words in told["message"])

    return objects.wait(f"that is {kind} because {reason}", "graphcron", "hello", holds, seconds=RETRY_SECONDS)


def wait_cronjob(objects: Objects, **spec: Any) -> None:
    def holds(found: Any) -> bool:
        return spec.items() <= found["spec"].items()

    objects.wait(f"that has {spec}", "cronjob", "hello", holds, seconds=10)


def test_quota_preflight_refused_edits_still_applied(objects, quota):
    """An edit and a suspension reach the CronJob while the quota refuses the preflight."""
    objects.apply(preflight=True)
    wait_told(objects, "TargetResolved", "FailedCreate", "exceeded quota: no-jobs")
    objects.wait_ready()
    objects.apply(preflight=True, assistant="agent2", schedule="0 5 * * *")
    wait_cronjob(objects, schedule="0 5 * * *", suspend=False)
    objects.apply(preflight=True, assistant="agent2", schedule="0 5 * * *", suspend=True)
    wait_cronjob(objects, suspend=True)
    graphcron = objects.wait_ready(reason="Suspended")
    assert condition(graphcron, "TargetResolved")["reason"] == "FailedCreate"
    assert jobs(objects, "preflight") == []

    objects.kubectl("delete", "resourcequota", quota)
    wait_for("the preflight's Job", lambda: jobs(objects, "preflight"), seconds=RETRY_SECONDS)
    wait_told(objects, "TargetResolved", "Checking")


def test_quota_trigger_refused_starts_when_freed(objects, quota):
    """A refused trigger delays nothing, and starts once the quota allows it."""
    objects.apply()
    objects.wait_ready()
    objects.ask(ASK, "once")
    graphcron = wait_told(objects, "RunDelayed", "FailedCreate", "exceeded quota: no-jobs")
    assert condition(graphcron, "Ready")["status"] == "True"
    objects.apply(suspend=True)
    wait_cronjob(objects, suspend=True)
    assert "lastHandledTrigger" not in objects.wait_ready(reason="Suspended")["status"]
    events = [each for each in objects.all("events").values() if each["reason"] == "RunDelayed"]
    assert [(each["type"], each["count"]) for each in events] == [("Warning", 1)]

    objects.kubectl("delete", "resourcequota", quota)

    def is_handled(found: Any) -> bool:
        return found["status"].get("lastHandledTrigger") == "once" and not condition(found, "RunDelayed")

    objects.wait("that is handled", "graphcron", "hello", is_handled, seconds=RETRY_SECONDS)
    assert len(jobs(objects, "trigger")) == 1
    assert objects.get("cronjob")["metadata"]["annotations"][names.ANNOTATION_HANDLED_TRIGGER] == "once"


def test_trigger_refused_until_deadline_skipped_with_api_message(objects, quota):
    """A trigger that is refused until its deadline is skipped, with the API server's message."""
    objects.apply(startingDeadlineSeconds=10)
    objects.wait_ready()
    objects.ask(ASK, "never")
    wait_told(objects, "RunDelayed", "FailedCreate")

    def is_told(found: Any) -> bool:
        return bool(found["status"].get("recentRuns"))

    graphcron = objects.wait("that is skipped", "graphcron", "hello", is_told, seconds=RETRY_SECONDS)
    (run,) = graphcron["status"]["recentRuns"]
    assert (run["trigger"], run["outcome"], run["reason"]) == ("never", "Skipped", "StartingDeadlineExceeded")
    assert "exceeded quota: no-jobs" in run["message"]
    assert not condition(graphcron, "RunDelayed")
    assert graphcron["status"]["lastHandledTrigger"] == "never"
