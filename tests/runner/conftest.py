"""Fixtures: one sample server for the session, one GraphCron a test."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runner.harness import ROOT, Api, Cron, serve


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``/app`` as the runner's image has it: contract, grammar and runner, nothing else."""
    folder = tmp_path_factory.mktemp("app")
    package = ROOT / "operator" / "graphcron"
    (folder / "graphcron").mkdir()
    (folder / "graphcron" / "__init__.py").touch()
    for part in ("contract.py", "input_template.py", "runner"):
        (folder / "graphcron" / part).symlink_to(package / part)
    (folder / "__main__.py").symlink_to(package / "runner" / "__main__.py")
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the session's sample server."""
    with serve(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture
def api(server: str) -> Api:
    """Questions to the session's server."""
    return Api(server)


@pytest.fixture
def cron(app: Path, tmp_path: Path, server: str) -> Iterator[Cron]:
    """A GraphCron of this test's own."""
    cron = Cron(app, tmp_path, server)
    yield cron
    cron.kill()


class Faults:
    """A fault proxy, seen from outside."""

    def __init__(self, upstream: str, *more: str) -> None:
        command = [sys.executable, str(ROOT / "tests/faults/proxy.py"), "--upstream", upstream, *more]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        ports = json.loads(self.process.stdout.readline())
        self.port = ports["port"]
        self.url = f"http://127.0.0.1:{self.port}"
        self._control = Api(f"http://127.0.0.1:{ports['control']}")

    def rules(self, *rules: dict[str, Any]) -> None:
        """Make these faults from now on."""
        self._control.get("PUT", "/rules", list(rules))

    def requests(self, method: str = "", path: str = "") -> list[dict[str, Any]]:
        """Return what came, of that method and ending of the path."""
        found = self._control.get("GET", "/requests")
        return [r for r in found if method in ("", r["method"]) and r["path"].split("?")[0].endswith(path)]

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def make_faults(server: str) -> Iterator[Callable[..., Faults]]:
    """Make fault proxies in front of the server; they end with the test."""
    made: list[Faults] = []

    def make(*options: str, upstream: str = "") -> Faults:
        made.append(Faults(upstream or server.removeprefix("http://"), *options))
        return made[-1]

    yield make
    for faults in made:
        faults.close()


@pytest.fixture
def faults(make_faults: Callable[..., Faults], cron: Cron) -> Faults:
    """A fault proxy that this test's pods talk through."""
    proxy = make_faults()
    cron.url = proxy.url
    return proxy
