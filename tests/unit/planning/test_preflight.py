"""Looking before the first run: when, how often, and what it found."""

from datetime import datetime, timedelta

import pytest

from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import GraphCronStatus
from graphcron.contract import Outcome, Report
from graphcron.errors import ClusterError
from graphcron.planning.preflight import report_of
from graphcron.settings import Settings
from tests.unit.world import NOW, SETTINGS, World, applied, at, condition, graphcron, job, pod

GOOD = Report(
    Outcome.SUCCEEDED, "langgraph-api 0.16.7 answers, and has the assistant agent", server="langgraph-api 0.16.7"
)
BAD = Report(Outcome.REJECTED, "there is no assistant agent", "AssistantNotFound")
DAY = "0 0 * * *"


def begun(**spec) -> World:
    world = World(graphcron(schedule=DAY, **spec))
    world.look(NOW)
    return world


def looks(world: World) -> int:
    return len(world.made_for(Purpose.PREFLIGHT))


def target(world: World) -> tuple[str, str] | None:
    told = condition(world.status, "TargetResolved")
    return told and (told.status, told.reason)


def ended(world: World, *reports: Report, now: datetime) -> World:
    """Let the newest preflight end, and everything of it be gone some time later, as its time to live says."""
    newest = world.jobs[world.made_for(Purpose.PREFLIGHT)[-1]["metadata"]["name"]]
    world.end(newest, *reports)
    world.look(now)
    world.forget([newest.name])
    world.look(now + timedelta(seconds=300))
    return world


def test_it_is_made_once():
    world = begun()
    for minute in range(1, 60):
        world.look(at(f"12:{minute:02}"))
    assert looks(world) == 1
    assert target(world) == ("Unknown", "Checking")


def test_it_starts_no_run_and_is_none():
    world = begun()
    (made,) = world.made
    assert made["metadata"]["labels"][names.LABEL_PURPOSE] == "preflight"
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "GRAPHCRON_PREFLIGHT", "value": "1"} in container["env"]
    ended(world, BAD, now=at("12:02"))
    assert world.status.recent_runs is None
    assert world.status.consecutive_failures is None
    assert world.status.last_schedule_time is None


def test_it_can_be_turned_off():
    world = begun(preflight=False)
    assert (looks(world), target(world), world.status.preflight) == (0, None, None)


def test_turned_off_what_it_found_is_gone():
    world = ended(begun(), BAD, now=at("12:02"))
    world.change(preflight=False)
    world.look(at("12:10"))
    assert (target(world), world.status.preflight) == (None, None)


def test_what_it_found_is_told_and_kept():
    world = ended(begun(), GOOD, now=at("12:02"))
    assert target(world) == ("True", "Resolved")
    assert world.status.preflight is not None
    assert world.status.preflight.server == "langgraph-api 0.16.7"


def test_where_all_is_well_it_is_not_made_again():
    world = ended(begun(), GOOD, now=at("12:02"))
    for day in range(10):
        world.look(at("13:00") + timedelta(days=day))
    assert looks(world) == 1
    assert target(world) == ("True", "Resolved")


@pytest.mark.parametrize(
    "spec",
    [
        {"assistant": "other"}, {"input": {"a": 1}}, {"server": {"url": "http://other"}},
        {"thread": {"id": "4f6b3c1e-0d4a-4c55-9a53-6a1c2f0e7b11"}}, {"context": {"model": "small"}},
        {"server": {"apiKeySecretRef": {"name": "other", "key": "key"}}},
    ],
    ids=str,
)  # fmt: skip
def test_a_change_of_the_spec_makes_it_anew(spec):
    world = ended(begun(), GOOD, now=at("12:02"))
    world.change(**spec)
    world.look(at("12:10"))
    assert looks(world) == 2
    assert target(world) == ("Unknown", "Checking")
    assert world.status.preflight is not None
    assert (world.status.preflight.attempts, world.status.preflight.server) == (1, None)


@pytest.mark.parametrize(
    "spec",
    [
        {"schedule": "0 1 * * *"},
        {"suspend": True},
        {"history": {"runs": 3}},
        {"catchUp": "last"},
        {"timeZone": "Asia/Tokyo"},
        {"endTime": "2030-01-01T00:00:00Z"},
        {"runner": {"image": "example.com/other"}},
    ],
    ids=str,
)
def test_a_change_that_is_no_matter_of_the_target_does_not(spec):
    world = ended(begun(), GOOD, now=at("12:02"))
    world.change(**spec)
    for minute in range(10, 60):
        world.look(at(f"12:{minute}"))
    assert looks(world) == 1
    assert target(world) == ("True", "Resolved")


def test_preflight_wrong_finding_repeated_with_back_off():
    """A negative preflight is repeated within a minute, and then with back-off."""
    world, found = begun(), at("12:02")
    pauses = []
    for failures in range(1, 12):
        newest = world.jobs[world.made_for(Purpose.PREFLIGHT)[-1]["metadata"]["name"]]
        world.end(newest, BAD)
        world.look(found)
        assert target(world) == ("False", "AssistantNotFound")
        assert world.status.preflight is not None
        assert (world.status.preflight.outcome, world.status.preflight.failures) == ("Rejected", failures)
        due = world.status.preflight.next_time
        assert due is not None
        world.forget([newest.name])
        world.look(due - timedelta(seconds=1))
        assert looks(world) == failures
        world.look(due)
        assert looks(world) == failures + 1
        assert target(world) == ("False", "AssistantNotFound")  # until there is something new
        pauses.append((due - found).total_seconds())
        found = due + timedelta(seconds=5)
    longest = [min(60 * 2**number, SETTINGS.preflight_seconds) for number in range(11)]
    assert all(each / 2 <= pause <= each + 1 for pause, each in zip(pauses, longest, strict=True)), pauses
    ended(world, GOOD, now=found)
    assert target(world) == ("True", "Resolved")
    world.look(found + timedelta(days=9))
    assert looks(world) == 12


