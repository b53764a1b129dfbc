"""The operator at work: what it holds while it runs, and the workers that reconcile."""

import asyncio
import logging
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from kubernetes.aio import client

from graphcron import __version__
from graphcron.api import names
from graphcron.api.oversized import bounded
from graphcron.cache.expectations import Expectations
from graphcron.cache.objects import Body
from graphcron.cache.store import Key, Shown
from graphcron.clock import Clock
from graphcron.controller.bugs import tell_bug
from graphcron.controller.graphcron import Reconciler
from graphcron.controller.graphserver import ServerReconciler
from graphcron.controller.probes import Probes
from graphcron.controller.relist import Relist
from graphcron.controller.workqueue import WorkQueue
from graphcron.errors import ClusterError
from graphcron.kube.client import Cluster
from graphcron.kube.connection import open_client
from graphcron.kube.leader_election import Leadership
from graphcron.metrics import Metrics
from graphcron.planning.installation import is_others
from graphcron.planning.preflight_limiter import PreflightLimiter
from graphcron.settings import Settings
from graphcron.unstructured.fields import object_at

Reconcilers = Mapping[str, Callable[..., Awaitable[datetime | None]]]
"""What reconciles, by kind of object."""

LAST_WORK_SECONDS: Final = 5.0
"""How long work that has begun may take once the operator is told to stop."""

WAIT_SECONDS: Final = 2.0
"""Pause before the API server is asked again for what it did not have."""

logger = logging.getLogger(__name__)


