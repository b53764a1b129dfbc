"""Runs that make up for a missed one."""

from datetime import timedelta

import pytest

from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import RecentRun
from graphcron.contract import Outcome, Report
from graphcron.errors import ClusterError
from graphcron.planning.triggers import catch_up_for
from tests.unit.world import World, at, environment, graphcron, job


def missed(minute: str, reason: str = "NotStarted") -> RecentRun:
    return RecentRun(scheduled_time=at(minute), outcome="Skipped", reason=reason)


@pytest.mark.parametrize(
    ("found", "caught_up"),
    [
        ([], None),
        (["11:50", "12:00", "11:55"], "12:00"),
        ([("12:00", "PredecessorActive")], None),
        (["11:55", ("12:00", "PredecessorActive")], "11:55"),
    ],
)
def test_the_last_that_nobody_started_is_caught_up(found, caught_up):
    runs = [missed(*each) if isinstance(each, tuple) else missed(each) for each in found]
    ask = catch_up_for(graphcron(catchUp="last").spec, "hello", runs, [], at("12:10"))
    assert (ask and ask.scheduled) == (caught_up and at(caught_up))
    assert catch_up_for(graphcron().spec, "hello", runs, [], at("12:10")) is None


def after_an_outage(**spec) -> World:
    """Return a GraphCron whose runs of 12:05, 12:10 and 12:15 nobody has started."""
    world = World(graphcron(preflight=False, catchUp="last", **spec))
    world.look(at("11:59"))
    world.end(job("12:00"), Report(Outcome.SUCCEEDED))
    world.look(at("12:00:30"))
    world.look(at("12:02:31"))
    return world


BACK = at("12:18")


def test_after_an_outage_one_run_is_made_up_for():
    world = after_an_outage()
    for minute in range(60):
        world.look(BACK + timedelta(seconds=minute))
    (made,) = world.made
    told = environment(made)
    assert made["metadata"]["name"] == job("12:15").name
    assert (told["GRAPHCRON_SCHEDULED_TIME"], told["GRAPHCRON_REQUESTED_TIME"]) == (
        "2026-11-22T12:15:00Z",
        "2026-11-22T12:18:00Z",
    )
    assert "GRAPHCRON_TRIGGER" not in told
    assert world.status.missed_runs == 3


def test_caught_up_run_replaces_only_its_skip():
    world = after_an_outage()
    world.look(BACK)
    world.end(world.jobs[job("12:15").name], Report(Outcome.SUCCEEDED))
    world.look(BACK + timedelta(seconds=30))
    assert world.status.recent_runs is not None
    assert [(f"{run.scheduled_time:%H:%M}", run.outcome, run.count) for run in world.status.recent_runs] == [
        ("12:15", "Succeeded", None),
        ("12:10", "Skipped", 2),
        ("12:00", "Succeeded", None),
    ]


def test_failed_catch_up_is_retried_later():
    world = after_an_outage()
    world.look(BACK, problem=ClusterError("POST: 500"))
    assert world.made == []
    world.look(BACK + timedelta(seconds=5))
    assert [each["metadata"]["name"] for each in world.made] == [job("12:15").name]
    assert world.status.missed_runs == 3


@pytest.mark.parametrize(
    "spec",
    [
        {"suspend": True}, {"endTime": "2026-11-22T12:17:00Z"}, {"startTime": "2026-12-01T00:00:00Z"},
        {"excludes": [{"from": "2026-11-22T12:17", "to": "2026-11-22T13:00"}]}, {"schedule": "*/4 * * * *"},
        {"timeZone": "Europe/Berlin"}, {"schedules": ["*/5 * * * *", "1 * * * *"]}, {"catchUp": "none"},
    ],
    ids=str,
)  # fmt: skip
def test_catch_up_schedule_changed_or_suspended_makes_up_nothing(spec):
    world = after_an_outage()
    if "schedules" in spec:
        spec = {**spec, "schedule": None}
    world.change(**spec)
    for seconds in range(0, 1000, 10):
        world.look(BACK + timedelta(seconds=seconds), problem=None)
        if seconds < 60:
            assert world.made == []


def test_nothing_is_made_up_for_while_failures_pause():
    world = after_an_outage(failurePolicy={"pauseAfterConsecutiveFailures": 1})
    world.end(job("12:01", name="hello-0123456789", trigger="now"), Report(Outcome.GRAPH_ERROR))
    world.look(BACK)
    world.look(BACK + timedelta(minutes=1))
    assert world.made == []


def test_while_no_job_starts_only_one_piles_up():
    """The operator is there and the controllers are not: Jobs are made, and nothing comes of them."""
    world = World(graphcron(preflight=False, catchUp="last", schedule="* * * * *", concurrencyPolicy="Allow"))
    for minute in range(30):
        for second in (0, 35):
            world.look(at(f"12:{minute:02}:{second:02}"))
    (made,) = world.made
    assert made["metadata"]["labels"]["graphcron.dev/purpose"] == "catch-up"
    assert world.status.missed_runs == 28


def test_catch_up_half_done_makes_up_no_earlier_run():
    """If a catch-up was only half carried out, no earlier run is made up for."""
    world = after_an_outage()
    going = job("12:15", purpose=Purpose.CATCH_UP)
    world.jobs[going.name] = going  # it was made, and then the API server failed
    world.look(BACK)
    world.end(going, Report(Outcome.SUCCEEDED))
    world.look(BACK + timedelta(minutes=1))
    assert world.made == []
    assert world.status.missed_runs == 2


def test_the_next_outage_has_a_run_of_its_own():
    world = after_an_outage()
    world.look(BACK)
    world.end(world.jobs[job("12:15").name], Report(Outcome.SUCCEEDED))
    world.look(BACK + timedelta(seconds=30))
    world.end(job("12:20"), Report(Outcome.SUCCEEDED))
    world.look(at("12:20:30"))
    world.look(at("12:35"))
    assert [each["metadata"]["name"] for each in world.made] == [job("12:15").name, job("12:30").name]
