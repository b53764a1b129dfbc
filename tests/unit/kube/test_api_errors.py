"""Writes that the API server refuses: what they hold up, and what they must not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.cache.objects import RequestAnnotation
from graphcron.contract import Outcome, Report
from tests.unit.world import CONTENTION, QUOTA, Fault, World, at, condition, graphcron, job

BEGUN = "2026-11-22T11:00:00Z"
YEARLY = "0 0 1 1 *"


def full(*purposes: Purpose) -> Callable[..., Fault | None]:
    """Return a ResourceQuota that is used up, for Jobs of these purposes."""

    def fault(method: str, resource: str, body: Any) -> Fault | None:
        if (method, resource) != ("POST", "jobs"):
            return None
        return QUOTA if body["metadata"]["labels"][names.LABEL_PURPOSE] in (purposes or list(Purpose)) else None

    return fault


def nothing(*_: Any) -> None:
    """Let nothing go wrong."""


def world_with_quota(*purposes: Purpose, **spec) -> World:
    world = World(graphcron(created=BEGUN, **{"schedule": YEARLY, **spec}))
    world.fault = full(*purposes)
    return world


def told(world: World, kind: str) -> tuple[str, str, bool]:
    """Return status and reason of a condition, and whether it has the API server's words."""
    found = condition(world.status, kind)
    return (found.status, found.reason, "exceeded quota: q" in found.message) if found else ("", "", False)


@pytest.mark.parametrize("spec", [{"suspend": True}, {"schedule": "0 4 * * *"}, {"assistant": "other"}], ids=str)
def test_an_edit_reaches_the_cronjob_though_the_preflight_is_refused(spec):
    world = world_with_quota()
    world.look(at("11:30"))
    before = world.cronjobs["hello"]
    world.change(**spec)
    world.look(at("11:31"))
    assert world.cronjobs["hello"].applied != before.applied
    assert world.cronjobs["hello"].suspended is bool(spec.get("suspend"))
    assert told(world, "Ready") == ("True", "Suspended" if "suspend" in spec else "Reconciled", False)
    assert told(world, "TargetResolved") == ("Unknown", "FailedCreate", True)


def test_a_refused_preflight_is_no_attempt_and_resolves_once_it_is_taken():
    world = world_with_quota()
    for second in range(5):
        world.look(at(f"11:30:0{second}"))
    assert world.status.preflight is not None
    assert (world.status.preflight.attempts, world.status.preflight.time) == (0, None)
    world.fault = nothing
    world.look(at("11:30:30"))
    assert (len(world.made), world.status.preflight.attempts) == (1, 1)
    assert told(world, "TargetResolved") == ("Unknown", "Checking", False)


def test_a_refused_request_is_told_once_and_starts_once_it_is_taken():
    world = world_with_quota(Purpose.TRIGGER, preflight=False)
    world.look(at("11:59"))
    world.trigger = RequestAnnotation("now", at("12:00"))
    for second in range(5):
        world.look(at(f"12:00:0{second}"))
    assert told(world, "Ready") == ("True", "Reconciled", False)
    assert told(world, "RunDelayed") == ("True", "FailedCreate", True)
    assert (world.status.last_handled_trigger, world.cronjobs["hello"].handled_trigger) == (None, "")
    assert (world.events, world.made) == (["RunDelayed"], [])
    world.fault = nothing
    for minute in range(2, 9):
        world.look(at(f"12:0{minute}") if minute > 2 else at("12:01:30"))
    assert len(world.made) == 1
    assert told(world, "RunDelayed") == ("", "", False)
    assert (world.status.last_handled_trigger, world.cronjobs["hello"].handled_trigger) == ("now", "now")


def test_trigger_refused_until_deadline_skipped_with_api_message():
    """A trigger that is refused until its deadline is skipped, with the API server's message."""
    world = world_with_quota(Purpose.TRIGGER, preflight=False)
    world.look(at("11:59"))
    world.trigger = RequestAnnotation("now", at("12:00"))
    for seconds in (1, 60, 120, 121, 180):
        world.look(at("12:00") + timedelta(seconds=seconds))
    world.fault = nothing
    world.look(at("12:05"))
    world.look(at("12:06"))
    (run,) = world.status.recent_runs or ()
    assert (run.trigger, run.outcome, run.reason) == ("now", Outcome.SKIPPED, "StartingDeadlineExceeded")
    assert run.message is not None
    assert "exceeded quota: q" in run.message
    assert "retries" not in run.message
    assert (world.made, told(world, "RunDelayed")) == ([], ("", "", False))
    assert (world.status.last_handled_trigger, world.cronjobs["hello"].handled_trigger) == ("now", "now")


def test_existing_job_not_posted_under_full_quota():
    world = world_with_quota()
    world.fault = nothing
    world.look(at("11:59"))
    world.trigger = RequestAnnotation("now", at("12:00"))
    world.look(at("12:00"))
    world.fault = full()
    remembered = world.cronjobs["hello"]
    for minute in range(1, 10):
        world.look(at(f"12:0{minute}"))
    assert world.cronjobs["hello"] == remembered
    assert told(world, "TargetResolved") == ("Unknown", "Checking", False)
    assert told(world, "RunDelayed") == ("", "", False)


