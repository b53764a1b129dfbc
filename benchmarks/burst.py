"""Hundreds of GraphCrons due in the same minute: how long until their statuses say what became of the runs.

    python benchmarks/burst.py          N=500 ROUNDS=2

The peers take turns, a minute each. kwok's nodes take the pods, so that no container runs and nobody asks a server, and
end all of them at one moment with the report of our runner. Everything up to there is Kubernetes' own work and is not
counted. What is: from the end of a run's pod, and of its Job, to the status of its GraphCron that tells it as ended.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import TYPE_CHECKING, Final

from bench import number
from bench.api import CONCURRENCY, PATHS, Api, graphcron, spread
from bench.cluster import cluster
from bench.kwok import kwok_nodes, runner_on_kwok
from bench.process import OPERATORS, OURS_NAME, TWIN_NAME
from bench.result import Figure
from bench.sightings import Sightings, sightings
from bench.twin import build as build_twin

from graphcron.api import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.cluster import BenchCluster
    from bench.process import Start

A_SECOND_MADE: Final = 80
"""GraphCrons that are made in a second, carefully estimated: so many must be ready before their minute."""

A_SECOND_PLACED: Final = 25
"""Pods that are made and placed in a second, carefully estimated: all must run before the first one ends."""

QUIET_SECONDS: Final = 4
"""So long after the last event nothing more is coming."""

PATIENCE_SECONDS: Final = 90
"""How long after the end of the pods what is still untold counts as lost."""

CALM_SECONDS: Final = 10
"""How long the machine is given at most to settle between two bursts; all has to end in ten minutes."""

P50, P99 = 50, 99


@dataclass(frozen=True)
class Bench:
    """What all bursts have in common."""

    figure: Figure
    place: BenchCluster
    api: Api
    count: int
    """GraphCrons in a burst."""


@dataclass(frozen=True)
class Burst:
    """One minute of one peer."""

    count: int
    prefix: str
    due: datetime
    """The minute in which all are due."""
    ends: datetime
    """When all pods end."""

    def clock(self, moment: datetime) -> float:
        """Return a moment by the monotonic clock, which the sightings use."""
        return time.monotonic() + (moment - datetime.now(UTC)).total_seconds()


async def main() -> None:
    """Measure, and tell."""
    count, rounds = number("N", 500), number("ROUNDS", 2)
    figure = Figure(
        "burst", f"{count} GraphCrons due in the same minute: from the run's end to the status that tells it"
    )
    build_twin()  # before anything is measured
    with ExitStack() as stack:
        place = stack.enter_context(cluster("bench-burst"))
        stack.enter_context(kwok_nodes(place))
        async with Api(place) as api:
            bench = Bench(figure, place, api, count)
            for turn in range(rounds):
                for peer, start in list(OPERATORS.items())[:: -1 if turn % 2 else 1]:
                    print(f"round {turn + 1} of {rounds}: {peer}", flush=True)
                    await measure(bench, peer, start, f"burst-{turn}-{len(peer)}")
    judge(figure)
    figure.report()


async def measure(bench: Bench, peer: str, start: Start, prefix: str) -> None:
    """Let one peer live through one burst, and clear up."""
    figure, api, count = bench.figure, bench.api, bench.count
    with start(bench.place) as running:
        burst = await prepare(api, count, prefix)
        async with sightings(api, Sightings()) as seen:
            before, cpu = await status_writes(api), running.cpu_seconds()
            await over(seen, burst)
            after, cpu = await status_writes(api), running.cpu_seconds() - cpu
        writes = {code: value - before.get(code, 0) for code, value in after.items()}
        tell(figure, peer, burst, seen)
        figure.add("status writes per occurrence, with rejected ones", "", peer, sum(writes.values()) / count)
        figure.add("rejected writes in total", "", peer, sum(writes[code] for code in writes if code != "200"))
        events = [each for each in await api.list("events") if each["source"].get("component") == names.OPERATOR]
        figure.add("Events per GraphCron, since its creation", "", peer, len(events) / count)
        figure.add("CPU of the operator per occurrence", "ms", peer, 1000 * cpu / count)
        figure.add("peak memory", "MiB", peer, running.peak_mib())
    await api.delete_all()
    bench.place.calm(seconds=CALM_SECONDS)


async def prepare(api: Api, count: int, prefix: str) -> Burst:
    """Make the GraphCrons, all for one minute that is far enough ahead, and wait until the peer has taken them in."""
    earliest = datetime.now(UTC) + timedelta(seconds=6 + count / A_SECOND_MADE)
    due = earliest.replace(second=0, microsecond=0) + timedelta(minutes=1)
    burst = Burst(count, prefix, due, due + timedelta(seconds=8 + count / A_SECOND_PLACED))
    runner = runner_on_kwok(due=rfc3339(burst.due), ends_at=rfc3339(burst.ends))

    async def create(each: int) -> None:
        body = graphcron(f"{prefix}-{each:05d}", schedule=f"{due.minute} {due.hour} {due.day} {due.month} *")
        body["spec"]["runner"] = runner
        await api.request("POST", PATHS["graphcrons"], body=body)

    await spread(create, range(count), CONCURRENCY)
    await api.told(count, prefix=prefix)
    return burst


async def over(seen: Sightings, burst: Burst) -> None:
    """Wait until every run is told and every Job over, and nothing more comes; or until patience ends."""
    if burst.clock(burst.due) < time.monotonic():
        raise RuntimeError("the GraphCrons were not ready before their minute: give a smaller N")
    deadline = burst.clock(burst.ends) + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        done = len(seen.told) >= burst.count and len(seen.job_ended) >= burst.count
        if done and time.monotonic() > seen.last + QUIET_SECONDS:
            return
        await asyncio.sleep(0.2)


async def status_writes(api: Api) -> dict[str, float]:
    """Return how many writes of GraphCrons' statuses the API server has answered, by the code of the answer."""
    codes: dict[str, float] = {}
    for name, labels, value in await api.samples():
        about = (labels.get("resource"), labels.get("subresource"))
        writing = labels.get("verb") in {"PATCH", "APPLY", "PUT"}
        if name == "apiserver_request_total" and about == (names.PLURAL, "status") and writing:
            codes[labels["code"]] = codes.get(labels["code"], 0) + value
    return codes


