"""What a pod uses of its surroundings: signals, clock, log, randomness, server and report file."""

import json
import sys
import time
from collections.abc import Callable
from random import Random

from graphcron.runner.client.langgraph_api import LangGraphClient
from graphcron.runner.client.times import rfc3339_millis
from graphcron.runner.occurrence.settings import Settings
from graphcron.runner.occurrence.shutdown import ShutdownSignal


class Clock:
    """The time; tests pass another."""

    def now(self) -> float:
        """Return the wall clock, in seconds since the epoch."""
        return time.time()

    def steady(self) -> float:
        """Return a monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class Log:
    """Writes one JSON object a line, with the fields that all lines of this pod share.

    No prompt, answer or key is ever logged.
    """

    def __init__(self, **shared: str) -> None:
        self._shared = shared

    def bind(self, **shared: str) -> None:
        """Add fields to every line from here on."""
        self._shared.update(shared)

    def __call__(self, event: str, *, level: str = "info", **fields: object) -> None:
        """Write one line."""
        line = {"time": rfc3339_millis(), "level": level, "event": event, **self._shared, **fields}
        try:
            sys.stdout.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
            sys.stdout.flush()
        except OSError:  # nothing reads the log any more, and the run goes on
            pass


class Runtime:
    """The surroundings of one pod; the simulation passes its own.

    Parameters
    ----------
    shutdown, clock, log, random
        As their classes say.
    connect
        Return the client of the server in the settings; raises RunEnded if they name none.
    write_report
        Write a text where the kubelet reads it, below that root; raises OSError.
    """

    def __init__(
        self,
        shutdown: ShutdownSignal,
        clock: Clock,
        log: Log,
        random: Random,
        *,
        connect: Callable[[Settings], LangGraphClient],
        write_report: Callable[[str, str], None],
    ) -> None:
        self.shutdown = shutdown
        self.clock = clock
        self.log = log
        self.random = random
        self.connect = connect
        self.write_report = write_report

    def sleep(self, seconds: float) -> None:
        """Wait; SIGTERM interrupts it."""
        with self.shutdown.interruptible():
            self.clock.sleep(max(seconds, 0.0))
