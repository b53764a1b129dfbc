"""The operator at work: what it holds while it runs, and the workers that reconcile."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from graphcron.echoes import Echoes
from graphcron.errors import ClusterError
from graphcron.kube import Cluster, connect
from graphcron.probes import Probes
from graphcron.reconcile import Key, Reconciler, View
from graphcron.settings import Settings
from graphcron.workqueue import WorkQueue

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
        reconciler = Reconciler(self._cluster, view, self.settings)
        self._tasks = [asyncio.create_task(self._work(reconciler)) for _ in range(self.settings.workers)]

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

    async def _work(self, reconciler: Reconciler) -> None:
        while True:
            key = await self.queue.get()
            try:
                await self._reconcile(reconciler, key)
            finally:
                self.queue.done(key)

    async def _reconcile(self, reconciler: Reconciler, key: Key) -> None:
        now = datetime.now(UTC)
        try:
            again = await reconciler.reconcile(key, now=now)
        except ClusterError as error:
            pause = self.queue.retry(key)
            logger.warning("GraphCron %s/%s: %s; again in %.1f s", *key, error, pause)
        except Exception:
            pause = self.queue.retry(key)
            logger.exception("GraphCron %s/%s: this is a bug; again in %.1f s", *key, pause)
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
