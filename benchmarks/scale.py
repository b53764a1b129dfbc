"""How memory and the cost of a reconcile grow with the number of GraphCrons: by a straight line, or by steps?

    python benchmarks/scale.py              N=100,1000,5000,10000,20000 ROUNDS=1

One operator gets them step by step. After each step it comes to rest; then its memory and its CPU time are read. The
lines are least squares; told is the greatest distance from the line, in percent of it.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from bench import number, numbers
from bench.api import Api
from bench.cluster import cluster
from bench.process import OURS_NAME, Running, at_rest, ours
from bench.result import Figure

WARM = 100
"""GraphCrons that are made and deleted before: the first ones load code, and cost more than those that follow."""


class Step(NamedTuple):
    """What was measured with so many GraphCrons."""

    total: int
    memory_mib: float
    cpu_seconds: float
    """All that the operator has used since the first one was made."""
    rate: float
    """GraphCrons a second, of those that this step added."""


async def main() -> None:
    """Measure, and tell."""
    counts = tuple(sorted(numbers("N", 100, 1000, 5000, 10_000, 20_000)))
    figure = Figure("scale", f"Memory and cost from {counts[0]:,} to {counts[-1]:,} GraphCrons")
    with cluster("scale") as place:
        for number_of_round in range(number("ROUNDS", 1)):
            async with Api(place) as api:
                if number_of_round:
                    await api.delete_all()
                place.calm()
                with ours(place) as running:
                    await warm_up(api)
                    steps = await climb(figure, api, running, counts)
                judge(figure, steps)
    figure.report()


async def warm_up(api: Api) -> None:
    """Have the operator do each kind of work once."""
    await api.create_graphcrons(WARM, "warm")
    await api.told(WARM)
    await api.delete_all()


async def climb(figure: Figure, api: Api, running: Running, counts: tuple[int, ...]) -> list[Step]:
    """Go from step to step, up."""
    steps: list[Step] = []
    await at_rest(running)
    start, before = running.cpu_seconds(), 0
    for count in counts:
        added, version = count - before, await api.version()
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            told = group.create_task(api.told(added, since=version))
            await api.create_graphcrons(added, "bench", first=before)
        rate = added / (told.result() - began)
        await at_rest(running)
        steps.append(Step(count, running.memory_mib(), running.cpu_seconds() - start, rate))
        tell(figure, steps, before)
        before = count
    return steps


def tell(figure: Figure, steps: list[Step], before: int) -> None:
    """Take the values of the newest step."""
    step = steps[-1]
    spent = step.cpu_seconds - (steps[-2].cpu_seconds if len(steps) > 1 else 0)
    figure.add(f"memory with {step.total:,}", "MiB", OURS_NAME, step.memory_mib)
    figure.add(f"CPU for each from {before:,} to {step.total:,}", "ms", OURS_NAME, 1000 * spent / (step.total - before))
    figure.add(f"rate from {before:,} to {step.total:,}", "GraphCrons/s", OURS_NAME, step.rate)


def judge(figure: Figure, steps: list[Step]) -> None:
    """Lay a line through the steps, and tell how far they are from it."""
    counts = [float(step.total) for step in steps]
    memory = [step.memory_mib for step in steps]
    cpu = [step.cpu_seconds for step in steps]
    slope, base = line(counts, memory)
    figure.note(f"memory is {base:.0f} MiB and {1024 * slope:.1f} KiB for each GraphCron")
    figure.note(f"a GraphCron costs {1000 * line(counts, cpu)[0]:.2f} ms of CPU until it is ready")
    figure.aim("memory is within 10 % of a straight line, in percent", distance(counts, memory), at_most=10)
    figure.aim("CPU is within 10 % of a straight line, in percent", distance(counts, cpu), at_most=10)


def line(xs: list[float], ys: list[float]) -> tuple[float, float]:
    """Return slope and height of the straight line that is nearest, by least squares of what is off in proportion."""
    # In proportion, because a step at 1,000 must not be hidden by the size of 20,000.
    weights = [1 / y**2 for y in ys]
    total = sum(weights)
    mean_x = sum(w * x for w, x in zip(weights, xs, strict=True)) / total
    mean_y = sum(w * y for w, y in zip(weights, ys, strict=True)) / total
    across = sum(w * (x - mean_x) ** 2 for w, x in zip(weights, xs, strict=True))
    slope = sum(w * (x - mean_x) * (y - mean_y) for w, x, y in zip(weights, xs, ys, strict=True)) / across
    return slope, mean_y - slope * mean_x


def distance(xs: list[float], ys: list[float]) -> float:
    """Return how far the farthest value is from the line, in percent of the line there."""
    slope, base = line(xs, ys)
    return max(100 * abs(y / (base + slope * x) - 1) for x, y in zip(xs, ys, strict=True))


if __name__ == "__main__":
    asyncio.run(main())
