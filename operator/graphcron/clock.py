"""Time and randomness as the controller uses them; the simulation replaces them."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol


class Timer(Protocol):
    """A scheduled call."""

    def when(self) -> float:
        """Return the monotonic time of the call."""

    def cancel(self) -> None:
        """Cancel the call."""

    def cancelled(self) -> bool:
        """Return whether the call is cancelled."""


class Clock:
    """The system clock, and the timers of the running event loop."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return a time in seconds that no clock adjustment affects."""
        return asyncio.get_running_loop().time()

    def call_at(self, moment: float, call: Callable[[], None]) -> Timer:
        """Schedule a call at a monotonic time."""
        return asyncio.get_running_loop().call_at(moment, call)

    async def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        await asyncio.sleep(seconds)

    def uniform(self, least: float, most: float) -> float:
        """Return a random number between the two."""
        return random.uniform(least, most)


SYSTEM_CLOCK: Final = Clock()
