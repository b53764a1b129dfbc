"""Upgrade from the last release to this checkout, and print what was kept.

    python hack/upgrade.py [--from REVISION]

The last release is the newest tag v*; before the first one it is HEAD. It is installed with its own chart and its own
images, which are built here. The cluster is the one that GRAPHCRON_TEST_CLUSTER names, or one for the time of the test.
The exit code is 0 where all was kept.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext

from own_cluster import ROOT, own_cluster


def main(arguments: list[str]) -> int:
    """Run it; return the exit code."""
    given = "GRAPHCRON_TEST_CLUSTER" in os.environ
    with nullcontext(dict(os.environ)) if given else own_cluster("upgrade") as environment:
        command = [sys.executable, "-m", "tests.upgrade", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
