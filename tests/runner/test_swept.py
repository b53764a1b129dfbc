"""At most one run, also where the server or a person has deleted the threads that keep it so."""

import json
import time
from typing import Any

import pytest
import yaml

from graphcron.contract import Budget, Outcome
from graphcron.runner.budget import ledger
from graphcron.runner.occurrence.identity import lock_id, occurrence
from graphcron.runner.occurrence.record_thread import TTL_MINUTES
from tests.runner.conftest import Faults
from tests.runner.harness import ROOT, Api, Cron, Pod, wait_for

SLOW = {"assistant": "steps", "input": {"steps": 6, "seconds": 0.4}}
ENDLESS = {"assistant": "steps", "input": {"steps": 100, "seconds": 0.5}}


@pytest.fixture
def thread(api: Api) -> str:
    """A thread of the user's."""
    return str(api.get("POST", "/threads", {})["thread_id"])


def started(api: Api, thread: str, status: str = "running") -> dict[str, Any]:
    """Wait until the thread has a run of that status, and return it."""
    return dict(wait_for("run", lambda: next((run for run in api.runs(thread) if run["status"] == status), None)))


def record_of(cron: Cron) -> str:
    """Return the id of the record of the occurrence that was due when the test began."""
    return lock_id(occurrence(cron.uid, cron.minute * 60), 0)


def sweep(api: Api, cron: Cron) -> None:
    """Delete everything that the GraphCron keeps on the server beside the thread of its runs."""
    for found in api.threads(cron.uid):
        api.ask("DELETE", f"/threads/{found['thread_id']}")


def kill(pod: Pod) -> None:
    """Kill a pod without a warning."""
    pod.process.kill()
    pod.process.wait()


def test_record_swept_and_pod_killed_next_pod_follows_the_run(api: Api, cron: Cron, thread: str) -> None:
    first = cron.pod(**SLOW, thread=thread)
    run = started(api, thread)
    kill(first)
    sweep(api, cron)
    report = cron.pod(**SLOW, thread=thread).wait()

    assert (report.outcome, report.runId) == (Outcome.SUCCEEDED, run["run_id"])
    assert [each["run_id"] for each in api.runs(thread)] == [run["run_id"]]
    assert api.record(cron.uid)["run-id"] == run["run_id"]


def test_record_swept_after_the_run_has_ended_next_pod_reports_it(api: Api, cron: Cron, thread: str) -> None:
    first = cron.pod(thread=thread).wait()
    sweep(api, cron)
    assert cron.pod(thread=thread).wait().runId == first.runId
    assert len(api.runs(thread)) == 1


def test_record_swept_next_pod_after_the_deadline_follows_the_run(api: Api, cron: Cron, thread: str) -> None:
    deadline = int(time.time()) - cron.minute * 60 + 3
    request = {**SLOW, "thread": thread, "startingDeadlineSeconds": deadline}
    first = cron.pod(**request)
    run = started(api, thread)
    kill(first)
    sweep(api, cron)
    wait_for("deadline to pass", lambda: time.time() > cron.minute * 60 + deadline + 1)
    report = cron.pod(**request).wait()

    assert (report.outcome, report.runId) == (Outcome.SUCCEEDED, run["run_id"])
    assert len(api.runs(thread)) == 1


def test_record_swept_while_its_pod_lives_run_is_reported(api: Api, cron: Cron, thread: str) -> None:
    pod = cron.pod(**SLOW, thread=thread)
    run = started(api, thread)
    sweep(api, cron)
    report = pod.wait()
    assert (report.outcome, report.runId) == (Outcome.SUCCEEDED, run["run_id"])


def test_locks_swept_after_a_stop_next_pod_resumes_once(api: Api, cron: Cron, thread: str) -> None:
    """A resumed run is claimed by a lock that names the run before it; the record stays."""
    first = cron.pod(**ENDLESS, thread=thread)
    started(api, thread)
    first.process.terminate()
    assert first.wait().outcome is Outcome.STOPPED
    second = cron.pod(**ENDLESS, thread=thread)
    resumed = started(api, thread)
    kill(second)
    record = record_of(cron)
    api.get("PATCH", f"/threads/{record}", {"metadata": {"graphcron/run-id": api.runs(thread)[0]["run_id"]}})
    for lock in api.threads(cron.uid, kind="lock"):
        api.ask("DELETE", f"/threads/{lock['thread_id']}")
    third = cron.pod(**ENDLESS, thread=thread)
    wait_for("pod to follow", lambda: '"following"' in third.log and resumed["run_id"] in third.log)
    assert len(api.runs(thread)) == 2


def test_lookup_without_record_one_request_on_shared_thread_only(
    api: Api, cron: Cron, faults: Faults, thread: str
) -> None:
    """The search for a run without a record takes one request, and only on a shared thread."""

    def before_the_run(**request: Any) -> list[str]:
        before = len(faults.requests())
        cron.pod(**request).wait()
        asked = [f"{each['method']} {each['path'].split('?')[0]}" for each in faults.requests()[before:]]
        return asked[: next(i for i, each in enumerate(asked) if each.startswith("POST") and each.endswith("/runs"))]

    fresh = before_the_run()
    shared = before_the_run(thread=thread, minutes_ago=1)
    assert [each.split()[0] for each in fresh].count("GET") == 0
    assert [each for each in shared if each.startswith("GET")] == [f"GET /threads/{thread}/runs"]


