"""What happens to occurrences, and when, as watches of our own show it: pods, Jobs, and the status that tells of them.

The clock is that of the watching process, for all three: what is compared comes over the same wire in the same way.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from bench.api import PATHS
from graphcron.api import names

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bench.api import Api, Object


@dataclass
class Sightings:
    """What was seen since the watches began. Times are of the monotonic clock, by the name of the Job."""

    owners: dict[str, str] = field(default_factory=dict)
    """Jobs that were made, and the GraphCron that each belongs to."""
    made: dict[str, float] = field(default_factory=dict)
    """When the Job was there."""
    ran: dict[str, float] = field(default_factory=dict)
    """When its pod was running."""
    pod_ended: dict[str, float] = field(default_factory=dict)
    """When its pod had ended and left its report."""
    job_ended: dict[str, float] = field(default_factory=dict)
    """When it was Complete or Failed."""
    told: dict[str, float] = field(default_factory=dict)
    """When the status of its GraphCron first named its run as one that has ended."""
    twice: set[str] = field(default_factory=set)
    """Jobs of whose runs a status told more than once."""
    changes: Counter[str] = field(default_factory=Counter)
    """How often each GraphCron was changed: nobody but the operator does so while we watch."""
    parts: Counter[str] = field(default_factory=Counter)
    """What of the status these changes were about, in the names of its members."""
    before: dict[str, Object] = field(default_factory=dict)
    """Each GraphCron's status as it was seen last."""
    last: float = field(default_factory=time.monotonic)
    """When anything was seen last."""

    def pod(self, kind: str, body: Object, at: float) -> None:
        """Take an event about a pod."""
        job = body["metadata"].get("labels", {}).get(names.LABEL_JOB_NAME, "")
        phase = body.get("status", {}).get("phase")
        if kind == "DELETED" or not job:
            return
        if phase == "Running":
            self.ran.setdefault(job, at)
        elif phase in {"Succeeded", "Failed"}:
            self.pod_ended.setdefault(job, at)

    def job(self, kind: str, body: Object, at: float) -> None:
        """Take an event about a Job."""
        name = body["metadata"]["name"]
        if kind == "DELETED":
            return
        self.made.setdefault(name, at)
        self.owners[name] = body["metadata"].get("labels", {}).get(names.LABEL_NAME, "")
        conditions = body.get("status", {}).get("conditions") or ()
        if any(each["type"] in {"Complete", "Failed"} and each["status"] == "True" for each in conditions):
            self.job_ended.setdefault(name, at)

    def graphcron(self, kind: str, body: Object, at: float) -> None:
        """Take an event about a GraphCron."""
        if kind != "MODIFIED":
            return
        name, status = body["metadata"]["name"], body.get("status", {})
        self.changes[name] += 1
        before = self.before.get(name, {})
        self.parts[", ".join(sorted(key for key in status | before if status.get(key) != before.get(key)))] += 1
        self.before[name] = status
        jobs = [run.get("job", "") for run in status.get("recentRuns") or ()]
        for job in jobs:
            self.told.setdefault(job, at)
        self.twice |= {job for job in jobs if jobs.count(job) > 1}


Seen = TypeVar("Seen", bound=Sightings)


@asynccontextmanager
async def sightings(api: Api, seen: Seen) -> AsyncIterator[Seen]:
    """Watch from here on, until the block ends."""
    seen.before = {each["metadata"]["name"]: each.get("status", {}) for each in await api.list("graphcrons")}
    takers = {"pods": seen.pod, "jobs": seen.job, "graphcrons": seen.graphcron}
    begun = [asyncio.Event() for _ in takers]
    async with asyncio.TaskGroup() as group:  # a watch that breaks has not seen all: it ends the block
        tasks = [
            group.create_task(_follow(api, kind, taker, seen, event))
            for (kind, taker), event in zip(takers.items(), begun, strict=True)
        ]
        for event in begun:
            await event.wait()
        yield seen
        for task in tasks:
            task.cancel()


async def _follow(
    api: Api, kind: str, take: Callable[[str, Object, float], None], seen: Sightings, begun: asyncio.Event
) -> None:
    version = (await api.request("GET", PATHS[kind], limit="1"))["metadata"]["resourceVersion"]
    while True:  # the API server ends a watch now and then, and goes on from that version
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "1800"}
        async with api.session.get(PATHS[kind], params=query) as response:
            response.raise_for_status()
            begun.set()
            async for line in response.content:
                at = time.monotonic()
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise RuntimeError(f"the watch of {kind} broke: {event['object'].get('message')}")
                version = event["object"]["metadata"]["resourceVersion"]
                take(event["type"], event["object"], at)
                seen.last = at
