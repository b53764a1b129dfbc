"""What the liveness probe says of a leader that no longer works."""

import asyncio
import time

from graphcron.operation import Operation
from graphcron.settings import Settings

SETTINGS = Settings(resync_seconds=10, echo_seconds=5)


class View:
    """A view with so many GraphCrons."""

    def __init__(self, number: int) -> None:
        self._number = number

    def graphcrons(self):
        return ({"metadata": {"name": f"cron-{number}"}} for number in range(self._number))


def troubles(*, idle: float, working: bool = True, graphcrons: int = 1) -> list[str]:
    async def look() -> list[str]:
        operation = Operation(SETTINGS)
        operation.shown = View(graphcrons)
        operation._worked = time.monotonic() - idle
        worker = asyncio.create_task(asyncio.Event().wait())
        operation._workers = [worker] if working else []
        said = operation._troubles()
        worker.cancel()
        return said

    return asyncio.run(look())


def test_a_leader_that_looks_at_nothing_is_to_be_started_again():
    (said,) = troubles(idle=26)
    assert said.startswith("no object has been looked at for 26 s")


def test_one_that_works_that_stands_by_or_that_has_nothing_to_look_at_is_well():
    assert troubles(idle=20) == []
    assert troubles(idle=26, working=False) == []
    assert troubles(idle=26, graphcrons=0) == []
