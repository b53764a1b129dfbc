"""What the golden files can't show: CronJobs that are there already, specs that can't be rendered, and rests."""

import random
import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from graphcron.api import names
from graphcron.contract import Request
from graphcron.errors import SpecError
from graphcron.manifests.cronjob import PersistedState, cronjob_names, cronjobs_for, is_up_to_date
from graphcron.manifests.suspension import next_suspension_change, suspension_reason
from graphcron.settings import Settings
from tests.unit.world import SETTINGS, applied, at, graphcron

NOW = at("12:00") + timedelta(microseconds=400_000)
LATER = NOW + timedelta(hours=1)
NOTHING = PersistedState()


def since(manifest) -> str:
    return manifest["metadata"]["annotations"][names.ANNOTATION_SCHEDULE_SINCE]


def all_rendered(*seen, now=NOW, persisted=NOTHING, settings=SETTINGS, **spec):
    return cronjobs_for(graphcron(**spec), settings, {each.name: each for each in seen}, persisted, now=now)


def rendered(*seen, **members):
    return all_rendered(*seen, **members)[0]


def test_a_schedule_begins_at_the_next_whole_second():
    # What was due at 12:00:00 was due before 12:00:00.4, and must not count as after it.
    assert since(rendered()) == "2026-11-22T12:00:01Z"


@pytest.mark.parametrize(
    "spec",
    [
        {"input": {"a": 1}}, {"timeoutSeconds": 60}, {"concurrencyPolicy": "Replace"}, {"concurrencyPolicy": "Queue", "queueLimit": 2}, {"history": {"runs": 5}},
        {"retry": {"attempts": 2}}, {"catchUp": "last"}, {"thread": {"per": "day"}}, {"budget": {}},
        {"server": {"url": "http://other", "maxConcurrentRuns": 3}}, {"preflight": False},
        {"failurePolicy": {"pauseAfterConsecutiveFailures": 1}}, {"endTime": "2026-12-01T00:00:00Z"},
        {"excludes": [{"date": "2026-12-25"}]}, {"runner": {"image": "example.com/other"}}, {"schedules": ["*/5 * * * *"]},
    ],
    ids=str,
)  # fmt: skip
def test_a_change_of_anything_but_the_schedule_leaves_its_beginning(spec):
    assert since(rendered(applied(rendered()), now=LATER, **spec)) == since(rendered())


def test_what_the_cronjob_remembers_leaves_its_beginning():
    persisted = PersistedState(handled_trigger="now", handled_resume="please")
    assert since(rendered(applied(rendered()), now=LATER, persisted=persisted)) == since(rendered())


@pytest.mark.parametrize(
    "spec",
    [
        {"schedule": "*/10 * * * *"}, {"timeZone": "Europe/Berlin"}, {"suspend": True},
        {"endTime": "2026-11-22T12:30:00Z"}, {"startTime": "2026-11-22T14:00:00Z"}, {"excludes": [{"date": "2026-11-22"}]},
    ],
    ids=str,
)  # fmt: skip
def test_schedule_or_suspend_change_moves_since(spec):
    assert since(rendered(applied(rendered()), now=LATER, **spec)) == "2026-11-22T13:00:01Z"


@pytest.mark.parametrize(
    "spec", [{"suspend": True}, {"excludes": [{"from": "2026-11-22T11:00", "to": "2026-11-22T13:00"}]}]
)
def test_the_end_of_a_rest_moves_the_beginning(spec):
    assert since(rendered(applied(rendered(**spec)), now=LATER)) == "2026-11-22T13:00:01Z"


def test_pause_and_resume_move_the_beginning():
    paused = rendered(applied(rendered()), persisted=PersistedState(paused_since=NOW), now=LATER)
    assert (paused["spec"]["suspend"], since(paused)) == (True, "2026-11-22T13:00:01Z")
    resumed = rendered(applied(paused), now=LATER + timedelta(hours=1))
    assert (resumed["spec"]["suspend"], since(resumed)) == (False, "2026-11-22T14:00:01Z")


