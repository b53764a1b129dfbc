"""A database serves when it answers, not when it listens."""

from pathlib import Path

import pytest

from tests.servers.postgres import Database, _answers


@pytest.mark.parametrize(
    ("psql", "ready"), [("echo 'FATAL: the database system is starting up' >&2; exit 2", False), ("echo 1", True)]
)
def test_a_database_that_starts_is_not_ready(tmp_path: Path, psql: str, ready: bool) -> None:
    program = tmp_path / "psql"
    program.write_text(f"#!/bin/sh\n{psql}\n")
    program.chmod(0o755)
    assert _answers(Database("postgresql://nowhere", program)) is ready
