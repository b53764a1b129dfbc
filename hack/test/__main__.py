"""Run pytest on a separate cluster.

    python hack/test [pytest's arguments]

Tests that disturb others run last and alone. Tests that stop parts of the cluster run on another cluster meanwhile.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from own_cluster import CLUSTER, ROOT, own_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOLS = ("actionlint", "argo-lua", "helm-unittest", "kstatus", "kubeconform", "prometheus", "promtool")
"""Programs that tests use and that take longer to build than a test may; once, then they are cached."""

DISTURBING = ("tests/e2e/test_storm.py", "tests/rights")
"""Tests that fill the operator's slots for preflights, or read its requests in other tests. They run last and alone."""

BREAKING = ("tests/upgrade", "tests/outages")
"""Tests that uninstall the operator or stop parts of the cluster, and need a separate one. They mostly wait, so they
run in parallel with the tests that compute."""

CHAOS = "tests/chaos"
"""It stops parts of the cluster, too, but needs more of the machine: it runs on that cluster beside the last tests."""


def main(arguments: list[str]) -> int:
    """Run tests in parallel, then those that disturb others; return the first exit code of a failure."""
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
    many = [*options, *(f"--ignore={each}" for each in (*DISTURBING, *BREAKING, CHAOS))]
    if environment.get("CLUSTER") == "current":  # there is no other
        rounds = (many, [*alone, *DISTURBING], [*alone, *BREAKING, CHAOS])
        return [_pytest(each, environment) for each in rounds]
    codes: list[int] = []
    with own_cluster("breaking") as second:
        other = {**environment, **second}
        for here, there in ((many, BREAKING), ([*alone, *DISTURBING], [CHAOS])):
            with _beside(_command([*alone, *there]), other, folder / "beside", codes):
                codes.append(_pytest(here, environment))
    return codes


@contextmanager
def _beside(command: list[str], environment: dict[str, str], output: Path, codes: list[int]) -> Iterator[None]:
    """Run a command in parallel; wait until it ends, print its output, and add its exit code."""
    with output.open("w") as file, subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file) as process:
        try:
            yield
            codes.append(process.wait())
        finally:
            process.terminate()
            print(output.read_text(), flush=True)


def _pytest(arguments: list[str], environment: dict[str, str]) -> int:
    return subprocess.run(_command(arguments), cwd=ROOT, env=environment, check=False).returncode


def _command(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "pytest", *arguments]


def left_out(counts: str) -> list[str]:
    """Return a line for each missing requirement, with the number of tests that it affects in all rounds.

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
