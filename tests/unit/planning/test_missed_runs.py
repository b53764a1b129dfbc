"""Occurrences that were due and have no Job."""

import random
from datetime import timedelta

import pytest

from graphcron.api.calendar_for import calendar_for
from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import ActiveRun, GraphCronStatus, RecentRun
from graphcron.contract import Outcome, Report
from graphcron.planning.missed_runs import MissedRunInputs, missed_after, missed_runs
from graphcron.planning.run_history import merge_run_history
from graphcron.schedule.occurrences import END_OF_TIME
from tests.unit.world import World, at, graphcron, job, pod

SINCE = at("11:00")
LATE = at("13:00")


def found(jobs=(), *, since=SINCE, now=LATE, checked=None, runs=(), active=(), **spec):
    """Return what nobody started: minute and reason."""
    resource = graphcron(**spec if "schedules" in spec else {"schedule": "*/10 * * * *", **spec})
    previous = GraphCronStatus(checked_until=checked and at(checked), recent_runs=list(runs), active=list(active))
    entries = missed_runs(
        resource.spec, MissedRunInputs(calendar_for(resource), since, END_OF_TIME, list(jobs), previous), now=now
    )
    assert all(entry.outcome == "Skipped" and entry.job is None and entry.trigger is None for entry in entries)
    return [(f"{entry.scheduled_time:%H:%M}", entry.reason) for entry in entries]


def minutes(*args, **members) -> list[str]:
    return [minute for minute, _ in found(*args, **members)]


EVERY = ["11:00", "11:10", "11:20", "11:30", "11:40", "11:50", "12:00", "12:10", "12:20", "12:30", "12:40", "12:50"]


def test_what_was_due_since_the_schedule_took_effect_is_looked_for():
    assert minutes() == EVERY
    assert minutes(since=SINCE + timedelta(seconds=1)) == EVERY[1:]


@pytest.mark.parametrize(("seconds", "told"), [(149, False), (150, True)])
def test_occurrence_missed_after_deadline_and_delay(seconds, told):
    assert missed_after(graphcron().spec) == timedelta(seconds=150)
    assert ("12:00" in minutes(now=at("12:00") + timedelta(seconds=seconds))) is told


def test_a_longer_start_deadline_is_waited_for():
    assert minutes(now=at("12:35"), startingDeadlineSeconds=3600) == EVERY[:4]


@pytest.mark.parametrize("seed", range(10))
def test_a_minute_that_has_a_job_is_never_told(seed):
    chance = random.Random(seed)
    made = set(chance.sample(EVERY, 5))
    state = {"succeeded": True} if seed % 3 == 0 else {"failed": True} if seed % 3 == 1 else {}
    told = minutes([job(each, **state) for each in made], history={"successful": 100, "failed": 100})
    assert set(told) == set(EVERY) - made


def test_missed_runs_catch_up_covers_minute_but_trigger_does_not():
    """A minute that has a catch-up is not reported as missed; a trigger does not cover it."""
    assert "12:00" not in minutes([job("12:00", purpose=Purpose.CATCH_UP)])
    assert "12:00" in minutes([job("12:00", name="hello-0123456789", purpose=Purpose.TRIGGER, trigger="now")])


def test_a_minute_that_was_told_before_is_not_told_again():
    kept = RecentRun(scheduled_time=at("12:00"), outcome="Cancelled", job="gone")
    several = RecentRun(
        scheduled_time=at("12:30"), first_scheduled_time=at("12:10"), count=3, outcome="Skipped", reason="NotStarted"
    )
    assert minutes(runs=[several, kept]) == [*EVERY[:6], "12:40", "12:50"]


def test_within_skips_of_another_kind_what_nobody_started_is_told():
    several = RecentRun(
        scheduled_time=at("12:30"), first_scheduled_time=at("12:10"), count=2, outcome="Skipped", reason="ThreadBusy"
    )
    assert "12:20" in minutes(runs=[several])
    assert "12:30" not in minutes(runs=[several])


def test_a_request_at_the_full_minute_tells_nothing_of_that_minute():
    assert "12:00" in minutes(runs=[RecentRun(scheduled_time=at("12:00"), outcome="Succeeded", trigger="now")])
    assert "12:00" in minutes(active=[ActiveRun(job="hello-0123456789", scheduled_time=at("12:00"), trigger="now")])


def test_what_was_looked_at_before_is_not_looked_at_again():
    assert minutes(checked="12:20") == ["12:30", "12:40", "12:50"]


