"""The program as a process, against GraphCrons whose runs really happen."""

from __future__ import annotations

import shlex
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import crons  # noqa: F401  (fixtures)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.crons import Crons


class Program:
    """``graphcron``, in the namespace of the test."""

    def __init__(self, crons: Crons) -> None:  # noqa: F811
        self._crons = crons

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "graphcron.cli", *arguments, "--namespace", self._crons.namespace]

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a verb, which must end with that exit code; return what it printed, of errors where there is one."""
        environment = self._crons.cluster.environment
        command = self.command(*arguments)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180, env=environment)
        assert done.returncode == code, f"{arguments}: {done.returncode} {done.stdout}{done.stderr}"
        return done.stderr if code else done.stdout

    def typed(self, command: str) -> str:
        """Type a command that a verb has named, as it stands; it must succeed. Return what it printed."""
        program, *words = shlex.split(command)
        assert program == "graphcron"
        environment = self._crons.cluster.environment
        done = subprocess.run(
            [sys.executable, "-m", "graphcron.cli", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
            env=environment,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start a verb that goes on; it is ended at the latest here."""
        environment, pipe = self._crons.cluster.environment, subprocess.PIPE
        command = self.command(*arguments)
        with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
            try:
                yield process
            finally:
                process.terminate()


@pytest.fixture
def program(crons: Crons) -> Program:  # noqa: F811
    """Return the program."""
    return Program(crons)
