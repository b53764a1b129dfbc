"""A new GraphCron: its CronJob costs one request, unless the name is taken."""

from dataclasses import replace
from typing import Any

import pytest

from graphcron.api import names
from graphcron.cache.objects import cached_cronjob
from graphcron.planning.plan import plan_for
from tests.unit.world import SETTINGS, Fault, World, at, condition, graphcron


def new(**spec: Any) -> World:
    return World(graphcron(preflight=False, **spec))


def body_for(world: World, **metadata: Any) -> Any:
    """Return the first CronJob of a world as the API server holds it."""
    manifest = plan_for(world.graphcron, SETTINGS, world.observed, now=at("11:00")).cronjobs[0]
    return {**manifest, "metadata": {**manifest["metadata"], "uid": "c", "generation": 1, **metadata}}


def test_a_new_graphcron_costs_one_post_and_one_status():
    world = new()
    world.look(at("11:59"))
    assert [each for each in world.requests if each[1] != "events"] == [("POST", "cronjobs"), ("PUT", "graphcrons")]
    world.look(at("11:59:30"))
    assert len(world.requests) == 2


def test_a_failed_status_costs_no_apply():
    world = new()
    failures = [Fault(409, "Conflict")]
    world.fault = lambda method, *_: failures.pop() if method == "PUT" and failures else None
    world.look(at("11:59"))
    assert world.raised is not None
    world.look(at("11:59:01"))
    assert [each for each in world.requests if each[1] == "cronjobs"] == [("POST", "cronjobs")]


def test_own_unlabelled_cronjob_keeps_its_schedule():
    world = new()
    world.unlabelled["hello"] = body_for(world, labels={})
    before = cached_cronjob(world.unlabelled["hello"])
    world.look(at("11:59"))
    assert [each[0] for each in world.requests if each[1] == "cronjobs"] == ["POST", "GET", "PATCH"]
    assert world.cronjobs["hello"].schedule_since == before.schedule_since
    assert world.cronjobs["hello"].labels[names.LABEL_NAME] == "hello"


@pytest.mark.parametrize("schedules", [["0 4 * * *"], ["0 4 * * *", "0 5 * * *"]], ids=["one line", "two lines"])
def test_foreign_cronjob_is_not_adopted(schedules):
    world = new(schedules=schedules)
    world.unlabelled["hello"] = {"metadata": {"name": "hello", "uid": "of another"}}
    for minute in ("11:58", "11:59"):
        world.look(at(minute))
        assert world.cronjobs == {}
        ready = condition(world.status, "Ready")
        assert ready is not None
        assert (ready.status, "does not belong to this GraphCron" in ready.message) == ("False", True)
    methods = [each[0] for each in world.requests if each[1] == "cronjobs"]
    assert methods == ["POST", "GET", "GET"]  # one that was reported before is looked up first


def test_cronjob_of_another_installation_is_left_to_it():
    world = new()
    world.unlabelled["hello"] = body_for(world)
    world.unlabelled["hello"]["metadata"]["annotations"][names.ANNOTATION_INSTALLATION] = "other"
    world.settings = replace(world.settings, installation="ours")
    world.look(at("11:59"))
    assert [each[0] for each in world.requests if each[1] == "cronjobs"] == ["POST", "GET"]
    assert world.status.contender is not None
