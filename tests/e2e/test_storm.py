"""A repository full of GraphCrons is synced into a cluster that works already: nobody is harmed by that.

`make storm` does the same with 300 of them, on a cluster of its own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e.crons import Crons
from tests.e2e.storm import storm

if TYPE_CHECKING:
    from tests.client import Api
    from tests.cluster import Cluster
    from tests.e2e.api import LangGraph

NUMBER = int(os.environ.get("GRAPHCRON_STORM", "40"))
SECONDS_EACH = 8
"""How long a preflight may take, on a machine that does much else."""

LIMIT = 4


@pytest.mark.timeout(600 + SECONDS_EACH * NUMBER)
def test_many_graphcrons_applied_at_once_disturb_nobody(
    cluster: Cluster, api: Api, operator: None, server: LangGraph, namespace: str
):
    figures = storm(Crons(cluster, api, server, namespace), NUMBER, seconds=300 + SECONDS_EACH * NUMBER)
    print(figures)
    assert figures.before == figures.after
    assert figures.wrong == {}
    assert figures.skipped == []
    assert figures.minutes
    assert figures.most_preflights <= LIMIT
