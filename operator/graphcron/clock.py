"""Time and chance, as the operator's shell takes them; a simulation hands in others."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol


class Timer(Protocol):
    """A call that is to come."""

    def when(self) -> float:
        """Return its moment, on the clock's monotonic scale."""

    def cancel(self) -> None:
        """Let it not come."""

    def cancelled(self) -> bool:
        """Return whether it does not come."""


class Clock:
    """The process's own clock, and the event loop's timers."""

    def now(self) -> datetime:
        """Return the time of day."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return a time that nobody sets."""
        return asyncio.get_running_loop().time()

    def call_at(self, moment: float, call: Callable[[], None]) -> Timer:
        """Have something called at a monotonic time."""
        return asyncio.get_running_loop().call_at(moment, call)

    async def sleep(self, seconds: float) -> None:
        """Pause."""
        await asyncio.sleep(seconds)

    def uniform(self, least: float, most: float) -> float:
        """Return a number between the two, by chance."""
        return random.uniform(least, most)
