"""Fixtures: real LangGraph servers that hold crons, and the program as a process."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from tests.cluster import ROOT
from tests.runner.harness import Api
from tests.servers.beds import SERVE

Program = Callable[..., subprocess.CompletedProcess[str]]

WEBHOOK = "http://93.184.215.14/hook"
"""An address in place of a name, which the servers would look up; nothing is sent there."""

FULL: dict[str, Any] = {
    "schedule": "0 0 29 2 *",
    "timezone": "Europe/Berlin",
    "end_time": "2096-01-01T00:00:00Z",
    "input": {"messages": [{"role": "user", "content": "Write {{x}}.\nyes"}], "y": "1e3"},
    "metadata": {"team": "a"},
    "config": {"tags": ["nightly"], "recursion_limit": 50, "configurable": {"model": "small"}},
    "webhook": WEBHOOK,
    "interrupt_before": ["tools"],
    "interrupt_after": "*",
    "durability": "sync",
    "stream_mode": ["values"],
}
"""A cron that never fires while a test runs, with all that it may have."""


class Kept(NamedTuple):
    """A server, and the crons that this test has made on it."""

    api: Api
    stateless: str
    on_thread: str
    odd: str
    """Its schedule is none of Kubernetes'."""
    thread: str

    def cron(self, cron_id: str) -> dict[str, Any]:
        """Return a cron as the server has it."""
        return next(each for each in self.all() if each["cron_id"] == cron_id)

    def all(self) -> list[dict[str, Any]]:
        """Return all crons of the server."""
        return crons_of(self.api)


def crons_of(api: Api) -> list[dict[str, Any]]:
    """Return all crons of a server."""
    return list(api.get("POST", "/runs/crons/search", {"limit": 1000}))


@pytest.fixture(scope="session", params=["langgraph", "aegra"])
def alone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A real server of this worker's own: a test that disables all crons must not meet another's."""
    with SERVE[request.param](tmp_path_factory.mktemp(request.param)) as facts:
        yield Api(facts["url"])


@pytest.fixture
def kept(alone: Api) -> Iterator[Kept]:
    """A real server with three crons and no other; they are deleted afterwards."""
    thread = alone.get("POST", "/threads", {})["thread_id"]
    made = [
        ("/runs/crons", {**FULL, "on_run_completed": "keep"}),
        (f"/threads/{thread}/runs/crons", {**FULL, "multitask_strategy": "reject", "enabled": False}),
        ("/runs/crons", {"schedule": "0 0 L 2 *", "input": {}}),
    ]
    for path, body in made:
        alone.get("POST", path, {"assistant_id": "agent", **body})
    stateless, on_thread, odd = (
        cron["cron_id"] for cron in sorted(crons_of(alone), key=lambda cron: str(cron["created_at"]))
    )
    yield Kept(alone, stateless, on_thread, odd, thread)
    for cron in crons_of(alone):
        alone.get("DELETE", f"/runs/crons/{cron['cron_id']}")


@pytest.fixture
def run() -> Program:
    """Run the program; its proxy variables are left out, since the servers are on this machine."""
    plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}

    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "graphcron.cli", *arguments]
        return subprocess.run(
            command,
            cwd=ROOT / "operator",
            env={**plain, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
