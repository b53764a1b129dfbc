"""What is to be done: as a whole, over time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import GraphCronStatus
from graphcron.cache.objects import RequestAnnotation
from graphcron.contract import Outcome, Report
from graphcron.errors import ClusterError, SpecError
from graphcron.planning.observed import ObservedState
from graphcron.planning.plan import plan_for, reported_history, status_without_plan
from graphcron.planning.run_history import merge_run_history
from tests.unit.world import NOW, SETTINGS, World, at, condition, graphcron, job, pod

LINES = ["0 9 * * 1-5", "0 12 * * 0,6", "@monthly"]
FAILED = Report(Outcome.GRAPH_ERROR, "raised ValueError")


def kinds(plan) -> list[str | None]:
    return [each["metadata"]["labels"].get(names.LABEL_PURPOSE) for each in plan.jobs.values()]


def test_first_plan_has_cronjob_and_preflight():
    plan = World(graphcron()).look(NOW)
    assert [each["metadata"]["name"] for each in plan.cronjobs] == ["hello"]
    assert kinds(plan) == ["preflight"]
    assert (plan.orphaned, plan.history.runs, plan.pause.since, plan.handled_trigger) == ([], [], None, "")


def test_looking_again_changes_nothing():
    world = World(
        graphcron(
            schedules=LINES, excludes=[{"date": "2026-12-25"}], failurePolicy={"pauseAfterConsecutiveFailures": 2}
        )
    )
    first = world.look(NOW)
    again = world.look(NOW + timedelta(seconds=5))
    assert again.cronjobs == first.cronjobs
    writes, status = world.writes, world.status
    world.look(NOW + timedelta(seconds=10))
    assert (world.writes, world.status) == (writes, status)


def test_lines_that_are_gone_leave_their_cronjobs_over():
    world = World(graphcron(schedules=LINES))
    names_before = [each["metadata"]["name"] for each in world.look(NOW).cronjobs]
    world.change(schedules=LINES[:1])
    plan = world.look(at("13:00"))
    assert [each.name for each in plan.orphaned] == names_before[1:]
    assert list(world.cronjobs) == ["hello"]
    assert world.status.schedules == LINES[:1]


def test_one_schedule_and_a_list_of_it_are_the_same():
    world = World(graphcron(schedule=LINES[0]))
    world.look(NOW)
    before = dict(world.cronjobs)
    world.change(schedule=None, schedules=LINES[:1])
    plan = world.look(at("13:00"))
    assert (plan.orphaned, world.cronjobs) == ([], before)


def test_history_with_refused_jobs_computed_once(monkeypatch):
    world, calls = World(graphcron(catchUp="last", preflight=False)), []
    world.look(at("11:59"))
    monkeypatch.setattr(
        "graphcron.planning.plan.merge_run_history",
        lambda *args, **members: calls.append(1) or merge_run_history(*args, **members),
    )
    planned = plan_for(world.graphcron, SETTINGS, world.observed, now=at("12:18"))
    (skipped, *others) = planned.history.runs
    refused = planned.without({Purpose.CATCH_UP: ClusterError("exceeded quota", status=403)})
    assert (skipped.job, [run for run in refused.history.runs if run.job]) == (
        planned.jobs[Purpose.CATCH_UP]["metadata"]["name"],
        [],
    )
    assert refused.history.runs == others
    assert refused.checked_until == skipped.scheduled_time - timedelta(seconds=1)
    assert len(calls) == 1


def test_a_request_and_a_catch_up_may_come_together():
    world = World(graphcron(catchUp="last"))
    world.look(at("11:59"))
    world.trigger = RequestAnnotation("now", at("12:18"))
    plan = world.look(at("12:18"))
    assert kinds(plan) == ["trigger", "catch-up", *kinds(plan)[2:]]
    assert len({each["metadata"]["name"] for each in plan.jobs.values()}) == len(plan.jobs)


def test_jobs_that_the_operator_makes_end_and_go_by_themselves():
    world = World(graphcron(catchUp="last", timeoutSeconds=60))
    world.look(at("11:59"))
    world.trigger = RequestAnnotation("now", at("12:18"))
    world.look(at("12:18"))
    for made in world.made:
        assert made["spec"]["ttlSecondsAfterFinished"] > 0
        assert made["spec"]["activeDeadlineSeconds"] > 0
        assert made["metadata"]["ownerReferences"][0]["uid"] == world.graphcron.metadata.uid
        template = made["spec"]["template"]["metadata"]["labels"]
        assert template[names.LABEL_PURPOSE] == made["metadata"]["labels"][names.LABEL_PURPOSE]
    assert {each["metadata"]["labels"][names.LABEL_PURPOSE] for each in world.made} == set(Purpose) - {Purpose.RUN}


def test_looks_are_no_runs():
    look = job(name="hello-look", failed=True, purpose=Purpose.PREFLIGHT)
    run = job(failed=True)
    seen = ObservedState(
        cronjobs={}, jobs=[look, run], pods=[pod(look, FAILED), pod(run, FAILED)], previous=GraphCronStatus()
    )
    assert [[each.name for each in group[0]] for group in (seen.runs, seen.preflights)] == [[run.name], [look.name]]
    assert [each.job for each in reported_history(seen, None).runs] == [run.name]


def test_the_cronjobs_remember_before_the_status_does():
    world = World(graphcron())
    world.look(at("11:59"))
    world.trigger, world.resume = RequestAnnotation("now", at("12:00")), RequestAnnotation("please", at("12:00"))
    world.look(at("12:00"))
    (seen,) = world.cronjobs.values()
    assert (seen.handled_trigger, seen.handled_resume) == ("now", "please")
    assert (world.status.last_handled_trigger, world.status.last_handled_resume) == ("now", "please")


# --- Without a plan


def test_a_spec_that_cannot_be_carried_out_gives_no_plan():
    world = World(graphcron(budget={"maxCostPerRun": "1"}))
    with pytest.raises(SpecError, match="no prices"):
        plan_for(world.graphcron, SETTINGS, world.observed, now=NOW)


def test_runs_and_failures_counted_without_plan():
    world = World(graphcron(failurePolicy={"pauseAfterConsecutiveFailures": 2}))
    world.look(at("11:59"))
    for minute in ("12:00", "12:05"):
        world.end(job(minute), FAILED)
        history = reported_history(world.observed, None)
        known = {"recent_runs": history.runs, **status_without_plan(world.observed, history)}
        world.status = world.status.model_copy(update=known)
    assert world.status.consecutive_failures == 2
    world.look(at("12:06"))
    assert [each.suspended for each in world.cronjobs.values()] == [True]


def test_without_a_plan_as_many_runs_are_kept_as_there_were():
    world = World(graphcron(history={"runs": 2}))
    world.look(at("11:59"))
    for minute in ("12:00", "12:05", "12:10"):
        world.end(job(minute), FAILED)
    world.look(at("12:11"))
    world.end(job("12:15"), FAILED)
    history = reported_history(world.observed, None)
    assert [f"{run.scheduled_time:%H:%M}" for run in history.runs] == ["12:15", "12:10"]
    assert len(history.new) == 1


def test_runs_that_end_while_the_spec_is_wrong_are_counted_once():
    world = World(graphcron(history={"runs": 5}))
    world.look(at("11:59"))
    for minute, wrong in (("12:00", {}), ("12:05", {"timeZone": "Mars/Olympus"}), ("12:10", {})):
        world.wrong = wrong
        world.end(job(minute), FAILED)
        world.reconcile(at(minute) + timedelta(seconds=30))
    assert world.status.consecutive_failures == 3
    assert len(world.status.recent_runs) == 3


def test_trigger_on_existing_graphcron_waits_for_valid_spec():
    """A trigger that was set after the GraphCron was created waits until the spec is valid."""
    world = World(graphcron(preflight=False))
    world.trigger = RequestAnnotation("now", at("12:00:05"))
    world.wrong = {"timeZone": "Mars/Olympus"}
    world.reconcile(at("12:00:10"))
    world.wrong = {}
    world.reconcile(at("12:00:20"))
    assert len(world.made_for(Purpose.TRIGGER)) == 1


def test_plan_trigger_on_known_object_not_assumed_handled():
    world = World(graphcron(), trigger=RequestAnnotation("now", at("12:00")))
    history = reported_history(world.observed, None)
    assert status_without_plan(world.observed, history)["last_handled_trigger"] == "now"
    world.status = GraphCronStatus(observed_generation=1)
    assert "last_handled_trigger" not in status_without_plan(world.observed, history)


# --- Over time


def test_when_a_rest_ends_nothing_of_it_is_missed():
    world = World(
        graphcron(catchUp="last", preflight=False, excludes=[{"from": "2026-11-22T12:00", "to": "2026-11-22T13:00"}])
    )
    world.look(at("11:59"))
    for minute in range(60):
        world.look(at(f"12:{minute:02}"))
        assert all(each.suspended for each in world.cronjobs.values()) is (minute < 59)
    for minute in (0, 1, 2):
        world.end(job("13:00"), Report(Outcome.SUCCEEDED))
        world.look(at(f"13:0{minute}:30"))
    assert (world.status.missed_runs, world.made) == (None, [])


def test_after_a_lost_status_nothing_is_missed_that_had_a_job():
    world = World(graphcron(catchUp="last", preflight=False))
    world.look(at("10:59"))
    for step in range(12):
        due = at("11:00") + timedelta(minutes=5 * step)
        done = job(due)
        world.end(done, Report(Outcome.SUCCEEDED))
        world.look(due + timedelta(seconds=30))
        if len(world.jobs) > 3:
            world.forget([min(world.jobs)])
    world.status = GraphCronStatus()
    world.look(at("11:59"))
    assert (world.status.missed_runs, world.made) == (None, [])
    assert world.status.recent_runs is not None
    assert len(world.status.recent_runs) == 3


def test_plan_operator_away_runs_of_kubernetes_not_missed():
    """An operator that was away does not report runs as missed that Kubernetes started."""
    world = World(graphcron(catchUp="last", preflight=False))
    world.look(at("10:59"))
    for step in range(9, 12):
        world.end(job(at("11:00") + timedelta(minutes=5 * step)), Report(Outcome.SUCCEEDED))
    world.look(at("11:58"))
    assert (world.status.missed_runs, world.made) == (None, [])


# --- When to look again


def test_the_operator_looks_again_when_something_may_change_by_itself():
    world = World(graphcron(schedule="0 13 * * *", preflight=False))
    world.look(NOW)
    assert world.again == NOW + timedelta(seconds=SETTINGS.resync_seconds)
    world.look(at("12:59:58"))
    assert world.again == at("13:00:15")
    world.look(at("13:00:15"))  # nobody has started it yet
    assert world.again == at("13:02:45")
    world.look(at("13:02:45"))
    assert world.status.missed_runs == 1


def test_plan_requeue_after_oldest_skippable_occurrence():
    """The operator requeues for the oldest occurrence that it may report as skipped."""
    world = World(graphcron(schedule="*/2 * * * *", startingDeadlineSeconds=120, preflight=False))
    world.look(at("11:59"))
    world.change(suspend=True)
    world.look(at("12:02:10"))  # those of 12:00 and of 12:02 may have a Job yet
    assert world.again == at("12:02:45")


@pytest.mark.parametrize(
    ("spec", "now", "again"),
    [
        ({"excludes": [{"from": "2026-11-22T12:05", "to": "2026-11-22T12:09"}]}, "12:04", "12:05"),
        ({"excludes": [{"from": "2026-11-22T12:05", "to": "2026-11-22T12:09"}]}, "12:05", "12:08"),
        ({"startTime": "2026-11-22T12:09:00Z"}, "12:05", "12:08"),
        ({"endTime": "2026-11-22T12:09:00Z"}, "12:05", "12:09"),
    ],
)
def test_the_operator_is_there_when_a_rest_begins_and_ends(spec, now, again):
    world = World(graphcron(schedule="0 0 1 1 *", preflight=False, **spec))
    world.look(at(now))
    assert world.again == at(again)


def test_requeued_when_next_preflight_is_due():
    world = World(graphcron(schedule="0 0 1 1 *"))
    world.look(NOW)
    (made,) = world.jobs.values()
    world.end(made, Report(Outcome.REJECTED, "no", "KeyRefused"))
    world.look(NOW + timedelta(seconds=10))
    assert world.status.preflight is not None
    assert world.again == world.status.preflight.next_time


# --- A line that is taken out while its run goes on


def test_a_line_that_is_taken_out_waits_for_its_run_to_end():
    world = World(graphcron(schedules=["0 9 * * *", "0 12 * * *"], preflight=False))
    world.look(at("11:59"))
    surplus = next(name for name in world.cronjobs if name != "hello")
    going = job("12:00", cronjob=surplus)
    world.jobs[going.name] = going
    world.change(schedules=["0 9 * * *"])
    world.look(at("12:01"))
    assert world.cronjobs[surplus].suspended
    world.end(going, Report(Outcome.SUCCEEDED))
    world.look(at("12:02"))
    assert list(world.cronjobs) == ["hello"]


# --- What the administrator does not allow


def test_plan_server_disallowed_then_allowed_skips_past_runs():
    """A server that is no longer allowed gets no runs; once it is allowed again, nothing is made up for."""
    world = World(graphcron(schedule="0 12 * * *", server={"url": "https://a.example.com"}))
    world.look(at("09:00"))
    made = len(world.made)
    world.settings = replace(SETTINGS, allowed_servers=("https://b.example.com",))
    world.trigger = RequestAnnotation("now", at("11:00"))
    for moment in ("11:00", "11:01", "12:02"):
        world.look(at(moment))
    assert (world.cronjobs["hello"].suspended, len(world.made)) == (True, made)
    ready = condition(world.status, "Ready")
    assert ready
    assert (ready.status, ready.reason) == ("False", "NotAllowed")
    assert "https://a.example.com is not in the administrator's allow-list" in ready.message
    world.settings = SETTINGS
    world.look(at("12:03"))
    cronjob = world.cronjobs["hello"]
    assert (cronjob.suspended, cronjob.schedule_since) == (False, at("12:03"))
    assert [run.reason for run in world.status.recent_runs or ()] == ["StartingDeadlineExceeded"]
    assert not world.made_for(Purpose.TRIGGER)


# --- Events


def test_each_thing_is_told_once():
    world = World(graphcron(failurePolicy={"pauseAfterConsecutiveFailures": 2}, preflight=False))
    world.look(at("11:59"))
    for minute in ("12:00", "12:05"):
        world.end(job(minute), FAILED)
        for second in (30, 40, 50):
            world.look(at(f"{minute}:{second}"))
    world.resume = RequestAnnotation("please", at("12:06"))
    for second in (0, 10, 20):
        world.look(at(f"12:06:{second:02}"))
    assert world.events == ["GraphError", "GraphError", "Paused", "Reconciled"]
