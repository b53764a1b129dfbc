"""Two installations of the operator on one namespace, and CronJobs that no GraphCron owns."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from graphcron.api import names
from graphcron.api.v1alpha1 import Preflight
from graphcron.cache.expectations import Expectations
from graphcron.cache.objects import RequestAnnotation
from graphcron.cache.store import Key, Store
from graphcron.planning.installation import ACKNOWLEDGE_TIMEOUT, CONTENDER_TTL, RENEW_INTERVAL
from graphcron.settings import Settings
from tests.unit.controller.test_graphserver import Place
from tests.unit.world import NOW, SETTINGS, World, applied, condition, graphcron

OURS = replace(SETTINGS, installation="ops/graphcron")
THEIRS = Settings(installation="team/second", server_url="http://other:2024")
NAMELESS = Settings(server_url="http://third:2024")


def look(world: World, settings: Settings, now: datetime = NOW) -> None:
    world.settings = settings
    world.look(now)


def settle(world: World, *operators: Settings, now: datetime = NOW) -> int:
    """Let operators look in turn until none of them has written; return how many writes that took."""
    for writes in range(50):
        before = world.writes
        for each in operators:
            look(world, each, now)
        if world.writes == before:
            return writes
    raise AssertionError("they write without end")


def ready(world: World) -> tuple[str, str]:
    found = condition(world.status, "Ready")
    assert found
    return found.status, found.reason


@pytest.mark.parametrize("second", [THEIRS, NAMELESS], ids=["named", "nameless"])
def test_two_installations_different_settings_settle_and_ready_names_both(second):
    world = World(graphcron(preflight=False))
    look(world, OURS)
    manifest = world.cronjobs["hello"]
    settle(world, OURS, second)
    assert world.cronjobs["hello"] == manifest
    assert ready(world) == ("True", "InstallationConflict")
    message = condition(world.status, "Ready").message
    assert "ops/graphcron" in message
    assert (second.installation or "without a name") in message
    assert "InstallationConflict" in world.events
    assert (world.status.installation, world.status.contender.acknowledged) == ("ops/graphcron", True)


def test_two_installations_write_at_most_a_handful_of_times_a_day():
    world = World(graphcron(preflight=False, schedule="0 4 1 1 *"))
    settle(world, OURS, THEIRS)
    before = world.writes
    for minute in range(0, 24 * 60, 10):
        settle(world, OURS, THEIRS, now=NOW + timedelta(minutes=minute))
    assert world.writes - before <= 2 * 24


def test_replicas_of_one_installation_are_one():
    world = World(graphcron(preflight=False))
    settle(world, OURS, OURS)
    assert ready(world) == ("True", "Reconciled")
    assert world.status.contender is None


def test_adoption_cronjob_of_older_release_keeps_schedule_start():
    """A CronJob of an older release is adopted without a new start of its schedule."""
    world = World(graphcron(preflight=False))
    look(world, NAMELESS)
    before = world.cronjobs["hello"]
    look(world, OURS, NOW + timedelta(hours=1))
    after = world.cronjobs["hello"]
    assert (before.installation, after.installation) == ("", "ops/graphcron")
    assert after.schedule_since == before.schedule_since


def test_foreign_installation_graphcron_left_alone():
    """A GraphCron of another installation gets no Job, no suspension and no deletion."""
    world = World(graphcron(schedules=["0 4 * * *", "0 5 * * *"]))
    look(world, OURS)
    made, cronjobs = list(world.made), dict(world.cronjobs)
    world.change(schedules=None, schedule="0 6 * * *")
    world.trigger = RequestAnnotation("now", NOW + timedelta(seconds=1))
    look(world, THEIRS, NOW + timedelta(seconds=2))
    look(world, replace(THEIRS, allowed_servers=("https://only.example.com",)), NOW + timedelta(seconds=3))
    assert (world.made, world.cronjobs) == (made, cronjobs)
    assert world.status.last_handled_trigger is None


def test_silent_owner_reported_with_remedy():
    world = World(graphcron(preflight=False))
    look(world, OURS)
    look(world, THEIRS)
    assert ready(world) == ("True", "Reconciled")
    assert world.again == NOW + ACKNOWLEDGE_TIMEOUT
    look(world, THEIRS, NOW + ACKNOWLEDGE_TIMEOUT)
    assert ready(world) == ("False", "InstallationConflict")
    assert condition(world.status, "Stalled")
    message = condition(world.status, "Ready").message
    assert "kubectl annotate cronjobs --namespace=agents --all graphcron.dev/installation-" in message
    assert settle(world, THEIRS, now=NOW + ACKNOWLEDGE_TIMEOUT * 2) == 0


def test_an_owner_that_comes_back_answers():
    world = World(graphcron(preflight=False))
    look(world, OURS)
    settle(world, THEIRS)
    settle(world, THEIRS, now=NOW + ACKNOWLEDGE_TIMEOUT)
    settle(world, OURS, THEIRS, now=NOW + ACKNOWLEDGE_TIMEOUT * 2)
    assert ready(world) == ("True", "InstallationConflict")
    assert condition(world.status, "Stalled") is None


def test_a_cronjob_without_the_annotation_changes_hands():
    world = World(graphcron(preflight=False))
    look(world, OURS)
    settle(world, THEIRS)
    world.cronjobs["hello"] = replace(world.cronjobs["hello"], installation="")
    settle(world, THEIRS)
    assert world.cronjobs["hello"].installation == "team/second"
    assert ready(world) == ("True", "Reconciled")
    assert (world.status.installation, world.status.contender) == ("team/second", None)


def test_an_annotation_that_somebody_removed_is_put_back():
    world = World(graphcron(preflight=False))
    look(world, OURS)
    world.cronjobs["hello"] = replace(world.cronjobs["hello"], installation="")
    look(world, OURS)
    assert world.cronjobs["hello"].installation == "ops/graphcron"


def test_a_contender_that_is_gone_is_forgotten():
    world = World(graphcron(preflight=False))
    settle(world, OURS, THEIRS)
    look(world, OURS, NOW + CONTENDER_TTL - timedelta(seconds=1))
    assert ready(world) == ("True", "InstallationConflict")
    look(world, OURS, NOW + CONTENDER_TTL)
    assert ready(world) == ("True", "Reconciled")
    assert world.status.contender is None


def test_an_owner_that_goes_is_reported_after_the_contenders_next_renewal():
    world = World(graphcron(preflight=False))
    settle(world, OURS, THEIRS)
    settle(world, THEIRS, now=NOW + RENEW_INTERVAL)
    settle(world, THEIRS, now=NOW + RENEW_INTERVAL + ACKNOWLEDGE_TIMEOUT)
    assert ready(world) == ("False", "InstallationConflict")


def test_a_third_installation_adds_no_writes():
    world = World(graphcron(preflight=False))
    settle(world, OURS, THEIRS)
    assert settle(world, OURS, THEIRS, NAMELESS) == 0


def test_two_installations_share_invalid_spec_without_fight():
    world = World(graphcron(preflight=False, server={"url": "http://elsewhere:2024"}))
    settle(world, *(replace(each, allowed_servers=(f"http://{each.installation[:3]}",)) for each in (OURS, THEIRS)))
    assert ready(world) == ("False", "NotAllowed")


@pytest.mark.parametrize("second", [THEIRS, NAMELESS], ids=["named", "nameless"])
def test_name_conflict_reported_by_one_installation(second):
    world = World(graphcron(preflight=False))
    look(world, SETTINGS)
    own = world.cronjobs["hello"]
    taken = replace(own, labels={}, controller_uid="stranger")
    claimed = replace(own, name="hello-other", controller_uid="")
    world.cronjobs = {"hello": taken, "hello-other": claimed}
    assert settle(world, OURS, second)
    assert ready(world) == ("False", "CronJobNotOurs")


def test_two_installations_one_cronjob_each_first_wins():
    """Installations that each made one of two CronJobs agree on the installation of the first CronJob."""
    world = World(graphcron(preflight=False, schedules=["0 4 * * *", "0 5 * * *"]))
    look(world, OURS)
    (second,) = world.cronjobs.keys() - {"hello"}
    world.cronjobs[second] = replace(world.cronjobs[second], installation=THEIRS.installation)
    settle(world, THEIRS, OURS)
    assert {each.installation for each in world.cronjobs.values()} == {"ops/graphcron"}


def probe(place: Place, installation: str, now: datetime, **settings: Any) -> None:
    place.look(now, Settings(installation=installation, **settings))


def test_a_graphserver_is_probed_by_one_installation_until_that_one_stops():
    place = Place()
    probe(place, "ops/graphcron", NOW)
    told = place.object
    probe(place, "team/second", NOW + timedelta(seconds=900))
    assert (len(place.made), place.object) == (1, told)
    probe(place, "team/second", NOW + timedelta(seconds=2700))
    assert place.object["status"]["installation"] == "team/second"


def test_a_graphserver_that_two_installations_refuse_is_written_once():
    place = Place()
    for each in ("ops", "team", "ops", "team"):
        probe(place, each, NOW, allowed_servers=(f"http://{each}",))
    assert place.object["status"]["installation"] == "ops"


# --- CronJobs that no GraphCron owns

HELLO = Key("agents", "hello")


def test_an_orphaned_cronjob_is_suspended_once():
    world = World(graphcron(preflight=False))
    look(world, OURS)
    left = replace(world.cronjobs["hello"], uid="left", controller_uid="", suspended=False)
    world.orphans = [left]
    settle(world, OURS)
    assert [each.suspended for each in world.orphans] == [True]
    before = world.writes
    look(world, OURS)
    assert world.writes == before


@pytest.fixture
def store() -> Store:
    return Store(Expectations(timedelta(seconds=60)))


def cronjob(owner: str | None = None, uid: str = "u") -> dict[str, Any]:
    labels = {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_NAME: "hello", names.LABEL_UID: uid}
    owners = [{"uid": owner, "controller": True}] if owner else []
    metadata = {"name": "hello", "namespace": "agents", "uid": "c", "resourceVersion": "2", "labels": labels}
    return {"kind": "CronJob", "metadata": {**metadata, "ownerReferences": owners}}


def owner(uid: str = "u") -> dict[str, Any]:
    return {
        "kind": names.KIND,
        "metadata": {"name": "hello", "namespace": "agents", "uid": uid, "resourceVersion": "1"},
    }


def test_orphan_cronjob_without_owner_and_graphcron(store):
    store.update(owner(), deleted=False)
    store.update(cronjob(), deleted=False)
    assert store.orphans(HELLO) == []
    assert HELLO in store.update(owner(), deleted=True)
    assert [each.uid for each in store.orphans(HELLO)] == ["c"]
    assert [(key, each.uid) for key, each in store.all_orphans()] == [(HELLO, "c")]


def test_a_cronjob_that_the_garbage_collector_will_take_is_no_orphan(store):
    store.update(cronjob(owner="u"), deleted=False)
    assert store.orphans(HELLO) == []


def test_a_graphcron_of_the_same_name_does_not_adopt_an_orphan(store):
    store.update(cronjob(uid="u"), deleted=False)
    store.update(owner("another"), deleted=False)
    assert [each.uid for each in store.orphans(HELLO)] == ["c"]


def test_the_annotation_survives_a_status_that_is_lost():
    world = World(graphcron(preflight=False))
    look(world, OURS)
    world.status = world.status.model_copy(update={"installation": None, "preflight": Preflight(key="k")})
    settle(world, THEIRS, OURS)
    assert world.cronjobs["hello"].installation == "ops/graphcron"


def test_the_manifest_names_the_installation_only_where_it_has_a_name():
    world = World(graphcron(preflight=False))
    plan = world.look(NOW)
    assert names.ANNOTATION_INSTALLATION not in plan.cronjobs[0]["metadata"]["annotations"]
    world.settings = OURS
    plan = world.look(NOW)
    assert applied(plan.cronjobs[0]).installation == "ops/graphcron"
