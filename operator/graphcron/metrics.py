"""What Prometheus is told at ``/metrics``: the operator's own work, and how each GraphCron stands."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from graphcron.model import GraphCronStatus
from graphcron.observed import Body
from graphcron.reasons import ConditionType
from graphcron.status import status_of

LABELS: Final = ("namespace", "name")
"""Labels of what is told of a GraphCron: as many series as there are GraphCrons, and no more."""

RESULTS: Final = ("success", "retry", "error")
"""How a reconciliation can end: well; to be tried again; with a bug."""


def _holds(status: GraphCronStatus, kind: ConditionType) -> bool:
    return any(each.type == kind and each.status == "True" for each in status.conditions or ())


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


OF_GRAPHCRONS: Final[tuple[tuple[str, str, Callable[[GraphCronStatus], float | None]], ...]] = (
    (
        "graphcron_ready",
        "Whether the spec is reconciled: 1 or 0.",
        lambda status: float(_holds(status, ConditionType.READY)),
    ),
    (
        "graphcron_paused",
        "Whether too many failures have paused it: 1 or 0.",
        lambda status: float(_holds(status, ConditionType.PAUSED)),
    ),
    (
        "graphcron_next_schedule_timestamp_seconds",
        "When its next run is due; absent where none is.",
        lambda status: _seconds(status.next_schedule_time),
    ),
    (
        "graphcron_last_schedule_timestamp_seconds",
        "Scheduled time of its newest run; absent where there was none.",
        lambda status: _seconds(status.last_schedule_time),
    ),
    (
        "graphcron_last_success_timestamp_seconds",
        "When a run last succeeded; absent where none has.",
        lambda status: _seconds(status.last_successful_time),
    ),
    (
        "graphcron_consecutive_failures",
        "Failed runs since the last that succeeded.",
        lambda status: float(status.consecutive_failures or 0),
    ),
    (
        "graphcron_missed_runs",
        "Runs that were due and that nobody started.",
        lambda status: float(status.missed_runs or 0),
    ),
)
"""Name, meaning, and how it is read from a status; None: there is nothing to tell."""


class Metrics(Collector):
    """All metrics of one operator process.

    Parameters
    ----------
    queued
        Returns how many objects wait for a worker or have one.
    graphcrons
        Returns the GraphCrons as the watches show them; none on a replica that does not work, so that each is told of
        once.
    """

    def __init__(self, version: str, *, queued: Callable[[], int], graphcrons: Callable[[], Iterable[Body]]) -> None:
        self._graphcrons = graphcrons
        self._registry = registry = CollectorRegistry()
        Info("graphcron_build", "What is running.", registry=registry).info({"version": version})
        self.leader = Gauge(
            "graphcron_leader", "Whether this replica is the one that works: 1 or 0.", registry=registry
        )
        depth = Gauge("graphcron_workqueue_depth", "Objects that wait for a worker or have one.", registry=registry)
        depth.set_function(queued)
        self._reconciles = Counter(
            "graphcron_reconcile", "Reconciliations, by how they ended.", ("kind", "result"), registry=registry
        )
        self._durations = Histogram(
            "graphcron_reconcile_duration_seconds",
            "How long a reconciliation took.",
            ("kind",),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
        registry.register(self)

    def count(self, kind: str, result: str, seconds: float) -> None:
        """Take note of a reconciliation: of what kind of object, with which of :data:`RESULTS`."""
        self._reconciles.labels(kind, result).inc()
        self._durations.labels(kind).observe(seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Tell how the GraphCrons stand; Prometheus' library asks for it."""
        families = [(GaugeMetricFamily(name, text, labels=LABELS), read) for name, text, read in OF_GRAPHCRONS]
        for body in self._graphcrons():
            status, metadata = status_of(body), body["metadata"]
            for family, read in families:
                value = read(status)
                if value is not None:
                    family.add_metric((metadata["namespace"], metadata["name"]), value)
        yield from (family for family, _ in families)
