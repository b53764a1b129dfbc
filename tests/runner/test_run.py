"""A run from start to end, and what it leaves behind."""

import json
import time
from pathlib import Path
from uuid import uuid4

from graphcron import contract
from graphcron.contract import Outcome
from graphcron.runner.client.times import rfc3339
from tests.runner.harness import Api, Cron

QUESTION = {"messages": [{"role": "user", "content": "What time is it?"}]}


def test_a_fresh_thread(api: Api, cron: Cron) -> None:
    report = cron.pod(input=QUESTION, run={"metadata": {"team": "blue"}, "context": {"signature": "Ada"}}).wait()

    assert report.outcome is Outcome.SUCCEEDED
    (run,) = api.all_runs(cron.uid)
    assert (run["run_id"], run["thread_id"], run["status"]) == (report.runId, report.threadId, "success")
    occurrence = f"{cron.uid}/{report.scheduledTime}"
    assert (
        run["metadata"]
        | {
            "team": "blue",
            "graphcron/occurrence": occurrence,
            "graphcron/scheduled-time": report.scheduledTime,
            "graphcron/uid": cron.uid,
            "graphcron/name": "nightly",
            "graphcron/namespace": "agents",
        }
        == run["metadata"]
    )
    record = api.record(cron.uid)
    assert (record["state"], record["outcome"], record["run-id"]) == ("done", "Succeeded", report.runId)
    messages = api.get("GET", f"/threads/{report.threadId}/state")["values"]["messages"]
    assert messages[-1]["content"].endswith("UTC. Ada")
    assert report.tokens == sum(m["usage_metadata"]["total_tokens"] for m in messages if m.get("usage_metadata"))
    assert report.durationSeconds is not None
    assert 0 < report.durationSeconds < 30


def test_a_thread_of_the_users_own(api: Api, cron: Cron) -> None:
    thread = str(uuid4())
    first = cron.pod(minutes_ago=1, thread=thread, createThread=True, input=QUESTION).wait()
    second = cron.pod(thread=thread, input=QUESTION).wait()

    assert (first.outcome, second.outcome) == (Outcome.SUCCEEDED, Outcome.SUCCEEDED)
    assert [run["run_id"] for run in api.runs(thread)] == [first.runId, second.runId]
    assert first.tokens is None
    messages = api.get("GET", f"/threads/{thread}/state")["values"]["messages"]
    assert sum(message["type"] == "human" for message in messages) == 2


def test_a_pod_that_comes_back_reports_the_same_run(api: Api, cron: Cron) -> None:
    thread = str(uuid4())
    for request in ({}, {"thread": thread, "createThread": True, "assistant": "agent"}):
        cron.uid = str(uuid4())
        reports = [cron.pod(input=QUESTION, **request).wait() for _ in range(2)]
        assert reports[0] == reports[1]
        assert len(api.runs(reports[0].threadId)) == 1


def test_templates_fill_strings_of_the_input_only(api: Api, cron: Cron) -> None:
    text = "{{ scheduledTime }} {{name}} {{ namespace }} {{ occurrence }}"
    report = cron.pod(
        input={"messages": [{"role": "user", "content": text}]},
        inputTemplate=True,
        run={"metadata": {"as": "{{ name }}"}},
    ).wait()

    (run,) = api.all_runs(cron.uid)
    asked = run["kwargs"]["input"]["messages"][0]["content"]
    assert asked == f"{report.scheduledTime} nightly agents {cron.uid}/{report.scheduledTime}"
    assert run["metadata"]["as"] == "{{ name }}"

    cron.uid = str(uuid4())
    refused = cron.pod(input={"ask": "{{ secheduledTime }}"}, inputTemplate=True).wait()
    assert (refused.outcome, refused.reason) == (Outcome.REJECTED, "InvalidInput")
    assert "secheduledTime" not in refused.message
    assert api.threads(cron.uid) == []


def test_the_input_may_come_from_a_file(api: Api, cron: Cron, tmp_path: Path) -> None:
    file = tmp_path / "root-from-file" / contract.INPUT_DIR.lstrip("/") / contract.INPUT_FILE
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(QUESTION))
    assert cron.pod(pod_uid="from-file", inputFile=True).wait().outcome is Outcome.SUCCEEDED
    assert api.all_runs(cron.uid)[0]["kwargs"]["input"] == QUESTION

    for content in (None, "{not json"):
        cron.uid = str(uuid4())
        file.unlink() if content is None else file.write_text(content)
        report = cron.pod(pod_uid="from-file", inputFile=True).wait()
        assert (report.outcome, report.reason) == (Outcome.REJECTED, "InvalidInput")
        assert api.threads(cron.uid) == []


