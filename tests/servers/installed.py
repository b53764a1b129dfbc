"""Servers' Python packages, each server's in a virtual environment of its own, made once and kept."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.cluster import ROOT, locked

LOCKS = ROOT / "requirements" / "servers"
NEWEST = (3, 13)
"""Newest Python that the older packages have wheels for."""


class Installed(NamedTuple):
    """A virtual environment."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        """Where its packages are."""
        (found,) = (self.folder / "lib").glob("python3*/site-packages")
        return found


def installed(name: str, *options: str) -> Installed:
    """Return the environment of ``requirements/servers/<name>.lock``; the first who asks makes it.

    Parameters
    ----------
    name
        Name of the lock file.
    options
        More of pip's options.
    """
    lock = LOCKS / f"{name}.lock"
    python = _python()
    key = hashlib.sha256(f"{python} {sys.version} {options} {lock.read_text()}".encode()).hexdigest()[:12]
    made = Installed(_cache() / f"{name}-{key}")
    done = made.folder / ".done"
    with locked(made.folder.with_suffix(".lock")):
        if not done.exists():
            shutil.rmtree(made.folder, ignore_errors=True)
            _run(python, "-m", "venv", "--without-pip", str(made.folder))
            pip = [sys.executable, "-m", "pip", "--python", str(made.python), "--disable-pip-version-check"]
            _run(*pip, "install", "--quiet", "--require-hashes", "--no-deps", *options, "-r", str(lock))
            done.touch()
    return made


def _python() -> str:
    """Return a Python that is not too new: this one, or one that the PATH has."""
    if sys.version_info[:2] <= NEWEST:
        return sys.executable
    found = [shutil.which(f"python3.{minor}") for minor in range(NEWEST[1], 10, -1)]
    python = next((each for each in found if each), None)
    assert python, "the servers' packages have no wheels for this Python: put python3.13 (or 3.12, 3.11) on the PATH"
    return python


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command[:4])} …: {done.stderr[-2000:]}"


def _cache() -> Path:
    """Return our folder in the user's cache; the local cluster has its own beside it."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    path = (Path(base) if base.startswith("/") else Path.home() / ".cache") / "graphcron" / "servers"
    path.mkdir(parents=True, exist_ok=True)
    return path