def test_runs_beyond_history_limits_not_missed():
    ended = [job(each, succeeded=True) for each in ("11:30", "12:00", "12:10")]
    assert minutes(ended) == ["11:40", "11:50", "12:20", "12:30", "12:40", "12:50"]
    assert minutes(ended, history={"successful": 4}) == [
        each for each in EVERY if each not in {"11:30", "12:00", "12:10"}
    ]


def test_each_cronjob_has_a_history_of_its_own():
    often = [job(each, succeeded=True) for each in ("12:30", "12:40", "12:50")]
    rare = [job(each, cronjob="hello-0123456789", succeeded=True) for each in ("11:05", "12:05", "12:15")]
    assert minutes([*often, *rare], schedules=["*/10 * * * *", "5,15 * * * *"]) == []


def test_requests_and_catch_ups_are_no_part_of_a_history():
    asked = [job(f"12:0{each}", purpose=Purpose.TRIGGER, trigger=str(each), succeeded=True) for each in (1, 2, 3)]
    assert minutes(asked) == EVERY
    assert len(minutes([job(each, purpose=Purpose.CATCH_UP, succeeded=True) for each in EVERY[:3]])) == len(EVERY) - 3


@pytest.mark.parametrize(
    "spec",
    [
        {"excludes": [{"from": "2026-11-22T11:00", "to": "2026-11-22T12:00"}]}, {"startTime": "2026-11-22T12:00:00Z"},
        {"excludes": [{"from": "2026-11-22T12:00", "to": "2026-11-22T13:00"}], "timeZone": "Europe/Berlin"},
    ],
    ids=str,
)  # fmt: skip
def test_what_was_excluded_or_before_the_campaign_was_not_due(spec):
    assert minutes(**spec) == EVERY[6:]


def test_what_was_after_the_campaign_was_not_due():
    assert minutes(endTime="2026-11-22T12:00:00Z") == EVERY[:6]


def test_the_same_minute_of_two_lines_is_one_occurrence():
    assert minutes(schedules=["*/10 * * * *", "*/30 * * * *"]) == EVERY


def test_of_a_long_outage_the_newest_are_told():
    told = minutes(since=LATE - timedelta(days=30), schedule="* * * * *")
    assert len(told) == 1500
    assert told[-1] == "12:57"


# --- Why


def test_while_a_job_went_on_kubernetes_itself_forbade():
    going = job("11:55")
    assert found([going], now=at("12:10"), since=at("11:59")) == [("12:00", "PredecessorActive")]
    assert found([going], now=at("12:10"), since=at("11:59"), concurrencyPolicy="Allow") == [("12:00", "NotStarted")]


def test_missed_runs_queue_waiting_job_is_not_missed():
    """Kubernetes creates the Jobs of a queue while others are active, and their pods wait."""
    jobs = [job("11:55"), job("12:00")]
    queue = {"concurrencyPolicy": "Queue", "startingDeadlineSeconds": 120}
    assert found(jobs, now=at("12:20"), since=at("11:59"), **queue) == [("12:10", "NotStarted")]


def test_after_a_job_has_ended_nobody_forbade():
    assert found([job("11:55", succeeded=True)], now=at("12:10"), since=at("11:59")) == [("12:00", "NotStarted")]


def test_a_run_that_is_gone_may_have_forbidden():
    run = RecentRun(
        scheduled_time=at("11:55"), outcome="Succeeded", start_time=at("11:55:03"), duration_seconds=400.0, job="gone"
    )
    assert found(runs=[run], now=at("12:10"), since=at("11:59")) == [("12:00", "PredecessorActive")]


@pytest.mark.parametrize("purpose", [Purpose.TRIGGER, Purpose.CATCH_UP])
def test_missed_runs_foreign_job_does_not_block_kubernetes(purpose):
    """A Job that does not belong to the CronJob does not keep Kubernetes from starting a run."""
    going = job("11:55", name="hello-other", purpose=purpose)
    assert found([going], now=at("12:10"), since=at("11:59")) == [("12:00", "NotStarted")]


# --- All together: looked at again and again


def test_each_is_told_once_and_counted_once_however_often_one_looks():
    world = World(graphcron(preflight=False))
    for minute in range(60):
        for second in (0, 20, 40):
            world.look(at(f"12:{minute:02}:{second:02}"))
    assert world.status.recent_runs is not None
    (entry,) = world.status.recent_runs
    # Those of 12:05 to 12:55; that of 12:00 was due before the schedule took effect at 12:00:00.
    assert (entry.first_scheduled_time, entry.scheduled_time, entry.count) == (at("12:00"), at("12:55"), 12)
    assert world.status.missed_runs == 12


