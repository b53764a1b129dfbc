"""A run now, to its end; pausing after failures, and going on."""

from __future__ import annotations

from graphcron.api import names
from tests.cluster import wait_for
from tests.e2e.crons import QUESTION, Crons
from tests.objects import condition

ASK, RESUME = names.ANNOTATION_RUN_REQUESTED, names.ANNOTATION_RESUME_REQUESTED


def told_of(crons: Crons, trigger: str, name: str = "hello"):
    """Wait until the status tells how a run that was asked for has ended."""

    def look():
        return next((run for run in crons.status(name).get("recentRuns", []) if run.get("trigger") == trigger), None)

    return wait_for(f"outcome of trigger {trigger}", look, seconds=90)


def test_a_run_that_is_asked_for_happens_once_and_is_told_of(crons: Crons):
    uid = crons.make(input=QUESTION, onRunCompleted="keep", suspend=True, ready_reason="Suspended")
    crons.ask(ASK, "2026-11-22T12:00:00Z please")
    told = told_of(crons, "2026-11-22T12:00:00Z please")
    assert told["outcome"] == "Succeeded"
    (run,) = crons.server.runs_of(uid)
    assert run["run_id"] == told["runId"]
    assert run["metadata"]["graphcron/occurrence"] == f"{uid}/trigger/2026-11-22T12:00:00Z please"
    assert crons.status()["lastHandledTrigger"] == "2026-11-22T12:00:00Z please"

    crons.ask(ASK, "again")
    assert told_of(crons, "again")["outcome"] == "Succeeded"
    assert len(crons.server.runs_of(uid)) == 2


def test_a_run_that_is_asked_for_obeys_the_concurrency_policy(crons: Crons):
    uid = crons.make(assistant="steps", input={"steps": 60, "seconds": 1})
    crons.start_running(uid=uid)
    crons.ask(ASK, "now")
    told = told_of(crons, "now")
    assert (told["outcome"], told["reason"]) == ("Skipped", "PredecessorActive")
    assert len(crons.server.runs_of(uid)) == 1


def test_failures_in_a_row_pause_and_an_annotation_goes_on(crons: Crons):
    crons.make(
        assistant="failing", failurePolicy={"pauseAfterConsecutiveFailures": 2}, schedule="* * * * *", suspend=False
    )
    crons.ask(ASK, "one")
    assert told_of(crons, "one")["outcome"] == "GraphError"
    assert not condition(crons.get("graphcrons", "hello"), "Paused")
    crons.ask(ASK, "two")
    told_of(crons, "two")
    paused = crons.wait("that is paused", "graphcrons", "hello", lambda found: condition(found, "Paused"))
    said = condition(paused, "Paused")
    assert (said["status"], said["reason"]) == ("True", "ConsecutiveFailures")
    assert RESUME in said["message"]
    assert condition(paused, "Ready")["reason"] == "Paused"
    assert paused["status"]["consecutiveFailures"] >= 2
    assert "nextScheduleTime" not in paused["status"]
    assert "suspend" not in paused["spec"] or paused["spec"]["suspend"] is False
    crons.wait("that is suspended", "cronjobs", "hello", lambda found: found["spec"]["suspend"])
    event = crons.wait_event("Paused")
    assert event["type"] == "Warning"

    crons.ask(RESUME, "fixed")
    resumed = crons.wait("that goes on", "graphcrons", "hello", lambda found: not condition(found, "Paused"))
    assert resumed["status"]["lastHandledResume"] == "fixed"
    assert "consecutiveFailures" not in resumed["status"]
    crons.wait("that is awake", "cronjobs", "hello", lambda found: not found["spec"]["suspend"])


def test_two_lines_of_one_minute_make_one_run(crons: Crons):
    uid = crons.make(assistant="steps", input={"steps": 3, "seconds": 0.5}, schedules=["0 0 29 2 *", "0 */12 29 2 *"])
    second = next(each["metadata"]["name"] for each in crons.items("cronjobs") if each["metadata"]["name"] != "hello")
    first_job = crons.start()
    minute = int(first_job.rpartition("-")[2])
    second_job = crons.start(second, minute=minute)
    for job in (first_job, second_job):
        assert crons.job_end(job) == "Complete"
    (told,) = wait_for("outcome", lambda: crons.status().get("recentRuns"))
    assert told["outcome"] == "Succeeded"
    (run,) = crons.server.runs_of(uid)
    assert run["run_id"] == told["runId"]
    assert crons.server.steps(run["thread_id"], "finished") == [1, 2, 3]


def test_run_awaiting_human_neutral_and_names_thread(crons: Crons):
    crons.make(assistant="approval", input={"request": "Send it"})
    job = crons.start()
    told = crons.told(job)
    assert told["outcome"] == "Interrupted"
    found = crons.wait("that waits", "graphcrons", "hello", lambda found: condition(found, "AwaitingHuman"))
    said = condition(found, "AwaitingHuman")
    assert told["threadId"] in said["message"]
    assert condition(found, "LastRunSucceeded")["status"] == "Unknown"
    assert crons.wait_event("AwaitingHuman")["type"] == "Warning"
    assert crons.server.thread(told["threadId"])["status"] == "interrupted"
