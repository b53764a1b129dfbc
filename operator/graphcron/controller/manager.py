"""The manager: the cache, the queue and the workers of one operator process."""

import asyncio
import logging
import socket
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from datetime import datetime, timedelta
from functools import lru_cache, partial
from itertools import product
from typing import Final

from kubernetes.aio import client

from graphcron import __version__
from graphcron.api import names
from graphcron.api.oversized import bounded
from graphcron.cache.expectations import Expectations
from graphcron.cache.objects import Body
from graphcron.cache.store import Key, Store
from graphcron.clock import SYSTEM_CLOCK, Clock
from graphcron.controller.bugs import report_bug
from graphcron.controller.graphcron import Reconciler
from graphcron.controller.graphrun import GraphRunReconciler
from graphcron.controller.graphserver import ServerReconciler
from graphcron.controller.probes import Probes
from graphcron.controller.relist import Relist
from graphcron.controller.workqueue import WorkQueue
from graphcron.errors import ClusterError, NameTakenError
from graphcron.kube.client import Cluster
from graphcron.kube.connection import open_client
from graphcron.kube.leader_election import LeaderElector
from graphcron.kube.listing import CHILDREN, Resource
from graphcron.kube.watch import Reflector
from graphcron.metrics import Metrics
from graphcron.planning.installation import is_others
from graphcron.planning.preflight_limiter import PreflightLimiter
from graphcron.settings import Settings
from graphcron.unstructured.fields import is_answered, object_at

Reconcilers = Mapping[str, Callable[..., Awaitable[datetime | None]]]
"""The reconcilers by kind."""

SHUTDOWN_SECONDS: Final = 5.0
"""Time for reconciles in progress to end when the operator stops."""

CRD_POLL_SECONDS: Final = 2.0
"""Interval at which the operator checks for its CustomResourceDefinitions."""

logger = logging.getLogger(__name__)


