"""The servers that the promises are tested against, each a real one with the sample graphs."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.runner.harness import SAMPLE, Api, free_port, wait_for
from tests.servers.installed import installed
from tests.servers.postgres import Database, postgres
from tests.servers.shared import Facts, Serve

QUIET = {"LANGSMITH_TRACING": "false", "PYTHONDONTWRITEBYTECODE": "1"}


class Bed(NamedTuple):
    """A server that runs, and what it can't do."""

    name: str
    api: Api
    rejects: bool = True
    """It knows ``multitask_strategy: reject``."""
    names_errors: bool = True
    """It tells the class of what a graph raised."""


class AegraApi(Api):
    """Aegra keeps a caller's store apart from what graphs put into theirs: the graphs' is read in the database."""

    def __init__(self, facts: Facts) -> None:
        super().__init__(facts["url"])
        self._database = Database(facts["database"], Path(facts["psql"]))

    def steps(self, thread_id: str, phase: str = "finished") -> list[int]:
        """Return which steps of the ``steps`` graph were executed, as often as they were."""
        rows = self._database.ask(f"SELECT value FROM store WHERE prefix = 'steps.{thread_id}'")
        return sorted(value["step"] for value in map(json.loads, rows) if value["phase"] == phase)

    def age(self, *thread_ids: str) -> None:
        """Make threads eight days older for the server's own sweeper, which deletes after seven what has no TTL."""
        ids = ", ".join(f"'{thread_id}'" for thread_id in thread_ids)
        change = "UPDATE thread_ttl SET expires_at = expires_at - interval '8 days'"
        self._database.ask(f"{change} WHERE thread_id IN ({ids})")


@contextmanager
def serve_langgraph(folder: Path) -> Iterator[Facts]:
    """Serve with the release of LangGraph's own server that the project is developed with."""
    with _sample_server(folder, sys.executable) as url:
        yield {"url": url}


@contextmanager
def serve_langgraph_old(folder: Path) -> Iterator[Facts]:
    """Serve with a release that is a year older. It can't do without its files."""
    python = installed("langgraph-old").python
    with _sample_server(folder, str(python), DATA_DIR=str(folder)) as url:
        yield {"url": url}


@contextmanager
def serve_aegra(folder: Path) -> Iterator[Facts]:
    """Serve with aegra, which sweeps threads. It says that it wants Python 3.12; 3.11 will do."""
    made = installed("aegra", "--ignore-requires-python")
    graphs = json.loads((SAMPLE / "langgraph.json").read_text())["graphs"]
    config = folder / "aegra.json"
    config.write_text(json.dumps({"graphs": {name: str(SAMPLE / place) for name, place in graphs.items()}}))
    port = free_port()
    command = [str(made.python), "-m", "uvicorn", "aegra_api.main:app", "--port", str(port), "--log-level", "warning"]
    with postgres(made.packages) as database:
        environ = {"DATABASE_URL": database.url, "AEGRA_CONFIG": str(config), "LOG_LEVEL": "WARNING"}
        environ["AEGRA_THREAD_TTL"] = json.dumps({"default_ttl": 7 * 1440, "sweep_interval_minutes": 0.01})
        with _serving(folder, command, f"http://127.0.0.1:{port}", "/health", **environ) as url:
            yield {"url": url, "database": database.url, "psql": str(database.psql)}


SERVE: dict[str, Serve] = {
    "langgraph": serve_langgraph,
    "langgraph-old": serve_langgraph_old,
    "aegra": serve_aegra,
}


def bed_of(name: str, facts: Facts) -> Bed:
    """Return the bed of a server that runs."""
    if name == "aegra":
        return Bed(name, AegraApi(facts), rejects=False, names_errors=False)
    return Bed(name, Api(facts["url"]))


def _sample_server(folder: Path, python: str, **environ: str) -> AbstractContextManager[str]:
    port = free_port()
    environ = {"PORT": str(port), "N_JOBS_PER_WORKER": "50", "TMPDIR": str(folder), **environ}
    return _serving(folder, [python, str(SAMPLE / "serve.py")], f"http://127.0.0.1:{port}", "/ok", **environ)


@contextmanager
def _serving(folder: Path, command: list[str], url: str, health: str, **environ: str) -> Iterator[str]:
    """Run a server and yield its URL as soon as it is healthy."""
    plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env={**plain, **QUIET, **environ}, cwd=folder, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        wait_for(lambda: process.poll() is not None or _answers(url + health), 120, "the server")
        assert process.poll() is None, log.read_text()[-3000:]
        yield url
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
