"""Real pods on a real cluster, whose runs happen on a real LangGraph server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.crons import Crons
from tests.e2e.faulty import Faulty
from tests.e2e.killer import Killer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client import Api
    from tests.cluster import Cluster
    from tests.e2e.api import LangGraph


@pytest.fixture
def crons(cluster: Cluster, api: Api, operator: None, server: LangGraph, namespace: str) -> Iterator[Crons]:
    """Return what the test works with; what became of it is shown where the test fails."""
    crons = Crons(cluster, api, server, namespace)
    yield crons
    print(crons.account())


@pytest.fixture
def faulty(crons: Crons) -> Faulty:
    """Return the address of a fault proxy before the server; the test starts it."""
    return Faulty(crons)


@pytest.fixture
def killer(cluster: Cluster) -> Iterator[Killer]:
    """Return what kills processes on the node."""
    killer = Killer(cluster)
    yield killer
    killer.close()
