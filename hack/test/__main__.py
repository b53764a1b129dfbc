"""Run pytest on a cluster of its own.

    python hack/test [pytest's arguments]

Tests that disturb others come last and alone; those that stop parts of the cluster have another one meanwhile.
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

DISTURBING = ("tests/e2e/test_storm.py", "tests/rights", "tests/upgrade")
"""Tests that fill the operator's slots for preflights, read what it has asked for in all others, or uninstall it: they
come last and alone."""

BREAKING = ("tests/outages", "tests/chaos")
"""Tests that stop parts of the cluster: they have one of their own, meanwhile."""


def main(arguments: list[str]) -> int:
    """Run the tests side by side, then those that disturb; return the first exit code that is none of success."""
    chosen = any((ROOT / argument.split("::")[0]).exists() for argument in arguments)
    if shutil.which("go") and not chosen:  # what the cluster needs, too: packages that programs share are compiled once
        subprocess.run([*CLUSTER, "build", *TOOLS], check=True)
    if not chosen:  # before the tests look for it; those that need it are left out where it can't be installed
        subprocess.run([*CLUSTER, "browser", "--install"], check=False, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as folder, own_cluster("test") as cluster:
        environment = {**cluster, "GRAPHCRON_LEFT_OUT": str(Path(folder, "left-out"))}
        Path(folder, "left-out").touch()
        codes = [_pytest(arguments, environment)] if chosen else _all(arguments, environment, Path(folder))
        left = left_out(Path(folder, "left-out").read_text())
    print(*left, sep="\n", end="\n" if left else "")
    return next((code for code in codes if code), 0)


def _all(arguments: list[str], environment: dict[str, str], folder: Path) -> list[int]:
    """Run all tests; return the exit codes."""
    options = [*arguments, "--durations=15", "--durations-min=20"]
    alone = [*options, "-n", "0"]
    codes = [_pytest([*options, *(f"--ignore={each}" for each in (*DISTURBING, *BREAKING))], environment)]
    if environment.get("CLUSTER") == "current":  # there is no other
        return [*codes, _pytest([*alone, *DISTURBING], environment), _pytest([*alone, *BREAKING], environment)]
    with own_cluster("breaking") as second, Path(folder, "breaking").open("w+") as output:
        command, other = _command([*alone, *BREAKING]), {**environment, **second}
        with subprocess.Popen(command, cwd=ROOT, env=other, stdout=output) as broken:
            try:
                codes += [_pytest([*alone, *DISTURBING], environment), broken.wait()]
            except BaseException:
                broken.terminate()
                raise
        print(Path(output.name).read_text(), flush=True)
    return codes


def _pytest(arguments: list[str], environment: dict[str, str]) -> int:
    return subprocess.run(_command(arguments), cwd=ROOT, env=environment, check=False).returncode


def _command(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "pytest", *arguments]


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
