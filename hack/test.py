"""Run pytest on a cluster of its own.

    python hack/test.py [pytest's arguments]

Tests that stop parts of the cluster itself come last and alone, so that they disturb no other.
"""

from __future__ import annotations

import subprocess
import sys

from own_cluster import CLUSTER, ROOT, own_cluster

TOOLS = ("actionlint", "argocd", "helm-unittest", "kstatus", "kubeconform", "prometheus", "promtool")
"""Programs that tests use and that take longer to build than a test may; once, then they are cached."""

DISTURBING = ("tests/outages", "tests/chaos", "tests/rights", "tests/upgrade")
"""Tests that stop parts of the cluster. Of the last two, one reads what the operator has asked for in all others, and
one uninstalls it."""


def main(arguments: list[str]) -> int:
    """Run the tests side by side, then those that disturb; return the first exit code that is none of success."""
    chosen = any((ROOT / argument.split("::")[0]).exists() for argument in arguments)
    together = [*arguments, *(f"--ignore={each}" for each in DISTURBING)]
    rounds = [arguments] if chosen else [together, [*arguments, "-n", "0", *DISTURBING]]
    for tool in () if chosen else TOOLS:
        subprocess.run([*CLUSTER, "tool", tool], check=True, stdout=subprocess.DEVNULL)
    with own_cluster("test") as environment:
        codes = [
            subprocess.run([sys.executable, "-m", "pytest", *each], cwd=ROOT, env=environment, check=False).returncode
            for each in rounds
        ]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