def tell(figure: Figure, peer: str, burst: Burst, seen: Sightings) -> None:
    """Take the values of one burst."""
    for what, ends in (("pod's", seen.pod_ended), ("Job's", seen.job_ended)):
        lags = [seen.told[job] - ends[job] for job in seen.told if job in ends]
        for percent in (P50, P99):
            figure.add(f"status after the {what} end, p{percent}", "ms", peer, 1000 * percentile(lags, percent))
    due = burst.clock(burst.due)
    figure.add("all reported after the first pod's end", "s", peer, last(seen.told) - min(seen.pod_ended.values()))
    figure.add("changes of the GraphCron per occurrence", "", peer, seen.changes.total() / burst.count)
    figure.add("most changes of one GraphCron", "", peer, max(seen.changes.values()))
    for parts, times in seen.parts.most_common(6):
        print(f"    {times} changes of: {parts or 'nothing in the status'}")
    owners = set(seen.owners.values())
    figure.add("Jobs made", "", peer, len(seen.owners))
    figure.add("surplus Jobs", "", peer, len(seen.owners) - len(owners))
    figure.add("runs not reported, or reported twice", "", peer, burst.count - len(seen.told) + len(seen.twice))
    late = sum(at > burst.clock(burst.ends) for at in seen.ran.values())
    print(
        f"  Kubernetes' own part, seconds after the minute: Jobs made {span(seen.made, due)}, pods run "
        f"{span(seen.ran, due)} ({late} of them late), pods ended {span(seen.pod_ended, due)}, "
        f"Jobs over {span(seen.job_ended, due)}; all told {span(seen.told, due)}"
    )
    figure.add(
        "Kubernetes: from the first to the last Job's end",
        "s",
        peer,
        last(seen.job_ended) - min(seen.job_ended.values()),
    )


def judge(figure: Figure) -> None:
    """Compare with what was to be reached."""
    values = {what: measure.values for what, measure in figure.measures.items()}
    ratios = figure.measures["status after the pod's end, p99"].ratios(OURS_NAME, TWIN_NAME)
    figure.aim("p99 after the pod's end, by the twin's", ratios, at_most=2)
    figure.aim(
        "status writes per occurrence",
        values["status writes per occurrence, with rejected ones"][OURS_NAME],
        at_most=2,
    )
    ratios = figure.measures["CPU of the operator per occurrence"].ratios(OURS_NAME, TWIN_NAME)
    figure.aim("CPU of an occurrence, times the twin's", ratios, at_most=1.2)
    lost = values["runs not reported, or reported twice"][OURS_NAME]
    figure.aim("lost or duplicate runs", float(sum(lost) + sum(values["surplus Jobs"][OURS_NAME])), at_most=0)
    figure.note(
        "a negative time after the Job's end: the status reported the run before the Job controller had counted the pod"
    )
    figure.note("no container runs: kwok v0.8.0 plays the kubelets, and there is no LangGraph server")


def percentile(values: list[float], percent: int) -> float:
    """Return a percentile; of hundreds of values, the nearest two decide."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def last(times: Mapping[str, float]) -> float:
    """Return the last of some moments."""
    return max(times.values())


def span(times: Mapping[str, float], since: float) -> str:
    """Write the first and the last of some moments."""
    return f"{min(times.values()) - since:.1f}–{last(times) - since:.1f}"


def rfc3339(moment: datetime) -> str:
    """Write a time as Kubernetes does."""
    return moment.isoformat().replace("+00:00", "Z")


if __name__ == "__main__":
    asyncio.run(main())
