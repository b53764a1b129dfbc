"""A run is followed to its end and judged by the right word, on every server."""

import time
from uuid import uuid4

from graphcron.contract import Outcome
from tests.runner.harness import Api, Cron
from tests.servers.beds import Bed

QUESTION = {"messages": [{"role": "user", "content": "What time is it?"}]}
SLOW = {"assistant": "steps", "input": {"steps": 60, "seconds": 0.3}}


def cancel(api: Api, thread: str, run: str) -> None:
    """Cancel a run as every server understands it."""
    api.get("POST", f"/threads/{thread}/runs/{run}/cancel?wait=1&action=interrupt")


def test_success(api: Api, cron: Cron) -> None:
    report = cron.pod(input=QUESTION, run={"metadata": {"team": "blue"}, "context": {"signature": "Ada"}}).wait()

    assert report.outcome is Outcome.SUCCEEDED
    (run,) = api.all_runs(cron.uid)
    assert (run["run_id"], run["thread_id"], run["status"]) == (report.runId, report.threadId, "success")
    record = api.record(cron.uid)
    assert (record["state"], record["outcome"], record["run-id"]) == ("done", "Succeeded", report.runId)
    messages = api.get("GET", f"/threads/{report.threadId}/state")["values"]["messages"]
    assert messages[-1]["content"].endswith("UTC. Ada")
    assert report.tokens == sum(m["usage_metadata"]["total_tokens"] for m in messages if m.get("usage_metadata"))
    assert cron.pod(input=QUESTION).wait() == report  # a pod that comes back


def test_graph_error(bed: Bed, api: Api, cron: Cron) -> None:
    pod = cron.pod(assistant="failing", input={"request": "x"})
    report = pod.wait()
    assert report.outcome is Outcome.GRAPH_ERROR
    if bed.names_errors:
        assert report.reason == "ValueError"
    assert "hunter2" not in pod.log + report.to_json() + str(api.record(cron.uid))


def test_interrupt(api: Api, cron: Cron) -> None:
    report = cron.pod(assistant="approval", input={"request": "x"}).wait()
    assert (report.outcome, report.reason) == (Outcome.INTERRUPTED, "")
    assert api.get("GET", f"/threads/{report.threadId}/state")["interrupts"]


def test_breakpoint(cron: Cron) -> None:
    report = cron.pod(run={"interrupt_before": ["answer"]}).wait()
    assert (report.outcome, report.reason) == (Outcome.INTERRUPTED, "Breakpoint")


def test_timeout(api: Api, cron: Cron) -> None:
    report = cron.pod(**SLOW, timeoutSeconds=2).wait()
    assert report.outcome is Outcome.TIMEOUT
    (run,) = api.all_runs(cron.uid)
    assert run["status"] == "interrupted"
    assert cron.pod(**SLOW, timeoutSeconds=2).wait().outcome is Outcome.TIMEOUT  # another pod says the same


def test_cancelled_by_somebody(api: Api, cron: Cron) -> None:
    pod = cron.pod(**SLOW)
    run = api.started_run(cron.uid)
    cancel(api, run["thread_id"], run["run_id"])
    report = pod.wait()
    assert (report.outcome, report.reason) == (Outcome.CANCELLED, "")
    assert len(api.all_runs(cron.uid)) == 1


def test_gone(api: Api, cron: Cron) -> None:
    pod = cron.pod(**SLOW)
    run = api.started_run(cron.uid)
    api.get("DELETE", f"/threads/{run['thread_id']}")
    report = pod.wait()
    assert report.outcome is Outcome.CANCELLED
    assert report.reason in ("RunNotFound", "RecordNotFound")  # aegra cancels the run before it deletes the thread


def test_an_assistant_that_is_not_there(cron: Cron) -> None:
    report = cron.pod(assistant="no-such-graph").wait()
    assert report.outcome is Outcome.REJECTED
    assert "no such assistant" in report.message


def test_predecessors_threads_are_tidied_away_and_never_ones_own(api: Api, cron: Cron) -> None:
    """A thread may go when its deadline is a minute past: here that is written into it."""
    ok = cron.pod(minutes_ago=4, startingDeadlineSeconds=400).wait()
    failed = cron.pod(minutes_ago=3, assistant="failing", input={}).wait()
    kept = cron.pod(minutes_ago=2, onRunCompleted="keep").wait()
    skipped = cron.pod(minutes_ago=1, thread=str(uuid4())).wait()
    assert [each.outcome.value for each in (ok, failed, kept)] == ["Succeeded", "GraphError", "Succeeded"]
    assert skipped.reason == "ThreadNotFound"
    for thread in api.threads(cron.uid):
        past = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
        api.get("PATCH", f"/threads/{thread['thread_id']}", {"metadata": {"graphcron/delete-after": past}})

    last = cron.pod().wait()
    assert {thread["thread_id"] for thread in api.threads(cron.uid)} == {failed.threadId, kept.threadId, last.threadId}
