"""``maxConcurrentRuns``: never more runs at a time on the server, in the order of the records, and nobody starves."""

import random
import signal
import time
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from graphcron import contract
from graphcron.contract import Outcome
from graphcron.runner.admission import capacity
from graphcron.runner.client.times import rfc3339
from tests.runner.harness import GRACE, Api, Cron, Pod, wait_for

SHORT = {"assistant": "steps", "input": {"steps": 2, "seconds": 0.3}}
LONG = {"assistant": "steps", "input": {"steps": 200, "seconds": 0.3}}


class Town:
    """Several GraphCrons in a namespace of the test's own."""

    def __init__(self, api: Api, cron: Cron) -> None:
        self.api, self.cron = api, cron
        self.namespace = f"town-{uuid4()}"
        self.env = {contract.ENV_NAMESPACE: self.namespace}

    def pod(self, uid: str = "", **request: Any) -> Pod:
        """Start a pod of a new GraphCron, or of that one."""
        self.cron.uid = uid or str(uuid4())
        return self.cron.pod(env=self.env, **request)

    def record(self, **metadata: str) -> str:
        """Make a record of a pod that is gone."""
        values = {"uid": str(uuid4()), "namespace": self.namespace, "state": "active", "kind": "own", "pod": "gone"}
        values |= {"scheduled-time": rfc3339(self.cron.minute * 60), **metadata}
        body = {"metadata": {f"graphcron/{key}": value for key, value in values.items()}}
        return str(self.api.get("POST", "/threads", body)["thread_id"])

    def records(self) -> list[dict[str, Any]]:
        """Return the records, oldest first."""
        query = {"metadata": {"graphcron/namespace": self.namespace}, "limit": 1000}
        found = self.api.get("POST", "/threads/search", query)
        return sorted(
            (each for each in found if each["metadata"]["graphcron/kind"] != "lock"),
            key=lambda each: each["created_at"],
        )

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs in the order of the records."""
        return [run for record in self.records() for run in self.api.runs(record["thread_id"])]


@pytest.fixture
def town(api: Api, cron: Cron) -> Town:
    return Town(api, cron)


def most_at_a_time(runs: list[dict[str, Any]]) -> int:
    """Return how many runs went on at a time at most, by the server's own clock."""
    changes = [(datetime.fromisoformat(run["created_at"]), 1) for run in runs]
    changes += [(datetime.fromisoformat(run["updated_at"]), -1) for run in runs]
    now = most = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def waiting(pod: Pod) -> None:
    wait_for("pod that waits", lambda: "waiting-for-slot" in pod.log)


@pytest.mark.parametrize("limit", [1, 3])
def test_contenders(town: Town, limit: int) -> None:
    pods = [town.pod(maxConcurrentRuns=limit, **SHORT) for _ in range(7)]
    assert {pod.wait(120).outcome for pod in pods} == {Outcome.SUCCEEDED}

    runs = town.runs()
    assert len(runs) == 7
    assert most_at_a_time(runs) <= limit
    starts = [run["created_at"] for run in runs]
    if limit == 1:
        assert starts == sorted(starts)
    assert starts[limit:] == sorted(starts[limit:]) or most_at_a_time(runs) > 1
    assert max(starts[:limit]) <= min(starts[limit:])  # those that fit are in before any of the others


def test_contenders_that_die_and_come_back(town: Town) -> None:
    """Pods are killed at any moment and doubled; a place that nobody fills is given on, and never to two."""
    rng = random.Random(5)
    uids = [str(uuid4()) for _ in range(4)]
    for _ in range(3):
        pods = [town.pod(uid, maxConcurrentRuns=2, **SHORT) for uid in uids]
        time.sleep(rng.uniform(0.2, 1.5))  # what is tested is that the moment does not matter
        for pod in rng.sample(pods, 3):
            pod.process.kill()
    last = [town.pod(uid, maxConcurrentRuns=2, **SHORT) for uid in uids]
    assert {pod.wait(120).outcome for pod in last} == {Outcome.SUCCEEDED}
    runs = town.runs()
    assert len(runs) == 4
    assert most_at_a_time(runs) <= 2


