"""A keyed queue: each key is worked on by one worker at a time, and however often it is added, once.

A failure comes back with exponential back-off. The shape is client-go's workqueue; asyncio has none with keys.
"""

import asyncio
from collections.abc import Hashable
from functools import partial
from typing import Final, Generic, TypeVar

from graphcron.clock import Clock, Timer

Key = TypeVar("Key", bound=Hashable)

FIRST_RETRY_SECONDS: Final = 0.5
"""Pause after a first failure; it doubles with each further one."""

LONGEST_RETRY_SECONDS: Final = 60.0
"""The longest pause between two tries."""


class WorkQueue(Generic[Key]):
    """Keys that wait for a worker. Belongs to one event loop."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._waiting: dict[Key, None] = {}
        self._patient: dict[Key, None] = {}
        """Those that wait behind all others."""
        self._working: set[Key] = set()
        self._again: set[Key] = set()
        self._timers: dict[Key, Timer] = {}
        self._failures: dict[Key, int] = {}
        self._filled = asyncio.Event()
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, key: Key, *, patient: bool = False) -> None:
        """Have a key worked on as soon as a worker is free; after the present work, where one is at it.

        Parameters
        ----------
        patient
            Only when nobody else waits; so what is new does not wait for all that is there at a start.
        """
        if key in self._working:
            self._again.add(key)
        elif not patient:
            self._patient.pop(key, None)
            self._waiting[key] = None
            self._filled.set()
        elif key not in self._waiting:
            self._patient[key] = None
            self._filled.set()

    def add_after(self, key: Key, seconds: float) -> None:
        """Have a key worked on later; an earlier appointment of the same key stays, a later one is moved up."""
        moment = self._clock.monotonic() + seconds
        known = self._timers.get(key)
        if known is not None and not known.cancelled() and known.when() <= moment:
            return
        if known is not None:
            known.cancel()
        self._timers[key] = self._clock.call_at(moment, partial(self._ring, key))

    def retry(self, key: Key) -> float:
        """Have a key worked on again after a failure; return the pause in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        pause: float = min(FIRST_RETRY_SECONDS * 2 ** min(failures, 16), LONGEST_RETRY_SECONDS)
        pause *= self._clock.uniform(0.8, 1.2)  # many that failed together should not come back together
        self.add_after(key, pause)
        return pause

    def succeed(self, key: Key) -> None:
        """Forget the failures of a key."""
        self._failures.pop(key, None)

    def forget(self, key: Key) -> None:
        """Forget a key's failures and appointment: its object is gone."""
        self._failures.pop(key, None)
        timer = self._timers.pop(key, None)
        if timer:
            timer.cancel()

    async def get(self) -> Key:
        """Wait for a key and take it; call :meth:`done` when it has been worked on. None comes after :meth:`close`."""
        while self._closed or not (self._waiting or self._patient):
            self._filled.clear()
            await self._filled.wait()
        lane = self._waiting or self._patient
        key = next(iter(lane))
        del lane[key]
        self._working.add(key)
        self._idle.clear()
        return key

    def done(self, key: Key) -> None:
        """Give a key back."""
        self._working.discard(key)
        if not self._working:
            self._idle.set()
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    async def close(self) -> None:
        """Give out no more keys, and wait until those that were taken have been given back."""
        self._closed = True
        self._filled.clear()
        await self._idle.wait()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._patient) + len(self._working)

    def _ring(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)