def test_runs_of_deleted_jobs_reported_by_pods():
    """Somebody deletes each Job while it goes on: only its pod is left for a moment."""
    world = World(graphcron(schedule="* * * * *", concurrencyPolicy="Replace", preflight=False, history={"runs": 5}))
    world.look(at("11:59:30"))
    for minute in range(59):
        going = job(f"12:{minute:02}")
        world.jobs = {going.name: going}
        world.look(at(f"12:{minute:02}:01"))
        world.jobs = {}
        world.end(going, Report(Outcome.STOPPED))
        world.jobs = {}
        world.look(at(f"12:{minute:02}:50"))
        world.pods = []
    assert world.status.missed_runs is None
    assert world.status.recent_runs is not None
    assert {(run.outcome, run.reason) for run in world.status.recent_runs} == {("Cancelled", "JobDeleted")}


def test_missed_runs_forbidden_by_kubernetes_reported_after_next_run():
    """A run of 200 s, each minute one due: that of 12:01 is never started, and that of 12:02 late."""
    world = World(graphcron(schedule="* * * * *", preflight=False))
    world.look(at("11:59:59"))
    first = job("12:00")
    world.jobs[first.name] = first
    world.look(at("12:00:05"))
    world.end(first, Report(Outcome.SUCCEEDED, startTime="2026-11-22T12:00:02Z", durationSeconds=198.0))
    second = job("12:02")
    world.jobs[second.name] = second
    world.look(at("12:03:20"))
    world.look(at("12:03:35"))
    assert world.status.recent_runs is not None
    assert [(f"{run.scheduled_time:%H:%M}", run.outcome, run.reason) for run in world.status.recent_runs] == [
        ("12:01", "Skipped", "PredecessorActive"),
        ("12:00", "Succeeded", None),
    ]


def test_occurrence_between_two_that_pods_report_as_skipped_is_told():
    """A pod reports at once, while an occurrence without a Job is decided on when its start deadline is over."""
    world = World(graphcron(schedule="* * * * *", startingDeadlineSeconds=60, preflight=False))
    world.look(at("11:58:30"))
    world.jobs["hello"] = job("11:59")
    for minute in ("12:00", "12:02"):
        forbidden = job(minute, succeeded=True)
        world.jobs[forbidden.name] = forbidden
        world.pods.append(pod(forbidden, Report(Outcome.SKIPPED, "an earlier run is active", "PredecessorActive")))
        world.look(at(minute) + timedelta(seconds=25))
    assert [run.count for run in world.status.recent_runs or ()] == [None, None]
    world.look(at("12:02:35"))
    (entry,) = world.status.recent_runs or ()
    assert (entry.reason, entry.first_scheduled_time, entry.count) == ("PredecessorActive", at("12:00"), 3)


def test_looking_without_news_writes_nothing():
    world = World(graphcron(schedule="0 * * * *", preflight=False))
    world.look(at("12:01"))
    before = world.status
    for minute in range(2, 59):
        world.look(at(f"12:{minute:02}"))
    assert world.status == before


@pytest.mark.parametrize(
    ("spec", "what"),
    [({"schedule": "* * * * *"}, "schedule"), ({"timeZone": "Asia/Kolkata", "schedule": "0 * * * *"}, "zone")],
)
def test_a_new_schedule_has_missed_nothing_of_the_time_before_it(spec, what):
    world = World(graphcron(schedule="0 0 * * *", preflight=False))
    world.look(at("00:01"))
    world.change(**spec)
    world.look(at("12:00:01"))
    assert (world.status.missed_runs, world.status.recent_runs) == (None, None)


def test_tell_takes_what_is_unstarted_once():
    world = World(graphcron())
    entries = [RecentRun(scheduled_time=at("12:00"), outcome="Skipped", reason="NotStarted")]
    first = merge_run_history([], [], [], limit=5).with_skipped(entries)
    again = merge_run_history(first.runs, [], [], limit=5).with_skipped(entries)
    assert (first.runs, again.new) == (again.runs, [])
    assert world.made == []


@pytest.mark.parametrize(
    "rest", [{"suspend": True}, {"endTime": "2026-11-22T12:31:30Z"}, {"excludes": [{"from": "2026-11-22T12:32", "to": "2026-11-22T18:00"}]}]
)  # fmt: skip
def test_what_was_missed_just_before_a_rest_is_told(rest):
    world = World(graphcron(schedule="* * * * *", preflight=False, catchUp="last"))
    world.look(at("12:28:30"))
    world.change(**rest)  # the controllers are away since 12:29
    world.look(at("12:31:10"))
    world.look(at("12:40"))
    assert world.status.recent_runs is not None
    (entry,) = world.status.recent_runs
    assert (entry.reason, entry.first_scheduled_time, entry.scheduled_time) == ("NotStarted", at("12:29"), at("12:31"))
    assert world.status.missed_runs == 3
