"""What one pod knows and has while it works, and how it asks the server: with patience."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Final, Protocol, TypeVar

from graphcron.contract import Outcome
from graphcron.runner.client.errors import CertificateError, RequestRejected, RunEnded, Unanswered
from graphcron.runner.client.langgraph_api import Json, LangGraphClient
from graphcron.runner.occurrence.identity import lock_id
from graphcron.runner.occurrence.log import Log
from graphcron.runner.occurrence.record_thread import Record
from graphcron.runner.occurrence.settings import Settings
from graphcron.runner.occurrence.shutdown import ShutdownSignal, SignalMask

LOST_CONTACT_SECONDS: Final = 3600.0
"""A run that is under way is given up when its server has been silent for so long."""

FIRST_SECONDS: Final = 10.0
"""A pod that begins later than this after its time is perhaps not the first of its occurrence: a Job waits so long
before it starts another."""

STOP_SECONDS: Final = 20.0
"""How long cancelling is tried after SIGTERM: with the last try, inside the pod's grace period of 30 s."""

LONGEST_DELAY: Final = 15.0
"""Ceiling of the back-off between two tries."""

EARLY_DELAY: Final = 2.0
"""Its ceiling at first: a sidecar that starts after us, or the cluster's DNS, is there within seconds."""

EARLY_SECONDS: Final = 20.0
"""How long that is the ceiling."""

T = TypeVar("T")


class Clock:
    """The time; tests give another."""

    def now(self) -> float:
        """Return the wall clock, seconds since the epoch."""
        return time.time()

    def steady(self) -> float:
        """Return a clock that nobody sets."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def delays(random: Random) -> Iterator[float]:
    """Yield the pauses between tries: doubling, with jitter, up to a ceiling that is low at first."""
    delay = 0.5
    waited = 0.0
    while True:
        pause = delay * random.uniform(0.5, 1.0)
        yield pause
        waited += pause
        delay = min(delay * 2, EARLY_DELAY if waited < EARLY_SECONDS else LONGEST_DELAY)


def _place(url: str) -> str:
    """Return the server's address, and what is most often wrong about it."""
    itself = any(f"//{host}" in url for host in ("localhost", "127.", "[::1]"))
    return f"{url[:200]}; in a pod, that is the pod itself: name the server as pods see it" if itself else url[:200]


def _until(settings: Settings, began: float) -> float:
    """Return when to give up while nothing is accepted, for a pod that begins then.

    It is the start deadline; a pod that is perhaps not the first looks longer, for the run of an earlier one.
    """
    if began <= settings.requested + FIRST_SECONDS:
        return float(settings.deadline)
    return max(settings.deadline, began + LOST_CONTACT_SECONDS)


class Usage(Protocol):
    """What the occurrence's runs use, and whether that is too much; budget/spending has the only one."""

    replays: bool
    """The server has a stream of the run that can be read from its beginning."""

    @property
    def over(self) -> bool:
        """Whether it is more than a run may use."""

    @property
    def exhausted(self) -> bool:
        """Whether a further run could use nothing."""

    def attach(self, ctx: RunContext) -> None:
        """Count the run that the pod follows from here on."""

    def follow(self, ctx: RunContext, wait: Callable[[], float]) -> None:
        """Read the run's stream until its end, or until the run has used too much."""

    def settle(self, ctx: RunContext) -> None:
        """Read what is missing of the stream of a run that is over, and write down what it used."""


