"""What kopf and the operator's own watch take for an event, beside what the operator's handlers do.

    python benchmarks/framework.py          N=2000 ROUNDS=5

No cluster: kopf's own watcher gets the events of GraphCrons from a list, as fast as it takes them, and calls the
operator's handler, which only fills the view and a queue. The operator's own watch gets those of CronJobs. Beside each
the same function is called straight: the difference is that of kopf, or of the watch. It needs parts of kopf that are
not public, which nothing else here does.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import time
import tracemalloc
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

import kopf
from bench import number
from bench.api import graphcron
from bench.result import Figure
from kopf._cogs.clients.watching import Bookmark
from kopf._cogs.structs.references import Resource
from kopf._core.engines.indexing import OperatorIndexers
from kopf._core.reactor import queueing
from kopf._core.reactor.inventory import ResourceMemories
from kopf._core.reactor.processing import process_resource_event

from graphcron.api import names
from graphcron.api.v1alpha1 import parse
from graphcron.controller import handlers
from graphcron.controller.manager import Manager
from graphcron.kube.listing import CHILDREN
from graphcron.kube.watch import Reflector
from graphcron.main import COLLECT_AFTER
from graphcron.manifests.cronjob import PersistedState, cronjobs_for
from graphcron.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

KOPF, WATCH, OURS = "kopf with the operator's handlers", "the operator's own watch", "the operator's handlers alone"
"""What the peers are called."""

CPU = "CPU for an event of a {}"
AT_WORK, AT_REST = "kopf's memory for an object while it is worked on", "kopf's memory for an object at rest"

GRAPHCRONS = Resource(names.GROUP, names.VERSION, names.PLURAL, kind=names.KIND, namespaced=True)
CRONJOBS = CHILDREN[0]

BATCH = 20
"""Events in a chunk of a watch."""

Object = dict[str, Any]


def body_of(kind: str, number_of_it: int) -> Object:
    """Return an object as the API server tells it."""
    found = graphcron(f"bench-{number_of_it:05d}")
    found["metadata"]["uid"] = f"00000000-0000-4000-8000-{number_of_it:012d}"
    if kind != names.KIND:
        found = cronjobs_for(parse(found), Settings(), {}, PersistedState(), now=datetime(2026, 1, 1, tzinfo=UTC))[0]
        found["metadata"]["uid"] = f"00000000-0000-4000-9000-{number_of_it:012d}"
    managed = {"manager": "x", "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": fields_of(found)}
    found["metadata"] |= {"resourceVersion": str(number_of_it), "generation": 1, "managedFields": [managed]}
    return found


def fields_of(value: Any) -> Object:
    """Return what ``managedFields`` say of an object: all its fields, without their values."""
    return {f"f:{key}": fields_of(each) for key, each in value.items()} if isinstance(value, dict) else {}


def events(kind: str, count: int) -> list[Object]:
    """Return an event of each of so many objects."""
    return [{"type": "ADDED", "object": body_of(kind, each)} for each in range(count)]


class Framework:
    """kopf, set up as the operator does it; what it remembers of objects stays."""

    def __init__(self, settings: kopf.OperatorSettings) -> None:
        self._settings = settings
        self._resource = GRAPHCRONS
        registry: Any = kopf.get_default_registry()
        self._process = functools.partial(
            process_resource_event,
            lifecycle=kopf.lifecycles.asap,
            indexers=OperatorIndexers(),
            registry=registry,
            settings=settings,
            memories=ResourceMemories(),
            memobase=cast("Any", Manager(Settings())),
            resource=self._resource,
            event_queue=asyncio.Queue(),
        )

    @classmethod
    async def set_up(cls) -> Framework:
        """Let our own handler settle kopf's settings; nothing is started of the operator."""
        settings, settle = kopf.OperatorSettings(), cast("Any", handlers.start)
        await settle(memo=SimpleNamespace(settings=Settings(), start=mock.AsyncMock()), settings=settings)
        return cls(settings)

    async def feed(self, given: list[Object], then: Callable[[], None]) -> None:
        """Take these events; call when all are handled, while kopf still holds what it works with."""
        left = len(given)
        done = asyncio.Event()

        async def process(**arguments: Any) -> str | None:
            nonlocal left
            result: str | None = await self._process(**arguments)
            left -= 1
            if not left:
                done.set()
            return result

        async def watch(**_: object) -> AsyncIterator[Any]:
            yield Bookmark.LISTED
            for event in given:
                yield event
                await asyncio.sleep(0)  # what comes over the network lets others work, too
            await asyncio.Event().wait()

        with mock.patch("kopf._core.reactor.queueing.watching.infinite_watch", watch):
            watcher = asyncio.create_task(
                queueing.watcher(namespace=None, settings=self._settings, resource=self._resource, processor=process)
            )
            await done.wait()
            then()
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)


async def straight(given: list[Object]) -> None:
    """Call for each event what kopf calls for it."""
    memo, handle = Manager(Settings()), cast("Any", handlers.handle_event)
    for event in given:
        await handle(event=event, memo=memo)


async def watched(given: list[Object]) -> None:
    """Deliver events to the operator with its own watch, as many at a time as the network delivers."""
    reflector = Reflector(cast("Any", None), CRONJOBS, "", Manager(Settings()).handle_event, inactivity_seconds=60)
    for begin in range(0, len(given), BATCH):
        reflector.deliver(given[begin : begin + BATCH])
        await asyncio.sleep(0)


async def cpu(figure: Figure, count: int) -> None:
    """Measure the CPU time for an event, one round."""
    framework, given, at = await Framework.set_up(), events(names.KIND, count), [0.0]
    await framework.feed(given[: count // 10], lambda: None)  # loads code
    before = time.process_time()
    await framework.feed(given, lambda: at.append(time.process_time()))
    figure.add(CPU.format(names.KIND), "ms", KOPF, 1000 * (at[-1] - before) / count)
    await alone(figure, names.KIND, given)
    given = events("CronJob", count)
    before = time.process_time()
    await watched(given)
    figure.add(CPU.format("CronJob"), "ms", WATCH, 1000 * (time.process_time() - before) / count)
    await alone(figure, "CronJob", given)


async def alone(figure: Figure, kind: str, given: list[Object]) -> None:
    """Measure the operator's part."""
    before = time.process_time()
    await straight(given)
    figure.add(CPU.format(kind), "ms", OURS, 1000 * (time.process_time() - before) / len(given))


async def persisted(figure: Figure, count: int) -> None:
    """Measure what kopf and asyncio hold for an object, by where it was taken."""
    framework, given, at = await Framework.set_up(), events(names.KIND, count), [0.0]
    await framework.feed(given[:1], lambda: None)
    tracemalloc.start()
    before = held()
    await framework.feed(given, lambda: at.append(held()))
    gc.collect()
    figure.add(AT_WORK, "KiB", KOPF, (at[-1] - before) / count / 1024)
    figure.add(AT_REST, "KiB", KOPF, (held() - before) / count / 1024)
    tracemalloc.stop()


def held() -> float:
    """Return the bytes that were taken in the code of kopf and asyncio."""
    patterns = [tracemalloc.Filter(inclusive=True, filename_pattern=each) for each in ("*/kopf/*", "*/asyncio/*")]
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(patterns).traces)


async def main() -> None:
    """Measure and report."""
    gc.set_threshold(COLLECT_AFTER)
    figure = Figure("framework", "What kopf itself takes for an event and for an object")
    for _ in range(number("ROUNDS", 5)):
        await cpu(figure, number("N", 2000))
    await persisted(figure, 1000)
    figure.report()


if __name__ == "__main__":
    asyncio.run(main())
