"""An operator that lacks one precaution violates a property, so the properties are not vacuous."""

from __future__ import annotations

from typing import Any

import pytest

from graphcron.controller import graphcron, graphrun
from graphcron.kube.client import Cluster
from graphcron.planning.graphrun import ObservedGraphRun
from tests.simulation.reconciler.plan import draw
from tests.simulation.reconciler.world import World

SEEDS = range(12)


async def yes(*_: Any) -> bool:
    return True


def yes_at_once(*_: Any) -> bool:
    return True


async def nothing(*_: Any) -> None:
    return None


@pytest.mark.parametrize(
    ("mutation", "profile", "broken"),
    [
        ((Cluster, "exists", yes), "gaps", "nothing is made for a GraphCron that was gone"),
        ((graphcron.Reconciler, "_suspend_orphans", nothing), "calm", "orphans are suspended"),
        ((graphcron, "runs_kept", lambda _: None), "calm", "each run is told once"),
        ((ObservedGraphRun, "is_reported", yes_at_once), "runs", "a GraphRun ends as its run did"),
        ((graphrun, "is_over", lambda _: False), "runs", "a GraphRun ends once"),
    ],
)
def test_a_mutation_breaks_a_property(monkeypatch, mutation, profile, broken) -> None:
    monkeypatch.setattr(*mutation)
    played = (World(draw(profile, seed)).play() for seed in SEEDS)
    assert any(violation.property == broken for violations in played for violation in violations)