class Manager:
    """One operator process; kopf passes it to each handler as its memo.

    With leader election, each replica fills its cache and its queue from the start, and the leader's workers reconcile.
    """

    def __init__(self, settings: Settings, clock: Clock = SYSTEM_CLOCK) -> None:
        self.settings = settings
        self._clock = clock
        self._serves = lru_cache(maxsize=10_000)(settings.serves)
        self.queue: WorkQueue[Key] = WorkQueue(clock)
        self.expectations = Expectations(timedelta(seconds=settings.expectations_timeout_seconds))
        self.store = Store(self.expectations)
        self._limiter = PreflightLimiter[Key](
            settings.max_concurrent_preflights, partial(self.queue.add, low_priority=True)
        )
        self.lease_lost = asyncio.Event()
        """Set when the Lease is lost and the process must end."""
        self._workers: list[asyncio.Task[None]] = []
        self._last_reconciled = 0.0
        """Monotonic time when the workers last reconciled an object."""
        self._tasks: list[asyncio.Task[None]] = []
        """The tasks other than the workers."""
        self._elector: LeaderElector | None = None
        self._exit_stack = AsyncExitStack()

    # --- from an event to the queue

    def handle_event(self, event_type: str | None, body: Body) -> None:
        """Update the cache, and enqueue the objects to reconcile; ignore namespaces that the operator does not serve.

        Parameters
        ----------
        event_type
            ``ADDED``, ``MODIFIED`` or ``DELETED``; None: the object is from a list, which may hide missed deletions.
        """
        is_listed = event_type is None
        if is_listed:
            self.relist.request()
        if not self._serves(body["metadata"].get("namespace", "")):
            return
        try:
            keys = self.store.update(body, deleted=event_type == "DELETED")
        except Exception:
            metadata = body["metadata"]
            where = f"{metadata.get('namespace', '')}/{metadata['name']}"
            logger.exception("Cannot read %s %s, which is a bug", body.get("kind", "?"), where)
            return
        for key in keys:
            self.queue.add(key, low_priority=is_listed and not _is_new(body))

    def _remove(self, uid: str, version: int = 0) -> None:
        """Remove an object that was deleted without an event, and enqueue the objects to reconcile."""
        for key in self.store.remove(uid, version):
            self.queue.add(key)

    # --- from the queue to a reconciler

    async def _run_worker(self, reconcilers: Reconcilers) -> None:
        while True:
            key = await self.queue.get()
            began = self._clock.monotonic()
            try:
                result = await self.reconcile(reconcilers, key)
                self._last_reconciled = self._clock.monotonic()
                self._metrics.count_reconcile(key.kind, result, self._last_reconciled - began)
            finally:
                self.queue.done(key)
            # A reconcile that changes nothing awaits nothing: let the watches, the probes and the election proceed.
            await asyncio.sleep(0)

    async def reconcile(self, reconcilers: Reconcilers, key: Key) -> str:
        """Reconcile an object, and return the result for the metrics."""
        now, name = self._clock.now(), f"{key.kind} {key.namespace}/{key.name}"
        try:
            again = await reconcilers[key.kind](key, now=now)
        except (ClusterError, NameTakenError) as error:
            delay = self.queue.add_rate_limited(key)
            logger.warning("Reconcile of %s failed, retrying in %.1f s: %s", name, delay, error)
            return "retry"
        except Exception as error:
            delay = self.queue.add_rate_limited(key)
            logger.exception("Reconcile of %s failed with a bug, retrying in %.1f s", name, delay)
            await report_bug(self._cluster, self.store.body(key), error, now=now)
            return "error"
        if again is None:
            self.queue.discard(key)
            self._limiter.forget(key, now=now)
        else:
            self.queue.forget(key)
            self.queue.add_after(key, max((again - now).total_seconds(), 1))
        return "success"

    # --- start and stop

    async def start(self) -> None:
        """Connect, serve the probes, and start the workers or the election."""
        self.connect(await open_client())
        self._exit_stack.push_async_callback(self._cluster.close)
        await self._wait_for_crds()
        ready, port = self._cluster.is_reachable, self.settings.health_port
        probes = Probes(port, alive=self._health_problems, ready=ready, metrics=self._metrics.text)
        self._exit_stack.push_async_callback(probes.stop)
        await probes.start()
        self._exit_stack.push_async_callback(self._shutdown)
        # kopf opens its watches when this method has returned, so a task waits for the cache sync.
        self._synced = asyncio.create_task(self.relist.wait_for_cache_sync())
        work = self._run_election() if self.settings.lease_name else self._start_workers()
        named = self.settings.namespaces if self.settings.namespaces_are_named else ("",)
        watches = [asyncio.create_task(self._watch(*each)) for each in product(CHILDREN, named)]
        self._tasks = [*watches, self._synced, asyncio.create_task(self._run_relist()), asyncio.create_task(work)]

    def connect(self, api: client.ApiClient) -> None:
        """Create the cluster client, its metrics and the relist."""
        self._metrics = Metrics(
            __version__,
            queued=lambda: len(self.queue),
            graphcrons=lambda: self._own_graphcrons() if self._workers else (),
            orphans=lambda: self.store.all_orphans() if self._workers else (),
        )
        self._cluster = Cluster(
            api,
            lambda answer: self.expectations.expect_write(bounded(answer), now=self._clock.now()),
            self._metrics.count_request,
            self._remove,
        )
        self.relist = Relist(
            self._cluster, self.store, self.expectations, self.settings, self._remove, clock=self._clock
        )

    async def stop(self) -> None:
        """Stop the workers, release the Lease, then close the connections."""
        await self._exit_stack.aclose()

    async def _shutdown(self) -> None:
        try:
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                await self.queue.close()
        except TimeoutError:
            logger.warning("Reconciles were cancelled: they did not end within %.0f s", SHUTDOWN_SECONDS)
        await self._cancel(*self._workers, *self._tasks)
        if self._elector:
            await self._elector.release()

    def __copy__(self) -> "Manager":
        """Return itself: kopf copies the memo for each object, and there is one manager."""
        return self

    async def _wait_for_crds(self) -> None:
        """Wait for the CustomResourceDefinitions; kopf does not always notice that they are created later."""
        while True:
            try:
                if await self._cluster.has_crds():
                    return
                logger.warning("CustomResourceDefinitions missing: apply those of this version")
            except ClusterError as error:
                logger.warning("Cannot look up the CustomResourceDefinitions: %s", error)
            await self._clock.sleep(CRD_POLL_SECONDS)

    async def _run_relist(self) -> None:
        await asyncio.shield(self._synced)
        with _logged_bug("The relist"):
            await self.relist.run()

    async def _watch(self, resource: Resource, namespace: str) -> None:
        silence = self.settings.watch_inactivity_seconds
        reflector = Reflector(
            self._cluster, resource, namespace, self.handle_event, inactivity_seconds=silence, clock=self._clock
        )
        with _logged_bug(f"The watch of {resource.plural}"):
            await reflector.run()

    async def _run_election(self) -> None:
        """Start the workers when this replica is elected; when it loses the Lease, the process must end."""
        settings, identity = self.settings, f"{socket.gethostname()}_{uuid.uuid4()}"
        self._elector = LeaderElector(
            open_client,
            settings.lease_name,
            settings.lease_namespace,
            identity=identity,
            seconds=settings.lease_seconds,
        )
        logger.info("Waiting to acquire Lease %s/%s as %s", settings.lease_namespace, settings.lease_name, identity)
        try:
            why = await self._elector.run(self._start_workers, self._stop_workers)
            logger.error("Leader election lost, exiting: %s", why)
        except Exception:
            logger.exception("Leader election failed with a bug, exiting")
            await self._stop_workers()
        self.lease_lost.set()

    async def _start_workers(self) -> None:
        """Start the workers after the cache sync."""
        await asyncio.shield(self._synced)
        reconcilers = self.reconcilers()
        # A standby has queued every object that has changed since its start, most of which the leader has reconciled.
        self.queue.lower_priority(lambda key: _is_new(self.store.body(key)))
        logger.info("Starting %d workers", self.settings.workers)
        self._last_reconciled = self._clock.monotonic()
        self._metrics.leader.set(1)
        self._workers = [asyncio.create_task(self._run_worker(reconcilers)) for _ in range(self.settings.workers)]

    async def _stop_workers(self) -> None:
        await self._cancel(*self._workers)

    def reconcilers(self) -> Reconcilers:
        """Return the reconcilers; call it after the cache sync."""
        for key, job in self.store.preflights():
            self._limiter.restore(key, job.name, since=job.created)
        common = (self._cluster, self.store, self.settings, self._limiter)
        graph_runs = GraphRunReconciler(
            *common[:3], enqueue=self.queue.add, on_run_finished=self._metrics.count_graph_run
        )
        return {
            names.KIND: Reconciler(*common, self._metrics.count_runs).reconcile,
            names.RUN_KIND: graph_runs.reconcile,
            names.SERVER_KIND: ServerReconciler(*common).reconcile,
        }

    @staticmethod
    async def _cancel(*tasks: asyncio.Task[None]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- health and metrics

    def _own_graphcrons(self) -> Iterator[Body]:
        """Return the GraphCrons that no other installation reports on."""
        for each in self.store.graphcrons():
            if not is_others(object_at(each, "status").get("installation"), self.settings.installation):
                yield each

    @property
    def _max_idle_seconds(self) -> float:
        """Maximum time without a reconcile: each object is reconciled once in a resync period."""
        return 2 * self.settings.resync_seconds + self.settings.expectations_timeout_seconds

    def _health_problems(self) -> list[str]:
        overdue = self.expectations.overdue(now=self._clock.now())
        problems = [f"a worker has ended: {task!r}" for task in self._workers if task.done()]
        problems += [f"a task has failed: {task!r}" for task in self._tasks if _has_failed(task)]
        idle = self._clock.monotonic() - self._last_reconciled
        if self._workers and idle > self._max_idle_seconds and any(self.store.graphcrons()):
            problems.append(f"no object has been reconciled for {idle:.0f} s (limit: {self._max_idle_seconds:.0f} s)")
        if overdue:
            problems.append(
                f"the watches have not delivered the operator's writes to {len(overdue)} objects: "
                f"{', '.join(overdue[:3])}"
            )
        return problems


def _is_new(body: Body | None) -> bool:
    """Return whether an object is one of a user whose current spec was not reconciled yet."""
    return (
        body is not None and body["kind"] in {names.KIND, names.RUN_KIND, names.SERVER_KIND} and not is_answered(body)
    )


@contextmanager
def _logged_bug(task: str) -> Iterator[None]:
    """Log the exception that ends a task; the liveness probe fails from then on."""
    try:
        yield
    except Exception:
        logger.exception("%s has failed with a bug", task)
        raise


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None
