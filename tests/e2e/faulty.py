"""The fault proxy of tests/faults as a Pod before the LangGraph server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.cluster import ROOT, wait_for

if TYPE_CHECKING:
    from tests.e2e.crons import Crons

NAME = "faulty"
PORT, CONTROL = 8080, 8081

CREATE_RUN = {"method": "POST", "path": r"/threads/[^/]+/runs$"}
CREATE_THREAD = {"method": "POST", "path": r"/threads$"}


class Faulty:
    """The proxy; without a pod, nothing listens at its address.

    Parameters
    ----------
    crons
        The namespace where it is put.
    """

    def __init__(self, crons: Crons) -> None:
        self.url = f"http://{NAME}.{crons.namespace}.svc:{PORT}"
        """Where pods find it."""
        self._crons = crons
        self._control = f"/api/v1/namespaces/{crons.namespace}/services/{NAME}:{CONTROL}/proxy"
        ports = [{"name": "front", "port": PORT}, {"name": "control", "port": CONTROL}]
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME}}
        crons.cluster.apply({**service, "spec": {"selector": {"app": NAME}, "ports": ports}}, namespace=crons.namespace)

    def start(self, *, tls: dict[str, str] | None = None) -> None:
        """Start it and wait until it answers.

        Parameters
        ----------
        tls
            Certificate and key (PEM), as ``tls.crt`` and ``tls.key``; None: plain HTTP.
        """
        crons = self._crons
        files = {"proxy.py": (ROOT / "tests/faults/proxy.py").read_text(), **(tls or {})}
        crons.make_config_map(NAME, files)
        crons.cluster.apply(self._pod(tls is not None), namespace=crons.namespace)
        if tls:
            self.url = self.url.replace("http:", "https:")
        wait_for("proxy that answers", lambda: crons.api.ask("GET", f"{self._control}/requests")[0] == 200)

    def rules(self, *rules: dict[str, Any]) -> None:
        """Set the faults from here on."""
        self._crons.api.send("PUT", f"{self._control}/rules", list(rules))

    def requests(self) -> list[Any]:
        """List what has come."""
        return list(self._crons.api.get(f"{self._control}/requests"))

    def _pod(self, tls: bool) -> dict[str, Any]:
        command = ["python3", "/faults/proxy.py", "--upstream", self._crons.server.url.removeprefix("http://")]
        command += ["--listen", f"0.0.0.0:{PORT}", "--control", f"0.0.0.0:{CONTROL}"]
        command += ["--cert", "/faults/tls.crt", "--key", "/faults/tls.key"] if tls else []
        container = {
            "name": NAME,
            "image": "graphcron/langgraph-server:dev",
            "imagePullPolicy": "IfNotPresent",
            "command": command,
            "volumeMounts": [{"name": "faults", "mountPath": "/faults"}],
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        spec = {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
            "volumes": [{"name": "faults", "configMap": {"name": NAME}}],
        }
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME, "labels": {"app": NAME}}, "spec": spec}
