"""The keyed, rate-limited queue."""

import asyncio

import pytest

from graphcron.controller.workqueue import MAX_BACKOFF_SECONDS, MIN_BACKOFF_SECONDS, WorkQueue


@pytest.fixture
def run():
    return lambda scenario: asyncio.run(asyncio.wait_for(scenario(), timeout=10))


def test_key_added_twice_is_returned_once(run):
    async def scenario():
        queue = WorkQueue()
        for _ in range(5):
            queue.add("a")
        assert await queue.get() == "a"
        queue.done("a")
        return len(queue)

    assert run(scenario) == 0


def test_key_added_while_processed_is_returned_again(run):
    async def scenario():
        queue = WorkQueue()
        queue.add("a")
        await queue.get()
        queue.add("a")
        other = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        waited = not other.done()
        queue.done("a")
        return waited, await other

    assert run(scenario) == (True, "a")


def test_add_after_keeps_the_earliest_delay(run):
    async def scenario():
        queue = WorkQueue()
        queue.add_after("a", 3600)
        queue.add_after("a", 0.01)
        queue.add_after("a", 3600)
        return await queue.get()

    assert run(scenario) == "a"


def test_add_rate_limited_back_off_reset_by_forget(run):
    async def scenario():
        queue = WorkQueue()
        pauses = [queue.add_rate_limited("a") for _ in range(12)]
        queue.forget("a")
        return pauses, queue.add_rate_limited("a")

    pauses, after = run(scenario)
    assert pauses[0] <= MIN_BACKOFF_SECONDS * 1.2
    assert pauses[3] > pauses[0]
    assert MAX_BACKOFF_SECONDS * 0.8 <= pauses[-1] <= MAX_BACKOFF_SECONDS * 1.2
    assert after <= MIN_BACKOFF_SECONDS * 1.2


def test_discard_cancels_the_delayed_add(run):
    async def scenario():
        queue = WorkQueue()
        queue.add_after("a", 0.01)
        queue.discard("a")
        queue.add_after("b", 0.05)
        return await queue.get()

    assert run(scenario) == "b"


def test_low_priority_keys_come_last():
    async def work() -> list[str]:
        queue: WorkQueue[str] = WorkQueue()
        for key in ("old", "older", "both"):
            queue.add(key, low_priority=True)
        queue.add("new")
        queue.add("both")
        queue.add("new", low_priority=True)
        assert len(queue) == 4
        return [await queue.get() for _ in range(4)]

    assert asyncio.run(work()) == ["new", "both", "old", "older"]
