"""Run pytest on a cluster of its own.

    python hack/test.py [pytest's arguments]

Tests that stop parts of the cluster itself come last and alone, so that they disturb no other.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from own_cluster import CLUSTER, ROOT, own_cluster

TOOLS = ("actionlint", "argo-lua", "helm-unittest", "kstatus", "kubeconform", "prometheus", "promtool")
"""Programs that tests use and that take longer to build than a test may; once, then they are cached."""

DISTURBING = ("tests/e2e/test_storm.py", "tests/outages", "tests/chaos", "tests/rights", "tests/upgrade")
"""Tests that fill the operator's slots for preflights, or stop parts of the cluster. Of the last two, one reads what
the operator has asked for in all others, and one uninstalls it."""


def main(arguments: list[str]) -> int:
    """Run the tests side by side, then those that disturb; return the first exit code that is none of success."""
    chosen = any((ROOT / argument.split("::")[0]).exists() for argument in arguments)
    slowest = ["--durations=15", "--durations-min=20"]
    together = [*arguments, *slowest, *(f"--ignore={each}" for each in DISTURBING)]
    rounds = [arguments] if chosen else [together, [*arguments, *slowest, "-n", "0", *DISTURBING]]
    if shutil.which("go") and not chosen:  # what the cluster needs, too: packages that programs share are compiled once
        subprocess.run([*CLUSTER, "build", *TOOLS], check=True)
    with tempfile.TemporaryDirectory() as folder, own_cluster("test") as cluster:
        counts = Path(folder, "left-out")
        counts.touch()
        environment = {**cluster, "GRAPHCRON_LEFT_OUT": str(counts)}
        codes = [
            subprocess.run([sys.executable, "-m", "pytest", *each], cwd=ROOT, env=environment, check=False).returncode
            for each in rounds
        ]
        left = left_out(counts.read_text())
    print(*left, sep="\n", end="\n" if left else "")
    return next((code for code in codes if code), 0)


def left_out(counts: str) -> list[str]:
    """Return a line for each thing that tests needed and did not find, with their number in all rounds.

    Parameters
    ----------
    counts
        What `tests/left_out.py` has written: a line of JSON for each round.
    """
    total: Counter[str] = Counter()
    for line in counts.splitlines():
        total.update(json.loads(line))
    return [f"tests left out: {number}, for lack of {what}" for what, number in total.items()]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
