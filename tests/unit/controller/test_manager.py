"""The manager's health and its workers."""

import asyncio
import time
from datetime import datetime
from typing import Any
from unittest import mock

import pytest

from graphcron.api import names
from graphcron.cache.store import Key
from graphcron.controller.manager import Manager
from graphcron.metrics import Metrics
from graphcron.settings import Settings
from tests.unit.cache.test_store import body

SETTINGS = Settings(resync_seconds=10, expectations_timeout_seconds=5)


class View:
    """A view with so many GraphCrons."""

    def __init__(self, number: int) -> None:
        self._number = number

    def graphcrons(self):
        return ({"metadata": {"name": f"cron-{number}"}} for number in range(self._number))


def health_problems(*, idle: float, working: bool = True, graphcrons: int = 1) -> list[str]:
    async def look() -> list[str]:
        manager = Manager(SETTINGS)
        manager.store = View(graphcrons)
        manager._last_reconciled = time.monotonic() - idle
        worker = asyncio.create_task(asyncio.Event().wait())
        manager._workers = [worker] if working else []
        said = manager._health_problems()
        worker.cancel()
        return said

    return asyncio.run(look())


def test_health_idle_leader_is_a_problem():
    (said,) = health_problems(idle=26)
    assert said.startswith("no object has been reconciled for 26 s")


def test_health_working_standby_or_idle_ok():
    assert health_problems(idle=20) == []
    assert health_problems(idle=26, working=False) == []
    assert health_problems(idle=26, graphcrons=0) == []


def test_worker_yields_between_reconciles():
    async def work() -> tuple[int, int]:
        manager, looked, turns = Manager(SETTINGS), 0, 0
        manager._metrics = Metrics("0", queued=lambda: 0, graphcrons=list)

        async def look(key: Key, *, now: datetime) -> None:
            nonlocal looked
            looked += 1

        for number in range(100):
            manager.queue.add(Key("agents", f"cron-{number}"))
        worker = asyncio.create_task(manager._run_worker({names.KIND: look}))
        while looked < 100:
            turns += 1
            await asyncio.sleep(0)
        worker.cancel()
        return looked, turns

    looked, turns = asyncio.run(work())
    assert looked == 100
    assert turns >= 100


@pytest.mark.parametrize("event_type", [None, "ADDED"], ids=["listed at the start", "changed while another one led"])
def test_new_leader_reconciles_new_graphcrons_first(event_type):
    """A standby sees what the leader reconciles, and must not repeat all of it before it reconciles a new GraphCron."""

    def answered(number: int) -> dict[str, Any]:
        status = {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}
        found = body(name=f"cron-{number}", uid=f"u{number}", status=status)
        return {**found, "metadata": {**found["metadata"], "generation": 1}}

    async def take_over() -> str:
        manager, first = Manager(SETTINGS), asyncio.get_running_loop().create_future()
        manager._metrics = Metrics("0", queued=lambda: 0, graphcrons=list)
        manager.relist = mock.Mock()
        manager._synced = asyncio.create_task(asyncio.sleep(0))

        async def reconcile(key: Key, *, now: datetime) -> None:
            if not first.done():
                first.set_result(key.name)

        manager.reconcilers = lambda: {names.KIND: reconcile}
        for number in range(3):
            found = answered(number)
            manager.handle_event(event_type, {**found, "status": {}})
            found["metadata"]["resourceVersion"] = "9"
            manager.handle_event(event_type and "MODIFIED", found)
        new = answered(9)
        manager.handle_event("ADDED", {**new, "status": {}})
        await manager._start_workers()
        name = await first
        await manager._stop_workers()
        return name

    assert asyncio.run(take_over()) == "cron-9"
