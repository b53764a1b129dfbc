"""Many scenarios by seed, none of which violates a property. `make simulate` runs more."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.plan import PROFILES, draw
from tests.simulation.properties import Violation
from tests.simulation.world import World

SCENARIOS = 300
"""Of each profile."""

LOOKED_AT = {
    "Forbid", "Replace", "a further run follows a stop or a failure", "a record is closed after its run",
    "maxConcurrentRuns", "Queue", "a queue starts in the order of the schedule", "queueLimit",
    "no occurrence of a queue is lost", "no bug", "no run without a watch", "no step again",
    "nobody is blamed who did nothing", "one run an occurrence", "pods end", "skipped for the reason told",
    "tokens are counted once", "tokens are not short", "what is told is what happened",
}  # fmt: skip


def play(profile: str, seed: int) -> tuple[World, list[Violation]]:
    world = World(draw(profile, seed))
    return world, world.play()


@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("profile", PROFILES)
def test_no_promise_is_broken(profile: str, part: int) -> None:
    for seed in range(part * SCENARIOS // 3, (part + 1) * SCENARIOS // 3):
        _, violations = play(profile, seed)
        assert not violations, f"make simulate SCENARIOS=1 PROFILE={profile} SEED={seed}: {violations[0]}"


def test_every_property_is_looked_at() -> None:
    checked = Counter[str]()
    for profile in PROFILES:
        for seed in range(30):
            checked += play(profile, seed)[0].judge.checked
    assert checked.keys() >= LOOKED_AT, LOOKED_AT - checked.keys()


def test_a_seed_gives_the_same_trace_each_time() -> None:
    assert play("all", 7)[0].kernel.trace == play("all", 7)[0].kernel.trace
