"""``concurrencyPolicy: Queue``: occurrences wait for their predecessors, in the order of their scheduled times."""

import itertools
import time
from datetime import datetime
from typing import Any

import pytest

from graphcron.contract import ENV_GRACE, Outcome
from tests.runner.harness import Api, Cron, Pod, wait_for
from tests.runner.test_at_most_once import where
from tests.runner.test_stop import stop

__all__ = ["where"]  # a fixture

SHORT = {"assistant": "steps", "input": {"steps": 4, "seconds": 0.4}, "concurrencyPolicy": "Queue"}
LONG = {"assistant": "steps", "input": {"steps": 200, "seconds": 0.3}, "concurrencyPolicy": "Queue"}


def runs(api: Api, cron: Cron, where: dict[str, str]) -> list[dict[str, Any]]:
    """Return the runs of the GraphCron in the order of their scheduled times."""
    found = api.runs(where["thread"]) if where.get("thread") else api.all_runs(cron.uid)
    return sorted(found, key=lambda run: run["metadata"]["graphcron/scheduled-time"])


def waiting(pod: Pod) -> None:
    wait_for("pod that waits", lambda: "waiting-for-predecessor" in pod.log)


def running(api: Api, cron: Cron, where: dict[str, str]) -> dict[str, Any]:
    found = lambda: [run for run in runs(api, cron, where) if run["status"] == "running"]  # noqa: E731
    return dict(wait_for("one that runs", found)[0])


def one_after_the_other(found: list[dict[str, Any]]) -> bool:
    """Return whether each run began after the end of the one before."""
    times = [(datetime.fromisoformat(run["created_at"]), datetime.fromisoformat(run["updated_at"])) for run in found]
    return all(end <= begin for (_, end), (begin, _) in itertools.pairwise(times))


def test_occurrences_start_in_order_of_schedule(api: Api, cron: Cron, where: dict[str, str]) -> None:
    """The pods start in another order than their scheduled times, as on a busy cluster."""
    patient = {ENV_GRACE: "20"}  # no pod is silent for longer, even on a slow machine
    first = cron.pod(minutes_ago=9, env=patient, startingDeadlineSeconds=900, **LONG, **where)
    run = running(api, cron, where)
    pods = []
    for minutes in (5, 8, 6, 7):
        pods.append(cron.pod(minutes_ago=minutes, env=patient, startingDeadlineSeconds=900, **SHORT, **where))
        waiting(pods[-1])
    api.get("POST", f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=true")
    assert first.wait().outcome is Outcome.CANCELLED
    assert {pod.wait(120).outcome for pod in pods} == {Outcome.SUCCEEDED}
    found = runs(api, cron, where)
    assert len(found) == 5
    assert one_after_the_other(found)


def test_full_queue_next_occurrence_skipped(api: Api, cron: Cron) -> None:
    cron.pod(minutes_ago=3, **LONG)
    running(api, cron, {})
    waiting(cron.pod(minutes_ago=2, queueLimit=1, **LONG))
    report = cron.pod(minutes_ago=1, queueLimit=1, **LONG).wait()
    assert (report.outcome, report.reason) == (Outcome.SKIPPED, "QueueFull")
    assert "queueLimit is 1" in report.message
    assert len(api.all_runs(cron.uid)) == 1


def test_waits_until_starting_deadline_skipped(api: Api, cron: Cron) -> None:
    cron.pod(minutes_ago=1, **LONG)
    run = running(api, cron, {})
    deadline = int(time.time()) - cron.minute * 60 + 4
    report = cron.pod(startingDeadlineSeconds=deadline, **LONG).wait()
    assert (report.outcome, report.reason) == (Outcome.SKIPPED, "StartingDeadlineExceeded")
    assert report.message.startswith("waited for the run of ")
    assert run["metadata"]["graphcron/scheduled-time"] in report.message
    assert len(api.all_runs(cron.uid)) == 1


def test_dead_waiter_holds_up_nobody_and_returns(api: Api, cron: Cron) -> None:
    first = cron.pod(minutes_ago=3, **LONG)
    run = running(api, cron, {})
    dead = cron.pod(minutes_ago=2, **SHORT)
    waiting(dead)
    dead.process.kill()
    later = cron.pod(minutes_ago=1, **SHORT)
    waiting(later)
    api.get("POST", f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=true")
    assert first.wait().outcome is Outcome.CANCELLED
    assert later.wait().outcome is Outcome.SUCCEEDED
    assert cron.pod(minutes_ago=2, **SHORT).wait().outcome is Outcome.SUCCEEDED
    assert len(api.all_runs(cron.uid)) == 3


def test_stopped_run_resumed_before_those_that_wait(api: Api, cron: Cron, where: dict[str, str]) -> None:
    first = cron.pod(minutes_ago=2, **SHORT, **where)
    run = running(api, cron, where)
    later = cron.pod(minutes_ago=1, **SHORT, **where)
    waiting(later)
    assert stop(first).outcome is Outcome.STOPPED
    assert cron.pod(minutes_ago=2, **SHORT, **where).wait().outcome is Outcome.SUCCEEDED
    assert later.wait().outcome is Outcome.SUCCEEDED
    found = runs(api, cron, where)
    assert found[0]["run_id"] == run["run_id"]
    assert len(found) == 3
    assert one_after_the_other(found)


@pytest.mark.parametrize("policy", ["Forbid", "Replace"])
def test_waiting_occurrence_is_active_for_other_policies(api: Api, cron: Cron, policy: str) -> None:
    """A request for a run with another policy, or a changed policy, finds those that wait."""
    cron.pod(minutes_ago=2, **LONG)
    running(api, cron, {})
    queued = cron.pod(minutes_ago=1, **LONG)
    waiting(queued)
    report = cron.pod(**{**SHORT, "concurrencyPolicy": policy}).wait(60)
    if policy == "Forbid":
        assert (report.outcome, report.reason) == (Outcome.SKIPPED, "PredecessorActive")
    else:
        assert report.outcome is Outcome.SUCCEEDED
        assert queued.wait().reason == "Replaced"
