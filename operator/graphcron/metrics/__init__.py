"""The metrics at ``/metrics``: the operator's own work, the state of each GraphCron, and its completed runs."""

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
from graphcron.metrics.graphcron_state import GRAPHCRON_GAUGES, LABELS, Orphan, gauge_families, orphaned_cronjobs
from graphcron.metrics.run_counters import RunCounters, run_deltas

__all__ = ("GRAPHCRON_GAUGES", "LABELS", "RESULTS", "Metrics")

RESULTS: Final = ("success", "retry", "error")
"""Results of a reconciliation; ``error`` is a bug."""


class Metrics(Collector):
    """All metrics of one operator process.

    Parameters
    ----------
    queued
        Returns the depth of the workqueue.
    graphcrons
        Returns the GraphCrons in the cache; none on a replica that is not the leader, so that each is reported once.
    orphans
        Returns the CronJobs of deleted GraphCrons, each with that GraphCron's key.
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
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they would double the series
        registry.register(self)  # before the others: it determines their series
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
        self._runs = RunCounters(registry)

    def count_reconcile(self, kind: str, result: str, seconds: float) -> None:
        """Count a reconciliation of an object of that kind, with one of :data:`RESULTS`."""
        self._reconciles.labels(kind, result).inc()
        self._durations.labels(kind).observe(seconds)

    def count_request(self, verb: str, status: int | None) -> None:
        """Count a request to the API server; None: no response was received."""
        self._requests.labels(verb, str(status or "none")).inc()

    def count_runs(self, key: tuple[str, str], previous: Sequence[RecentRun], new: Sequence[RecentRun]) -> None:
        """Count the runs that a GraphCron's status has not listed before."""
        for delta in run_deltas(previous, new):
            self._runs.count(key, delta)

    def count_graph_run(self, key: tuple[str, str], run: RecentRun) -> None:
        """Count the run of a GraphRun, with its GraphCron's namespace and name."""
        self.count_runs(key, (), (run,))

    def families(self) -> list[Metric]:
        """Return all metrics as values."""
        return list(self._registry.collect())

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return the GraphCrons' metrics without values."""
        yield from (*gauge_families(()), orphaned_cronjobs(()))

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the state of the GraphCrons; the Prometheus client calls this."""
        bodies = list(self._graphcrons())
        self._runs.retain({(body["metadata"]["namespace"], body["metadata"]["name"]) for body in bodies})
        yield from (*gauge_families(bodies), orphaned_cronjobs(self._orphans()))
