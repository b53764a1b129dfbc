"""Run Python on a separate cluster with all images, which is deleted when the program ends.

    python hack/test/own_cluster.py NAME [Python's arguments]

If GRAPHCRON_TEST_CLUSTER names a cluster, the program uses and keeps that one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = [sys.executable, str(ROOT / "hack/cluster")]
IMAGES = ("operator", "runner", "langgraph-server")

AUDIT_POLICY = ROOT / "tests/rights/audit-policy.yaml"
"""What the API server writes down; `tests/rights` reads it."""


@contextmanager
def own_cluster(prefix: str) -> Iterator[dict[str, str]]:
    """Create a cluster whose name contains the ID of this process, so that it does not conflict with running ones.

    Yields
    ------
    dict
        The environment in which the tests use it.
    """
    # A SIGTERM must take the cluster down too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    name = f"{prefix}-{os.getpid()}"
    try:
        # The cluster first: whatever is missing on this machine, it says before anything is built.
        subprocess.run([*CLUSTER, "up", "--name", name, "--audit-log", str(AUDIT_POLICY)], check=True)
        subprocess.run([*CLUSTER, "images", *IMAGES], check=True)
        subprocess.run([*CLUSTER, "load", *IMAGES, "--name", name], check=True)
        yield {**os.environ, "GRAPHCRON_TEST_CLUSTER": name}
    finally:
        subprocess.run([*CLUSTER, "down", "--name", name], check=True)


def main(prefix: str, *arguments: str) -> int:
    """Run Python with these arguments; return its exit code."""
    given = "GRAPHCRON_TEST_CLUSTER" in os.environ
    with nullcontext(dict(os.environ)) if given else own_cluster(prefix) as environment:
        return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
