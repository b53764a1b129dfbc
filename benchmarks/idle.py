"""What an operator costs that has nothing to do: calls of the API server and CPU, with many GraphCrons.

    python benchmarks/idle.py               N=10000 ROUNDS=1

The operator makes everything once. Then the peers take turns, each freshly started, come to rest, and probed as the
kubelet does. The operator looks at each GraphCron again every ten minutes, which is CPU and no call. So as not to
measure for ten minutes, this is measured by itself, with a resync every minute, of which a tenth is added.
"""

from __future__ import annotations

import asyncio
import time
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from bench import number
from bench.api import Api
from bench.audit import Audit, Calls
from bench.cluster import BenchCluster, cluster
from bench.process import OURS_NAME, TWIN_NAME, Running, at_rest, begun, ours, twin
from bench.result import Figure
from bench.twin import build as build_twin
from restart import fill

if TYPE_CHECKING:
    from bench.process import Start

WINDOW = 60
"""Seconds that each measurement lasts; ``WINDOW=`` is another number."""

PROBE_SECONDS = 10
"""How often the kubelet asks ``/livez`` and ``/readyz``, by the chart's values."""

RESYNC = 600
"""The operator's resync by default, in seconds."""

WRITES, READS, CPU, LOOKS = "writes a minute", "reads a minute", "CPU a minute", "CPU a minute without resyncs"


class Minute(NamedTuple):
    """What an operator at rest took in a minute."""

    calls: Calls
    seconds: float
    """How long was measured."""
    cpu_seconds: float
    """In a minute."""


async def main() -> None:
    """Measure, and tell."""
    count, window = number("N", 10_000), number("WINDOW", WINDOW)
    figure = Figure("idle", f"The operator and its twin at rest, with {count:,} GraphCrons")
    build_twin()  # before anything is measured
    with cluster("idle", audit=True) as place:
        async with Api(place) as api:
            await fill(place, api, count)
        audit = Audit(place.audit_log)
        for number_of_round in range(number("ROUNDS", 1)):
            print(f"round {number_of_round + 1}", flush=True)
            rest = await minute(place, audit, ours, window)
            looks = await minute(place, audit, ours, window, resync_seconds=window)
            share = (looks.cpu_seconds - rest.cpu_seconds) * window / RESYNC
            tell(figure, OURS_NAME, rest, share)
            figure.add(LOOKS, "s", OURS_NAME, rest.cpu_seconds)
            tell(figure, TWIN_NAME, await minute(place, audit, twin, window), 0)
    judge(figure)
    figure.report()


async def minute(place: BenchCluster, audit: Audit, start: Start, window: float, **settings: object) -> Minute:
    """Start an operator, wait until it is at rest, and return what it takes from then on, for a minute."""
    place.calm()
    async with begun(start, place, **settings) as running:
        await at_rest(running)
        audit.skip()
        before, began = running.cpu_seconds(), time.perf_counter()
        await asyncio.to_thread(probe, running, began + window)
        seconds = time.perf_counter() - began
        return Minute(audit.calls(), seconds, (running.cpu_seconds() - before) * 60 / seconds)


def probe(running: Running, until: float) -> None:
    """Ask as the kubelet does."""
    while time.perf_counter() < until:
        for path in ("livez", "readyz"):
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{running.port}/{path}", timeout=5):
                pass
        time.sleep(max(0.0, min(PROBE_SECONDS, until - time.perf_counter())))


def tell(figure: Figure, name: str, rest: Minute, looks: float) -> None:
    """Take one round's values of a peer; what its looks cost a minute is added to its CPU."""
    minutes = rest.seconds / 60
    figure.add(WRITES, "", name, rest.calls.writes() / minutes)
    figure.add(READS, "", name, rest.calls.reads / minutes)
    figure.add(CPU, "s", name, rest.cpu_seconds + looks)
    asked = ", ".join(f"{count} {what}" for what, count in rest.calls.by_verb().items()) or "nothing"
    figure.note(f"requests of {name} at rest within {rest.seconds:.0f} s: {asked}")


def judge(figure: Figure) -> None:
    """Compare with what was to be reached."""
    reads = figure.measures[READS]
    figure.aim("writes of the operator", figure.measures[WRITES].values[OURS_NAME], at_most=0)
    more = reads.median(OURS_NAME) - reads.median(TWIN_NAME)
    figure.aim("reads a minute beyond the twin's", more, at_most=0)
    share = figure.measures[CPU].median(OURS_NAME) / 60
    figure.note(f"at rest the operator takes {100 * share:.1f} % of a CPU, including the resyncs of all GraphCrons")


if __name__ == "__main__":
    asyncio.run(main())
