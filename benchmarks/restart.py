"""What a restart costs with many GraphCrons in place: until it answers a new one, what it writes, what it holds.

    python benchmarks/restart.py            N=10000 ROUNDS=3

The operator makes everything once. Then the peers take turns: a bare LIST of the same objects, the operator started,
the twin started. With each start a GraphCron is created that sorts behind all others; the operator has answered it when
its status is there. Afterwards it comes to rest; by then everything was looked at.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bench import number
from bench.api import PATHS, Api, graphcron
from bench.audit import Audit
from bench.cluster import BenchCluster, cluster
from bench.process import OPERATORS, OURS_NAME, TWIN_NAME, at_rest, begun, ours
from bench.result import Figure
from bench.twin import build as build_twin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bench.process import Start

NEW = "zzz-new"
"""Name of the GraphCron that comes while an operator starts."""

EMPTY = "start on an empty cluster, until a new GraphCron is reconciled"
LIST = "a bare LIST of GraphCrons and CronJobs, read and decoded"
ANSWER = "restart, until a new GraphCron is reconciled"
REST = "restart, until at rest"
CPU = "CPU time of the restart"
WRITES = "writes of the restart, without those for the new one"
READS = "reads of the restart"
PEAK = "peak memory of the restart"


async def main() -> None:
    """Measure, and tell."""
    count, rounds = number("N", 10_000), number("ROUNDS", 3)
    figure = Figure("restart", f"The operator restarted with {count:,} GraphCrons in place")
    build_twin()  # before anything is measured
    with cluster("restart", audit=True) as place:
        async with Api(place) as api:
            for name, start in OPERATORS.items():
                place.calm()
                await on_empty(figure, place, api, name, start)
            await fill(place, api, count)
            for number_of_round in range(rounds):
                print(f"round {number_of_round + 1}", flush=True)
                place.calm()
                figure.add(LIST, "s", "LIST", await listed(api))
                for name, start in OPERATORS.items():
                    place.calm()
                    await restarted(figure, place, api, name, start)
    judge(figure)
    figure.report()


async def fill(place: BenchCluster, api: Api, count: int) -> None:
    """Have the operator make everything that the others find."""
    print(f"{count} GraphCrons are made", flush=True)
    with ours(place) as running:
        await api.create_graphcrons(count, "bench")
        await api.told(count)
        await at_rest(running)


async def listed(api: Api) -> float:
    """Return how long it takes to read all that an operator has to know."""
    began = time.perf_counter()
    for kind in ("graphcrons", "cronjobs"):
        await api.list(kind)
    return time.perf_counter() - began


async def on_empty(figure: Figure, place: BenchCluster, api: Api, name: str, start: Start) -> None:
    """Measure what the start itself takes."""
    for _ in range(3):
        async with new_graphcron(api) as told, begun(start, place) as running:
            figure.add(EMPTY, "s", name, await told - running.started)


@asynccontextmanager
async def new_graphcron(api: Api) -> AsyncIterator[asyncio.Task[float]]:
    """Create a GraphCron, wait in the background until it is answered, and take it away in the end."""
    await api.request("POST", PATHS["graphcrons"], body=graphcron(NEW))
    told = asyncio.create_task(api.told(name=NEW))
    await asyncio.sleep(0.5)  # the watch is open by then
    try:
        yield told
    finally:
        told.cancel()
        await api.delete(NEW)


async def restarted(figure: Figure, place: BenchCluster, api: Api, name: str, start: Start) -> None:
    """Start an operator on all that is there."""
    audit = Audit(place.audit_log)
    async with new_graphcron(api) as told, begun(start, place) as running:
        figure.add(ANSWER, "s", name, await told - running.started)
        figure.add(REST, "s", name, await at_rest(running) - running.started)
        figure.add(CPU, "s", name, running.cpu_seconds())
        figure.add(PEAK, "MiB", name, running.peak_mib())
    calls = audit.calls()
    figure.add(WRITES, "", name, calls.writes(without=NEW))
    figure.add(READS, "", name, calls.reads)
    figure.note(f"requests of {name}: {', '.join(f'{count} {what}' for what, count in calls.by_verb().items())}")


def judge(figure: Figure) -> None:
    """Compare with what was to be reached."""
    values = {what: measure.values for what, measure in figure.measures.items()}
    start = figure.measures[EMPTY].median(OURS_NAME)
    over = [
        answer / (2 * lists + start)
        for answer, lists in zip(values[ANSWER][OURS_NAME], values[LIST]["LIST"], strict=True)
    ]
    figure.aim("writes of the operator", values[WRITES][OURS_NAME], at_most=0)
    figure.aim("reconciles within twice the LIST and the start on an empty cluster, as a fraction", over, at_most=1)
    ratios = figure.measures[PEAK].ratios(OURS_NAME, TWIN_NAME)
    figure.aim("peak memory below the twin's, as a fraction of that", ratios, at_most=1)


if __name__ == "__main__":
    asyncio.run(main())
