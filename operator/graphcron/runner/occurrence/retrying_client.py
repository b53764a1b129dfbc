"""The LangGraph client that retries until the server answers, or until a deadline."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Final, TypeVar

from graphcron.contract import Outcome
from graphcron.runner.client.errors import CertificateError, RequestRejected, RunEnded, Unanswered
from graphcron.runner.client.langgraph_api import Json, LangGraphClient
from graphcron.runner.occurrence.outcome import LIVE
from graphcron.runner.occurrence.runtime import Runtime
from graphcron.runner.occurrence.settings import Settings
from graphcron.runner.occurrence.state import RunState

LOST_CONTACT_SECONDS: Final = 3600.0
"""How long the server of an active run can be silent before the pod gives up."""

FIRST_SECONDS: Final = 10.0
"""A pod that begins later than this after its time may be a replacement: a Job waits as long before it starts one."""

LONGEST_DELAY: Final = 15.0
"""Ceiling of the back-off between two tries."""

EARLY_DELAY: Final = 2.0
"""Its ceiling at first: a sidecar that starts later than the runner, or the cluster's DNS, needs only seconds."""

EARLY_SECONDS: Final = 20.0
"""How long :data:`EARLY_DELAY` is the ceiling."""

T = TypeVar("T")


def delays(random: Random) -> Iterator[float]:
    """Yield the delays between tries: exponential back-off with jitter, with a low ceiling at first."""
    delay = 0.5
    waited = 0.0
    while True:
        pause = delay * random.uniform(0.5, 1.0)
        yield pause
        waited += pause
        delay = min(delay * 2, EARLY_DELAY if waited < EARLY_SECONDS else LONGEST_DELAY)


