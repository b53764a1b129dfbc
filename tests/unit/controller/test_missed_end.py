"""A GraphCron that is gone, which no watch has shown: nothing is made for it, whatever is due."""

from dataclasses import replace
from datetime import timedelta

import pytest

from graphcron.api.names import Purpose
from graphcron.cache.objects import RequestAnnotation
from graphcron.cache.store import Key
from graphcron.planning.preflight_limiter import PreflightLimiter
from tests.unit.world import NOW, World, graphcron


def looked_at(**spec) -> World:
    """Return a world whose GraphCron was looked at and is in order."""
    world = World(graphcron(**spec))
    world.look(NOW)
    world.look(NOW)
    return world


def test_a_new_graphcron_costs_no_lookup():
    world = World(graphcron())
    world.look(NOW)
    assert "hello" in world.cronjobs
    assert world.lookups == 0


def test_a_graphcron_that_is_in_order_or_changed_costs_no_lookup():
    world = looked_at()
    world.change(suspend=True)
    world.look(NOW)
    assert world.lookups == 0


@pytest.mark.parametrize("deleted", [False, True], ids=["there", "gone"])
def test_deleted_cronjob_recreated_for_existing_graphcron_only(deleted):
    """A deleted CronJob is created again only for a GraphCron that exists."""
    world = looked_at()
    world.cronjobs.clear()
    world.deleted = deleted
    writes = world.writes
    for _ in range(3):
        world.look(NOW + timedelta(minutes=1))
    assert ("hello" in world.cronjobs) is not deleted
    if deleted:
        assert world.again is None
        assert world.writes == writes


@pytest.mark.parametrize("deleted", [False, True], ids=["there", "gone"])
def test_adoption_ownerless_cronjob_needs_existing_graphcron(deleted):
    """A CronJob without an owner is adopted only by a GraphCron that exists."""
    world = looked_at()
    world.cronjobs["hello"] = orphan = replace(world.cronjobs["hello"], controller_uid="")
    world.deleted = deleted
    world.look(NOW + timedelta(minutes=1))
    assert world.lookups == 1
    assert (world.cronjobs["hello"] == orphan) is deleted


@pytest.mark.parametrize("deleted", [False, True], ids=["there", "gone"])
def test_a_run_is_started_only_for_a_graphcron_that_is_there(deleted):
    world = looked_at()
    world.trigger = RequestAnnotation("now", NOW)
    world.deleted = deleted
    world.look(NOW + timedelta(seconds=5))
    assert len(world.made_for(Purpose.TRIGGER)) == (not deleted)


def test_a_preflight_that_waits_for_its_turn_costs_no_lookup():
    limiter = PreflightLimiter[Key](1, lambda _: None)
    first = World(graphcron("first", preflight=True), limiter=limiter)
    first.look(NOW)
    world = World(graphcron(preflight=True), limiter=limiter)
    for seconds in range(5):
        world.look(NOW + timedelta(seconds=seconds))
    assert (len(world.made_for(Purpose.PREFLIGHT)), world.lookups) == (0, 0)


@pytest.mark.parametrize("deleted", [False, True], ids=["there", "gone"])
def test_a_preflight_is_made_only_for_a_graphcron_that_is_there(deleted):
    world = looked_at()
    before = len(world.made_for(Purpose.PREFLIGHT))
    world.change(assistant="another")
    world.deleted = deleted
    world.look(NOW + timedelta(minutes=1))
    assert (len(world.made_for(Purpose.PREFLIGHT)) - before, world.lookups) == (int(not deleted), 1)


def test_missed_run_of_deleted_graphcron_not_caught_up():
    world = looked_at(catchUp="last", startingDeadlineSeconds=60)
    world.deleted = True
    world.look(NOW + timedelta(minutes=20))
    assert world.made_for(Purpose.CATCH_UP) == []
    world.deleted = False
    world.look(NOW + timedelta(minutes=20))
    assert len(world.made_for(Purpose.CATCH_UP)) == 1