def test_a_refused_catch_up_is_decided_again_and_counted_once():
    world = world_with_quota(Purpose.CATCH_UP, preflight=False, catchUp="last", schedule="*/5 * * * *")
    world.look(at("11:59"))
    for second in range(5):
        world.look(at("12:18") + timedelta(seconds=second))
    assert told(world, "RunDelayed") == ("True", "FailedCreate", True)
    assert world.status.missed_runs == 3  # the last one waits for its Job
    world.fault = nothing
    world.look(at("12:19"))
    assert [each["metadata"]["name"] for each in world.made] == [f"hello-{int(at('12:15').timestamp()) // 60}"]
    assert (world.status.missed_runs, told(world, "RunDelayed")) == (4, ("", "", False))


# --- Other writes


def once(method: str, resource: str, fault: Fault) -> Callable[..., Fault | None]:
    """Let the first request of that kind fail."""
    left = [fault]
    return lambda *request: left.pop() if left and request[:2] == (method, resource) else None


def test_lost_event_affects_nothing_else():
    world = World(graphcron(created=BEGUN, preflight=False, schedule="*/5 * * * *"))
    world.look(at("11:59"))
    for minute in ("12:00", "12:05", "12:10"):
        world.end(job(minute), Report(Outcome.GRAPH_ERROR, "raised ValueError"))
    world.fault = once("POST", "events", Fault(500, "InternalError"))
    world.look(at("12:11"))
    assert (world.events, world.raised) == (["GraphError", "GraphError"], None)
    assert len(world.status.recent_runs or ()) == 3


@pytest.mark.parametrize("fault", [Fault(), CONTENTION, Fault(500, "InternalError")], ids=str)
def test_what_is_not_allowed_is_suspended_line_by_line_and_retried(fault):
    runner = {"env": [{"name": "A", "value": "b"}]}
    world = World(graphcron(created=BEGUN, schedules=["0 4 * * *", "0 5 * * *"], runner=runner))
    world.look(at("11:59"))
    world.settings = replace(world.settings, allowed_servers=("http://other:2024",))
    world.fault = once("PATCH", "cronjobs", fault)
    world.look(at("12:00"))
    assert sorted(each.suspended for each in world.cronjobs.values()) == [False, True]
    assert world.raised is not None
    ready = condition(world.status, "Ready")
    assert ready is not None
    assert (ready.reason, "New runs still start" in ready.message) == ("NotAllowed", True)
    world.look(at("12:01"))
    assert all(each.suspended for each in world.cronjobs.values())
    ready = condition(world.status, "Ready")
    assert ready is not None
    assert (world.raised, ready.message.endswith("No new runs start.")) == (None, True)


def test_one_refused_cronjob_holds_up_no_other_but_every_job():
    lines = ["0 4 * * *", "0 5 * * *", "0 6 * * *"]
    world = World(graphcron(created=BEGUN, schedules=lines))
    world.fault = once("POST", "cronjobs", CONTENTION)
    world.look(at("11:59"))
    assert (len(world.cronjobs), world.made, told(world, "Ready")[:2]) == (2, [], ("False", "ClusterError"))
    world.look(at("11:59:01"))
    assert (len(world.cronjobs), len(world.made), told(world, "Ready")[:2]) == (3, 1, ("True", "Reconciled"))


@pytest.mark.parametrize("fault", [Fault(409, "Conflict"), Fault(500, "InternalError")], ids=str)
def test_status_write_failed_written_next_time_complete(fault):
    """A status that could not be written is written at the next reconcile and loses nothing."""
    world = World(graphcron(created=BEGUN, preflight=False, schedule=YEARLY))
    world.look(at("11:59"))
    world.trigger = RequestAnnotation("late", at("12:00"))
    world.fault = once("PUT", "graphcrons", fault)
    world.look(at("12:30"))
    assert world.raised is not None
    world.look(at("12:30:01"))
    assert [run.trigger for run in world.status.recent_runs or ()] == ["late"]
    assert (world.raised, world.status.last_handled_trigger) == (None, "late")


def test_pause_ended_status_write_failed_stays_ended():
    world = World(graphcron(created=BEGUN, schedule="*/5 * * * *", failurePolicy={"pauseAfterConsecutiveFailures": 2}))
    world.look(at("11:59"))
    for minute in ("12:00", "12:05"):
        world.end(job(minute), Report(Outcome.GRAPH_ERROR, "raised ValueError"))
    world.look(at("12:06"))
    world.resume = RequestAnnotation("please", at("12:07"))
    world.fault = once("PUT", "graphcrons", Fault(409, "Conflict"))
    for second in range(3):
        world.look(at("12:07") + timedelta(seconds=second))
        assert not world.cronjobs["hello"].suspended
    assert (world.status.consecutive_failures, world.status.last_handled_resume) == (None, "please")


def test_request_costs_two_writes():
    world = World(graphcron(created=BEGUN, preflight=False, schedule=YEARLY))
    world.look(at("11:59"))
    before = world.writes
    world.trigger = RequestAnnotation("now", at("12:00"))
    for second in range(5):
        world.look(at("12:00") + timedelta(seconds=second))
    shows_it_as_active = 1
    assert (world.writes - before, len(world.made)) == (2 + shows_it_as_active, 1)
