"""What one whole tick costs the pod's program: our runner, the same by langgraph-sdk, and by curl.

    python benchmarks/tick.py [ROUNDS]

The three take turns on one real LangGraph server. Printed are medians and their spread, and the ratios to our runner.
The runner does more than the others: it takes the occurrence's lock, looks for predecessors, judges, and reports.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from graphcron import contract  # noqa: E402
from graphcron.contract import Request  # noqa: E402
from tests.runner.harness import serve  # noqa: E402

PEERS = ROOT / "benchmarks/peers"

BASE = getattr(sys, "_base_executable", sys.executable)
"""The interpreter itself, without the virtual environment's start-up."""


class Cost(NamedTuple):
    """What a program and its children took."""

    cpu_ms: float
    memory_mib: float


def measure(command: list[str], environment: dict[str, str]) -> Cost:
    """Run a program to its end."""
    wrapped = [BASE, "-I", "-S", str(ROOT / "benchmarks/measured.py"), *command]
    done = subprocess.run(wrapped, env=environment, stdout=subprocess.PIPE, cwd="/", check=True)
    return Cost(*json.loads(done.stdout))


def make_app(folder: Path) -> Path:
    """Lay out what the runner's image holds, compiled as there."""
    package = ROOT / "operator/graphcron"
    (folder / "graphcron").mkdir(parents=True)
    (folder / "graphcron/__init__.py").touch()
    subprocess.run(["cp", "-r", package / "contract.py", package / "runner", folder / "graphcron"], check=True)
    subprocess.run(["cp", package / "runner/__main__.py", folder], check=True)
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", folder], check=True
    )
    return folder


def runner_environment(url: str, root: Path) -> dict[str, str]:
    """Return what a pod of a fresh occurrence has."""
    (root / "dev").mkdir(parents=True, exist_ok=True)
    return {
        contract.ENV_ROOT: str(root),
        contract.ENV_REQUEST: Request(url=url, assistant="agent", input={"messages": []}).to_json(),
        contract.ENV_NAMESPACE: "bench",
        contract.ENV_NAME: "tick",
        contract.ENV_UID: str(uuid.uuid4()),
        contract.ENV_JOB: f"tick-{int(time.time()) // 60}",
        contract.ENV_POD_UID: str(uuid.uuid4()),
    }


def rounds(url: str, folder: Path, count: int) -> dict[str, list[Cost]]:
    """Let the three take turns; the first round is thrown away."""
    app = make_app(folder / "app")
    costs: dict[str, list[Cost]] = {"runner": [], "langgraph-sdk": [], "curl": []}
    for _ in range(count + 1):
        environment = runner_environment(url, folder / "root")
        costs["runner"].append(measure([BASE, "-I", "-S", str(app)], environment))
        costs["langgraph-sdk"].append(measure([sys.executable, str(PEERS / "sdk_tick.py"), url], dict(os.environ)))
        costs["curl"].append(measure([str(PEERS / "curl_tick.sh"), url], dict(os.environ)))
    return {name: values[1:] for name, values in costs.items()}


def main() -> None:
    """Measure and print a table and one line of JSON."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as name, serve(Path(name)) as url:
        costs = rounds(url, Path(name), count)
    base = Cost(*(median(each[at] for each in costs["runner"]) for at in range(2)))
    print(f"{'':14} {'CPU ms':>8} {'spread':>13} {'ratio':>6} {'MiB':>7} {'ratio':>6}   ({count} rounds)")
    for name, values in costs.items():
        cpu, memory = (median(each[at] for each in values) for at in range(2))
        spread = f"{min(each.cpu_ms for each in values):.0f}–{max(each.cpu_ms for each in values):.0f}"
        print(
            f"{name:14} {cpu:8.1f} {spread:>13} {cpu / base.cpu_ms:6.2f} {memory:7.1f} {memory / base.memory_mib:6.2f}"
        )
    print(json.dumps({"figure": "tick", "rounds": count, **{name: median(values) for name, values in costs.items()}}))


if __name__ == "__main__":
    main()
