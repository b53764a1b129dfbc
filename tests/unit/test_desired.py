"""What the golden files can't show: a CronJob that is there already, and specs that can't be rendered."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from graphcron import names
from graphcron.desired import cronjob_for, is_in_place
from graphcron.errors import SpecError
from graphcron.model import GraphCron, parse
from graphcron.observed import cronjob_seen
from graphcron.settings import Settings

NOW = datetime(2026, 11, 22, 12, 0, 0, 400_000, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
SETTINGS = Settings(server_url="http://langgraph:2024")


def graphcron(**spec) -> GraphCron:
    metadata = {"name": "hello", "namespace": "agents", "uid": "u", "generation": 1}
    spec = {"assistant": "agent", "schedule": "*/5 * * * *", **spec}
    return parse({"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, "spec": spec})


def applied(manifest, *, generation=1):
    """Return the CronJob as the watch shows it after an apply."""
    metadata = {**manifest["metadata"], "uid": "c", "generation": generation}
    return cronjob_seen({**manifest, "metadata": metadata})


def since(manifest) -> str:
    return manifest["metadata"]["annotations"][names.ANNOTATION_SCHEDULE_SINCE]


def rendered(seen=None, *, now=NOW, **spec):
    return cronjob_for(graphcron(**spec), SETTINGS, seen, now=now)


def test_a_schedule_begins_at_the_next_whole_second():
    # What was due at 12:00:00 was due before 12:00:00.4, and must not count as after it.
    assert since(rendered()) == "2026-11-22T12:00:01Z"


@pytest.mark.parametrize(
    "spec", [{"input": {"a": 1}}, {"timeoutSeconds": 60}, {"concurrencyPolicy": "Replace"}, {"history": {"runs": 5}}]
)
def test_a_change_of_anything_but_the_schedule_leaves_its_beginning(spec):
    assert since(rendered(applied(rendered()), now=LATER, **spec)) == since(rendered())


@pytest.mark.parametrize("spec", [{"schedule": "*/10 * * * *"}, {"timeZone": "Europe/Berlin"}, {"suspend": True}])
def test_a_change_of_the_schedule_moves_its_beginning(spec):
    assert since(rendered(applied(rendered()), now=LATER, **spec)) == "2026-11-22T13:00:01Z"


def test_unsuspending_moves_the_beginning():
    assert since(rendered(applied(rendered(suspend=True)), now=LATER)) == "2026-11-22T13:00:01Z"


def test_the_pod_carries_the_beginning():
    container = rendered()["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    request = next(each["value"] for each in container["env"] if each["name"] == "GRAPHCRON_REQUEST")
    assert '"notBefore":"2026-11-22T12:00:01Z"' in request


def test_the_end_of_the_campaign_suspends():
    assert rendered(endTime="2026-11-22T12:00:01Z")["spec"]["suspend"] is False
    assert rendered(endTime="2026-11-22T12:00:00Z")["spec"]["suspend"] is True


def test_a_cronjob_that_nobody_touched_is_in_place():
    manifest = rendered()
    assert is_in_place(rendered(applied(manifest), now=LATER), applied(manifest), generation=1)


@pytest.mark.parametrize(
    ("what", "seen"),
    [
        ("its spec was edited", applied(rendered(), generation=2)),
        ("it holds another manifest", applied(rendered(timeoutSeconds=60))),
        ("its owner was removed", replace(applied(rendered()), controller_uid="")),
        ("a label was removed", replace(applied(rendered()), labels={})),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_cronjob_is_not_in_place_when(what, seen):
    assert not is_in_place(rendered(seen), seen, generation=1)


def test_a_request_too_large_for_the_environment_points_to_input_from():
    with pytest.raises(SpecError, match=r"spec\.input: the request is .* bytes.*spec\.inputFrom"):
        rendered(input="x" * 110_000)


def test_a_graphcron_without_a_server_is_refused_where_the_operator_has_none():
    with pytest.raises(SpecError, match=r"spec\.server\.url: no LangGraph server"):
        cronjob_for(graphcron(), Settings(), None, now=NOW)


def test_the_operators_key_goes_to_the_operators_server_only():
    settings = Settings(server_url="http://ours", api_key_secret_name="ours", ca_config_map_name="ours")
    ours = str(cronjob_for(graphcron(), settings, None, now=NOW))
    theirs = str(cronjob_for(graphcron(server={"url": "http://theirs"}), settings, None, now=NOW))
    assert "'secretKeyRef': {'name': 'ours'" in ours
    assert "'configMap': {'name': 'ours'" in ours
    assert "'name': 'ours'" not in theirs
