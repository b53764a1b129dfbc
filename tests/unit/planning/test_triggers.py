"""Runs that a person asks for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import GraphCronStatus
from graphcron.cache.objects import RequestAnnotation
from graphcron.contract import Outcome, Report
from graphcron.errors import ClusterError
from graphcron.planning.plan import reported_history, status_without_plan
from tests.unit.world import World, at, environment, graphcron

ASKED = RequestAnnotation("2026-11-22T12:00:00Z", at("12:00"))
BEGUN = "2026-11-22T11:00:00Z"


def started(**spec) -> World:
    world = World(graphcron(created=BEGUN, preflight=False, **{"schedule": "0 0 1 1 *", **spec}))
    world.look(at("11:30"))
    return world


def triggers(world: World) -> int:
    return len(world.made_for(Purpose.TRIGGER))


def test_a_new_value_makes_one_job():
    world = started()
    world.trigger = ASKED
    for second in range(0, 60, 10):
        world.look(at(f"12:00:{second:02}"))
    (made,) = world.made_for(Purpose.TRIGGER)
    history = environment(made)
    assert history["GRAPHCRON_TRIGGER"] == ASKED.value
    assert history["GRAPHCRON_SCHEDULED_TIME"] == history["GRAPHCRON_REQUESTED_TIME"] == "2026-11-22T12:00:00Z"
    assert world.status.last_handled_trigger == ASKED.value
    assert world.cronjobs["hello"].handled_trigger == ASKED.value


def test_each_new_value_makes_a_job_of_its_own():
    world = started()
    for minute, value in enumerate(("once", "twice", "once")):
        world.trigger = RequestAnnotation(value, at(f"12:0{minute}"))
        world.look(at(f"12:0{minute}"))
    names = [each["metadata"]["name"] for each in world.made]
    assert len(names) == len(set(names)) == 2  # the name is the lock: "once" has been asked for before


@pytest.mark.parametrize("name", ["a", "a" * 52])
def test_the_name_of_the_job_is_one_that_kubernetes_takes(name):
    world = World(graphcron(name, created=BEGUN, preflight=False))
    world.look(at("11:30"))
    world.trigger = RequestAnnotation("anything: 🕰 \n at all", at("12:00"))
    world.look(at("12:00"))
    assert len(world.made[0]["metadata"]["name"]) <= 63


@pytest.mark.parametrize(
    ("lost", "forget"),
    [
        ("the status", {"status": GraphCronStatus()}),
        ("the CronJob", {"cronjobs": {}}),
        ("the Job", {"jobs": {}}),
        ("the status and the Job", {"status": GraphCronStatus(), "jobs": {}}),
        ("the CronJob and the Job", {"cronjobs": {}, "jobs": {}}),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_request_never_fires_twice_though_something_is_lost(lost, forget):
    world = started()
    world.trigger = ASKED
    world.look(at("12:00"))
    for member, value in forget.items():
        setattr(world, member, value)
    for second in range(10, 60, 10):
        world.look(at(f"12:00:{second}"))
    assert triggers(world) == 1


@pytest.mark.parametrize("and_the_status", [False, True])
def test_request_fires_once_without_its_annotation(and_the_status):
    world = started()
    world.trigger = ASKED
    world.look(at("12:00"))
    world.cronjobs = {"hello": replace(world.cronjobs["hello"], handled_trigger="")}
    if and_the_status:
        world.status = GraphCronStatus()
    world.look(at("12:00:30"))
    assert triggers(world) == 1  # at worst, the Job is there: its name is the lock
    assert world.cronjobs["hello"].handled_trigger == ASKED.value


def test_a_request_that_could_not_be_carried_out_is_carried_out_later():
    world = started()
    world.trigger = ASKED
    world.look(at("12:00"), problem=ClusterError("POST: 500"))
    assert (triggers(world), world.status.last_handled_trigger) == (0, None)
    world.look(at("12:00:05"))
    assert triggers(world) == 1


def test_a_request_that_stands_on_a_fresh_object_starts_nothing():
    created = at("11:00")
    world = World(graphcron(created=BEGUN, preflight=False), trigger=RequestAnnotation("in the repository", created))
    world.look(at("11:00:01"))
    world.look(at("11:00:02"))
    assert world.made == []
    assert world.status.last_handled_trigger == "in the repository"
    world.trigger = RequestAnnotation("and now", at("11:01"))
    world.look(at("11:01"))
    assert triggers(world) == 1


def test_trigger_of_unknown_time_on_fresh_object_starts_nothing():
    """A trigger whose time is unknown starts no run on a new object."""
    world = World(graphcron(created=BEGUN, preflight=False), trigger=RequestAnnotation("when?", None))
    world.look(at("11:00:01"))
    assert world.made == []


def test_request_before_first_reconcile_starts_a_run():
    world = World(graphcron(created=BEGUN, preflight=False), trigger=ASKED)
    world.look(at("12:00:10"))
    assert triggers(world) == 1


def test_trigger_fresh_object_with_wrong_spec_starts_nothing_when_fixed():
    # To put it right with the same `kubectl apply` makes the annotation look as young as the correction.
    """A trigger on a new object with an invalid spec starts no run when the spec is corrected."""
    world = World(
        graphcron(created=BEGUN, preflight=False), trigger=RequestAnnotation("in the repository", at("11:00"))
    )
    history = reported_history(world.observed, None)
    world.status = GraphCronStatus().model_copy(
        update={"observed_generation": 1, **status_without_plan(world.observed, history)}
    )
    world.trigger = RequestAnnotation("in the repository", at("11:10"))
    world.look(at("11:10"))
    assert world.made == []


def test_replaced_request_then_removed_starts_nothing():
    world = started()
    world.trigger = ASKED
    world.look(at("12:00"))
    world.trigger = None
    world.look(at("12:00:10"))
    assert world.status.last_handled_trigger == ASKED.value
    world.trigger = ASKED
    world.jobs = {}
    world.look(at("12:00:20"))
    assert triggers(world) == 1


@pytest.mark.parametrize(("seconds", "fires"), [(0, True), (120, True), (121, False)])
def test_a_request_that_is_seen_too_late_is_skipped_and_says_so(seconds, fires):
    world = started()
    world.trigger = ASKED
    world.look(at("12:00") + timedelta(seconds=seconds))
    world.look(at("12:30"))
    assert bool(triggers(world)) is fires
    assert world.status.last_handled_trigger == ASKED.value
    if not fires:
        assert world.status.recent_runs is not None
        assert [(run.trigger, run.outcome, run.reason, run.scheduled_time) for run in world.status.recent_runs] == [
            (ASKED.value, "Skipped", "StartingDeadlineExceeded", ASKED.time)
        ]


def test_a_request_of_the_future_is_one_of_now():
    world = started()
    world.trigger = RequestAnnotation("clocks differ", at("12:00:05"))
    world.look(at("12:00:01"))
    assert environment(world.made[0])["GRAPHCRON_REQUESTED_TIME"] == "2026-11-22T12:00:01Z"


@pytest.mark.parametrize(
    "spec",
    [
        {"suspend": True}, {"excludes": [{"date": "2026-11-22"}]}, {"startTime": "2026-12-01T00:00:00Z"},
        {"endTime": "2026-11-22T11:30:00Z"},
    ],
    ids=str,
)  # fmt: skip
def test_a_person_may_ask_while_the_schedule_rests(spec):
    world = started(**spec)
    world.trigger = ASKED
    world.look(at("12:00"))
    assert triggers(world) == 1


def test_a_run_that_a_person_asked_for_is_told_as_such():
    world = started()
    world.trigger = ASKED
    world.look(at("12:00"))
    (made,) = world.jobs.values()
    world.look(at("12:00:05"))
    assert world.status.active is not None
    assert [run.job for run in world.status.active] == [made.name]
    world.end(made, Report(Outcome.SUCCEEDED))
    world.look(at("12:01"))
    assert world.status.recent_runs is not None
    assert [(run.trigger, run.outcome) for run in world.status.recent_runs] == [(ASKED.value, "Succeeded")]
    assert world.status.last_schedule_time is None
