"""kill -9 for the process of a pod: what an out-of-memory kill or a broken node does; and other signals."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from graphcron import contract

if TYPE_CHECKING:
    from tests.cluster import Cluster

PROGRAM = """
import os, signal, sys, time

def read(pid, name):
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()

def matches(pid):
    try:
        if mark not in read(pid, "environ").split(b"\\0") and mark not in read(pid, "cgroup"):
            return False
        return not word or word in read(pid, "cmdline").split(b"\\0")
    except (OSError, ProcessLookupError):
        return False

signals, mark, word, seconds = sys.argv[1].split(","), sys.argv[2].encode(), sys.argv[3].encode(), float(sys.argv[4])
own = str(os.getpid())
found = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and pid != own and matches(pid)]
for number, name in enumerate(signals):
    time.sleep(seconds if number else 0)
    for pid in found:
        os.kill(pid, signal.Signals["SIG" + name])
sys.exit(0 if found else 3)
"""
"""Finds processes by their environment or container; inside the pod itself, process 1 cannot be killed."""

NONE = 3
"""Exit code of the program where it has found none."""

WAITING = "import signal; signal.sigwait({signal.SIGTERM})"


class Killer:
    """A privileged pod in the node's process namespace, in a Kubernetes namespace of its own; there when needed."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._namespace = f"e2e-killer-{uuid.uuid4().hex[:8]}"
        self._nodes: set[str] = set()
        cluster.kubectl("create", "namespace", self._namespace)
        cluster.kubectl("label", "namespace", self._namespace, "pod-security.kubernetes.io/enforce=privileged")

    def kill(self, pod_uid: str, node: str) -> None:
        """Kill the runner of a pod with SIGKILL."""
        assert self.signal("KILL", f"{contract.ENV_POD_UID}={pod_uid}", node), "there is no such process"

    def signal(self, signals: str, mark: str, node: str, *, word: str = "", seconds: float = 0) -> bool:
        """Send a signal to processes; return whether there were any.

        Parameters
        ----------
        signals
            Such as ``KILL``; or several, one after the other: ``STOP,CONT``.
        mark
            A member of the processes' environment, or the id of their container.
        node
            Where they are.
        word
            One of their arguments; empty: any will do.
        seconds
            Between two signals.
        """
        self.prepare(node)
        program = ("python3", "-c", PROGRAM, signals, mark, word, str(seconds))
        options = ("--namespace", self._namespace, f"killer-{node}", "--")
        done = self._cluster.kubectl("exec", *options, *program, check=False, timeout=seconds + 60)
        if done.returncode not in (0, NONE):
            raise AssertionError(f"kubectl exec: {done.stderr}")
        return done.returncode == 0

    def prepare(self, node: str) -> None:
        """Start the pod on a node, where it does not run yet, and wait until it does."""
        if node in self._nodes:
            return
        container = {
            "name": "killer",
            "image": "graphcron/langgraph-server:dev",
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-c", WAITING],
            "securityContext": {"privileged": True, "runAsUser": 0},
        }
        spec = {"hostPID": True, "nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [container]}
        name = f"killer-{node}"
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        self._cluster.kubectl("apply", "--namespace", self._namespace, "-f", "-", stdin=json.dumps(pod))
        ready = ("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=60s")
        self._cluster.kubectl(*ready, "--namespace", self._namespace)
        self._nodes.add(node)

    def close(self) -> None:
        """Take it away."""
        self._cluster.kubectl("delete", "namespace", self._namespace, "--wait=false")