def test_a_beginning_that_somebody_has_taken_away_is_now():
    seen = replace(applied(rendered()), schedule_since=None)
    assert since(rendered(seen, now=LATER)) == "2026-11-22T13:00:01Z"


def test_the_pod_carries_the_beginning():
    container = rendered()["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    request = next(each["value"] for each in container["env"] if each["name"] == "GRAPHCRON_REQUEST")
    assert '"notBefore":"2026-11-22T12:00:01Z"' in request


# --- Several lines


LINES = ["0 9 * * 1-5", "0 12 * * 0,6", "@monthly"]


def test_each_line_has_a_cronjob_and_the_first_the_graphcrons_name():
    manifests = all_rendered(schedules=LINES)
    assert [each["spec"]["schedule"] for each in manifests] == LINES
    found = [each["metadata"]["name"] for each in manifests]
    assert found[0] == "hello"
    assert all(re.fullmatch(r"hello-[0-9a-f]{10}", each) for each in found[1:])
    assert len(set(found)) == len(LINES)


@pytest.mark.parametrize(
    "name", ["a", "a" * 52, "a" * 40 + ".b" * 6, "a" * 39 + "--b", "a.b", f"{'a' * 40}-{'b' * 11}"]
)
def test_names_of_cronjobs_are_names_that_kubernetes_takes(name):
    label = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    for each in cronjob_names(graphcron(name, schedules=LINES)):
        assert re.fullmatch(rf"{label}(\.{label})*", each)
        assert len(each) <= names.MAX_NAME_LENGTH


def test_names_depend_on_graphcron_and_line_index():
    assert cronjob_names(graphcron(schedules=LINES)) == cronjob_names(graphcron(schedules=["@daily", *LINES[1:]]))
    assert cronjob_names(graphcron(schedules=LINES))[:2] == cronjob_names(graphcron(schedules=LINES[:2]))


def test_a_line_more_leaves_the_beginning_of_the_others():
    before = all_rendered(schedules=LINES[:2])
    after = all_rendered(*map(applied, before), schedules=LINES, now=LATER)
    assert [since(each) for each in after] == [*map(since, before), "2026-11-22T13:00:01Z"]


def test_a_change_of_one_line_moves_its_beginning_only():
    before = all_rendered(schedules=LINES)
    after = all_rendered(*map(applied, before), schedules=[LINES[0], "0 13 * * 0,6", LINES[2]], now=LATER)
    assert [since(each) for each in after] == ["2026-11-22T12:00:01Z", "2026-11-22T13:00:01Z", "2026-11-22T12:00:01Z"]


def test_h_is_written_out_and_differs_between_lines():
    first, second = (each["spec"]["schedule"] for each in all_rendered(schedules=["H H * * *", "H H * * 0"]))
    assert re.fullmatch(r"\d+ \d+ \* \* \*", first)
    assert first.split()[:2] != second.split()[:2]
    assert rendered(schedule="H H * * *")["spec"]["schedule"] == first


def test_the_first_cronjob_remembers_and_all_rest():
    persisted = PersistedState(paused_since=NOW, handled_trigger="now", handled_resume="please")
    first, *others = all_rendered(schedules=LINES, persisted=persisted)
    kept = applied(first)
    assert (kept.paused_since, kept.handled_trigger, kept.handled_resume) == (at("12:00"), "now", "please")
    assert all(each["spec"]["suspend"] for each in (first, *others))
    for each in map(applied, others):
        assert (each.paused_since, each.handled_trigger, each.handled_resume) == (None, "", "")


# --- In place


def test_a_cronjob_that_nobody_touched_is_in_place():
    manifest = rendered()
    assert is_up_to_date(rendered(applied(manifest), now=LATER), applied(manifest), generation=1)


@pytest.mark.parametrize(("generation", "in_place"), [(1, True), (2, False)], ids=["as created", "changed"])
def test_a_cronjob_without_a_report_is_in_place_as_it_was_created(generation, in_place):
    assert is_up_to_date(rendered(), applied(rendered(), generation=generation), generation=None) is in_place


@pytest.mark.parametrize(
    ("what", "seen"),
    [
        ("its spec was edited", applied(rendered(), generation=2)),
        ("it holds another manifest", applied(rendered(timeoutSeconds=60))),
        ("its owner was removed", replace(applied(rendered()), controller_uid="")),
        ("a label was removed", replace(applied(rendered()), labels={})),
        ("it remembers something else", applied(rendered(persisted=PersistedState(handled_trigger="before")))),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_cronjob_is_not_in_place_when(what, seen):
    assert not is_up_to_date(rendered(seen), seen, generation=1)


# --- What can't be rendered, and what is filled in


def test_a_request_too_large_for_the_environment_points_to_input_from():
    with pytest.raises(SpecError, match=r"spec\.input: the request is .* bytes.*spec\.inputFrom"):
        rendered(input="x" * 110_000)


def test_a_graphcron_without_a_server_is_refused_where_the_operator_has_none():
    with pytest.raises(SpecError, match=r"spec\.server\.url: is not set"):
        rendered(settings=Settings())


def test_the_operators_key_goes_to_the_operators_server_only():
    settings = Settings(server_url="http://ours", api_key_secret_name="ours", ca_config_map_name="ours")
    ours = str(rendered(settings=settings))
    theirs = str(rendered(settings=settings, server={"url": "http://theirs"}))
    assert "'secretKeyRef': {'name': 'ours'" in ours
    assert "'configMap': {'name': 'ours'" in ours
    assert "'name': 'ours'" not in theirs


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 600 + 120 + 120), (2, 600 + 2 * (600 + 90) + 120 + 120)])
def test_a_job_has_time_for_all_its_attempts(attempts, seconds):
    retry = {"retry": {"attempts": attempts}} if attempts else {}
    job = rendered(timeoutSeconds=600, **retry)["spec"]["jobTemplate"]["spec"]
    assert job["activeDeadlineSeconds"] == seconds


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 900 + 120 + 120), (2, 900 + 2 * (900 + 90) + 120 + 120)])
def test_a_job_without_a_timeout_has_the_operators_default(attempts, seconds):
    settings = replace(SETTINGS, default_timeout_seconds=900)
    job = rendered(settings=settings, **({"retry": {"attempts": attempts}} if attempts else {}))
    assert job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] == seconds


