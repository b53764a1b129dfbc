"""Many GraphCrons applied at once while others are due: what becomes of the operator, of the runs and of the findings.

    python benchmarks/storm.py          N=1000 DUE=500

GraphCrons without a preflight are due in one minute. Shortly before it, many others with a preflight are created as
fast as the API server takes them. kwok's nodes take all pods, so that no container runs: a preflight's pod ends as soon
as it runs, with the report of a server that answers. The operator takes part in an election, with the same settings as
in a cluster.
"""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from bench import NAMESPACE, number
from bench.api import CONCURRENCY, PATHS, Api, graphcron, not_now, spread
from bench.cluster import cluster
from bench.kwok import kwok_nodes, runner_on_kwok
from bench.process import OURS_NAME, ours
from bench.result import Figure
from bench.sightings import Sightings, sightings
from typing_extensions import override

from graphcron.api import names
from graphcron.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from bench.api import Object
    from bench.process import Running

DUE, STORM = "due", "storm"
"""What the names of the GraphCrons begin with."""

A_SECOND_MADE: Final = 50
"""GraphCrons that are made in a second, carefully estimated: those that are due must be ready before their minute."""

LEAD: Final = timedelta(seconds=5)
"""How long before the minute the storm begins."""

PATIENCE_SECONDS: Final = 420
"""How long after its begin what is still open counts as lost; all has to end in ten minutes."""

LEASE: Final = "graphcron"

LEASES: Final = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{LEASE}"

LIMIT: Final = Settings().max_concurrent_preflights

MAY_LAG_SECONDS: Final = 60
"""How much later all is told than preflights without a pause could end."""


@dataclass
class Storm(Sightings):
    """What was seen of the GraphCrons' conditions, beside their Jobs."""

    ready: dict[str, float] = field(default_factory=dict)
    """When a GraphCron was Ready first."""
    resolved: dict[str, float] = field(default_factory=dict)
    """When its preflight was told to have found its target."""
    wrong: dict[str, str] = field(default_factory=dict)
    """What a condition said was wrong of it; nothing is."""

    placed: dict[str, float] = field(default_factory=dict)
    """When the pod of a Job was there."""

    @override
    def pod(self, kind: str, body: Object, at: float) -> None:
        super().pod(kind, body, at)
        self.placed.setdefault(body["metadata"].get("labels", {}).get(names.LABEL_JOB_NAME, ""), at)

    @override
    def graphcron(self, kind: str, body: Object, at: float) -> None:
        super().graphcron(kind, body, at)
        name = body["metadata"]["name"]
        for each in body.get("status", {}).get("conditions") or ():
            times = {"Ready": self.ready, "TargetResolved": self.resolved}.get(each["type"])
            if times is not None and each["status"] == "True":
                times.setdefault(name, at)
            elif times is not None and each["status"] == "False":
                self.wrong[name] = f"{each['type']}: {each['reason']}: {each['message']}"

    def jobs_of(self, prefix: str) -> list[str]:
        """Return the Jobs of the GraphCrons whose names begin so."""
        return [job for job, owner in self.owners.items() if owner.startswith(prefix)]


@dataclass
class Probed:
    """What was asked of the operator meanwhile."""

    failures: int = 0
    """Liveness probes that were not content."""
    renewals: list[float] = field(default_factory=list)
    """The Lease's renewals, in seconds since the epoch."""

    @property
    def longest(self) -> float:
        """The longest time between two renewals, in seconds."""
        return max((after - before for before, after in zip(self.renewals, self.renewals[1:], strict=False)), default=0)


async def main() -> None:
    """Measure, and tell."""
    count, due = number("N", 1000), number("DUE", 500)
    figure = Figure("storm", f"{count:,} GraphCrons applied at once while {due:,} others are due")
    with ExitStack() as stack:
        place = stack.enter_context(cluster("bench-storm"))
        stack.enter_context(kwok_nodes(place))
        running = stack.enter_context(ours(place, lease_name=LEASE, lease_namespace=NAMESPACE))
        async with Api(place) as api:
            minute = await make_due(api, due)
            async with sightings(api, Storm()) as seen, probed(api, running) as asked:
                await until(minute - LEAD)
                began = time.monotonic()
                await make_storm(api, count)
                applied = time.monotonic()
                await settled(seen, count, due, since=began)
        tell(figure, seen, asked, count=count, due=due, began=began, applied=applied)
        figure.add("CPU of the operator, its start included", "s", OURS_NAME, running.cpu_seconds())
        figure.add("peak memory", "MiB", OURS_NAME, running.peak_mib())
        figure.aim("restarts of the operator", float("Leader election lost" in running.log()), at_most=0)
    figure.report()


