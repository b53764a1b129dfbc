"""Failures in a row, the pause that they end in, and what ends it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from graphcron.api.v1alpha1 import GraphCronStatus, RecentRun
from graphcron.cache.objects import RequestAnnotation
from graphcron.contract import Outcome, Report
from graphcron.errors import ClusterError
from graphcron.planning.failures import FAILURES, NEUTRAL, SUCCESSES, consecutive_failures
from tests.unit.world import NOW, World, at, condition, graphcron, job

POLICY = {"failurePolicy": {"pauseAfterConsecutiveFailures": 3}}
FAILED = Report(Outcome.GRAPH_ERROR, "raised ValueError")


def runs(*outcomes: Outcome) -> list[RecentRun]:
    return [RecentRun(scheduled_time=NOW, outcome=outcome.value) for outcome in outcomes]


def test_each_outcome_is_a_success_a_failure_or_neither():
    assert sorted([*SUCCESSES, *FAILURES, *NEUTRAL]) == sorted(Outcome)


S, F, T, K, I = Outcome.SUCCEEDED, Outcome.GRAPH_ERROR, Outcome.TIMEOUT, Outcome.SKIPPED, Outcome.INTERRUPTED  # noqa: E741


@pytest.mark.parametrize(
    ("before", "new", "after"),
    [
        (0, [], 0), (2, [], 2), (2, [F], 3), (2, [S], 0), (2, [S, F], 1), (2, [F, S], 0), (2, [K, K, I], 2),
        (2, [K, F, I, T], 4), (0, [Outcome.CANCELLED, Outcome.STOPPED, Outcome.UNKNOWN], 0), (1, [Outcome.OVER_BUDGET], 2),
        (1, [Outcome.REJECTED, Outcome.SERVER_UNREACHABLE, Outcome.INTERNAL_ERROR], 4),
    ],
)  # fmt: skip
def test_failures_are_counted_in_a_row(before, new, after):
    assert consecutive_failures(before, runs(*new)) == after


def failing(*minutes: str, world: World | None = None, **spec) -> World:
    world = world or World(graphcron(**{**POLICY, **spec}))
    world.look(at("11:59"))
    for minute in minutes:
        world.end(job(minute), FAILED)
        world.look(at(minute) + timedelta(seconds=30))
    return world


def is_paused(world: World) -> bool:
    shown = condition(world.status, "Paused") is not None
    assert shown == all(each.suspended for each in world.cronjobs.values())
    return shown


def test_as_many_failures_as_the_policy_says_pause():
    assert not is_paused(failing("12:00", "12:05"))
    paused = failing("12:00", "12:05", "12:10")
    assert is_paused(paused)
    assert paused.status.consecutive_failures == 3
    assert paused.status.next_schedule_times is None
    ready = condition(paused.status, "Ready")
    assert ready is not None
    assert (ready.status, ready.reason) == ("True", "Paused")


def test_looking_again_counts_no_failure_twice():
    world = failing("12:00", "12:05")
    for minute in range(6, 30):
        world.look(at(f"12:{minute:02}"))
    assert world.status.consecutive_failures == 2
    assert not is_paused(world)


def test_a_short_list_of_runs_counts_no_failure_twice():
    world = failing("12:00", "12:05", history={"runs": 1})
    for minute in range(6, 30):
        world.look(at(f"12:{minute:02}"))
    assert world.status.consecutive_failures == 2


def test_the_pause_tells_since_when_and_how_to_go_on():
    world = failing("12:00", "12:05", "12:10")
    told = condition(world.status, "Paused")
    assert told is not None
    assert told.message.startswith(
        "3 consecutive runs have failed, so no further runs start. The last failure: raised ValueError."
    )
    remedy = "kubectl annotate graphcron hello --namespace=agents --overwrite graphcron.dev/resume-requested-at="
    assert remedy in told.message
    since, writes = world.cronjobs["hello"].paused_since, world.writes
    world.look(at("14:00"))
    assert condition(world.status, "Paused") == told
    assert (world.cronjobs["hello"].paused_since, world.writes) == (since, writes)


def test_a_pause_lasts_though_a_run_that_was_under_way_succeeds():
    world = failing("12:00", "12:05", "12:10")
    world.end(job("12:11"), Report(Outcome.SUCCEEDED))
    world.look(at("12:12"))
    assert is_paused(world)


def test_a_pause_survives_a_lost_status():
    world = failing("12:00", "12:05", "12:10")
    world.forget([*world.jobs])
    world.status = GraphCronStatus()
    world.look(at("12:12"))
    assert is_paused(world)


def test_a_pause_survives_a_lost_cronjob():
    world = failing("12:00", "12:05", "12:10")
    world.cronjobs = {}
    world.look(at("12:12"))
    assert is_paused(world)
    assert world.cronjobs["hello"].paused_since == at("12:12")


def test_a_pause_survives_an_annotation_that_somebody_took_away():
    world = failing("12:00", "12:05", "12:10")
    world.cronjobs = {"hello": replace(world.cronjobs["hello"], paused_since=None)}
    world.look(at("12:12"))
    assert is_paused(world)


def test_a_request_ends_the_pause_and_the_count():
    world = failing("12:00", "12:05", "12:10")
    world.resume = RequestAnnotation("please", at("12:12"))
    world.look(at("12:12"))
    assert not is_paused(world)
    assert (world.status.consecutive_failures, world.status.last_handled_resume) == (None, "please")
    world.look(at("12:13"))
    assert not is_paused(world)


def test_the_same_request_ends_no_second_pause():
    world = failing("12:00", "12:05", "12:10")
    world.resume = RequestAnnotation("please", at("12:12"))
    failing("12:15", "12:20", "12:25", world=world)
    assert is_paused(world)
    world.resume = RequestAnnotation("once more", at("12:27"))
    world.look(at("12:27"))
    assert not is_paused(world)


@pytest.mark.parametrize("lost", ["status", "cronjob"])
def test_resume_request_one_note_lost_handled_once(lost):
    """A request is handled once, even if one of its two notes is lost."""
    world = failing("12:00", "12:05", "12:10")
    world.resume = RequestAnnotation("please", at("12:12"))
    failing("12:15", "12:20", "12:25", world=world)
    if lost == "status":
        world.status = GraphCronStatus()
    else:
        world.cronjobs = {}
    world.look(at("12:30"))
    assert is_paused(world)


def test_a_request_that_stands_there_from_the_start_ends_no_pause():
    world = World(graphcron(**POLICY), resume=RequestAnnotation("in the repository", at("11:00")))
    assert is_paused(failing("12:00", "12:05", "12:10", world=world))


def test_without_the_policy_nothing_pauses_and_what_was_paused_goes_on():
    world = failing("12:00", "12:05", "12:10")
    world.change(failurePolicy=None)
    world.look(at("12:12"))
    assert not is_paused(world)
    assert world.status.consecutive_failures == 3


def test_pause_write_failed_decided_again():
    """A pause and its end are decided again if they could not be carried out."""
    world = failing("12:00", "12:05")
    world.end(job("12:10"), FAILED)
    world.look(at("12:10:30"), problem=ClusterError("PATCH: 500"))
    assert not world.cronjobs["hello"].suspended
    world.look(at("12:10:40"))
    assert is_paused(world)
    world.resume = RequestAnnotation("please", at("12:12"))
    world.look(at("12:12"), problem=ClusterError("PATCH: 500"))
    assert world.cronjobs["hello"].suspended
    world.look(at("12:12:10"))
    assert not is_paused(world)