def test_the_runner_has_the_operators_default_timeout():
    # What both know is not told, so that a runner of an earlier version can read the request.
    assert "defaultTimeoutSeconds" not in str(rendered())
    settings = replace(SETTINGS, default_timeout_seconds=900)
    assert '"defaultTimeoutSeconds":900' in str(rendered(settings=settings))
    assert Request(url="", assistant="").defaultTimeoutSeconds == Settings().default_timeout_seconds == 604_800


# --- Rests


CAMPAIGN = {"startTime": "2026-11-22T13:00:00Z", "endTime": "2026-11-22T15:00:00Z"}
LUNCH = {"excludes": [{"from": "2026-11-22T12:00", "to": "2026-11-22T13:00"}]}
BOTH = {**CAMPAIGN, "excludes": [{"from": "2026-11-22T12:30", "to": "2026-11-22T13:30"}]}
TO_THE_END = {**CAMPAIGN, "excludes": [{"from": "2026-11-22T14:00", "to": "2026-11-22T16:00"}]}
MINUTE = {"excludes": [{"from": "2026-11-22T12:00", "to": "2026-11-22T12:01"}]}
BERLIN = {"timeZone": "Europe/Berlin", "excludes": [{"date": "2026-11-23"}]}

RESTS = [
    ("before the campaign", CAMPAIGN, "12:58:59", "NotYetActive"),
    ("awake a minute before it begins", CAMPAIGN, "12:59:00", None),
    ("at its begin", CAMPAIGN, "13:00:00", None),
    ("in its last second", CAMPAIGN, "14:59:59", None),
    ("at its end", CAMPAIGN, "15:00:00", "NoLongerActive"),
    ("before what is excluded", LUNCH, "11:59:59", None),
    ("at the begin of what is excluded", LUNCH, "12:00:00", "Excluded"),
    ("within", LUNCH, "12:58:59", "Excluded"),
    ("awake a minute before the end of what is excluded", LUNCH, "12:59:00", None),
    ("a campaign that begins in what is excluded, before", BOTH, "12:59:59", "NotYetActive"),
    ("a campaign that begins in what is excluded, within", BOTH, "13:00:00", "Excluded"),
    ("a campaign that begins in what is excluded, at last", BOTH, "13:29:00", None),
    ("excluded to the campaign's end", TO_THE_END, "14:59:30", "Excluded"),
    ("excluded past the campaign's end", TO_THE_END, "15:30:00", "NoLongerActive"),
    ("a minute is too short for a rest", MINUTE, "12:00:00", None),
    ("by the zone's days, before", BERLIN, "22:59:59", None),
    ("by the zone's days, within", BERLIN, "23:00:00", "Excluded"),
    ("suspended, and excluded too", {**LUNCH, "suspend": True}, "12:30:00", "Suspended"),
    ("suspended before the campaign", {**CAMPAIGN, "suspend": True}, "12:30:00", "Suspended"),
    ("suspended after the campaign", {**CAMPAIGN, "suspend": True}, "15:30:00", "NoLongerActive"),
]


