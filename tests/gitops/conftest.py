"""Argo CD's and Flux' own programs, beside the operator and the LangGraph server of all tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e.crons import Crons
from tests.gitops.argo import REAL, CommandLine, Interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.client import Api
    from tests.cluster import Cluster
    from tests.e2e.api import LangGraph
    from tests.gitops.argo import Argo


@pytest.fixture
def argo(tmp_path: Path) -> Argo:
    """Return Argo CD with our customizations: its interpreter, or the real `argocd` where that is asked for."""
    return CommandLine(tmp_path) if os.environ.get(REAL) else Interpreter()


@pytest.fixture
def crons(cluster: Cluster, api: Api, operator: None, server: LangGraph, namespace: str) -> Iterator[Crons]:
    """Return GraphCrons of a namespace; what became of them is shown where the test fails."""
    crons = Crons(cluster, api, server, namespace)
    yield crons
    print(crons.account())