def test_until_the_start_deadline(town: Town, api: Api) -> None:
    town.pod(**LONG)
    wait_for("one that runs", lambda: [run for run in town.runs() if run["status"] == "running"])
    deadline = int(time.time()) - town.cron.minute * 60 + 4
    report = town.pod(maxConcurrentRuns=1, startingDeadlineSeconds=deadline).wait()
    assert (report.outcome, report.reason) == (Outcome.SKIPPED, "ServerAtCapacity")
    assert time.time() >= town.cron.minute * 60 + deadline
    assert len(town.runs()) == 1

    town.namespace, town.env = "elsewhere", {contract.ENV_NAMESPACE: f"elsewhere-{uuid4()}"}
    assert town.pod(maxConcurrentRuns=1).wait().outcome is Outcome.SUCCEEDED


def test_what_holds_no_place(town: Town, api: Api) -> None:
    """A pod that is gone and never made a run, after the grace time; a run that is over, though nobody wrote that down."""
    over = town.record()
    api.get("POST", f"/threads/{over}/runs/wait", {"assistant_id": "agent", "input": {"messages": []}})
    town.record(withdrawn="gone")
    assert town.pod(maxConcurrentRuns=1).wait().outcome is Outcome.SUCCEEDED

    town.record()
    began = time.monotonic()
    assert town.pod(maxConcurrentRuns=1).wait().outcome is Outcome.SUCCEEDED
    assert time.monotonic() - began > GRACE / 2
    gone, last = town.records()[-2:]
    assert datetime.fromisoformat(town.runs()[-1]["created_at"]) > datetime.fromisoformat(last["created_at"])
    assert api.runs(gone["thread_id"]) == []


def test_more_records_than_a_page_has(town: Town, api: Api) -> None:
    for _ in range(capacity.PAGE + 10):
        town.record(withdrawn="gone")
    busy = town.record()
    api.get("POST", f"/threads/{busy}/runs", {"assistant_id": "steps", "input": {"steps": 200, "seconds": 0.3}})
    deadline = int(time.time()) - town.cron.minute * 60 + 2
    report = town.pod(maxConcurrentRuns=1, startingDeadlineSeconds=deadline).wait()
    assert report.reason == "ServerAtCapacity"


def test_a_pod_that_waits_is_stopped_at_once_and_leaves_its_place(town: Town) -> None:
    town.pod(**LONG)
    wait_for("one that runs", lambda: [run for run in town.runs() if run["status"] == "running"])
    first = town.pod(maxConcurrentRuns=1)
    waiting(first)
    second = town.pod(maxConcurrentRuns=1)
    waiting(second)
    first.process.send_signal(signal.SIGTERM)
    assert first.wait(8).outcome is Outcome.STOPPED
    (run,) = town.runs()
    town.api.get("POST", f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=true")
    assert second.wait().outcome is Outcome.SUCCEEDED
    uid = town.records()[1]["metadata"]["graphcron/uid"]
    assert town.pod(uid, maxConcurrentRuns=1).wait().outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(("policy", "reasons"), [("Forbid", ("", "PredecessorActive")), ("Replace", ("Replaced", ""))])
def test_the_next_occurrence_of_one_that_waits(town: Town, policy: str, reasons: tuple[str, str]) -> None:
    town.pod(**LONG)
    wait_for("one that runs", lambda: [run for run in town.runs() if run["status"] == "running"])
    request = {"maxConcurrentRuns": 1, "concurrencyPolicy": policy}
    first = town.pod(**request)
    uid = town.cron.uid
    waiting(first)
    town.cron.next_occurrence()
    second = town.pod(uid, **request)
    wait_for("decision", lambda: second.process.poll() is not None or "waiting-for-slot" in second.log)
    (run,) = town.runs()
    town.api.get("POST", f"/threads/{run['thread_id']}/runs/{run['run_id']}/cancel?wait=true")
    reports = [first.wait(), second.wait()]
    assert tuple(report.reason for report in reports) == reasons
    assert sorted(report.outcome for report in reports) == [Outcome.SKIPPED, Outcome.SUCCEEDED]
    assert len(town.runs()) == 2


def test_a_further_run_keeps_its_place(town: Town) -> None:
    flaky = {"assistant": "flaky", "input": {"fail": 2}, "retryAttempts": 2, "retryOnGraphError": True}
    first = town.pod(maxConcurrentRuns=1, **flaky)
    wait_for("pause", lambda: "retrying" in first.log)
    second = town.pod(maxConcurrentRuns=1)
    waiting(second)
    assert [first.wait().attempts, second.wait().outcome] == [3, Outcome.SUCCEEDED]
    runs = town.runs()
    assert most_at_a_time(runs) == 1
    assert [run["status"] for run in runs] == ["error", "error", "success", "success"]
    assert runs[-1]["created_at"] == max(run["created_at"] for run in runs)