@pytest.mark.parametrize(("spec", "moment", "reason"), [each[1:] for each in RESTS], ids=[each[0] for each in RESTS])
def test_it_rests(spec, moment, reason):
    assert suspension_reason(graphcron(**spec), paused=False, now=at(moment)) == reason
    assert rendered(now=at(moment), **spec)["spec"]["suspend"] is (reason is not None)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [({}, "Paused"), (LUNCH, "Paused"), ({"suspend": True}, "Suspended"), (CAMPAIGN, "Paused")],
    ids=str,
)
def test_it_rests_while_paused(spec, reason):
    assert suspension_reason(graphcron(**spec), paused=True, now=at("12:30")) == reason


@pytest.mark.parametrize("spec", [CAMPAIGN, LUNCH, BOTH, TO_THE_END, MINUTE, BERLIN, {**LUNCH, **CAMPAIGN}], ids=str)
def test_a_rest_begins_and_ends_when_it_was_said(spec):
    """Between two changes as they are foretold, nothing changes; so whoever looks at each of them misses none."""
    resource, chance = graphcron(**spec), random.Random(7)
    now, end, changes = at("11:00"), at("23:59:59"), 0
    while now < end:
        reason = suspension_reason(resource, paused=False, now=now)
        change = next_suspension_change(resource, now=now)
        assert change is None or change > now
        until = min(change or end, end)
        seconds = int((until - now).total_seconds())
        probes = {0, 1, seconds - 1, *(chance.randrange(seconds) for _ in range(20))} if seconds > 1 else {0}
        for each in sorted(probes):
            assert suspension_reason(resource, paused=False, now=now + timedelta(seconds=each)) == reason
        now, changes = until, changes + 1
    assert changes > 1


def test_without_campaign_and_excludes_nothing_changes_by_itself():
    assert next_suspension_change(graphcron(), now=NOW) is None


def test_after_the_last_change_there_is_none():
    assert (
        next_suspension_change(graphcron(**CAMPAIGN), now=datetime.fromisoformat("2026-11-22T15:00:00+00:00")) is None
    )