def test_back_off_begins_again_after_a_change():
    world = ended(begun(), BAD, now=at("12:02"))
    world.change(assistant="other")
    world.look(at("12:10"))
    assert world.status.preflight is not None
    assert (world.status.preflight.attempts, world.status.preflight.failures) == (1, 0)


def test_lost_preflight_is_repeated_with_back_off_too():
    world = begun()
    world.end(world.jobs[world.made[-1]["metadata"]["name"]])
    world.look(at("12:05:31"))
    assert target(world) == ("Unknown", "PodLost")
    assert world.status.preflight is not None
    due = world.status.preflight.next_time
    assert due is not None
    assert at("12:06") <= due <= at("12:06:32")
    world.look(at("12:05:32"))
    assert looks(world) == 1
    world.look(due)
    assert looks(world) == 2


def test_pod_seen_after_job_end_decides():
    world = begun()
    newest = world.jobs[world.made[-1]["metadata"]["name"]]
    world.end(newest)
    world.look(at("12:01"))
    world.end(newest, BAD)
    world.look(at("12:01:01"))
    assert target(world) == ("False", "AssistantNotFound")
    assert world.status.preflight is not None
    assert world.status.preflight.failures == 1


@pytest.mark.parametrize(("status", "more"), [("True", 0), ("False", 1)])
def test_finding_of_a_version_that_did_not_remember_it_counts(status, more):
    world = ended(begun(), GOOD if status == "True" else BAD, now=at("12:02"))
    assert world.status.preflight is not None
    old = world.status.preflight.model_copy(update={"outcome": None, "failures": None, "next_time": None})
    world.status = world.status.model_copy(update={"preflight": old})
    before = looks(world)
    world.look(at("13:00"))
    assert looks(world) == before + more


def test_one_that_vanished_without_a_word_is_made_again():
    world = begun()
    (name,) = world.jobs
    world.forget([name])
    plan = world.look(at("12:10"))
    assert [each["metadata"]["name"] for each in plan.jobs.values()] == [name]


def test_one_that_could_not_be_made_is_made_later():
    world = World(graphcron(schedule=DAY))
    world.look(NOW, problem=ClusterError("POST: 500"))
    world.look(NOW + timedelta(seconds=5))
    assert looks(world) == 1


def test_a_lost_status_makes_it_anew_and_no_more_often():
    world = ended(begun(), GOOD, now=at("12:02"))
    world.status = GraphCronStatus()
    for minute in range(10, 60):
        world.look(at(f"12:{minute}"))
    assert looks(world) == 2


def test_another_operators_settings_make_it_anew():
    world = ended(begun(), GOOD, now=at("12:02"))
    world.settings = Settings(server_url="http://another:2024")
    world.look(at("12:10"))
    assert looks(world) == 2


@pytest.mark.parametrize("name", ["a", "a" * 52, "a" * 51 + "b"])
def test_the_name_of_the_job_is_one_that_kubernetes_takes(name):
    world = World(graphcron(name))
    world.look(NOW)
    assert len(world.made[0]["metadata"]["name"]) <= 63


# --- What a Job found


STOPPED, LOST = Report(Outcome.STOPPED), Report(Outcome.INTERNAL_ERROR, "KeyError at x.py:1", "KeyError")


@pytest.mark.parametrize(
    ("reports", "over", "found"),
    [
        ([], False, None),
        ([GOOD], False, GOOD),
        ([BAD], True, BAD),
        ([STOPPED, GOOD], False, GOOD),
        ([LOST, BAD], True, BAD),
        ([STOPPED], False, None),
        ([LOST], False, None),
        ([LOST, LOST], True, LOST),
    ],
)
def test_the_newest_pod_has_the_last_word(reports, over, found):
    look = job(name="hello-look", failed=over, purpose=Purpose.PREFLIGHT)
    pods = [pod(look, report, number=number) for number, report in enumerate(reports)]
    assert report_of("hello-look", [look], pods) == found
    assert report_of("hello-look", [look], pods[::-1]) == found
    assert report_of("hello-other", [look], pods) is None


def test_a_job_that_failed_without_a_word_says_so():
    look = job(name="hello-look", failed=True, purpose=Purpose.PREFLIGHT)
    found = report_of("hello-look", [look], [])
    assert found is not None
    assert found.reason == "PodLost"
    assert report_of("hello-look", [look], [pod(look, terminal=False)]) is None
    assert report_of("hello-look", [], []) is None


def test_the_cronjob_is_made_whatever_the_preflight_finds():
    world = ended(begun(), BAD, now=at("12:02"))
    ready = condition(world.status, "Ready")
    assert ready is not None
    assert (ready.status, ready.reason) == ("True", "Reconciled")
    assert [applied(each).name for each in world.look(at("12:10")).cronjobs] == ["hello"]
