"""Writes that fail at random, and an operator that is killed between any two: in the end all is as it should be."""

import random
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.cache.objects import RequestAnnotation
from graphcron.contract import Outcome
from graphcron.manifests.pod import Manifest
from tests.unit.world import CONTENTION, QUOTA, Crash, Fault, World, at, condition, graphcron

FAULTS = [
    QUOTA,
    CONTENTION,
    Fault(500, "InternalError", "etcdserver: request timed out"),
    Fault(),
    Fault(lost=True),
    Fault(crash=True),
    Fault(crash=True, lost=True),
]
DEADLINE = timedelta(seconds=120)
SPECS: list[dict[str, Any]] = [
    {"suspend": True}, {"suspend": None}, {"assistant": "other"}, {"schedule": "*/7 * * * *", "schedules": None},
    {"schedule": None, "schedules": ["*/5 * * * *", "30 4 * * *"]}, {"schedule": "*/5 * * * *", "schedules": None},
]  # fmt: skip


class Weather:
    """Lets requests fail at random, each resource with a likelihood that changes from time to time."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._odds: dict[str, float] = {}
        self.calm = False

    def turn(self) -> None:
        resources = ("cronjobs", "jobs", "graphcrons", "events")
        self._odds = {each: self._chance.choice([0, 0, 0.3, 1]) for each in resources}

    def __call__(self, method: str, resource: str, body: Any) -> Fault | None:
        if self.calm or self._chance.random() >= self._odds.get(resource, 0):
            return None
        return self._chance.choice(FAULTS if method != "GET" else FAULTS[2:4])


def look(world: World, chance: random.Random, moment: Any) -> None:
    """Look once; the watches may lag behind with the newest Jobs."""
    world.unseen = {name for name in list(world.jobs)[-2:] if chance.random() < 0.3}
    with suppress(Crash):
        world.look(moment)


def trigger_of(job: Manifest) -> str:
    return str(job["metadata"]["annotations"][names.ANNOTATION_TRIGGER])


def told_of(world: World) -> dict[str | None, str]:
    return {run.trigger: run.outcome for run in world.status.recent_runs or ()}


@pytest.mark.parametrize("seed", range(20))
def test_random_refusals_converge_and_each_trigger_handled_once(seed):
    """Any sequence of refusals converges; each trigger starts one run or is skipped."""
    chance = random.Random(seed)
    weather = Weather(chance)
    world = World(graphcron(created="2026-11-22T10:00:00Z", catchUp="last", history={"runs": 50}), fault=weather)
    moment, asked = at("12:00"), dict[str, Any]()
    for number in range(6):
        weather.turn()
        world.change(**chance.choice(SPECS))
        # The next request comes when the one before has been settled: one that replaces it takes it back.
        weather.calm = True
        look(world, chance, moment)
        weather.calm = False
        moment += timedelta(seconds=5)
        asked[f"run {number}"] = moment
        world.trigger = RequestAnnotation(f"run {number}", moment)
        for _ in range(chance.randrange(1, 12)):
            moment += timedelta(seconds=chance.choice([1, 4, 16, 40]))
            look(world, chance, moment)
            if chance.random() < 0.3:
                weather.turn()
        weather.calm = True
        for seconds in (1, 2, 4):
            look(world, chance, moment + timedelta(seconds=seconds))
        moment += timedelta(seconds=5)
        in_time = moment <= asked[f"run {number}"] + DEADLINE
        made = [each for each in world.made_for(Purpose.TRIGGER) if trigger_of(each) == f"run {number}"]
        skipped = told_of(world).get(f"run {number}") == Outcome.SKIPPED
        assert len(made) + skipped == 1
        assert made or not in_time
        weather.calm = False

    weather.calm = True
    world.unseen = set()
    for seconds in range(3):
        world.look(moment + timedelta(seconds=seconds))
    assert max(Counter(each["metadata"]["name"] for each in world.made).values()) == 1
    assert {name: seen.suspended for name, seen in world.cronjobs.items()} == {
        each["metadata"]["name"]: each["spec"]["suspend"] for each in world.look(moment + timedelta(seconds=5)).cronjobs
    }
    writes = world.writes
    plan = world.look(moment + timedelta(seconds=6))
    assert {name: seen.applied for name, seen in world.cronjobs.items()} == {
        each["metadata"]["name"]: each["metadata"]["annotations"][names.ANNOTATION_APPLIED] for each in plan.cronjobs
    }
    assert world.writes == writes
    ready = condition(world.status, "Ready")
    assert ready is not None
    assert ready.status == "True"
    assert condition(world.status, "RunDelayed") is None
    assert world.status.last_handled_trigger == world.cronjobs["hello"].handled_trigger == "run 5"
