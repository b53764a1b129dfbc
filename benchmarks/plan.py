"""What very many GraphCrons would take, worked out from what was measured: the numbers of the page's last part."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from bench.process import OURS_NAME
from bench.result import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from results import Result

ALL: Final = 100_000
"""GraphCrons, in all."""

KEPT_JOBS: Final = 3
"""Jobs, with their pods, that are kept of a GraphCron whose runs succeed."""

DAY: Final = 86_400

WRITES: Final = "writes for an occurrence, of all components"
STORED: Final = "an object in etcd"

# Kubernetes 1.36, pkg/controller/cronjob and the defaults of kube-controller-manager.
QPS: Final = 20
"""Requests a second that each of its controllers may make (``--kube-api-qps``), Events among them."""
BURST: Final = 30
"""What it may make at once beyond that (``--kube-api-burst``)."""
START: Final = 3
"""Requests of the CronJob controller to start a Job: the Job, the CronJob's status, an Event."""
END: Final = 4
"""And when it has ended: the CronJob's status and an Event; the oldest Job deleted, and an Event."""
JOB: Final = 8.5
"""Requests of the Job controller for a Job and its pod, as an audit log had them: the pod made and its finalizer taken
off, four or five statuses of the Job, two Events."""
DEADLINE: Final = 120
"""GraphCron's own default of ``startingDeadlineSeconds``."""


class Shape(NamedTuple):
    """One way to have them all."""

    name: str
    clusters: int
    operators: int
    """In each cluster."""

    @property
    def in_cluster(self) -> int:
        """GraphCrons of a cluster."""
        return ALL // self.clusters

    @property
    def of_operator(self) -> int:
        """GraphCrons of an operator."""
        return self.in_cluster // self.operators


SHAPES: Final = (
    Shape("50 clusters of 2,000", 50, 1),
    Shape("10 clusters of 10,000", 10, 1),
    Shape("one cluster, 10 operators by namespaces", 1, 10),
    Shape("one cluster, one operator", 1, 1),
)


class Costs(NamedTuple):
    """What was measured, for one GraphCron or one occurrence."""

    base_mib: float
    kib: float
    cpu_at_rest: float
    """Part of a CPU."""
    restart_base: float
    """Seconds that a start takes without any."""
    restart_each: float
    """And what each of those in place adds."""
    stored: dict[str, float]
    """KiB of one object in etcd, by kind."""
    writes: float
    """Of all components, for one occurrence."""

    def memory_mib(self, count: int) -> float:
        """Return what an operator of so many holds."""
        return self.base_mib + self.kib * count / 1024

    def restart(self, count: int) -> float:
        """Return how long an operator of so many takes until it answers a new one."""
        return self.restart_base + self.restart_each * count

    @property
    def etcd_kib(self) -> float:
        """What one GraphCron has in etcd, with all that is kept of it."""
        return sum(self.stored[kind] * (1 if kind in ("graphcrons", "cronjobs") else KEPT_JOBS) for kind in self.stored)


def plan(results: Mapping[str, Result]) -> dict[str, str]:
    """Return the values that the prose names."""
    costs = costs_of(results)
    starts = QPS / START
    runs = QPS / max(START + END, JOB)
    told = {
        "base_mib": costs.base_mib,
        "kib_each": costs.kib,
        "etcd_kib": costs.etcd_kib,
        "writes_occurrence": costs.writes,
        "cpu_occurrence": results["burst"].median("CPU of the operator per occurrence", OURS_NAME),
        "starts_a_second": starts,
        "same_minute": (BURST + QPS * DEADLINE) / START,
        "runs_an_hour": runs * 3600,
        "daily_a_second": ALL / DAY,
        "hourly_a_second": ALL / 3600,
        "runs_a_second": runs,
        **{f"kib_{kind}": value for kind, value in costs.stored.items()},
    }
    return {name: shown(value) for name, value in told.items()} | {"shapes": "\n".join(_shapes(costs))}


def costs_of(results: Mapping[str, Result]) -> Costs:
    """Gather what was measured."""
    memory = dict(sorted(_by_count(results["scale"], r"memory with ([\d,]+)")))
    least, most = min(memory), max(memory)
    slope = (memory[most] - memory[least]) / (most - least)
    restart, rest, start = results["restart"], results["idle"], results["start"]
    empty = restart.median("start on an empty cluster, until a new GraphCron is reconciled", OURS_NAME)
    full = restart.median("restart, until a new GraphCron is reconciled", OURS_NAME)
    writes = {resource: values[0] for resource, values in start.measure(WRITES).values.items()}
    own = writes.pop("graphcrons", 0.0)
    return Costs(
        base_mib=memory[least] - slope * least,
        kib=1024 * slope,
        cpu_at_rest=rest.median("CPU a minute", OURS_NAME) / 60 / _count(rest),
        restart_base=empty,
        restart_each=(full - empty) / _count(restart),
        stored={kind: values[0] for kind, values in start.measure(STORED).values.items()},
        writes=own + sum(writes.values()) / 2,  # those of a run and of a bare pod together
    )


def _count(result: Result) -> int:
    """Return with how many GraphCrons a figure was measured: its title says so."""
    match = re.search(r"with ([\d,]+) GraphCrons", result.title)
    assert match is not None, result.title
    return int(match[1].replace(",", ""))


def _by_count(result: Result, pattern: str) -> Iterator[tuple[int, float]]:
    for measure in result.measures:
        match = re.fullmatch(pattern, measure.what)
        if match:
            yield int(match[1].replace(",", "")), measure.median(OURS_NAME)


def _shapes(costs: Costs) -> Iterator[str]:
    rows = {
        "Memory of an operator": [f"{shown(costs.memory_mib(each.of_operator))} MiB" for each in SHAPES],
        "Memory of all": [
            f"{costs.memory_mib(each.of_operator) * each.operators * each.clusters / 1024:.1f} GiB" for each in SHAPES
        ],
        "CPU of an operator at rest": [f"{100 * costs.cpu_at_rest * each.of_operator:.1f} %" for each in SHAPES],
        "Restart, until a new one is reconciled": [f"{shown(costs.restart(each.of_operator))} s" for each in SHAPES],
        "etcd of a cluster": [f"{costs.etcd_kib * each.in_cluster / 2**20:.1f} GiB" for each in SHAPES],
        "Writes a second in a cluster, one run a day each": [
            shown(costs.writes * each.in_cluster / DAY) for each in SHAPES
        ],
        "The same, one run an hour each": [shown(costs.writes * each.in_cluster / 3600) for each in SHAPES],
        "Jobs a second in a cluster, one run an hour each": [shown(each.in_cluster / 3600) for each in SHAPES],
    }
    yield "| | " + " | ".join(each.name for each in SHAPES) + " |"
    yield "|---|" + "---|" * len(SHAPES)
    yield from (f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items())