def test_file_input_gets_dates_in_schedule_zone(api: Api, cron: Cron, tmp_path: Path) -> None:
    text = "{{ scheduledTime | date('%H:%M') }} {{ previousScheduledTime }} {{ previousScheduledTime|addDays(1)|date }}"
    file = tmp_path / "root-dates" / contract.INPUT_DIR.lstrip("/") / contract.INPUT_FILE
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"messages": [{"role": "user", "content": text}]}))
    minute, east = cron.minute * 60, 5 * 3600 + 1800
    previous = (minute + east - 60) // 86400 * 86400 - east
    values = {"inputTemplate": True, "inputFile": True, "offsets": ((0, east),), "lines": ("0 0 * * *",)}

    assert cron.pod(pod_uid="dates", **values).wait().outcome is Outcome.SUCCEEDED
    (run,) = api.all_runs(cron.uid)
    clock, day = time.gmtime(minute + east), time.gmtime(previous + east + 86400)
    wanted = f"{time.strftime('%H:%M', clock)} {rfc3339(previous)} {time.strftime('%Y-%m-%d', day)}"
    assert run["kwargs"]["input"]["messages"][0]["content"] == wanted


def test_invalid_dates_in_the_input_of_a_file_start_no_run(api: Api, cron: Cron, tmp_path: Path) -> None:
    file = tmp_path / "root-dates" / contract.INPUT_DIR.lstrip("/") / contract.INPUT_FILE
    file.parent.mkdir(parents=True)
    for text, problem in (
        ("{{ scheduledTime | date('%Q') }}", "the input uses date with an argument that is not a format of"),
        ("{{ scheduledTime", "the input has {{ without }}"),
        ("{{ previousScheduledTime }}", "the input uses previousScheduledTime, and this run belongs to no schedule"),
    ):
        file.write_text(json.dumps({"text": text}))
        for env in ({}, {contract.ENV_PREFLIGHT: "1"}):
            report = cron.pod(env=env, pod_uid="dates", inputFile=True, inputTemplate=True).wait()
            assert (report.outcome, report.reason) == (Outcome.REJECTED, "InvalidInput")
            assert report.message.startswith(problem)
    assert api.threads(cron.uid) == []


def test_nothing_private_is_logged_or_reported(api: Api, cron: Cron) -> None:
    private = "the patient's name is Jane"
    pod = cron.pod(
        input={"messages": [{"role": "user", "content": private}]},
        headers=("x-tenant",),
        env={contract.ENV_API_KEY: "key-of-keys\n", f"{contract.ENV_HEADER_PREFIX}0": "tenant-secret"},
    )
    report = pod.wait()

    assert report.outcome is Outcome.SUCCEEDED
    assert len(pod.events()) >= 4
    for text in (private, "You said", "key-of-keys", "tenant-secret"):
        assert text not in pod.log + report.to_json()
    for event in pod.events():
        assert {"time", "level", "event", "occurrence"} <= event.keys()


def test_predecessors_threads_are_tidied_away_and_never_ones_own(api: Api, cron: Cron) -> None:
    """A thread may go when its deadline is a minute past; here the occurrences are old enough."""
    late = {"startingDeadlineSeconds": 400}
    ok = cron.pod(minutes_ago=6, **late).wait()
    failed = cron.pod(minutes_ago=5, assistant="failing", input={}, **late).wait()
    kept = cron.pod(minutes_ago=4, onRunCompleted="keep", **late).wait()
    skipped = cron.pod(minutes_ago=3, thread=str(uuid4()), **late).wait()
    assert skipped.outcome is Outcome.REJECTED
    for thread in api.threads(cron.uid):  # as if 400 s had passed
        past = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
        api.get("PATCH", f"/threads/{thread['thread_id']}", {"metadata": {"graphcron/delete-after": past}})

    last = cron.pod().wait()
    left = {thread["thread_id"] for thread in api.threads(cron.uid)}
    assert left == {failed.threadId, kept.threadId, last.threadId}
    assert ok.threadId not in left
