"""Many scenarios by seed, in none of which the operator violates a property. `make simulate OF=operator` runs more."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.properties import Violation
from tests.simulation.reconciler.plan import PROFILES, draw
from tests.simulation.reconciler.world import World

SCENARIOS = 25
"""Of each profile."""

LOOKED_AT = {
    "a name that is taken is told", "a request is heard once", "a valid GraphCron is ready", "a wrong spec is told",
    "corrected before anything is started", "each generation is observed", "each run is told as it was",
    "each run is told once", "it has its CronJobs", "its CronJobs are as it wants them",
    "nothing is made for a GraphCron that was gone",
    "nothing is written at rest", "nothing stays of what is gone", "of a GraphCron only the status is written",
    "one Job for a request", "only what is ours is changed", "orphans are suspended",
    "a GraphCron lists its GraphRuns", "a GraphRun ends as its run did", "a GraphRun ends once",
    "a GraphRun has one end", "a GraphRun that is over is not active", "a GraphRun without a Job has not run",
    "an active GraphRun is reconciling", "each GraphRun ends", "nothing is made for a GraphRun that was gone",
    "of a GraphRun only the status is written", "one Job for a GraphRun",
    "only a GraphRun that is over is deleted, for its TTL",
}  # fmt: skip


def play(profile: str, seed: int) -> tuple[World, list[Violation]]:
    world = World(draw(profile, seed))
    return world, world.play()


@pytest.mark.parametrize("profile", PROFILES)
def test_the_operator_breaks_no_promise(profile: str) -> None:
    for seed in range(SCENARIOS):
        _, violations = play(profile, seed)
        told = f"make simulate OF=operator SCENARIOS=1 PROFILE={profile} SEED={seed}: {violations[:1]}"
        assert not violations, told


def test_every_property_is_looked_at() -> None:
    checked = Counter[str]()
    for profile in PROFILES:
        for seed in range(3):
            checked += play(profile, seed)[0].judge.checked
    assert checked.keys() >= LOOKED_AT, LOOKED_AT - checked.keys()


def test_a_seed_gives_the_same_trace_each_time() -> None:
    assert play("all", 7)[0].kernel.trace == play("all", 7)[0].kernel.trace
