"""Fixtures: one server of each kind for the whole test run; the rest is the runner tests' own."""

import os
from collections.abc import Iterator

import pytest

from tests.runner.conftest import app, cron, faults, make_faults
from tests.runner.harness import Api
from tests.servers.beds import SERVE, Bed, bed_of
from tests.servers.shared import Shared

__all__ = ["app", "cron", "faults", "make_faults"]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """The servers, which the workers of a run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "servers"
    folder.mkdir(exist_ok=True)
    shared = Shared(folder)
    yield shared
    shared.close()


@pytest.fixture(params=list(SERVE))
def bed(request: pytest.FixtureRequest, shared: Shared) -> Bed:
    """A server that runs, and what it can't do."""
    return bed_of(request.param, shared.use(request.param, SERVE[request.param]))


@pytest.fixture
def server(bed: Bed) -> str:
    """URL of the server."""
    return bed.api.url


@pytest.fixture
def api(bed: Bed) -> Api:
    """Questions to the server."""
    return bed.api


@pytest.fixture(params=["fresh", "shared"])
def where(request: pytest.FixtureRequest, api: Api) -> dict[str, str]:
    """The request's part that says on which thread: a fresh one, or the user's."""
    return {} if request.param == "fresh" else {"thread": api.get("POST", "/threads", {})["thread_id"]}
