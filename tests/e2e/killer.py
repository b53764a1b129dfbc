"""kill -9 for the process of a pod: what an out-of-memory kill or a broken node does."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from graphcron import contract

if TYPE_CHECKING:
    from tests.cluster import Cluster

PROGRAM = f"""
import os, signal, sys
mark = b"{contract.ENV_POD_UID}=" + sys.argv[1].encode()
killed = 0
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open(f"/proc/{{pid}}/environ", "rb") as file:
            if mark in file.read().split(b"\\0"):
                os.kill(int(pid), signal.SIGKILL)
                killed += 1
    except (OSError, ProcessLookupError):
        pass
sys.exit(killed != 1)
"""
"""Finds the process by its environment; inside the pod itself, process 1 cannot be killed."""


class Killer:
    """A privileged pod in the node's process namespace, in a Kubernetes namespace of its own."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._namespace = f"e2e-killer-{uuid.uuid4().hex[:8]}"
        cluster.kubectl("create", "namespace", self._namespace)
        cluster.kubectl("label", "namespace", self._namespace, "pod-security.kubernetes.io/enforce=privileged")

    def kill(self, pod_uid: str, node: str) -> None:
        """Kill the runner of a pod with SIGKILL."""
        container = {
            "name": "killer",
            "image": "graphcron/langgraph-server:dev",
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-c", PROGRAM, pod_uid],
            "securityContext": {"privileged": True, "runAsUser": 0},
        }
        spec = {"hostPID": True, "nodeName": node, "restartPolicy": "Never", "containers": [container]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "killer"}, "spec": spec}
        self._cluster.kubectl("create", "--namespace", self._namespace, "-f", "-", stdin=json.dumps(pod))
        done = ("wait", "pod/killer", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
        self._cluster.kubectl(*done, "--namespace", self._namespace)

    def close(self) -> None:
        """Take it away."""
        self._cluster.kubectl("delete", "namespace", self._namespace, "--wait=false")