def test_fresh_thread_swept_during_run_reported_not_repeated(api: Api, cron: Cron) -> None:
    pod = cron.pod(**ENDLESS)
    run = api.started_run(cron.uid)
    sweep(api, cron)
    report = pod.wait()
    assert (report.outcome, report.reason, report.runId) == (Outcome.CANCELLED, "RunNotFound", run["run_id"])
    assert api.all_runs(cron.uid) == []


def made(faults: Faults) -> dict[str, dict[str, Any]]:
    """Return the threads that were asked for, by kind."""
    bodies = [json.loads(request["body"]) for request in faults.requests("POST", "/threads")]
    return {body["metadata"].get("graphcron/kind", ""): body for body in bodies}


def test_only_small_threads_have_a_ttl(cron: Cron, faults: Faults, thread: str) -> None:
    faults.rules({"method": "POST", "path": "/runs$", "fault": "hang", "seconds": 0.1})  # the next lock is needed
    assert cron.pod(thread=thread, budget=Budget()).wait().outcome is Outcome.SUCCEEDED
    assert cron.pod(minutes_ago=1).wait().outcome is Outcome.SUCCEEDED
    kept = {"ttl": TTL_MINUTES, "strategy": "delete"}
    assert {kind: body.get("ttl") for kind, body in made(faults).items()} == {
        "shared": kept,
        "lock": kept,
        "ledger": kept,
        "own": None,
    }


def test_server_that_refuses_a_ttl_is_asked_without(cron: Cron, faults: Faults, thread: str) -> None:
    refusal = {"method": "POST", "path": "/threads$", "fault": "answer", "status": 422, "body": '{"detail": "ttl?"}'}
    faults.rules(refusal)
    assert cron.pod(thread=thread, budget=Budget()).wait().outcome is Outcome.SUCCEEDED
    asked = [json.loads(request["body"]) for request in faults.requests("POST", "/threads")]
    assert [(body["metadata"]["graphcron/kind"], "ttl" in body) for body in asked] == [
        ("shared", True),
        ("shared", False),
        ("ledger", False),
    ]


def test_server_that_refuses_threads_altogether_is_asked_twice_at_most(cron: Cron, faults: Faults, thread: str) -> None:
    faults.rules({"method": "POST", "path": "/threads$", "fault": "answer", "status": 422, "times": None})
    report = cron.pod(thread=thread).wait()
    assert (report.outcome, report.reason) == (Outcome.REJECTED, "HTTP422")
    assert len(faults.requests("POST", "/threads")) == 2


def test_ttl_outlives_the_longest_occurrence_and_the_longest_window() -> None:
    crd = yaml.safe_load((ROOT / "crds" / "graphcrons.graphcron.dev.yaml").read_text())
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    runs = 1 + spec["retry"]["properties"]["attempts"]["maximum"]
    seconds = spec["startingDeadlineSeconds"]["maximum"] + runs * spec["timeoutSeconds"]["maximum"]
    assert seconds / 60 < TTL_MINUTES
    assert ledger.KEEP_DAYS + 1 < TTL_MINUTES / 1440


def test_ledger_of_an_earlier_day_swept_its_total_still_counts(api: Api, cron: Cron) -> None:
    days = [cron.minute * 60 - age * 86400 for age in (3, 2)]
    for number, at in enumerate(days):
        entry = ledger.Entry(at, f"0000000{number}", "00000000", 100, 0, at_least=False)
        metadata = {"graphcron/uid": cron.uid, "graphcron/kind": "ledger", ledger.DAY: ledger.day_of(at)}
        body = {"thread_id": ledger.thread_of(cron.uid, at), "metadata": {**metadata, entry.key: entry.value}}
        api.get("POST", "/threads", body)
    request = {
        "assistant": "spender",
        "input": {"calls": 1, "seconds": 0},
        "budget": Budget(maxTokens=500, window="7d"),
    }
    first = cron.pod(minutes_ago=1, **request).wait()
    assert (first.windowTokens, "deleted" in first.message) == (360, False)

    api.get("DELETE", f"/threads/{ledger.thread_of(cron.uid, days[0])}")
    second = cron.pod(**request).wait()
    assert (second.outcome, second.windowTokens) == (Outcome.SUCCEEDED, 520)
    day = ledger.day_of(days[0])
    assert f"the server has deleted the ledger of {day}, so the window's total is a lower bound" in second.message

    api.get("DELETE", f"/threads/{ledger.thread_of(cron.uid, days[1])}")
    third = cron.pod(minutes_ago=2, **request).wait()
    assert (third.reason, third.windowTokens) == ("BudgetExceeded", 520)
    assert f"the ledger of {day} and 1 more days" in third.message
