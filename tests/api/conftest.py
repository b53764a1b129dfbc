"""A namespace for what is only tried."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster import Cluster


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[str]:
    """Make a namespace for the tests of a module."""
    name = f"api-dry-run-{uuid.uuid4().hex[:8]}"
    metadata = {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    cluster.api.send("POST", "/api/v1/namespaces", {"metadata": metadata})
    yield name
    cluster.api.send("DELETE", f"/api/v1/namespaces/{name}")
