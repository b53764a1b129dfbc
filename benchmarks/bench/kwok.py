"""Nodes that take pods and run nothing: kwok plays the kubelet, and ends each pod as our runner does.

A pod of a GraphCron says by an annotation when it ends, so that hundreds end at one moment however long the scheduler
took to place them. kwok writes what a kubelet would: running, then ended with exit code 0 and a termination message
that is a :class:`graphcron.contract.Report`. No container runs, and nobody asks a LangGraph server.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from bench import ROOT
from graphcron.contract import Outcome, Report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.cluster import BenchCluster

LABEL: Final = "benchmarks.graphcron.dev/kwok"
"""Label of our nodes and key of their taint: nothing but the benchmark's pods goes there, and these go nowhere else."""

ENDS_AT: Final = "benchmarks.graphcron.dev/ends-at"
"""Annotation of a pod: when its run is over (RFC 3339)."""

DUE: Final = "benchmarks.graphcron.dev/due"
"""Annotation of a pod: its occurrence's scheduled time (RFC 3339), for the report."""

_WORKERS: Final = 16
"""Pods whose status kwok writes at once; its client has no limit of its own. A node's kubelet would be one of many."""


def runner_on_kwok(*, due: str, ends_at: str) -> dict[str, Any]:
    """Return a `spec.runner` whose pods come to our nodes and end at that time."""
    return {
        "nodeSelector": {LABEL: "true"},
        "tolerations": [{"key": LABEL, "operator": "Exists"}],
        "annotations": {DUE: due, ENDS_AT: ends_at},
    }


@contextmanager
def kwok_nodes(cluster: BenchCluster, count: int = 10) -> Iterator[None]:
    """Add nodes to a cluster, and play their kubelets until the block ends."""
    program = _program()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "kwok.yaml"
        config.write_text(yaml.safe_dump_all([_CONFIGURATION, *_stages()]))
        command = [program, f"--kubeconfig={cluster.kubeconfig}", f"--config={config}"]
        command += [f"--manage-nodes-with-label-selector={LABEL}", "--node-lease-duration-seconds=40"]
        with (folder / "log").open("wb") as log:
            # Its home has no configuration of a user's own.
            kwok = subprocess.Popen(command, stdout=log, stderr=log, env={"HOME": str(folder)}, cwd="/")
        try:
            _add_nodes(cluster, count)
            _wait_ready(cluster, count, kwok, folder / "log")
            yield
        finally:
            kwok.terminate()
            kwok.wait(timeout=20)
            cluster.kubectl("delete", "node", "--selector", LABEL, "--wait=false")


def _program() -> str:
    command = [sys.executable, str(ROOT / "hack/cluster"), "tool", "kwok"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _add_nodes(cluster: BenchCluster, count: int) -> None:
    room = {"cpu": "64", "memory": "256Gi", "pods": "1000"}
    nodes = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"kwok-{number}", "labels": {LABEL: "true", "kubernetes.io/os": "linux"}},
            "spec": {"taints": [{"key": LABEL, "value": "true", "effect": "NoSchedule"}]},
            "status": {"allocatable": room, "capacity": room},
        }
        for number in range(count)
    ]
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": nodes}))


def _wait_ready(cluster: BenchCluster, count: int, kwok: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the scheduler may use the nodes: Ready, and the taint of a new node gone."""
    deadline = time.monotonic() + 60
    while kwok.poll() is None and time.monotonic() < deadline:
        nodes = json.loads(cluster.kubectl("get", "node", "--selector", LABEL, "-o", "json"))["items"]
        if sum(_is_ready(node) for node in nodes) == count:
            return
        time.sleep(0.5)
    raise RuntimeError(f"the nodes did not become ready; kwok says:\n{log.read_text()[-2000:]}")


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", ())
    ready = any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)
    return ready and [taint["key"] for taint in node["spec"].get("taints", ())] == [LABEL]


_CONFIGURATION: Final[dict[str, Any]] = {
    "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
    "kind": "KwokConfiguration",
    "options": {
        "podPlayStageParallelism": _WORKERS,
        # Its defaults hold only where there is no configuration at all.
        "nodePlayStageParallelism": 4,
        "nodeLeaseParallelism": 4,
        "podsOnNodeSyncParallelism": 4,
    },
}


def _stages() -> list[dict[str, Any]]:
    """Return what kwok does: nodes become ready; pods run, end when they say, and go when they are deleted."""
    ends_at = {"durationFrom": {"expressionFrom": f'.metadata.annotations["{ENDS_AT}"]'}}
    gone = {"key": ".metadata.deletionTimestamp", "operator": "Exists"}
    here = {**gone, "operator": "DoesNotExist"}
    ready = {"key": '.status.conditions.[] | select( .type == "Ready" ) | .status', "values": ["True"]}
    return [
        _stage("node-initialize", "Node", [{**ready, "operator": "NotIn"}], {"statusTemplate": _NODE_READY}),
        _stage("pod-run", "Pod", [here, _in_phase("Pending")], {"statusTemplate": _POD_RUNS}),
        _stage("pod-end", "Pod", [here, _in_phase("Running")], {"statusTemplate": _pod_ended()}, delay=ends_at),
        _stage("pod-delete", "Pod", [gone], {"delete": True}),
    ]


def _stage(name: str, kind: str, selector: list[dict[str, Any]], then: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": selector},
            "next": then,
            **more,
        },
    }


def _in_phase(phase: str) -> dict[str, Any]:
    return {"key": ".status.phase", "operator": "In", "values": [phase]}


_NODE_READY: Final = """
conditions:
{{ $now := Now }}
{{ range NodeConditions }}
- {type: {{ .type | Quote }}, status: {{ .status | Quote }}, reason: {{ .reason | Quote }},
   message: {{ .message | Quote }}, lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $now | Quote }}}
{{ end }}
phase: Running
"""

_POD_RUNS: Final = """
{{ $now := Now }}
conditions:
{{ range $type := list "PodReadyToStartContainers" "Initialized" "Ready" "ContainersReady" }}
- {type: {{ $type }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}
phase: Running
startTime: {{ $now | Quote }}
"""

_POD_ENDED: Final = """
{{ $now := Now }}
{{ $started := .status.startTime }}
conditions:
{{ range $type := list "PodReadyToStartContainers" "Ready" "ContainersReady" }}
- {type: {{ $type }}, status: "False", reason: PodCompleted, lastTransitionTime: {{ $now | Quote }}}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: false
  started: false
  restartCount: 0
  state:
    terminated:
      exitCode: 0
      reason: Completed
      startedAt: {{ $started | Quote }}
      finishedAt: {{ $now | Quote }}
      message: 'REPORT'
{{ end }}
phase: Succeeded
"""


def _pod_ended() -> str:
    """Return the status of an ended pod. Its run has the pod's own UID for an id: any UUID does."""
    report = Report(
        outcome=Outcome.SUCCEEDED,
        scheduledTime=f"{{{{ index $.metadata.annotations `{DUE}` }}}}",
        runId="{{ $.metadata.uid }}",
        threadId="{{ $.metadata.uid }}",
        startTime="{{ $started }}",
        durationSeconds=12.345,
        tokens=1234,
    )
    return _POD_ENDED.replace("REPORT", report.to_json())
