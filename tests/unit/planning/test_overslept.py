"""Nobody was there when the calendar's rest ended: the CronJobs overslept, and what was due meanwhile is told."""

import pytest

from graphcron.api.v1alpha1 import rfc3339
from tests.unit.world import World, at, graphcron

REST = {"excludes": [{"from": "2026-11-22T12:00", "to": "2026-11-22T13:00"}]}
CAMPAIGN = {"startTime": "2026-11-22T13:00:00Z"}


def told(world: World) -> list[str]:
    """Return the minutes that were told as never started, the oldest first."""
    runs = [run for run in world.status.recent_runs or [] if run.reason == "NotStarted"]
    spans = [(run.first_scheduled_time or run.scheduled_time, run.scheduled_time) for run in runs]
    return [f"{first:%H:%M}-{last:%H:%M}" for first, last in reversed(spans)]


def look(world: World, *times: str) -> None:
    for time in times:
        world.look(at(time))


def only(world: World):
    (seen,) = world.cronjobs.values()
    return seen


@pytest.mark.parametrize("spec", [REST, CAMPAIGN], ids=["excludes", "startTime"])
def test_what_was_due_after_the_rest_is_told(spec):
    world = World(graphcron(preflight=False, **spec))
    look(world, "11:58", "12:01", "14:02", "14:10")
    assert not only(world).suspended
    assert told(world) == ["13:00-14:05"]
    assert world.status.missed_runs == 14


@pytest.mark.parametrize("spec", [REST, CAMPAIGN], ids=["excludes", "startTime"])
def test_the_schedule_is_in_force_since_the_rest_ended(spec):
    world = World(graphcron(preflight=False, **spec))
    look(world, "11:58", "12:01", "14:02")
    assert rfc3339(only(world).schedule_since) == "2026-11-22T13:00:00Z"


def test_a_wake_in_time_tells_nothing():
    world = World(graphcron(schedule="0 18 * * *", preflight=False, **REST))
    look(world, "11:58", "12:01", "12:59", "13:30", "14:02")
    assert not only(world).suspended
    assert told(world) == []
    assert rfc3339(only(world).schedule_since) == "2026-11-22T12:59:00Z"


def test_rest_after_rest_is_no_miss():
    spans = [
        {"from": f"2026-11-22T{first}", "to": f"2026-11-22T{last}"}
        for first, last in (("12:00", "13:00"), ("13:30", "14:00"))
    ]
    world = World(graphcron(preflight=False, excludes=spans))
    look(world, "11:58", "12:01", "13:40", "14:05", "14:10")
    assert told(world) == ["13:00-14:05"]
    assert world.status.missed_runs == 8


def test_last_missed_run_is_caught_up():
    world = World(graphcron(preflight=False, catchUp="last", **REST))
    look(world, "11:58", "12:01", "14:02")
    (made,) = world.made
    assert made["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"] == "2026-11-22T13:55:00Z"


@pytest.mark.parametrize("changed", [{"suspend": False}, {"schedule": "*/10 * * * *"}, {"timeZone": "Europe/Berlin"}])
def test_a_spec_that_was_changed_meanwhile_counts_from_now(changed):
    world = World(graphcron(preflight=False, **REST))
    look(world, "11:58", "12:01")
    world.change(**changed)
    look(world, "14:02")
    assert rfc3339(only(world).schedule_since) == "2026-11-22T14:02:00Z"
    assert told(world) == []


def test_a_suspension_is_no_rest_of_the_calendar():
    world = World(graphcron(preflight=False, suspend=True, **REST))
    look(world, "11:58", "12:01", "14:02", "14:10")
    assert only(world).suspended
    assert told(world) == []
