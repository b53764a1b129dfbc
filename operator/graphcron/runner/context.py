"""One pod's work on one occurrence: what it knows, what it asks, and what it has learned so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcron.runner.occurrence.record_thread import Record
from graphcron.runner.occurrence.retrying_client import RetryingClient
from graphcron.runner.occurrence.runtime import Runtime
from graphcron.runner.occurrence.settings import Settings
from graphcron.runner.occurrence.state import RunState

if TYPE_CHECKING:
    from graphcron.runner.budget.spending import Spending


class RunContext:
    """The argument of every step.

    ``settings`` are the occurrence's identity and the request, and never change. ``state`` holds all that changes.
    ``client`` retries each request to the server, and ``api`` sends it once.

    Raises
    ------
    RunEnded
        The settings name no server.
    """

    def __init__(self, settings: Settings, runtime: Runtime) -> None:
        self.settings = settings
        self.runtime = runtime
        self.shutdown, self.clock, self.log, self.random = runtime.shutdown, runtime.clock, runtime.log, runtime.random
        self.state = RunState()
        self.api = runtime.connect(settings)
        self.client = RetryingClient(self.api, settings, self.state, runtime)
        self.spending: Spending | None = None
        """What the occurrence uses; None without a budget."""
        if settings.request.budget is not None:
            from graphcron.runner.budget.spending import Spending

            self.spending = Spending(settings.request.budget, settings, self.state, self.client, runtime)

    def sleep(self, seconds: float) -> None:
        """Wait; SIGTERM interrupts it."""
        self.runtime.sleep(seconds)

    def read_record(self) -> Record | None:
        """Fetch the record, or None if it does not exist."""
        thread = self.client.thread(self.settings.record_id)
        self.state.record = Record(thread) if thread else None
        return self.state.record

    def update_record(self, metadata: dict[str, str]) -> None:
        """Merge metadata into the record; nothing happens if it does not exist any more."""
        self.client.patch_thread(self.settings.record_id, metadata)
