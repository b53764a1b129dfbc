"""How many GraphCrons a second become CronJobs with a status, from the first create to the last status.

    python benchmarks/reconcile.py          N=1000 ROUNDS=4 (N=1000,5000 also compares sizes)

The peers take turns: the operator, the same three writes sent straight to the API server, the twin, and the twin that
applies. Each begins with an empty cluster and is watched in the same way. The operators get their GraphCrons as fast as
they can be created.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from bench import number, numbers
from bench.api import Api
from bench.cluster import BenchCluster, cluster
from bench.process import (
    APPLYING_NAME,
    OPERATORS,
    OURS_NAME,
    STRAIGHT_NAME,
    TWIN_NAME,
    begun,
    control_plane_cpu_seconds,
    twin,
)
from bench.result import Figure
from bench.twin import build as build_twin
from bench.writes import Writes, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.process import Start

UNIT = "GraphCrons/s"

ROUNDS = 4
"""Where nothing else is asked for: each peer is the first one once, and all has to end in ten minutes."""


STARTS: Mapping[str, Start] = {**OPERATORS, APPLYING_NAME: partial(twin, applies=True)}
"""What starts each operator."""


class Bench(NamedTuple):
    """What all rounds have in common."""

    place: BenchCluster
    api: Api
    writes: Writes


async def main() -> None:
    """Measure, and tell."""
    counts = numbers("N", 1000)
    figure = Figure("reconcile", "GraphCrons made ready a second, from the first create to the last status")
    build_twin()  # before anything is measured
    with cluster("reconcile") as place:
        async with Api(place) as api:
            bench = Bench(place, api, await record(api))
            further = ", ".join(bench.writes.further) or "nothing"
            figure.note(f"requests for each GraphCron besides CronJob and status: {further}")
            await warm_up(bench)
            for count in counts:
                for number_of_round in range(number("ROUNDS", ROUNDS)):
                    print(f"{count} GraphCrons, round {number_of_round + 1}", flush=True)
                    await one_round(figure, bench, count, number_of_round)
    judge(figure, counts)
    figure.report()


async def warm_up(bench: Bench) -> None:
    """Let the API server settle: its first requests of a kind are slow, whoever sends them."""
    await bench.writes.straight(bench.api, 200, "warm")
    await bench.api.delete_all()


async def one_round(figure: Figure, bench: Bench, count: int, number_of_round: int) -> None:
    """Let each peer make so many, another one first in each round."""
    peers = [OURS_NAME, STRAIGHT_NAME, TWIN_NAME, APPLYING_NAME]
    first = number_of_round % len(peers)
    for peer in peers[first:] + peers[:first]:
        bench.place.calm()
        start = STARTS.get(peer)
        if start is None:
            await measure(figure, bench.api, count, peer, bench.writes)
        else:
            async with begun(start, bench.place) as running:
                await measure(figure, bench.api, count, peer, None)
                figure.add(cpu_of(count), "ms", peer, 1000 * running.cpu_seconds() / count)
        await bench.api.delete_all()


async def measure(figure: Figure, api: Api, count: int, peer: str, writes: Writes | None) -> None:
    """Take a peer's rate, and what the control plane paid for it."""
    before = control_plane_cpu_seconds()
    figure.add(measure_of(count), UNIT, peer, await rate(api, count, writes))
    paid = control_plane_cpu_seconds() - before
    figure.add(f"CPU of the API server and etcd for each of {count:,}", "ms", peer, 1000 * paid / count)


async def rate(api: Api, count: int, writes: Writes | None) -> float:
    """Create so many and return how many a second had their status, by an operator's hand or, with writes, straight."""
    await asyncio.sleep(1)  # an operator that has just got ready opens its watches
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        told = group.create_task(api.told(count))
        await (writes.straight(api, count, "bench") if writes else api.create_graphcrons(count, "bench"))
    return count / (told.result() - began)


def judge(figure: Figure, counts: tuple[int, ...]) -> None:
    """Compare with what was to be reached."""
    for count in counts:
        measure = figure.measures[measure_of(count)]
        ratios = measure.ratios(OURS_NAME, STRAIGHT_NAME)
        figure.aim(f"at {count:,}: at least 0.85 of the same writes sent straight", ratios, at_least=0.85)
        ratios = measure.ratios(OURS_NAME, TWIN_NAME)
        figure.aim(f"at {count:,}: at least 0.95 of the twin", ratios, at_least=0.95)
        ratios = measure.ratios(OURS_NAME, APPLYING_NAME)
        figure.aim(f"at {count:,}: faster than the twin that applies", ratios, at_least=1.1)
        ratios = figure.measures[cpu_of(count)].ratios(OURS_NAME, TWIN_NAME)
        figure.aim(f"at {count:,}: CPU of a GraphCron, times the twin's", ratios, at_most=1.5)
    if len(counts) > 1:
        small, large = min(counts), max(counts)
        first, last = (median(figure.measures[measure_of(count)].values[OURS_NAME]) for count in (small, large))
        figure.aim(f"the rate at {large:,} is at least 0.9 of that at {small:,}", last / first, at_least=0.9)


def cpu_of(count: int) -> str:
    """Return what the CPU time of an operator at so many is called."""
    return f"CPU of the operator for each of {count:,}, its start included"


def measure_of(count: int) -> str:
    """Return what the rate at so many is called."""
    return f"rate at {count:,}"


if __name__ == "__main__":
    asyncio.run(main())
