"""The operator at work: what it holds while it runs, and the workers that reconcile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

from graphcron import names
from graphcron.echoes import Echoes
from graphcron.errors import ClusterError
from graphcron.kube import Cluster, connect
from graphcron.probes import Probes
from graphcron.reconcile import Key, Reconciler, View
from graphcron.servers import ServerReconciler
from graphcron.settings import Settings
from graphcron.workqueue import WorkQueue

Reconcilers = Mapping[str, Callable[..., Awaitable[datetime | None]]]
"""What reconciles, by kind of object."""

logger = logging.getLogger(__name__)


class Operation:
    """One operator process. kopf hands it to each handler as its memo."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.queue: WorkQueue[Key] = WorkQueue()
        self.echoes = Echoes(timedelta(seconds=settings.echo_seconds))
        self._probes = Probes(settings.health_port, alive=self._troubles, ready=self._is_ready)
        self._tasks: list[asyncio.Task[None]] = []
        self._cluster: Cluster | None = None

    async def start(self, view: View) -> None:
        """Connect, answer probes, and set the workers to work."""
        self._cluster = await connect(lambda answer: self.echoes.expect(answer, now=datetime.now(UTC)))
        await self._probes.start()
        reconcilers: Reconcilers = {
            names.KIND: Reconciler(self._cluster, view, self.settings).reconcile,
            names.SERVER_KIND: ServerReconciler(self._cluster, view, self.settings).reconcile,
        }
        self._tasks = [asyncio.create_task(self._work(reconcilers)) for _ in range(self.settings.workers)]

    async def stop(self) -> None:
        """End the workers, then the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._probes.stop()
        if self._cluster:
            await self._cluster.close()

    def __copy__(self) -> "Operation":
        """Return itself: kopf copies the memo for each object, and there is one operation."""
        return self

    async def _work(self, reconcilers: Reconcilers) -> None:
        while True:
            key = await self.queue.get()
            try:
                await self._reconcile(reconcilers, key)
            finally:
                self.queue.done(key)

    async def _reconcile(self, reconcilers: Reconcilers, key: Key) -> None:
        now = datetime.now(UTC)
        try:
            again = await reconcilers[key.kind](key, now=now)
        except ClusterError as error:
            pause = self.queue.retry(key)
            logger.warning("%s %s/%s: %s; again in %.1f s", key.kind, key.namespace, key.name, error, pause)
        except Exception:
            pause = self.queue.retry(key)
            logger.exception("%s %s/%s: this is a bug; again in %.1f s", key.kind, key.namespace, key.name, pause)
        else:
            if again is None:
                self.queue.forget(key)
            else:
                self.queue.succeed(key)
                self.queue.add_after(key, max((again - now).total_seconds(), 1))

    def _troubles(self) -> list[str]:
        overdue = self.echoes.overdue(now=datetime.now(UTC))
        troubles = [f"a worker has ended: {task!r}" for task in self._tasks if task.done()]
        if overdue:
            troubles.append(
                f"the watches have not shown our writes to {len(overdue)} objects: {', '.join(overdue[:3])}"
            )
        return troubles

    async def _is_ready(self) -> bool:
        return bool(self._tasks) and self._cluster is not None and await self._cluster.is_reachable()
