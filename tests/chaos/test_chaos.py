"""A short form of `make chaos`: each fault at least once. It comes last and alone, since it stops the control plane."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.chaos.chaos import Chaos, short_plan

if TYPE_CHECKING:
    from tests.cluster import Cluster


@pytest.mark.xdist_group("chaos")
@pytest.mark.timeout(900)
def test_every_promise_holds_in_chaos(cluster: Cluster):
    seed = int(os.environ.get("SEED", "1"))
    chaos = Chaos(cluster, short_plan(seed), print)
    try:
        result = chaos.run()
    finally:
        chaos.close()
    print(*result.log, result.text(), sep="\n")
    assert result.good, result.text()