class RetryingClient:
    """Sends each request until it is answered.

    Until a run is accepted it gives up at the start deadline, and afterwards after :data:`LOST_CONTACT_SECONDS` of
    silence. Each method raises RunEnded (ServerUnreachable) then, and RequestRejected or CertificateError if the
    server refuses.
    """

    def __init__(self, api: LangGraphClient, settings: Settings, state: RunState, runtime: Runtime) -> None:
        self.api = api
        """The client that tries once."""
        self.start_deadline = _start_deadline(settings, runtime.clock.now())
        """When to give up while no run is accepted (seconds since the epoch)."""
        self.last_failure = (0.0, "")
        """When the last unanswered request failed, and why."""
        self._deadline: float | None = None
        """When to give up in any case."""
        self._url = settings.request.url
        self._state, self._runtime = state, runtime

    def thread(self, thread_id: str) -> Json | None:
        """Return a thread without its values, or None if it does not exist."""
        return self.retry(lambda: self.api.thread(thread_id))

    def thread_at_rest(self, thread_id: str) -> Json | None:
        """Return a thread with its interrupts, or None if it does not exist."""
        return self.retry(lambda: self.api.thread_at_rest(thread_id))

    def thread_error(self, thread_id: str) -> Json:
        """Return the error that a thread's last run raised."""
        return self.retry(lambda: self.api.thread_error(thread_id))

    def search_threads(self, metadata: Json, *, limit: int, offset: int = 0, sort_order: str = "desc") -> list[Json]:
        """Return the threads whose metadata contain the given metadata."""
        return self.retry(lambda: self.api.search_threads(metadata, limit=limit, offset=offset, sort_order=sort_order))

    def create_thread(
        self, thread_id: str, metadata: Json, *, if_exists: str = "raise", ttl: int | None = None
    ) -> bool:
        """Create a thread; return whether it did not exist. A signal lets the request finish."""
        return self.retry(
            lambda: self.api.create_thread(thread_id, metadata, if_exists=if_exists, ttl=ttl), delayed=True
        )

    def patch_thread(self, thread_id: str, metadata: Json) -> None:
        """Merge metadata into a thread's own; nothing happens if the thread does not exist."""

        def patch() -> None:
            try:
                self.api.patch_thread(thread_id, metadata)
            except RequestRejected as error:
                if error.status != 404:
                    raise

        self.retry(patch)

    def run(self, thread_id: str, run_id: str) -> Json | None:
        """Return a run, or None if it does not exist."""
        return self.retry(lambda: self.api.run(thread_id, run_id))

    def runs(self, thread_id: str, *, limit: int, offset: int = 0) -> list[Json]:
        """Return a thread's runs, newest first."""
        return self.retry(lambda: self.api.runs(thread_id, limit=limit, offset=offset))

    def cancel(self, thread_id: str, run_id: str) -> Json | None:
        """Cancel a run, wait until it is over and return it, or None if it does not exist any more."""
        began = self._runtime.clock.now()
        while True:
            self.retry(lambda: self.api.cancel(thread_id, run_id))
            run = self.run(thread_id, run_id)
            if run is None or run.get("status") not in LIVE:
                return run
            self.pause(Unanswered("the run is not cancelled yet"), 0.5, began)

    def has_checkpoint(self, thread_id: str, metadata: Json) -> bool:
        """Return whether the thread has a checkpoint of a run with these metadata."""
        return self.retry(lambda: self.api.has_checkpoint(thread_id, metadata))

    def torn_checkpoint(self, thread_id: str) -> str:
        """Return the checkpoint that a resume must name, or nothing."""
        return self.retry(lambda: self.api.torn_checkpoint(thread_id))

    def retry(self, call: Callable[[], T], *, delayed: bool = False) -> T:
        """Make a call until the server answers; it can be carried out more than once.

        Parameters
        ----------
        call
            What to call.
        delayed
            It changes something: a signal lets it finish.

        Raises
        ------
        RunEnded
            ServerUnreachable.
        RequestRejected, CertificateError
        """
        began, shutdown = self._runtime.clock.now(), self._runtime.shutdown
        for delay in delays(self._runtime.random):
            try:
                with shutdown.delayed() if delayed else shutdown.interruptible():
                    return call()
            except (Unanswered, RequestRejected, CertificateError) as error:
                if not self._is_temporary(error):
                    raise
                self.pause(error, delay, began)
        raise AssertionError("delays() never ends")

    def pause(self, error: Exception, delay: float, began: float) -> None:
        """Wait before the next of the tries that began then, or raise :class:`RunEnded` if no time is left."""
        until, now = self._limit(began), self._runtime.clock.now()
        wait = max(delay, getattr(error, "retry_after", 0.0))
        left = until - now
        self._runtime.log("server-unavailable", level="warning", error=str(error), retry_in=round(wait, 1))
        self.last_failure = now, str(error)
        if left <= 0 or getattr(error, "retry_after", 0.0) > left:
            raise self.unreachable(str(error))
        self._runtime.sleep(min(wait, left))

    def unreachable(self, error: str) -> RunEnded:
        """Return the end of the work of a pod whose server does not answer."""
        reason = "LostContact" if self._state.may_have_run else ""
        return RunEnded(Outcome.SERVER_UNREACHABLE, reason, f"gave up: {error}, at {_address(self._url)}")

    def give_up_at(self, deadline: float) -> None:
        """Give up each request at this time from here on."""
        self._deadline = deadline

    def until(self, deadline: float, call: Callable[[], T]) -> T:
        """Make a call whose requests are given up at this time, or before if all are."""
        before = self._deadline
        self._deadline = deadline if before is None else min(before, deadline)
        try:
            return call()
        finally:
            self._deadline = before

    def _limit(self, began: float) -> float:
        """Return when to give up tries that began then."""
        if self._deadline is not None:
            return self._deadline
        return began + LOST_CONTACT_SECONDS if self._state.may_have_run else self.start_deadline

    def _is_temporary(self, error: Exception) -> bool:
        """Return whether to retry: while a run is active, a changed key or certificate can be put right."""
        if isinstance(error, Unanswered):
            return True
        if self._state.run is None:
            return False
        unauthorized = isinstance(error, RequestRejected) and error.status in (401, 403)
        return unauthorized or isinstance(error, CertificateError)


def _address(url: str) -> str:
    """Return the server's address, with a hint at the most frequent mistake in it."""
    itself = any(f"//{host}" in url for host in ("localhost", "127.", "[::1]"))
    return f"{url[:200]}; in a pod, that is the pod itself: name the server as pods see it" if itself else url[:200]


def _start_deadline(settings: Settings, began: float) -> float:
    """Return when to give up while no run is accepted, for a pod that begins then.

    It is the start deadline; a pod that may be a replacement looks longer, for the run of an earlier one.
    """
    if began <= settings.requested + FIRST_SECONDS:
        return float(settings.deadline)
    return max(settings.deadline, began + LOST_CONTACT_SECONDS)
