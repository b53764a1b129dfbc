"""The servers that the promises are tested against, each a real one with the sample graphs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.runner.harness import SAMPLE, Api, free_port, serve, serving
from tests.servers.installed import installed
from tests.servers.postgres import Database, postgres
from tests.servers.shared import Facts, Serve


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
    with serve(folder, TMPDIR=str(folder)) as url:
        yield {"url": url}


@contextmanager
def serve_langgraph_old(folder: Path) -> Iterator[Facts]:
    """Serve with a release that is a year older. It can't do without its files."""
    python = installed("langgraph-old").python
    with serve(folder, python=str(python), TMPDIR=str(folder), DATA_DIR=str(folder)) as url:
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
        with serving(folder, command, f"http://127.0.0.1:{port}", "/health", **environ) as url:
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
