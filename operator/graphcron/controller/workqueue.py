"""A keyed, rate-limited queue after client-go's workqueue.

One worker at a time processes a key. A key that is added several times is processed once. A key that failed is added
again with exponential back-off. asyncio has no queue with keys.
"""

import asyncio
from collections.abc import Callable, Hashable
from functools import partial
from typing import Final, Generic, TypeVar

from graphcron.clock import SYSTEM_CLOCK, Clock, Timer

Key = TypeVar("Key", bound=Hashable)

MIN_BACKOFF_SECONDS: Final = 0.5
"""Delay after the first failure; it doubles with each further failure."""

MAX_BACKOFF_SECONDS: Final = 60.0
"""Maximum delay between two attempts."""


class WorkQueue(Generic[Key]):
    """Keys to reconcile. An instance belongs to one event loop."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._waiting: dict[Key, None] = {}
        self._low_priority: dict[Key, None] = {}
        """Keys that are processed when no other key waits."""
        self._processing: set[Key] = set()
        self._dirty: set[Key] = set()
        """Keys that were added while they were processed."""
        self._timers: dict[Key, Timer] = {}
        self._failures: dict[Key, int] = {}
        self._filled = asyncio.Event()
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, key: Key, *, low_priority: bool = False) -> None:
        """Add a key; if it is being processed, it is processed again afterwards.

        Parameters
        ----------
        low_priority
            Process the key only when no other key waits, so that new objects do not wait for all existing objects
            after a start.
        """
        if key in self._processing:
            self._dirty.add(key)
        elif not low_priority:
            self._low_priority.pop(key, None)
            self._waiting[key] = None
            self._filled.set()
        elif key not in self._waiting:
            self._low_priority[key] = None
            self._filled.set()

    def lower_priority(self, is_urgent: Callable[[Key], bool]) -> None:
        """Give the waiting keys that are not urgent a low priority."""
        for key in [each for each in self._waiting if not is_urgent(each)]:
            del self._waiting[key]
            self._low_priority[key] = None

    def add_after(self, key: Key, seconds: float) -> None:
        """Add a key after a delay; of several delayed adds of one key, the earliest counts."""
        moment = self._clock.monotonic() + seconds
        known = self._timers.get(key)
        if known is not None and not known.cancelled() and known.when() <= moment:
            return
        if known is not None:
            known.cancel()
        self._timers[key] = self._clock.call_at(moment, partial(self._on_timer, key))

    def add_rate_limited(self, key: Key) -> float:
        """Add a key that failed after its back-off; return the delay in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay: float = min(MIN_BACKOFF_SECONDS * 2 ** min(failures, 16), MAX_BACKOFF_SECONDS)
        delay *= self._clock.uniform(0.8, 1.2)  # keys that failed together should not be retried together
        self.add_after(key, delay)
        return delay

    def forget(self, key: Key) -> None:
        """Reset the back-off of a key."""
        self._failures.pop(key, None)

    def discard(self, key: Key) -> None:
        """Reset the back-off and cancel the delayed add of a key whose object was deleted."""
        self.forget(key)
        timer = self._timers.pop(key, None)
        if timer:
            timer.cancel()

    async def get(self) -> Key:
        """Wait for a key; call :meth:`done` when it has been processed. After :meth:`close`, no key is returned."""
        while self._closed or not (self._waiting or self._low_priority):
            self._filled.clear()
            await self._filled.wait()
        lane = self._waiting or self._low_priority
        key = next(iter(lane))
        del lane[key]
        self._processing.add(key)
        self._idle.clear()
        return key

    def done(self, key: Key) -> None:
        """Mark a key as processed."""
        self._processing.discard(key)
        if not self._processing:
            self._idle.set()
        if key in self._dirty:
            self._dirty.discard(key)
            self.add(key)

    async def close(self) -> None:
        """Return no further keys, and wait until those in process are done."""
        self._closed = True
        self._filled.clear()
        await self._idle.wait()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._low_priority) + len(self._processing)

    def _on_timer(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)
