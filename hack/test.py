"""Bring a cluster up, run pytest on it, and take the cluster down again, whatever happens in between.

    python hack/test.py [pytest's arguments]

The cluster is one of its own, named by this process, so that one that runs already is never in the way. Tests that stop
parts of the cluster itself come last and alone, so that they disturb no other.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CLUSTER = [sys.executable, str(ROOT / "hack/cluster")]
DISTURBING = ("tests/outages", "tests/chaos")
"""Tests that stop parts of the cluster."""

IMAGES = ("operator", "runner", "langgraph-server")


def main(arguments: list[str]) -> int:
    """Run the tests; return pytest's exit code."""
    # A SIGTERM must take the cluster down too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    name = f"test-{os.getpid()}"
    try:
        subprocess.run([*CLUSTER, "images", *IMAGES], check=True)
        subprocess.run([*CLUSTER, "up", "--name", name], check=True)
        subprocess.run([*CLUSTER, "load", *IMAGES, "--name", name], check=True)
        environment = {**os.environ, "GRAPHCRON_TEST_CLUSTER": name}
        return run(arguments, environment)
    finally:
        subprocess.run([*CLUSTER, "down", "--name", name], check=True)


def run(arguments: list[str], environment: dict[str, str]) -> int:
    """Run the tests side by side, then those that disturb; return the first exit code that is none of success."""
    pytest = [sys.executable, "-m", "pytest"]
    if any((ROOT / argument.split("::")[0]).exists() for argument in arguments):  # somebody has chosen
        return subprocess.run([*pytest, *arguments], cwd=ROOT, env=environment, check=False).returncode
    ignored = [f"--ignore={each}" for each in DISTURBING]
    together = [*pytest, *arguments, *ignored]
    alone = [*pytest, *arguments, "-n", "0", *DISTURBING]
    codes = [
        subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode for command in (together, alone)
    ]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
