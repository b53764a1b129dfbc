"""The keyed queue, in an event loop of its own."""

import asyncio

import pytest

from graphcron.controller.workqueue import MAX_BACKOFF_SECONDS, MIN_BACKOFF_SECONDS, WorkQueue


@pytest.fixture
def run():
    return lambda scenario: asyncio.run(asyncio.wait_for(scenario(), timeout=10))


def test_a_key_added_often_is_worked_on_once(run):
    async def scenario():
        queue = WorkQueue()
        for _ in range(5):
            queue.add("a")
        assert await queue.get() == "a"
        queue.done("a")
        return len(queue)

    assert run(scenario) == 0


def test_a_key_added_while_it_is_worked_on_comes_again_afterwards(run):
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


def test_the_earlier_of_two_appointments_counts(run):
    async def scenario():
        queue = WorkQueue()
        queue.add_after("a", 3600)
        queue.add_after("a", 0.01)
        queue.add_after("a", 3600)
        return await queue.get()

    assert run(scenario) == "a"


def test_pauses_grow_to_a_limit_and_start_anew_after_a_success(run):
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


def test_a_forgotten_key_does_not_come_back(run):
    async def scenario():
        queue = WorkQueue()
        queue.add_after("a", 0.01)
        queue.discard("a")
        queue.add_after("b", 0.05)
        return await queue.get()

    assert run(scenario) == "b"


def test_what_is_new_does_not_wait_for_what_was_there_before():
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
