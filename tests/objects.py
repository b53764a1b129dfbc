"""GraphCrons and other objects of one namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.cluster import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cluster import Cluster


class Objects:
    """What the tests make and look at, in one namespace."""

    schedule = "0 4 * * *"
    """Of a GraphCron that names no other."""
    kind = "graphcron"
    """What :meth:`get` calls a GraphCron."""
    seconds = 20.0
    """How long an expected state may take."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def apply(self, name: str = "hello", **spec: Any) -> None:
        """Apply a GraphCron; without a preflight, whose Job is none of most tests' business."""
        when = {} if "schedules" in spec else {"schedule": self.schedule}
        spec = {"assistant": "agent", "preflight": False, **when, **spec}
        body = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphCron", "metadata": {"name": name}, "spec": spec}
        self.cluster.apply(body, namespace=self.namespace)

    def ask(self, annotation: str, value: str, name: str = "hello") -> None:
        """Annotate a GraphCron, as people do to ask for something."""
        self.kubectl("annotate", "graphcron", name, "--overwrite", f"{annotation}={value}")

    def kubectl(self, *arguments: str, **options: Any) -> str:
        """Run kubectl in the namespace."""
        return self.cluster.kubectl("--namespace", self.namespace, *arguments, **options).stdout

    def all(self, kind: str) -> dict[str, Any]:
        """Return all objects of a kind, by name."""
        return {each["metadata"]["name"]: each for each in self.cluster.items("--namespace", self.namespace, kind)}

    def get(self, kind: str, name: str = "hello") -> Any:
        """Return an object; None where there is none."""
        return self.cluster.get("--namespace", self.namespace, kind, name)

    def wait(
        self, what: str, kind: str, name: str, holds: Callable[[Any], Any], *, seconds: float | None = None
    ) -> Any:
        """Wait until an object is there and something holds of it; return it."""

        def look() -> Any:
            found = self.get(kind, name)
            return found if found and holds(found) else None

        return wait_for(f"{kind}/{name} {what}", look, seconds=self.seconds if seconds is None else seconds)

    def wait_ready(
        self, name: str = "hello", status: str = "True", reason: str = "Reconciled", *, seconds: float | None = None
    ) -> Any:
        """Wait for a Ready condition that is about the newest spec; return the GraphCron."""

        def holds(found: Any) -> bool:
            ready = condition(found, "Ready")
            newest = ready.get("observedGeneration") == found["metadata"]["generation"]
            return newest and (ready["status"], ready["reason"]) == (status, reason)

        return self.wait(f"with Ready={status}, {reason}", self.kind, name, holds, seconds=seconds)


def condition(graphcron: Any, kind: str) -> Any:
    """Return a condition of a GraphCron, an empty one where it has none."""
    conditions = graphcron.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})
