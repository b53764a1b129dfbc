"""Apply many GraphCrons at once on a cluster of its own, and print what came of it.

    python hack/storm.py [--graphcrons N]

The exit code is 0 where nobody was disturbed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from own_cluster import ROOT, own_cluster

GRAPHCRONS = 300


def main(arguments: list[str]) -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python hack/storm.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--graphcrons", type=int, default=GRAPHCRONS, help="how many are applied (default: %(default)s)"
    )
    number = parser.parse_args(arguments).graphcrons
    with own_cluster("storm") as cluster:
        command = [sys.executable, "-m", "pytest", "-q", "-s", "tests/e2e/test_storm.py"]
        environment = {**cluster, "GRAPHCRON_STORM": str(number)}
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
