"""The operator at work: what it holds while it runs, and the workers that reconcile."""

import asyncio
import logging
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Final

from graphcron import __version__, names
from graphcron.echoes import Echoes
from graphcron.errors import ClusterError
from graphcron.kube import connect
from graphcron.metrics import Metrics
from graphcron.probes import Probes
from graphcron.reconcile import Key, Reconciler, View
from graphcron.servers import ServerReconciler
from graphcron.settings import Settings
from graphcron.workqueue import WorkQueue

Reconcilers = Mapping[str, Callable[..., Awaitable[datetime | None]]]
"""What reconciles, by kind of object."""

LAST_WORK_SECONDS: Final = 5.0
"""How long work that has begun may take once the operator is told to stop."""

WAIT_SECONDS: Final = 2.0
"""Pause between two looks for the CustomResourceDefinitions."""

logger = logging.getLogger(__name__)


class Operation:
    """One operator process. kopf hands it to each handler as its memo.

    With a Lease it watches from the start, and works when the Lease is its own: the queue holds what is to be done.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.queue: WorkQueue[Key] = WorkQueue()
        self.echoes = Echoes(timedelta(seconds=settings.echo_seconds))
        self.lost = asyncio.Event()
        """Set when the Lease is lost, and the process has to end."""
        self._workers: list[asyncio.Task[None]] = []
        self._worked = time.monotonic()
        """When an object was last worked on."""
        self._election: asyncio.Task[None] | None = None
        self._ends = AsyncExitStack()

    async def start(self, view: View) -> None:
        """Connect, answer probes, and set the workers to work, or stand by until it is our turn."""
        self._view = view
        self._metrics = Metrics(
            __version__,
            queued=lambda: len(self.queue),
            graphcrons=lambda: view.graphcrons() if self._workers else (),
        )
        self._cluster = await connect(
            lambda answer: self.echoes.expect(answer, now=datetime.now(UTC)), self._metrics.asked
        )
        self._ends.push_async_callback(self._cluster.close)
        await self._wait_for_kinds()
        ready, port = self._cluster.is_reachable, self.settings.health_port
        probes = Probes(port, alive=self._troubles, ready=ready, metrics=self._metrics.text)
        self._ends.push_async_callback(probes.stop)
        await probes.start()
        self._ends.push_async_callback(self._hand_over)
        if self.settings.lease_name:
            self._election = asyncio.create_task(self._stand())
        else:
            await self._begin()

    async def stop(self) -> None:
        """End the work, hand over, then close the connections."""
        await self._ends.aclose()

    async def _hand_over(self) -> None:
        try:
            async with asyncio.timeout(LAST_WORK_SECONDS):
                await self.queue.close()
        except TimeoutError:
            logger.warning("The last work took longer than %.0f s", LAST_WORK_SECONDS)
        await self._cancel(*self._workers)
        if self._election:
            await self._cancel(self._election)
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

    async def _stand(self) -> None:
        """Work while the Lease is ours; a process that has lost it ends, and comes back as a new one."""
        settings, identity = self.settings, f"{socket.gethostname()}_{uuid.uuid4()}"
        self._leadership = self._cluster.leadership(
            settings.lease_name, settings.lease_namespace, identity=identity, seconds=settings.lease_seconds
        )
        logger.info("Standing by as %s for the Lease %s/%s", identity, settings.lease_namespace, settings.lease_name)
        try:
            await self._leadership.lead(self._begin)
            logger.error("The Lease is lost: another replica takes over")
        except Exception:
            logger.exception("The election has failed: this is a bug")
        await self._cancel(*self._workers)
        self.lost.set()

    async def _begin(self) -> None:
        """Set the workers to work."""
        reconcilers: Reconcilers = {
            names.KIND: Reconciler(self._cluster, self._view, self.settings, self._metrics.ended).reconcile,
            names.SERVER_KIND: ServerReconciler(self._cluster, self._view, self.settings).reconcile,
        }
        logger.info("Working")
        self._worked = time.monotonic()
        self._metrics.leader.set(1)
        self._workers = [asyncio.create_task(self._work(reconcilers)) for _ in range(self.settings.workers)]

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
                result = await self._reconcile(reconcilers, key)
                self._worked = time.monotonic()
                self._metrics.count(key.kind, result, self._worked - began)
            finally:
                self.queue.done(key)

    async def _reconcile(self, reconcilers: Reconcilers, key: Key) -> str:
        """Work on an object, and return how it ended."""
        now = datetime.now(UTC)
        try:
            again = await reconcilers[key.kind](key, now=now)
        except ClusterError as error:
            pause = self.queue.retry(key)
            logger.warning("%s %s/%s: %s; again in %.1f s", key.kind, key.namespace, key.name, error, pause)
            return "retry"
        except Exception:
            pause = self.queue.retry(key)
            logger.exception("%s %s/%s: this is a bug; again in %.1f s", key.kind, key.namespace, key.name, pause)
            return "error"
        if again is None:
            self.queue.forget(key)
        else:
            self.queue.succeed(key)
            self.queue.add_after(key, max((again - now).total_seconds(), 1))
        return "success"

    @property
    def _longest_rest(self) -> float:
        """How long nothing may be worked on, in seconds: each object comes again after a resync."""
        return 2 * self.settings.resync_seconds + self.settings.echo_seconds

    def _troubles(self) -> list[str]:
        overdue = self.echoes.overdue(now=datetime.now(UTC))
        tasks = [*self._workers, *([self._election] if self._election else [])]
        troubles = [f"a task has ended: {task!r}" for task in tasks if task.done()]
        idle = time.monotonic() - self._worked
        if self._workers and idle > self._longest_rest and any(self._view.graphcrons()):
            troubles.append(f"no object has been looked at for {idle:.0f} s, and each is to be every few minutes")
        if overdue:
            troubles.append(
                f"the watches have not shown our writes to {len(overdue)} objects: {', '.join(overdue[:3])}"
            )
        return troubles
