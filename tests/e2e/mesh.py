"""A mesh that puts a sidecar into pods: it sorts before our container, and does not end with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cluster import wait_for

if TYPE_CHECKING:
    from tests.e2e.crons import Crons

SIDECAR = "istio-proxy"
SLEEPS = "example.com/sidecar-sleeps"
"""Label of a pod: how many seconds its sidecar goes on."""

KINDS = ("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding")

INJECT = f"""
[JSONPatch{{op: "add", path: "/spec/containers/0", value: Object.spec.containers{{
  name: "{SIDECAR}", image: object.spec.containers[0].image, imagePullPolicy: "IfNotPresent",
  command: ["/usr/bin/python3", "-c", "import time; time.sleep(" + object.metadata.labels["{SLEEPS}"] + ")"],
  securityContext: Object.spec.containers.securityContext{{
    allowPrivilegeEscalation: false,
    capabilities: Object.spec.containers.securityContext.capabilities{{drop: ["ALL"]}}}}}}}}]
"""


class Mesh:
    """Injects a sidecar into the pods of a namespace that ask for one."""

    def __init__(self, crons: Crons) -> None:
        self._crons = crons
        self._name = f"inject-{crons.namespace}"

    def is_known(self) -> bool:
        """Return whether the cluster has what it takes."""
        path = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"
        return self._crons.api.get(path) is not None

    def install(self) -> None:
        """Apply the policy, and wait until it holds."""
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
        policy = {
            "matchConstraints": {
                "resourceRules": [rule],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self._crons.namespace}},
                "objectSelector": {"matchExpressions": [{"key": SLEEPS, "operator": "Exists"}]},
            },
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": INJECT}}],
        }
        meta = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": self._name}}
        for kind, spec in zip(KINDS, (policy, {"policyName": self._name}), strict=True):
            self._crons.cluster.apply({**meta, "kind": kind, "spec": spec}, namespace=self._crons.namespace)
        wait_for("injection", self._is_injected, seconds=60)

    def remove(self) -> None:
        """Take the policy away."""
        for kind in reversed(KINDS):
            options = ("--ignore-not-found", "--wait=false")
            self._crons.cluster.kubectl("delete", kind.lower(), self._name, *options, check=False)

    def _is_injected(self) -> bool:
        security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        seccomp = {"type": "RuntimeDefault"}
        pod = {
            "metadata": {"name": "probe", "labels": {SLEEPS: "1"}},
            "spec": {
                "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": seccomp},
                "containers": [{"name": "probe", "image": "graphcron/runner:dev", "securityContext": security}],
            },
        }
        status, text = self._crons.api.ask("POST", f"{self._crons.path('pods')}?dryRun=All", pod)
        return status == 201 and SIDECAR in text
