"""The operator is uninstalled and changed here, so `hack/test` runs these tests alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.crons import Crons

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client import Api
    from tests.cluster import Cluster
    from tests.e2e.api import LangGraph


@pytest.fixture
def crons(cluster: Cluster, api: Api, server: LangGraph, namespace: str) -> Iterator[Crons]:
    """Return what the test works with; which operator is there is the test's own business."""
    crons = Crons(cluster, api, server, namespace)
    yield crons
    print(crons.account())
