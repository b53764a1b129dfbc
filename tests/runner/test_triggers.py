"""Runs that no schedule starts: a person asks for one, or the last missed one is made up for."""

import random
import signal
import time
from uuid import uuid4

import pytest

from graphcron.contract import Outcome
from graphcron.runner.client.times import rfc3339
from graphcron.runner.occurrence.identity import lock_id, occurrence
from tests.runner.conftest import Faults
from tests.runner.harness import Api, Cron, asked, wait_for
from tests.runner.test_capacity import most_at_a_time

SLOW = {"assistant": "steps", "input": {"steps": 100, "seconds": 0.3}}
HOUR = 3600
PAST, FUTURE = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
NEVER = {"notBefore": FUTURE, "startTime": FUTURE, "notAfter": PAST, "excludes": ((PAST, FUTURE),)}


def test_a_trigger_is_its_own_occurrence(api: Api, cron: Cron) -> None:
    """Two triggers of one minute, and that minute itself: three runs; each trigger again: the same run."""
    at = cron.minute * 60
    first, second = (cron.pod(env=asked(value, scheduled=at)).wait() for value in ("now", "now, please"))
    due = cron.pod().wait()

    assert {each.outcome for each in (first, second, due)} == {Outcome.SUCCEEDED}
    assert len({each.runId for each in (first, second, due)}) == 3
    assert {each.scheduledTime for each in (first, second, due)} == {rfc3339(at)}
    assert cron.pod(env=asked("now", scheduled=at + 40)).wait().runId == first.runId
    (run,) = api.runs(first.threadId)
    assert run["metadata"]["graphcron/occurrence"] == f"{cron.uid}/trigger/now"
    assert run["metadata"]["graphcron/trigger"] == "now"
    assert "graphcron/trigger" not in api.runs(due.threadId)[0]["metadata"]


def test_a_trigger_runs_outside_of_the_schedule_but_not_too_late(api: Api, cron: Cron) -> None:
    assert cron.pod(env=asked("a"), **NEVER).wait().outcome is Outcome.SUCCEEDED
    late = cron.pod(env=asked("b", requested=time.time() - 700), **NEVER).wait()
    assert (late.outcome, late.reason) == (Outcome.SKIPPED, "StartingDeadlineExceeded")
    assert len(api.all_runs(cron.uid)) == 1


def test_catching_up_counts_from_when_it_was_asked_for(api: Api, cron: Cron) -> None:
    missed = cron.minute * 60 - HOUR
    values = {
        "inputTemplate": True,
        "input": {"messages": [{"role": "user", "content": "{{scheduledTime}}{{trigger}}"}]},
    }
    report = cron.pod(env=asked(scheduled=missed), **values).wait()
    assert (report.outcome, report.scheduledTime) == (Outcome.SUCCEEDED, rfc3339(missed))
    (run,) = api.all_runs(cron.uid)
    assert run["metadata"]["graphcron/occurrence"] == occurrence(cron.uid, missed)
    assert run["kwargs"]["input"]["messages"][0]["content"] == rfc3339(missed)

    native = cron.pod(minutes_ago=60, startingDeadlineSeconds=2 * HOUR, **values).wait()
    assert native.runId == report.runId  # the Job of that minute, should it come after all
    late = cron.pod(env=asked(scheduled=missed - HOUR, requested=time.time() - 700)).wait()
    assert late.reason == "StartingDeadlineExceeded"


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ({"notBefore": FUTURE}, "ScheduleIsYounger"),
        ({"startTime": FUTURE}, "NotYetActive"),
        ({"notAfter": PAST}, "NoLongerActive"),
        ({"excludes": ((PAST, FUTURE),)}, "Excluded"),
    ],
)
def test_catching_up_keeps_to_the_schedule(api: Api, cron: Cron, bounds: dict[str, str], reason: str) -> None:
    report = cron.pod(env=asked(scheduled=cron.minute * 60 - HOUR), **bounds).wait()
    assert (report.outcome, report.reason) == (Outcome.SKIPPED, reason)
    assert api.threads(cron.uid) == []


def test_a_trigger_finds_its_predecessor_and_is_one(api: Api, cron: Cron) -> None:
    pod = cron.pod(**SLOW)
    run = api.started_run(cron.uid)
    pod.process.kill()
    refused = cron.pod(env=asked("a")).wait()
    assert (refused.outcome, refused.reason) == (Outcome.SKIPPED, "PredecessorActive")
    assert "of 20" in refused.message

    taken = cron.pod(env=asked("b"), concurrencyPolicy="Replace", **SLOW)
    wait_for(
        "interrupted run",
        lambda: api.get("GET", f"/threads/{run['thread_id']}/runs/{run['run_id']}")["status"] == "interrupted",
    )
    other = api.started_run(cron.uid)
    cron.next_occurrence()
    skipped = cron.pod().wait()
    assert skipped.reason == "PredecessorActive"
    assert "requested at" in skipped.message
    api.get("POST", f"/threads/{other['thread_id']}/runs/{other['run_id']}/cancel?wait=true")
    assert taken.wait().outcome is Outcome.CANCELLED


