"""What Prometheus is told at ``/metrics``: the operator's own work, how each GraphCron stands, how its runs ended."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    Metric,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from graphcron.api.v1alpha1 import RecentRun
from graphcron.cache.objects import Body
from graphcron.metrics.ended import Runs, ended
from graphcron.metrics.standing import LABELS, OF_GRAPHCRONS, Orphan, families_of, orphaned

__all__ = ("LABELS", "OF_GRAPHCRONS", "RESULTS", "Metrics")

RESULTS: Final = ("success", "retry", "error")
"""How a reconciliation can end: well; to be tried again; with a bug."""


class Metrics(Collector):
    """All metrics of one operator process.

    Parameters
    ----------
    queued
        Returns how many objects wait for a worker or have one.
    graphcrons
        Returns the GraphCrons as the watches show them; none on a replica that does not work, so that each is told of
        once.
    orphans
        Returns the CronJobs whose GraphCrons are gone, each with that GraphCron's namespace and name.
    """

    def __init__(
        self,
        version: str,
        *,
        queued: Callable[[], int],
        graphcrons: Callable[[], Iterable[Body]],
        orphans: Callable[[], Iterable[Orphan]] = tuple,
    ) -> None:
        self._graphcrons = graphcrons
        self._orphans = orphans
        self._registry = registry = CollectorRegistry()
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they would double the series, and nobody asks for them
        registry.register(self)  # before the others: it settles of which GraphCrons they tell
        Info("graphcron_build", "Version of the operator.", registry=registry).info({"version": version})
        self.leader = Gauge("graphcron_leader", "Whether this replica is the leader (1) or not (0).", registry=registry)
        depth = Gauge(
            "graphcron_workqueue_depth", "Number of objects that are queued or being reconciled.", registry=registry
        )
        depth.set_function(queued)
        self._reconciles = Counter(
            "graphcron_reconcile",
            "Total number of reconciliations by kind and result.",
            ("kind", "result"),
            registry=registry,
        )
        self._durations = Histogram(
            "graphcron_reconcile_duration_seconds",
            "Duration of a reconciliation.",
            ("kind",),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )
        self._requests = Counter(
            "graphcron_api_requests",
            "Total number of requests to the API server by verb and HTTP status, or none without a response; "
            "excludes the watches and the Lease.",
            ("verb", "code"),
            registry=registry,
        )
        self._runs = Runs(registry)

    def count(self, kind: str, result: str, seconds: float) -> None:
        """Take note of a reconciliation: of what kind of object, with which of :data:`RESULTS`."""
        self._reconciles.labels(kind, result).inc()
        self._durations.labels(kind).observe(seconds)

    def asked(self, verb: str, status: int | None) -> None:
        """Take note of a request to the API server; None: there was no answer."""
        self._requests.labels(verb, str(status or "none")).inc()

    def ended(self, key: tuple[str, str], previous: Sequence[RecentRun], new: Sequence[RecentRun]) -> None:
        """Take note of runs that a GraphCron's status tells now and did not tell before."""
        for each in ended(previous, new):
            self._runs.count(key, each)

    def families(self) -> list[Metric]:
        """Return everything as values."""
        return list(self._registry.collect())

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name what is told of GraphCrons, without a look at them."""
        yield from (*families_of(()), orphaned(()))

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Tell how the GraphCrons stand; Prometheus' library asks for it."""
        bodies = list(self._graphcrons())
        self._runs.keep({(body["metadata"]["namespace"], body["metadata"]["name"]) for body in bodies})
        yield from (*families_of(bodies), orphaned(self._orphans()))