class Operation:
    """One operator process. kopf hands it to each handler as its memo.

    With a Lease it watches from the start, and works when the Lease is its own: the queue holds what is to be done.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self._clock = clock or Clock()
        self.queue: WorkQueue[Key] = WorkQueue(self._clock)
        self.expectations = Expectations(timedelta(seconds=settings.echo_seconds))
        self.shown = Shown(self.expectations)
        self._limiter = PreflightLimiter[Key](settings.max_concurrent_preflights, partial(self.queue.add, patient=True))
        self.lost = asyncio.Event()
        """Set when the Lease is lost, and the process has to end."""
        self._workers: list[asyncio.Task[None]] = []
        self._worked = time.monotonic()
        """When an object was last worked on."""
        self._tasks: list[asyncio.Task[None]] = []
        """What prepares for the work."""
        self._leadership: Leadership | None = None
        self._ends = AsyncExitStack()

    async def start(self) -> None:
        """Connect, answer probes, and set the workers to work, or stand by until it is our turn."""
        self.connect(await open_client())
        self._ends.push_async_callback(self._cluster.close)
        await self._wait_for_kinds()
        ready, port = self._cluster.is_reachable, self.settings.health_port
        probes = Probes(port, alive=self._troubles, ready=ready, metrics=self._metrics.text)
        self._ends.push_async_callback(probes.stop)
        await probes.start()
        self._ends.push_async_callback(self._hand_over)
        # kopf opens its watches when this has returned, so it is waited for elsewhere.
        self._synced = asyncio.create_task(self.relist.wait_for_cache_sync())
        work = self._stand() if self.settings.lease_name else self._begin()
        self._tasks = [self._synced, asyncio.create_task(self._compare()), asyncio.create_task(work)]

    def connect(self, api: client.ApiClient) -> None:
        """Make what asks the API server, and what counts that."""
        self._metrics = Metrics(
            __version__,
            queued=lambda: len(self.queue),
            graphcrons=lambda: self._own_graphcrons() if self._workers else (),
            orphans=lambda: self.shown.all_orphans() if self._workers else (),
        )
        self._cluster = Cluster(
            api,
            lambda answer: self.expectations.expect_write(bounded(answer), now=self._clock.now()),
            self._metrics.asked,
            self._forget,
        )
        self.relist = Relist(
            self._cluster, self.shown, self.expectations, self.settings, self._forget, clock=self._clock
        )

    async def stop(self) -> None:
        """End the work, hand over, then close the connections."""
        await self._ends.aclose()

    async def _hand_over(self) -> None:
        try:
            async with asyncio.timeout(LAST_WORK_SECONDS):
                await self.queue.close()
        except TimeoutError:
            logger.warning("The last work took longer than %.0f s", LAST_WORK_SECONDS)
        await self._cancel(*self._workers, *self._tasks)
        if self._leadership:
            await self._leadership.give_back()

    def __copy__(self) -> "Operation":
        """Return itself: kopf copies the memo for each object, and there is one operation."""
        return self

    async def _wait_for_kinds(self) -> None:
        """Wait for the CustomResourceDefinitions; kopf alone would not notice in each case that they come later."""
        while True:
            try:
                if await self._cluster.serves_our_kinds():
                    return
                logger.warning("The CustomResourceDefinitions are missing: apply those of this version")
            except ClusterError as error:
                logger.warning("%s", error)
            await asyncio.sleep(WAIT_SECONDS)

    def _forget(self, uid: str, version: int = 0) -> None:
        """Drop an object that is gone though no watch has shown its end, and have those look whom that concerns."""
        for key in self.shown.missed(uid, version):
            self.queue.add(key)

    async def _compare(self) -> None:
        await asyncio.shield(self._synced)
        await self.relist.run()

    async def _stand(self) -> None:
        """Work while the Lease is ours; a process that has lost it ends, and comes back as a new one."""
        settings, identity = self.settings, f"{socket.gethostname()}_{uuid.uuid4()}"
        self._leadership = Leadership(
            open_client,
            settings.lease_name,
            settings.lease_namespace,
            identity=identity,
            seconds=settings.lease_seconds,
        )
        logger.info("Standing by as %s for the Lease %s/%s", identity, settings.lease_namespace, settings.lease_name)
        try:
            why = await self._leadership.lead(self._begin, self._stop_work)
            logger.error("The Lease is lost: %s. This process ends, and its container is started again", why)
        except Exception:
            logger.exception("The election has failed: this is a bug")
            await self._stop_work()
        self.lost.set()

    async def _stop_work(self) -> None:
        await self._cancel(*self._workers)

    async def _begin(self) -> None:
        """Set the workers to work, once the view is complete."""
        await asyncio.shield(self._synced)
        reconcilers = self.reconcilers()
        logger.info("Working")
        self._worked = time.monotonic()
        self._metrics.leader.set(1)
        self._workers = [asyncio.create_task(self._work(reconcilers)) for _ in range(self.settings.workers)]

    def reconcilers(self) -> Reconcilers:
        """Return what reconciles, once the view is complete."""
        for key, job in self.shown.preflights():
            self._limiter.restore(key, job.name, since=job.created)
        common = (self._cluster, self.shown, self.settings, self._limiter)
        return {
            names.KIND: Reconciler(*common, self._metrics.ended).reconcile,
            names.SERVER_KIND: ServerReconciler(*common).reconcile,
        }

    @staticmethod
    async def _cancel(*tasks: asyncio.Task[None]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, reconcilers: Reconcilers) -> None:
        while True:
            key = await self.queue.get()
            began = time.monotonic()
            try:
                result = await self.reconcile(reconcilers, key)
                self._worked = time.monotonic()
                self._metrics.count(key.kind, result, self._worked - began)
            finally:
                self.queue.done(key)
            # A look that found all in place has waited for nothing: now watches, probes and the Lease have their turn.
            await asyncio.sleep(0)

    async def reconcile(self, reconcilers: Reconcilers, key: Key) -> str:
        """Work on an object, and return how it ended."""
        now = self._clock.now()
        try:
            again = await reconcilers[key.kind](key, now=now)
        except ClusterError as error:
            pause = self.queue.retry(key)
            logger.warning("%s %s/%s: %s; again in %.1f s", key.kind, key.namespace, key.name, error, pause)
            return "retry"
        except Exception as error:
            pause = self.queue.retry(key)
            logger.exception("%s %s/%s: this is a bug; again in %.1f s", key.kind, key.namespace, key.name, pause)
            await tell_bug(self._cluster, self.shown.body(key), error, now=now)
            return "error"
        if again is None:
            self.queue.forget(key)
            self._limiter.forget(key, now=now)
        else:
            self.queue.succeed(key)
            self.queue.add_after(key, max((again - now).total_seconds(), 1))
        return "success"

    def _own_graphcrons(self) -> Iterator[Body]:
        """Return the GraphCrons that no other installation reports on."""
        for each in self.shown.graphcrons():
            if not is_others(object_at(each, "status").get("installation"), self.settings.installation):
                yield each

    @property
    def _longest_rest(self) -> float:
        """How long nothing may be worked on, in seconds: each object comes again after a resync."""
        return 2 * self.settings.resync_seconds + self.settings.echo_seconds

    def _troubles(self) -> list[str]:
        overdue = self.expectations.overdue(now=self._clock.now())
        troubles = [f"a task has ended: {task!r}" for task in self._workers if task.done()]
        troubles += [f"a task has failed: {task!r}" for task in self._tasks if _has_failed(task)]
        idle = time.monotonic() - self._worked
        if self._workers and idle > self._longest_rest and any(self.shown.graphcrons()):
            troubles.append(f"no object has been looked at for {idle:.0f} s, and each is to be every few minutes")
        if overdue:
            troubles.append(
                f"the watches have not shown our writes to {len(overdue)} objects: {', '.join(overdue[:3])}"
            )
        return troubles


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None
