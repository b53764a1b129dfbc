"""A cluster of one's own for the time of a benchmark, with our CustomResourceDefinitions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bench import NAMESPACE, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

HACK = [sys.executable, str(ROOT / "hack/cluster")]

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [
        # What the cluster does of itself; and our own probes, which say nothing about an operator.
        {"level": "None", "userGroups": ["system:serviceaccounts", "system:nodes"]},
        {"level": "None", "users": ["coredns", "kube-apiserver-kubelet", "system:apiserver"]},
        {"level": "None", "users": ["system:kube-scheduler", "system:kube-controller-manager", "system:kube-proxy"]},
        {"level": "None", "nonResourceURLs": ["/metrics", "/livez*", "/readyz*"]},
        {"level": "Metadata", "userGroups": ["system:masters"]},
    ],
}
"""What the API server writes down where a benchmark counts requests: those of clients, operators among them."""


@dataclass(frozen=True)
class BenchCluster:
    """A running cluster."""

    name: str
    kubeconfig: Path
    tools: Path
    """Folder of kubectl."""
    state: Path
    """The cluster's own folder."""

    @property
    def audit_log(self) -> Path:
        """What the API server was asked, a JSON object a line; only of a cluster made with ``audit=True``."""
        return self.state / "logs/audit.log"

    @cached_property
    def environment(self) -> dict[str, str]:
        """An environment in which kubectl and operators mean this cluster."""
        path = f"{self.tools}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": path}

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl and return what it prints."""
        done = subprocess.run(
            ["kubectl", *arguments], input=stdin, capture_output=True, text=True, check=False, env=self.environment
        )
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def calm(self, *, seconds: float = 30) -> None:
        """Wait, so long at most, until the machine has little left to do: Kubernetes collects garbage for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            before = _busy_seconds()
            time.sleep(1)
            if _busy_seconds() - before < CALM * (os.cpu_count() or 1):
                return
        print(f"  (the machine was still busy after {seconds:.0f} s)")


CALM = 0.12
"""What of the machine an idle cluster takes at most; under kubelet, API server and etcd it is never nothing."""


@contextmanager
def cluster(name: str, *, audit: bool = False) -> Iterator[BenchCluster]:
    """Bring a cluster up that is named by this process, so that one that runs already is never in the way.

    Parameters
    ----------
    audit
        Whether the API server writes down what it is asked; see :attr:`BenchCluster.audit_log`. It costs some of its
        time, equally for all peers.
    """
    # A SIGTERM must take the cluster down too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    name = f"{name}-{os.getpid()}"
    try:
        yield _up(name, audit=audit)
    finally:
        _hack("down", "--name", name)


def _up(name: str, *, audit: bool) -> BenchCluster:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as policy:
        json.dump(AUDIT_POLICY, policy)
        policy.flush()
        _hack("up", "--name", name, *(["--provider", "local", "--audit-log", policy.name] if audit else []))
    info = json.loads(_hack("info", "--name", name))
    tools = Path(_hack("tools").strip())
    made = BenchCluster(name, Path(info["kubeconfig"]), tools, Path(info["state"]))
    made.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    time.sleep(0.5)  # a CRD that has no conditions yet is an error to `kubectl wait`
    made.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(ROOT / "crds"))
    made.kubectl("create", "namespace", NAMESPACE)
    return made


def _hack(*arguments: str) -> str:
    done = subprocess.run([*HACK, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"hack/cluster {' '.join(arguments)}: {done.stderr[-2000:]}")
    return done.stdout


def _busy_seconds() -> float:
    """Return what all CPUs have worked since the machine's start."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text(encoding="ascii").split(maxsplit=9)[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
