"""Let chaos loose on a cluster of its own, and print what came of it.

    python hack/chaos.py [--occurrences N] [--seed N] [--short]

The exit code is 0 where all four figures are.
"""

from __future__ import annotations

import subprocess
import sys

from own_cluster import ROOT, own_cluster


def main(arguments: list[str]) -> int:
    """Run it; return the exit code."""
    with own_cluster("chaos") as environment:
        command = [sys.executable, "-m", "tests.chaos", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
