"""Runs that have ended: counted when the operator tells of them for the first time.

What was told stands in the GraphCron's status. So neither a restart nor another leader counts a run again.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram

from graphcron.api.v1alpha1 import RecentRun
from graphcron.contract import Outcome
from graphcron.metrics.standing import LABELS

_DURATIONS: Final = (1, 5, 15, 60, 300, 900, 3600, 14400)
_SKEWS: Final = (1, 2, 5, 10, 30, 60, 120, 600)


class Ended(NamedTuple):
    """What a run that has been told of adds to the counts."""

    outcome: str
    """Empty: the run was counted before, and now more is known of it."""
    duration: float | None
    skew: float | None
    tokens: int
    cost: float


def ended(previous: Sequence[RecentRun], new: Iterable[RecentRun]) -> Iterator[Ended]:
    """Say what new runs add: to what was told of the same occurrence before, where it was.

    Parameters
    ----------
    previous
        The runs that the status told before.
    new
        Those that it tells now for the first time, or better than before.
    """
    told = {_occurrence(run): run for run in previous}
    for run in new:
        before = told.get(_occurrence(run))
        # A skip is no run: one that was made up for counts as both.
        again = before is not None and (before.outcome != Outcome.SKIPPED or run.outcome == Outcome.SKIPPED)
        first = before is None or before.duration_seconds is None
        yield Ended(
            outcome="" if again else run.outcome,
            duration=run.duration_seconds if first else None,
            skew=_skew(run) if first else None,
            tokens=max((run.tokens or 0) - (before.tokens or 0 if before else 0), 0),
            cost=max(float(run.cost or 0) - float(before.cost or 0 if before else 0), 0.0),
        )


def _occurrence(run: RecentRun) -> str:
    return f"trigger/{run.trigger}" if run.trigger else run.scheduled_time.isoformat()


def _skew(run: RecentRun) -> float | None:
    """Return how late the server accepted the run, in seconds; None where that is not known."""
    if run.start_time is None:
        return None
    return max((run.start_time - run.scheduled_time) / timedelta(seconds=1), 0.0)


class Runs:
    """The metrics of runs that have ended. Each GraphCron has series of its own while it is there."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._known: set[tuple[str, str]] = set()
        self._runs = Counter(
            "graphcron_runs",
            "Total number of completed runs by outcome, including Skipped occurrences.",
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

    def count(self, key: tuple[str, str], each: Ended) -> None:
        """Count a run of the GraphCron with that namespace and name."""
        self._begin(key)
        if each.outcome:
            self._runs.labels(*key, each.outcome).inc()
        if each.duration is not None:
            self._durations.labels(*key).observe(each.duration)
        if each.skew is not None:
            self._skews.labels(*key).observe(each.skew)
        self._tokens.labels(*key).inc(each.tokens)
        self._costs.labels(*key).inc(each.cost)

    def keep(self, keys: set[tuple[str, str]]) -> None:
        """Have series for these GraphCrons and no others; the counters begin at zero, so that a first run is seen."""
        for key in keys:
            self._begin(key)
        for key in self._known - keys:
            for metric in (self._runs, self._durations, self._skews, self._tokens, self._costs):
                metric.remove_by_labels(dict(zip(LABELS, key, strict=True)))
        self._known = keys

    def _begin(self, key: tuple[str, str]) -> None:
        if key in self._known:
            return
        self._known.add(key)
        for outcome in Outcome:
            self._runs.labels(*key, outcome.value)
        for metric in (self._durations, self._skews, self._tokens, self._costs):
            metric.labels(*key)