def test_of_several_that_start_at_once_one_runs(api: Api, cron: Cron) -> None:
    """The same scheduled time, other records: all must see the same one in front, also under a catch-up's old time."""
    at = cron.minute * 60
    steps = {"assistant": "steps", "input": {"steps": 120, "seconds": 0.5}}
    for _ in range(3):
        cron.uid = str(uuid4())
        environments = [asked("a", scheduled=at), asked("b", scheduled=at), asked(scheduled=at - HOUR), {}]
        pods = [cron.pod(env=env, **steps) for env in environments]
        wait_for("end of all but one", lambda pods=pods: sum(pod.process.poll() is None for pod in pods) <= 1)
        (first,) = (pod for pod in pods if pod.process.poll() is None)
        skipped = [pod.wait() for pod in pods if pod is not first]
        assert [(each.outcome, each.reason) for each in skipped] == [(Outcome.SKIPPED, "PredecessorActive")] * 3
        api.started_run(cron.uid)
        first.process.send_signal(signal.SIGTERM)
        assert first.wait().outcome is not Outcome.SKIPPED
        assert len(api.all_runs(cron.uid)) == 1


def test_who_comes_back_late_lets_those_go_first_that_it_finds(api: Api, cron: Cron, faults: Faults) -> None:
    """Its record is the older one, but its turn was over; the other has looked, found nobody, and is about to start."""
    now = cron.minute * 60
    old, new = (lock_id(occurrence(cron.uid, at), 0) for at in (now - 60, now))
    for thread, at in ((old, now - 60), (new, now)):
        metadata = {"uid": cron.uid, "pod": "gone", "state": "active", "kind": "own", "scheduled-time": rfc3339(at)}
        metadata |= {"occurrence": occurrence(cron.uid, at)}
        prefixed = {f"graphcron/{key}": value for key, value in metadata.items()}
        api.get("POST", "/threads", {"thread_id": thread, "metadata": prefixed})
    faults.rules({"method": "PATCH", "path": old, "fault": "delay", "seconds": 1})
    late = cron.pod(minutes_ago=1)
    wait_for("late pod's coming back", lambda: faults.requests("PATCH", old))
    api.get("PATCH", f"/threads/{new}", {"metadata": {"graphcron/pod": "still here"}})
    wait_for("waiting", lambda: len(faults.requests("GET", f"{new}/runs")) > 2)
    run = api.get("POST", f"/threads/{new}/runs", {"assistant_id": "steps", "input": {"steps": 9, "seconds": 0.5}})
    report = late.wait()
    assert (report.outcome, report.reason) == (Outcome.SKIPPED, "PredecessorActive")
    assert api.get("GET", f"/threads/{new}/runs/{run['run_id']}")["status"] in ("pending", "running")


@pytest.mark.parametrize("policy", ["Forbid", "Replace"])
def test_occurrences_that_die_and_come_back(api: Api, cron: Cron, policy: str) -> None:
    """Whatever happens to their pods: no two runs at a time, no occurrence tried again more often than allowed."""
    rng = random.Random(3)
    request = {
        "assistant": "flaky",
        "input": {"fail": 1, "seconds": 0.3},
        "retryAttempts": 2,
        "retryOnGraphError": True,
    }
    environments = [asked("a"), asked("b"), asked(scheduled=cron.minute * 60 - HOUR), {}]
    for _ in range(2):
        pods = [cron.pod(env=env, concurrencyPolicy=policy, **request) for env in environments]
        time.sleep(rng.uniform(1, 3))  # what is tested is that the moment does not matter
        for pod in rng.sample(pods, 3):
            pod.process.send_signal(rng.choice([signal.SIGKILL, signal.SIGTERM]))
    reports = [pod.wait() for pod in [cron.pod(env=env, concurrencyPolicy=policy, **request) for env in environments]]

    runs = api.all_runs(cron.uid)
    print(*(pod.log for pod in cron.pods), *runs, sep="\n")  # where the test fails
    assert most_at_a_time(runs) == 1
    assert Outcome.SUCCEEDED in {report.outcome for report in reports}
    for thread in {run["thread_id"] for run in runs}:
        ends = [run["status"] for run in runs if run["thread_id"] == thread]
        assert ends.count("error") <= 1
        assert ends.count("success") <= 1


def test_a_stopped_run_is_not_resumed_beside_another(api: Api, cron: Cron) -> None:
    pod = cron.pod(**SLOW)
    run = api.started_run(cron.uid)
    pod.process.send_signal(signal.SIGTERM)
    assert pod.wait().outcome is Outcome.STOPPED
    cron.pod(env=asked("meanwhile"), **SLOW)
    api.started_run(cron.uid)
    report = cron.pod(**SLOW).wait()
    assert (report.outcome, report.reason) == (Outcome.CANCELLED, "PredecessorActive")
    assert len(api.runs(run["thread_id"])) == 1
