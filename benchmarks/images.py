"""How large the two images are, and how soon the operator is ready.

    python benchmarks/images.py [ROUNDS]

The operator starts as the chart starts it, in a pod on a cluster of its own; beside it, as processes on the same
machine, ours and its twin. The clock of a pod begins with its process, and ends when ``/readyz`` answers 200.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import yaml
from bench import ROOT, number
from bench.api import Api
from bench.cluster import cluster
from bench.process import OPERATORS, OURS_NAME
from bench.result import Figure
from bench.twin import build as build_twin

if TYPE_CHECKING:
    from bench.cluster import BenchCluster

LIMITS_MB = {"runner": 45, "operator": 130}
READY_SECONDS = 2

SYSTEM = "graphcron-system"
POD = "startup"

_HACK = ROOT / "hack/cluster"

_AGE = (
    "import os, time; ticks = int(open('/proc/1/stat').read().rpartition(')')[2].split()[19]);"
    "up = float(open('/proc/uptime').read().split()[0]);"
    "print(time.time() - up + ticks / os.sysconf('SC_CLK_TCK'))"
)
"""Prints when process 1 was started, to a hundredth of a second. The API server would tell whole seconds only."""


def hack(*arguments: str) -> str:
    """Run a verb of the local cluster, and return what it prints."""
    command = [sys.executable, str(_HACK), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def build(*names: str) -> None:
    """Build images whose files have changed."""
    hack("images", *names)


def load(cluster: BenchCluster, *images: str) -> None:
    """Bring built images, or archives by their path, into a cluster."""
    hack("load", *images, "--name", cluster.name)


def archive_of(name: str) -> Path:
    """Return the archive of a built image."""
    code = "import sys; from localkube import images; print(images.archive_of(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, name], cwd=_HACK, check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip())


def unpacked_mb(archive: Path) -> float:
    """Return the bytes of all files of all layers, in millions."""
    total = 0
    with tarfile.open(archive) as image:
        manifest = image.extractfile("manifest.json")
        assert manifest is not None
        for layer in json.load(manifest)[0]["Layers"]:
            file = image.extractfile(layer)
            assert file is not None
            with tarfile.open(fileobj=file) as content:
                total += sum(entry.size for entry in content if entry.isreg())
    return total / 1e6


def install(cluster: BenchCluster) -> dict[str, Any]:
    """Install the operator as without Helm, but for its Deployment; return a pod of that."""
    text = (ROOT / "charts/static/install.yaml").read_text(encoding="utf-8")
    objects = [each for each in yaml.safe_load_all(text) if each]
    (deployment,) = (each for each in objects if each["kind"] == "Deployment")
    rest = yaml.safe_dump_all([each for each in objects if each is not deployment])
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "--filename", "-", stdin=rest)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD, "namespace": SYSTEM}}
    spec = deployment["spec"]["template"]["spec"]
    spec["containers"][0]["image"] = "graphcron/operator:dev"
    return {**pod, "spec": spec}


async def pod_seconds(cluster: BenchCluster, api: Api, pod: dict[str, Any]) -> float:
    """Start the pod; return how long its process took to be ready."""
    pods = f"/api/v1/namespaces/{SYSTEM}/pods"
    await api.request("POST", pods, body=pod)
    try:
        ready = await _ready(api, f"{pods}/{POD}:8080/proxy/readyz")
        python = ["/usr/bin/python3", "-I", "-S", "-c", _AGE]
        began = await asyncio.to_thread(cluster.kubectl, "exec", "--namespace", SYSTEM, POD, "--", *python)
        return ready - float(began)
    finally:
        await asyncio.to_thread(cluster.kubectl, "delete", "pod", POD, "--namespace", SYSTEM, "--grace-period=5")


async def _ready(api: Api, path: str) -> float:
    """Ask by way of the API server until the answer is 200; return when that was."""
    async with asyncio.timeout(120):
        while True:
            try:
                async with api.session.get(path) as answer:
                    if answer.status == 200:
                        return time.time()
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.02)


async def measure(cluster: BenchCluster, figure: Figure, count: int) -> list[float]:
    """Let the peers take turns; the pod's first round, in which its image is read from disk, is told apart."""
    build_twin()  # before anything is measured
    pod = install(cluster)
    async with Api(cluster) as api:
        first = await pod_seconds(cluster, api, pod)
        figure.add("from start to ready, never started before", "s", f"{OURS_NAME}, pod", first)
        values = []
        for _ in range(count):
            values.append(await pod_seconds(cluster, api, pod))
            figure.add("from start to ready", "s", f"{OURS_NAME}, pod", values[-1])
            for name, run in OPERATORS.items():
                with run(cluster) as running:
                    figure.add("from start to ready", "s", f"{name}, process", running.ready - running.started)
    return values


def main() -> None:
    """Measure and report."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else number("ROUNDS", 5)
    figure = Figure("images", "Size of the images, and how soon the operator is ready")
    build(*LIMITS_MB)
    for name, limit in LIMITS_MB.items():
        size = unpacked_mb(archive_of(name))
        figure.add("unpacked", "MB", name, size)
        figure.aim(f"{name} unpacked: under {limit} MB", size, at_most=limit)
    with cluster("bench-images") as made:
        load(made, "operator")
        ready = asyncio.run(measure(made, figure, count))
    figure.aim(f"operator ready: within {READY_SECONDS} s", ready, at_most=READY_SECONDS)
    figure.report()


if __name__ == "__main__":
    main()
