"""What fires, and what does not: the CronJob controller's own Jobs, and nothing in retrospect."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from graphcron.api import names
from tests.cluster import wait_for
from tests.e2e.crons import QUESTION, Crons


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def ran_at(crons: Crons, uid: str) -> set[datetime]:
    """Return the scheduled times of the occurrences that have a run on the server."""
    return {moment(run["metadata"]["graphcron/scheduled-time"]) for run in crons.server.runs_of(uid)}


def test_all_parts_agree_on_the_scheduled_minute(crons: Crons):
    applied = datetime.now(UTC)
    uid = crons.make(input=QUESTION, schedule="* * * * *", onRunCompleted="keep")
    due = moment(crons.status()["nextScheduleTime"])
    assert timedelta(0) < due - applied <= timedelta(seconds=65)
    assert crons.row()["NEXT"] == crons.status()["nextScheduleTime"]

    told = wait_for("first run", lambda: crons.status().get("recentRuns"), seconds=100)[-1]
    assert moment(told["scheduledTime"]) == due
    assert told["outcome"] == "Succeeded"
    assert due <= moment(told["startTime"]) < due + timedelta(seconds=30)
    job = crons.get("jobs", told["job"])
    assert job["metadata"]["managedFields"][0]["manager"] == "kube-controller-manager"
    assert moment(job["metadata"]["annotations"][names.ANNOTATION_SCHEDULED_TIMESTAMP]) == due
    assert due in ran_at(crons, uid)
    run = crons.server.run(told["threadId"], told["runId"])
    assert moment(run["metadata"]["graphcron/scheduled-time"]) == due
    status = crons.wait("whose next run is later", "graphcrons", "hello", lambda found: after(found, due))["status"]
    assert moment(status["lastScheduleTime"]) >= due


def after(graphcron: Any, due: datetime) -> bool:
    return moment(graphcron["status"]["nextScheduleTime"]) > due


def test_an_occurrence_from_before_its_schedule_is_skipped_and_says_so(crons: Crons):
    uid = crons.make(input=QUESTION)
    since = crons.get("cronjobs", "hello")["metadata"]["annotations"][names.ANNOTATION_SCHEDULE_SINCE]
    earlier = math.ceil(moment(since).timestamp() / 60) - 1
    job = crons.start(minute=earlier)
    told = crons.told(job)
    assert (told["outcome"], told["reason"]) == ("Skipped", "ScheduleIsYounger")
    assert since in told["message"]
    assert crons.job_end(job) == "Complete"
    assert len(crons.pods(job)) == 1
    event = crons.wait_event("Skipped")
    assert event["type"] == "Normal"
    assert since in event["message"]
    assert not crons.server.threads(uid)


ELSEWHERE = "Etc/GMT+5"
"""A zone in which it is never the same time as in UTC."""


def test_schedule_edited_or_resumed_past_runs_not_fired(crons: Crons):
    """Kubernetes itself fires them at once, if the last due time is within the starting deadline."""
    due = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1 + (datetime.now(UTC).second > 45))
    daily = f"{due.minute} {due.hour} * * *"
    before = {
        "resumed": {"schedule": "* * * * *", "suspend": True},
        "edited": {},
        "rezoned": {"schedule": daily, "timeZone": ELSEWHERE},
    }
    after = {"resumed": {"schedule": "* * * * *"}, "edited": {"schedule": daily}, "rezoned": {"schedule": daily}}
    for name, spec in before.items():
        crons.apply(name, input=QUESTION, **spec)
    uids = {name: crons.wait_ready(name, reason=reason(name))["metadata"]["uid"] for name in before}
    wait_for("middle of the minute", lambda: datetime.now(UTC) > due + timedelta(seconds=3), seconds=100)
    assert not crons.items("jobs")

    changed = datetime.now(UTC)
    for name, spec in after.items():
        crons.apply(name, input=QUESTION, **spec)
    for name in after:
        crons.wait_ready(name)
        # After an edit the controller looks when the schedule says so, or earlier, when anything else changes.
        note = ("annotate", "cronjob", name, "example.com/look=now")
        crons.cluster.kubectl(*note, "--namespace", crons.namespace)

    def decided(name: str) -> Any:
        """What was due before has been told of, or something that was due later has."""
        return crons.status(name).get("recentRuns")

    (first,) = wait_for("decision on the resumed one", lambda: decided("resumed"), seconds=100)
    if moment(first["scheduledTime"]) < changed:
        for name in after:
            told = wait_for(f"decision on the {name} one", lambda name=name: decided(name), seconds=60)[-1]
            assert (told["outcome"], told["reason"]) == ("Skipped", "ScheduleIsYounger")
            assert moment(told["scheduledTime"]) == due
    assert not [each for each in ran_at(crons, uids["resumed"]) if each < changed]
    for name in ("edited", "rezoned"):
        assert not crons.server.threads(uids[name])
        assert moment(crons.status(name)["nextScheduleTime"]) == due + timedelta(days=1)


def reason(name: str) -> str:
    return "Suspended" if name == "resumed" else "Reconciled"
