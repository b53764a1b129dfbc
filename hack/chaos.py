"""Bring a cluster up, let chaos loose on it, print what came of it, and take the cluster down again.

    python hack/chaos.py [--occurrences N] [--seed N] [--short]

The cluster is one of its own, named by this process. The exit code is 0 where all four figures are.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CLUSTER = [sys.executable, str(ROOT / "hack/cluster")]
IMAGES = ("operator", "runner", "langgraph-server")


def main(arguments: list[str]) -> int:
    """Run it; return the exit code."""
    # A SIGTERM must take the cluster down too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    name = f"chaos-{os.getpid()}"
    try:
        subprocess.run([*CLUSTER, "images", *IMAGES], check=True)
        subprocess.run([*CLUSTER, "up", "--name", name], check=True)
        subprocess.run([*CLUSTER, "load", *IMAGES, "--name", name], check=True)
        environment = {**os.environ, "GRAPHCRON_TEST_CLUSTER": name}
        command = [sys.executable, "-m", "tests.chaos", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    finally:
        subprocess.run([*CLUSTER, "down", "--name", name], check=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
