"""A cluster of one's own for the time of a test run: up with all images, and down again whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
CLUSTER = [sys.executable, str(ROOT / "hack/cluster")]
IMAGES = ("operator", "runner", "langgraph-server")

AUDIT_POLICY = ROOT / "tests/rights/audit-policy.yaml"
"""What the API server writes down; `tests/rights` reads it."""


@contextmanager
def own_cluster(prefix: str) -> Iterator[dict[str, str]]:
    """Bring a cluster up that is named by this process, so that one that runs already is never in the way.

    Yields
    ------
    dict
        The environment in which the tests mean it.
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
