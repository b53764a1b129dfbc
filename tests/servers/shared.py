"""Servers that all workers of a test run share: who needs one first starts it, and stops it when nobody needs it.

Who uses a server holds a shared lock on its file. The kernel takes the lock from a worker that dies, so nobody is
waited for in vain.
"""

import fcntl
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import IO

from tests.cluster import locked

Facts = dict[str, str]
"""What tests have to know of a server that runs."""

Serve = Callable[[Path], AbstractContextManager[Facts]]


class Shared:
    """The servers that this worker uses.

    Parameters
    ----------
    folder
        A folder that all workers of the run know.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._facts: dict[str, Facts] = {}
        self._users: dict[str, IO[str]] = {}
        self._own: dict[str, ExitStack] = {}

    def use(self, name: str, serve: Serve) -> Facts:
        """Return the facts of a server that runs; it goes on until :meth:`close`."""
        if name in self._facts:
            return self._facts[name]
        written = self._folder / f"{name}.json"
        with locked(self._folder / f"{name}.start"):
            users = (self._folder / f"{name}.users").open("w")
            fcntl.flock(users, fcntl.LOCK_SH)  # waits for one that is being stopped
            self._users[name] = users
            if not written.exists():
                folder = self._folder / f"{name}-{len(list(self._folder.iterdir()))}"
                folder.mkdir()
                self._own[name] = ExitStack()
                written.write_text(json.dumps(self._own[name].enter_context(serve(folder))))
        self._facts[name] = json.loads(written.read_text())
        return self._facts[name]

    def close(self) -> None:
        """Let go of the others' servers first, so that nobody waits for us; then stop our own."""
        for name in self._users.keys() - self._own.keys():
            self._users[name].close()
        for name, own in self._own.items():
            fcntl.flock(self._users[name], fcntl.LOCK_EX)  # waits for the others
            (self._folder / f"{name}.json").unlink(missing_ok=True)
            own.close()
            self._users[name].close()