async def make_due(api: Api, count: int) -> datetime:
    """Make the GraphCrons that are due, and wait until the operator has taken them in; return their minute."""
    earliest = datetime.now(UTC) + LEAD + timedelta(seconds=5 + count / A_SECOND_MADE)
    minute = earliest.replace(second=0, microsecond=0) + timedelta(minutes=1)
    await create(api, DUE, count, f"{minute.minute} {minute.hour} {minute.day} {minute.month} *", minute)
    await api.told(count, prefix=DUE)
    if datetime.now(UTC) > minute - LEAD:
        raise RuntimeError("the GraphCrons were not ready before their minute: give a smaller DUE")
    return minute


async def make_storm(api: Api, count: int) -> None:
    """Create many at once, each with a preflight."""
    await create(api, STORM, count, "", datetime.now(UTC), preflight=True)


async def create(api: Api, prefix: str, count: int, schedule: str, ends: datetime, *, preflight: bool = False) -> None:
    """Create so many GraphCrons whose pods end at that time, or as soon as they run."""
    moment = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
    runner = runner_on_kwok(due=moment, ends_at=moment)

    async def one(each: int) -> None:
        body = graphcron(f"{prefix}-{each:05d}", schedule=schedule or not_now(each))
        body["spec"] |= {"runner": runner, "preflight": preflight}
        await api.request("POST", PATHS["graphcrons"], body=body)

    await spread(one, range(count), CONCURRENCY)


async def until(moment: datetime) -> None:
    """Wait for a moment."""
    await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


async def settled(seen: Storm, count: int, due: int, *, since: float) -> None:
    """Wait until all is told, or until patience ends."""
    while time.monotonic() < since + PATIENCE_SECONDS:
        if sum(name.startswith(STORM) for name in seen.resolved) >= count and len(seen.told) >= due:
            return
        await asyncio.sleep(0.2)


@asynccontextmanager
async def probed(api: Api, running: Running) -> AsyncIterator[Probed]:
    """Ask the operator's liveness probe each second, as the kubelet does, and look at its Lease."""
    asked = Probed()

    async def ask() -> None:
        while True:
            if not await asyncio.to_thread(_is_alive, running.port):
                asked.failures += 1
            renewed = str((await api.request("GET", LEASES))["spec"]["renewTime"])
            moment = datetime.fromisoformat(renewed).timestamp()
            if asked.renewals[-1:] != [moment]:
                asked.renewals.append(moment)
            await asyncio.sleep(0.5)

    task = asyncio.create_task(ask())
    try:
        yield asked
    finally:
        task.cancel()


def _is_alive(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=10) as answer:
            return int(answer.status) == 200
    except (urllib.error.HTTPError, OSError):
        return False


def tell(figure: Figure, seen: Storm, asked: Probed, *, count: int, due: int, began: float, applied: float) -> None:
    """Take the values."""

    def add(what: str, value: float, unit: str = "") -> None:
        figure.add(what, unit, OURS_NAME, value)

    ready, resolved = (_after(times, began) for times in (seen.ready, seen.resolved))
    preflights = [job for job in seen.jobs_of(STORM) if job in seen.pod_ended]
    capacity = sum(seen.pod_ended[job] - seen.made[job] for job in preflights) / LIMIT
    # Both of one watch, which shows them in their order.
    most = most_at_once((seen.placed[job], seen.pod_ended[job]) for job in preflights)
    runs = seen.jobs_of(DUE)
    add("until all are created", applied - began, "s")
    add("until all are Ready", max(ready, default=0.0), "s")
    add("until all targets are resolved", max(resolved, default=0.0), "s")
    add("the same preflights without a pause", capacity, "s")
    add("most preflight pods at once", most)
    add("runs started", len(runs))
    add("last run reported after its pod's end", max(_lags(seen, runs), default=0.0), "s")
    add("longest time between two renewals of the Lease", asked.longest, "s")
    figure.aim(
        "GraphCrons that are not Ready or whose target is not resolved",
        2.0 * count - len(ready) - len(resolved),
        at_most=0,
    )
    figure.aim("wrong findings", float(len(seen.wrong)), at_most=0)
    figure.aim("runs skipped or not reported", float(due - len([job for job in runs if job in seen.told])), at_most=0)
    figure.aim("preflight pods at once", float(most), at_most=LIMIT)
    figure.aim(
        "seconds later than the same preflights without a pause",
        max(resolved, default=0.0) - capacity,
        at_most=MAY_LAG_SECONDS,
    )
    figure.aim("failed liveness probes", float(asked.failures), at_most=0)
    figure.aim("seconds between two renewals of the Lease", asked.longest, at_most=Settings().lease_seconds * 2 / 3)
    for name, said in list(seen.wrong.items())[:5]:
        print(f"  {name}: {said}")


def _after(times: dict[str, float], began: float) -> list[float]:
    return [at - began for name, at in times.items() if name.startswith(STORM)]


def _lags(seen: Storm, jobs: Iterable[str]) -> list[float]:
    return [seen.told[job] - seen.pod_ended[job] for job in jobs if job in seen.told and job in seen.pod_ended]


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """Return how many spans of time overlap at most."""
    steps = sorted(step for begin, end in spans for step in ((begin, 1), (end, -1)))
    most = now = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most


if __name__ == "__main__":
    asyncio.run(main())
