"""Faults of machines: the control plane, the operator, and the LangGraph server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.chaos.faults import NOT_NOW, Faults
from tests.chaos.records import MINUTE
from tests.cluster import wait_for

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from tests.chaos.faults import Plan
    from tests.chaos.server import Server
    from tests.e2e.crons import Crons
    from tests.e2e.killer import Killer

OUTAGES = {
    "kube-apiserver": 6.0,
    "etcd": 4.0,
    "kube-controller-manager": 6.0,
    "kube-scheduler": 8.0,
    "kubelet": 8.0,
}
"""Longest outages, in seconds. What elects a leader is up again some 15 s later, when its old self's lease is over."""

QUOTA = "chaos"
"""Name of the ResourceQuota."""

RESTARTS = 2
"""A container that was killed more often is kept down by the kubelet, longer each time: then its pod is replaced."""


class MachineFaults(Faults):
    """Takes one down after the other."""

    def __init__(
        self,
        crons: Crons,
        server: Server,
        killer: Killer,
        calm: threading.Lock,
        *,
        plan: Plan,
    ) -> None:
        super().__init__("machines", plan)
        self.guard = calm
        self._crons, self._server, self._killer = crons, server, killer

    def kinds(self) -> dict[str, Callable[[], bool]]:
        """Return the faults: those of the control plane only where the local provider lets us at it."""
        kinds: dict[str, Callable[[], bool]] = {
            "operator killed": self._kill_operator,
            "LangGraph server restarted": self._restart_server,
            "LangGraph server frozen": self._freeze_server,
            "quota refuses and relents": self._refuse,
        }
        if self._crons.cluster.provider == "local":
            kinds |= {f"{name} restarted": self._outage(name) for name in OUTAGES}
            kinds["kube-controller-manager down at the minute"] = self._outage_at_the_minute
            kinds["etcd compacted"] = self._compact_etcd
        return kinds

    def heal(self) -> None:
        """See that all is up again, whatever has happened."""
        if self._crons.cluster.provider == "local":
            for name in OUTAGES:
                self._crons.cluster.hack("start", name)
        wait_for("quota that is gone", self._relent)
        self._server.wait_ready()
        (pod,) = wait_for("operator", self._operators)
        if pod["status"]["containerStatuses"][0]["restartCount"]:
            self._replace(pod)

    def _outage(self, name: str) -> Callable[[], bool]:
        return lambda: self._bounce(name, self.random.uniform(0, OUTAGES[name]))

    def _outage_at_the_minute(self) -> bool:
        """Let a minute pass that nobody sees: longer than some GraphCrons' start deadline."""
        left = MINUTE - time.time() % MINUTE
        if left > 30 or self.rest(left - 3):
            return False
        return self._bounce("kube-controller-manager", 3 + self.random.uniform(0, 5))

    def _bounce(self, name: str, seconds: float) -> bool:
        try:
            self._crons.cluster.hack("stop", name)
            self.rest(seconds)
        finally:
            self._crons.cluster.hack("start", name)
        return True

    def _compact_etcd(self) -> bool:
        """Let the operator miss what happens: it stands still while its watches end and etcd forgets their place."""
        (pod,) = self._operators()
        container, node = _container_of(pod), pod["spec"]["nodeName"]
        if not self._killer.signal("STOP", container, node):
            return False
        try:
            self._crons.cluster.hack("compact")
        finally:
            # The API server may not yet answer; and a process that the kubelet has replaced needs nothing.
            wait_for("operator that goes on", lambda: self._goes_on(container, node))
        return True

    def _goes_on(self, container: str, node: str) -> bool:
        try:
            self._killer.signal("CONT", container, node)
        except NOT_NOW:
            return False
        return True

    def _refuse(self) -> bool:
        """Let a ResourceQuota refuse all new pods or all new Jobs for a while."""
        what = self.random.choice(("pods", "count/jobs.batch"))
        self._crons.api.send("POST", self._quotas, {"metadata": {"name": QUOTA}, "spec": {"hard": {what: "0"}}})
        self.note(f"refusing {what}")
        self.rest(self.random.uniform(5, 20))
        wait_for("quota that is gone", self._relent)
        return True

    def _relent(self) -> bool:
        try:
            return self._crons.api.ask("DELETE", f"{self._quotas}/{QUOTA}")[0] == 404
        except NOT_NOW:
            return False

    @property
    def _quotas(self) -> str:
        return f"/api/v1/namespaces/{self._crons.namespace}/resourcequotas"

    def _operators(self) -> list[Any]:
        import installing

        path = f"/api/v1/namespaces/{installing.OPERATOR_NAMESPACE}/pods"
        pods = [pod for pod in self._crons.api.get(path)["items"] if not pod["metadata"].get("deletionTimestamp")]
        return [pod for pod in pods if pod["status"].get("containerStatuses")]

    def _kill_operator(self) -> bool:
        (pod,) = self._operators()
        state = pod["status"]["containerStatuses"][0]
        if state["restartCount"] >= RESTARTS:
            self._replace(pod)
            return True
        return self._killer.signal("KILL", _container_of(pod), pod["spec"]["nodeName"])

    def _replace(self, pod: Any) -> None:
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        self._crons.api.send("DELETE", path, {"gracePeriodSeconds": 0})
        wait_for("another operator", lambda: [pod for pod in self._operators() if _is_ready(pod)], seconds=90)

    def _restart_server(self) -> bool:
        self._server.restart(self._killer)
        return True

    def _freeze_server(self) -> bool:
        self._server.freeze(self._killer, self.random.uniform(3, 20))
        return True


def _container_of(pod: Any) -> str:
    """Return the id of an operator's container."""
    return str(pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2])


def _is_ready(pod: Any) -> bool:
    return all(each["ready"] for each in pod["status"]["containerStatuses"])
