"""What one whole tick costs the pod's program: our runner, the same by langgraph-sdk, and by curl.

    python benchmarks/tick.py [ROUNDS]

The three take turns on one real LangGraph server. The runner does more than the others: it takes the occurrence's lock,
looks for predecessors, judges, and reports.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
import uuid
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench import number  # noqa: E402
from bench.result import Figure  # noqa: E402

from graphcron import contract  # noqa: E402
from graphcron.contract import Request  # noqa: E402
from tests.runner.harness import serve  # noqa: E402

PEERS = ROOT / "benchmarks/peers"

RUNNER, SDK, CURL = "runner", "langgraph-sdk", "curl"
"""What the peers are called."""

BASE = getattr(sys, "_base_executable", sys.executable)
"""The interpreter itself, without the virtual environment's start-up."""

SYSTEM = "/usr/bin/python3"
"""The distribution's own interpreter, which is what the runner's image has. One that somebody has built for themselves
may lack its optimizations, and take a quarter more."""


class Cost(NamedTuple):
    """What a program and its children took."""

    cpu_ms: float
    memory_mib: float


def measure(command: list[str], environment: dict[str, str]) -> Cost:
    """Run a program to its end."""
    wrapped = [BASE, "-I", "-S", str(ROOT / "benchmarks/measured.py"), *command]
    done = subprocess.run(wrapped, env=environment, stdout=subprocess.PIPE, cwd="/", check=True)
    return Cost(*json.loads(done.stdout))


def interpreter() -> str:
    """Return the distribution's interpreter, where it can load what the virtual environment has for the peer."""
    say = [SYSTEM, "-c", "import sys; print(*sys.version_info[:2])"]
    if not Path(SYSTEM).exists():
        return str(BASE)
    version = subprocess.run(say, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return SYSTEM if version == [str(part) for part in sys.version_info[:2]] else str(BASE)


def make_app(folder: Path) -> Path:
    """Lay out what the runner's image holds, compiled as there."""
    package = ROOT / "operator/graphcron"
    (folder / "graphcron").mkdir(parents=True)
    (folder / "graphcron/__init__.py").touch()
    parts = [package / part for part in ("contract.py", "input_template.py", "runner")]
    subprocess.run(["cp", "-r", *parts, folder / "graphcron"], check=True)
    subprocess.run(["cp", package / "runner/__main__.py", folder], check=True)
    subprocess.run(
        [interpreter(), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", folder], check=True
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
    app, python = make_app(folder / "app"), interpreter()
    packages = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
    costs: dict[str, list[Cost]] = {RUNNER: [], SDK: [], CURL: []}
    for _ in range(count + 1):
        environment = runner_environment(url, folder / "root")
        costs[RUNNER].append(measure([python, "-I", "-S", str(app)], environment))
        costs[SDK].append(measure([python, str(PEERS / "sdk_tick.py"), url], packages))
        costs[CURL].append(measure([str(PEERS / "curl_tick.sh"), url], dict(os.environ)))
    return {name: values[1:] for name, values in costs.items()}


def main() -> None:
    """Measure and report."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else number("ROUNDS", 9)
    figure = Figure("tick", "One whole tick: what it costs the program in the pod")
    with tempfile.TemporaryDirectory() as name, serve(Path(name)) as url:
        costs = rounds(url, Path(name), count)
    for peer, values in costs.items():
        for cost in values:
            figure.add("CPU", "ms", peer, cost.cpu_ms)
            figure.add("memory at its peak", "MiB", peer, cost.memory_mib)
    figure.aim("CPU of the runner: at most 50 ms", [cost.cpu_ms for cost in costs[RUNNER]], at_most=50)
    figure.aim("memory of the runner: at most 18 MiB", [cost.memory_mib for cost in costs[RUNNER]], at_most=18)
    if interpreter() != SYSTEM:
        figure.note("the interpreter is not the one that the runner's image has")
    figure.report()


if __name__ == "__main__":
    main()
