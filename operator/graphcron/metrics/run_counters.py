"""Counters of completed runs. A run counts when the operator adds it to the status.

The status keeps the runs that were counted. So neither a restart nor another leader counts a run again.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram

from graphcron.api.v1alpha1 import RecentRun
from graphcron.contract import Outcome
from graphcron.metrics.graphcron_state import LABELS
from graphcron.planning.run_history import occurrence_of

_DURATIONS: Final = (1, 5, 15, 60, 300, 900, 3600, 14400)
_SKEWS: Final = (1, 2, 5, 10, 30, 60, 120, 600)


class RunDelta(NamedTuple):
    """What a run adds to the counters."""

    outcome: str
    """Empty: the run was counted before, and more is known of it now."""
    duration: float | None
    skew: float | None
    tokens: int
    cost: float


def run_deltas(previous: Sequence[RecentRun], new: Iterable[RecentRun]) -> Iterator[RunDelta]:
    """Yield what new runs add to an earlier entry of the same occurrence, if there is one.

    Parameters
    ----------
    previous
        The runs that the status listed before.
    new
        Those that are new, or better known than before.
    """
    known = {occurrence_of(run): run for run in previous}
    for run in new:
        before = known.get(occurrence_of(run))
        # A skip is not a run: one that was caught up on counts as both.
        again = before is not None and (before.outcome != Outcome.SKIPPED or run.outcome == Outcome.SKIPPED)
        first = before is None or before.duration_seconds is None
        yield RunDelta(
            outcome="" if again else run.outcome,
            duration=run.duration_seconds if first else None,
            skew=_skew(run) if first else None,
            tokens=max((run.tokens or 0) - (before.tokens or 0 if before else 0), 0),
            cost=max(float(run.cost or 0) - float(before.cost or 0 if before else 0), 0.0),
        )


def _skew(run: RecentRun) -> float | None:
    """Return how late the server accepted the run, in seconds; None: unknown."""
    if run.start_time is None:
        return None
    return max((run.start_time - (run.requested_time or run.scheduled_time)) / timedelta(seconds=1), 0.0)


class RunCounters:
    """The metrics of completed runs. Each GraphCron has its series while it exists."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._known: set[tuple[str, str]] = set()
        self._runs = Counter(
            "graphcron_runs",
            "Total number of completed runs by outcome, including Skipped occurrences. "
            "The name is empty for GraphRuns without graphCronRef.",
            (*LABELS, "outcome"),
            registry=registry,
        )
        self._durations = Histogram(
            "graphcron_run_duration_seconds",
            "Duration of runs on the LangGraph server, from acceptance to end.",
            LABELS,
            buckets=_DURATIONS,
            registry=registry,
        )
        self._skews = Histogram(
            "graphcron_run_start_skew_seconds",
            "Time from the scheduled or requested time until the server accepted the run.",
            LABELS,
            buckets=_SKEWS,
            registry=registry,
        )
        self._tokens = Counter(
            "graphcron_tokens",
            "Lower bound of the input and output tokens that runs have used.",
            LABELS,
            registry=registry,
        )
        self._costs = Counter(
            "graphcron_cost",
            "Lower bound of the cost of runs, in the currency of the operator's prices.",
            LABELS,
            registry=registry,
        )

    def count(self, key: tuple[str, str], delta: RunDelta) -> None:
        """Count a run of the GraphCron with that namespace and name; the name is empty for one of no GraphCron."""
        self._create_series(key)
        if delta.outcome:
            self._runs.labels(*key, delta.outcome).inc()
        if delta.duration is not None:
            self._durations.labels(*key).observe(delta.duration)
        if delta.skew is not None:
            self._skews.labels(*key).observe(delta.skew)
        self._tokens.labels(*key).inc(delta.tokens)
        self._costs.labels(*key).inc(delta.cost)

    def retain(self, keys: set[tuple[str, str]]) -> None:
        """Retain series for these GraphCrons only; counters begin at zero, so that a first run is an increase."""
        for key in keys:
            self._create_series(key)
        keys |= {key for key in self._known if not key[1]}  # of GraphRuns without a GraphCron
        for key in self._known - keys:
            for metric in (self._runs, self._durations, self._skews, self._tokens, self._costs):
                metric.remove_by_labels(dict(zip(LABELS, key, strict=True)))
        self._known = keys

    def _create_series(self, key: tuple[str, str]) -> None:
        if key in self._known:
            return
        self._known.add(key)
        for outcome in Outcome:
            self._runs.labels(*key, outcome.value)
        for metric in (self._durations, self._skews, self._tokens, self._costs):
            metric.labels(*key)
