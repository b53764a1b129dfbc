"""File locks that end with their process, and whose files can be removed while the lock is held."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .shell import say


@contextmanager
def locked(path: Path, why: str) -> Iterator[None]:
    """Hold an exclusive lock on `path`; remove its file afterwards, unless another process waits for the lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _take(path, why)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _take(path: Path, why: str) -> int:
    told = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                say(f"waiting for another process: {why}")
                told = True
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # The one before us removed the file when it was done: then this lock is on a file without a name.
        if path.exists() and os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
        os.close(descriptor)