class RunContext:
    """One pod's work on one occurrence."""

    def __init__(
        self,
        settings: Settings,
        server: LangGraphClient,
        shutdown: ShutdownSignal,
        log: Log,
        clock: Clock,
        *,
        random: Random,
    ) -> None:
        self.settings = settings
        self.server = server
        self.shutdown = shutdown
        self.log = log
        self.clock = clock
        self.random = random
        self.record_id = lock_id(settings.occurrence, 0)
        self.thread_id = settings.thread or self.record_id
        self.record: Record | None = None
        self.created_record = False
        """It was us who made the record."""
        self.run: Json | None = None
        """The run that we follow."""
        self.in_doubt = False
        """A run may have been made, and we don't know it yet."""
        self.accepted = ""
        """When the server accepted the occurrence's first run."""
        self.attempt = 1
        """Which run of the occurrence it is that we follow, resumes after a stop not counted."""
        self.registered_at: float | None = None
        """When we last let others see that we are about to start a run (steady clock)."""
        self.queued_since: tuple[float, str] | None = None
        """Since when they have seen it, without a gap: see :class:`turns.Turn`."""
        self.spending: Usage | None = None
        """What the occurrence uses; None: it has no budget."""
        self.until = _until(settings, clock.now())
        """When to give up while nothing is accepted."""
        self.unanswered = (0.0, "")
        """When the last request without an answer failed, and why."""
        self.give_up: float | None = None
        """When to give up whatever it is: after SIGTERM."""

    @property
    def shared(self) -> bool:
        """The run happens on a thread that others use too: the user's, or the period's."""
        return self.settings.thread is not None

    @property
    def run_id(self) -> str:
        """Id of the run that we follow, or nothing."""
        return str(self.run["run_id"]) if self.run else ""

    def sleep(self, seconds: float) -> None:
        """Wait; SIGTERM cuts it short."""
        with self.shutdown.interruptible():
            self.clock.sleep(max(seconds, 0.0))

    def ask(self, call: Callable[[], T], *, soon: bool = False) -> T:
        """Ask the server until it answers.

        It is given up at the start deadline while nothing is accepted, after :data:`LOST_CONTACT_SECONDS` of
        silence from then on.

        Parameters
        ----------
        call
            What to ask; may be carried out twice.
        soon
            It changes something: SIGTERM lets it finish.
        Raises
        ------
        RunEnded
            ServerUnreachable.
        RequestRejected, CertificateError
        """
        began = self.clock.now()
        for delay in delays(self.random):
            try:
                with self._mask(soon):
                    return call()
            except (Unanswered, RequestRejected, CertificateError) as error:
                if not self._passes(error):
                    raise
                self.pause(error, delay, self.limit(began))
        raise AssertionError("delays() never ends")

    def pause(self, error: Exception, delay: float, until: float) -> None:
        """Wait before the next try, or raise :class:`RunEnded` where there is no time for one."""
        wait = max(delay, getattr(error, "retry_after", 0.0))
        left = until - self.clock.now()
        self.log("server-unavailable", level="warning", error=str(error), retry_in=round(wait, 1))
        self.unanswered = self.clock.now(), str(error)
        if left <= 0 or getattr(error, "retry_after", 0.0) > left:
            raise self.unreachable(str(error))
        self.sleep(min(wait, left))

    def unreachable(self, error: str) -> RunEnded:
        """Return what ends the work of a pod that the server does not answer."""
        reason = "LostContact" if self.run or self.in_doubt else ""
        return RunEnded(Outcome.SERVER_UNREACHABLE, reason, f"gave up: {error}, at {_place(self.settings.request.url)}")

    def read_record(self) -> Record | None:
        """Fetch the record, or None: there is none."""
        thread = self.ask(lambda: self.server.thread(self.record_id))
        self.record = Record(thread) if thread else None
        return self.record

    def mark(self, metadata: dict[str, str], record_id: str = "") -> None:
        """Merge metadata into the record, or into another occurrence's; nothing happens where that is gone."""

        def patch() -> None:
            try:
                self.server.patch_thread(record_id or self.record_id, metadata)
            except RequestRejected as error:
                if error.status != 404:
                    raise

        self.ask(patch)

    def _mask(self, soon: bool) -> SignalMask:
        return self.shutdown.delayed() if soon else self.shutdown.interruptible()

    def limit(self, began: float) -> float:
        """Return when to give up asking, for tries that began then (seconds since the epoch)."""
        if self.give_up is not None:
            return self.give_up
        return began + LOST_CONTACT_SECONDS if self.run or self.in_doubt else self.until

    def _passes(self, error: Exception) -> bool:
        """Tell whether it may pass: once a run is under way a changed key or certificate may be put right."""
        if isinstance(error, Unanswered):
            return True
        if self.run is None:
            return False
        return isinstance(error, CertificateError) or (
            isinstance(error, RequestRejected) and error.status in (401, 403)
        )
