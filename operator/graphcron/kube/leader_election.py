"""One of several replicas works at a time: the holder of a Lease.

How to take and renew a Lease is the Kubernetes client's. When to give up is decided here: a leader that cannot renew
has stopped its work before another replica may take over. The timings are controller-runtime's.

The election has its own thread, event loop and connection. On a busy machine the operator's loop may take seconds for
one turn; a renewal needs several turns, and must not queue behind the work.
"""

import asyncio
import base64
import json
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock

RETRY_SECONDS: Final = 2
"""Pause between two looks at the Lease."""

RENEW_PART: Final = 2 / 3
"""Part of the Lease's duration within which a renewal must succeed, counted from when the last one was sent.

The rest is for the work to stop: another replica counts the whole duration, from when it saw that renewal or later.
"""

REQUESTS_PER_DEADLINE: Final = 2
"""Requests that may stay unanswered, one after another, within the renew deadline: one that hangs loses no Lease."""

EXIT_SECONDS: Final = 1
"""How long before the Lease ends a process whose work has not stopped is ended."""

_TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")

T = TypeVar("T")

Act = Callable[[], Coroutine[Any, Any, None]]

logger = logging.getLogger(__name__)


class _Lock(LeaseLock):  # type: ignore[misc]  # the client has no types
    """A Lease whose every request ends in time; what goes wrong is told to the election as it understands it."""

    def __init__(self, name: str, namespace: str, identity: str, api: client.ApiClient, timeout: float) -> None:
        super().__init__(name, namespace, identity, api)
        self._timeout = timeout
        self.renewed = 0.0
        """When the last request was sent that made or renewed the Lease, by the event loop's clock."""

    async def get(self, name: str, namespace: str) -> tuple[bool, Any]:
        try:
            return await self._in_time(super().get(name, namespace))
        except ApiException as error:
            return False, error

    async def create(self, name: str, namespace: str, election_record: Any) -> bool:
        # Not the client's: it asks for a "pretty" answer in a way that the client itself refuses (37.0.2).
        metadata = client.V1ObjectMeta(name=name, owner_references=_owner())
        body = client.V1Lease(metadata=metadata, spec=self.update_lease(election_record))
        sent = asyncio.get_running_loop().time()
        try:
            await self._in_time(self.api_instance.create_namespaced_lease(namespace, body))
        except ApiException as error:
            logger.warning("The Lease %s could not be made: %s", name, error.reason)
            return False
        self.renewed = sent
        return True

    async def update(self, name: str, namespace: str, updated_record: Any) -> bool:
        sent = asyncio.get_running_loop().time()
        try:
            done = bool(await self._in_time(super().update(name, namespace, updated_record)))
        except ApiException:
            return False
        if done:
            self.renewed = sent
        return done

    async def give_back(self) -> None:
        """Let another take over at once, if the Lease is ours."""
        known, _ = await self.get(self.name, self.namespace)
        lease = self.lease_reference
        if not known or lease is None or lease.spec is None or lease.spec.holder_identity != self.identity:
            return
        lease.spec.holder_identity, lease.spec.lease_duration_seconds = None, 1
        await self._in_time(self.api_instance.replace_namespaced_lease(self.name, self.namespace, lease))

    async def _in_time(self, request: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return await request
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiException(status=0, reason=f"no answer ({type(error).__name__}: {error})") from error


def _owner() -> list[client.V1OwnerReference]:
    """Return the ServiceAccount that we are, by our own token: with it, whoever uninstalls us takes the Lease away."""
    try:
        claims = _TOKEN.read_text(encoding="ascii").split(".")[1]
        account = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["kubernetes.io"][
            "serviceaccount"
        ]
    except (OSError, ValueError, LookupError):  # no pod, or a token of another kind: then the Lease stays
        return []
    return [client.V1OwnerReference(api_version="v1", kind="ServiceAccount", name=account["name"], uid=account["uid"])]


class _Election(LeaderElection):  # type: ignore[misc]
    """The client's election, with a deadline that holds.

    Its own loop counts by the wall clock, from the last answer, and lets its last requests outlast the deadline.
    """

    @property
    def holder(self) -> str:
        """Who held the Lease when it was last seen."""
        record = self.observed_record
        return (record.holder_identity if record else None) or ""

    async def renew_loop(self) -> None:
        """Renew the Lease, and return when that has not succeeded in time, or another holds it."""
        config = self.election_config
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout_at(config.lock.renewed + config.renew_deadline):
                    await asyncio.sleep(config.retry_period)
                    while not await self.try_acquire_or_renew():
                        if self.holder != config.lock.identity:
                            return
                        await asyncio.sleep(config.retry_period)


class Leadership:
    """This process' part in the election.

    Parameters
    ----------
    connect
        Returns a client of the API server; called in the election's thread.
    identity
        What no other process calls itself.
    seconds
        How long the Lease of a leader that has vanished holds; at least 10.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[client.ApiClient]],
        name: str,
        namespace: str,
        *,
        identity: str,
        seconds: int,
    ) -> None:
        self._connect = connect
        self._lease = (name, namespace, identity)
        self._seconds = seconds
        self._renew_deadline = seconds * RENEW_PART
        self._lock: _Lock | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="election", daemon=True)
        self._thread.start()

    async def lead(self, work: Act, stop: Act) -> str:
        """Acquire the Lease, start the work, and return when the Lease is lost and the work has stopped.

        Parameters
        ----------
        work
            Called once, when the Lease is acquired.
        stop
            Stops the work. If it has not returned when another replica may take over, the process ends at once.

        Returns
        -------
        str
            Why the Lease is lost.
        """
        return await self._in_thread(self._lead(asyncio.get_running_loop(), work, stop))

    async def give_back(self) -> None:
        """Let another take over at once, and end the part in the election; call it when the work has ended."""
        try:
            await self._in_thread(self._give_back())
        except ApiException as error:
            logger.warning("The Lease could not be given back: %s", error.reason)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _in_thread(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._loop))

    async def _lead(self, main: asyncio.AbstractEventLoop, work: Act, stop: Act) -> str:
        name, namespace, identity = self._lease
        timeout = self._renew_deadline / REQUESTS_PER_DEADLINE
        lock = self._lock = _Lock(name, namespace, identity, await self._connect(), timeout)
        config = Config(lock, self._seconds, self._renew_deadline, RETRY_SECONDS, work, None)
        election = _Election(config)
        await election.acquire()
        working = asyncio.run_coroutine_threadsafe(work(), main)
        try:
            await election.renew_loop()
        finally:
            working.cancel()
        await self._stopped(asyncio.run_coroutine_threadsafe(stop(), main), lock.renewed)
        if election.holder != identity:
            return f"{election.holder} holds it"
        return f"it was not renewed within {self._renew_deadline:.0f} s"

    async def _stopped(self, stopping: Future[None], renewed: float) -> None:
        """Wait until the work has stopped; end the process while no other replica can have taken over."""
        try:
            async with asyncio.timeout_at(renewed + self._seconds - EXIT_SECONDS):
                await asyncio.wrap_future(stopping)
        except TimeoutError:
            logger.critical("The Lease is lost, and the work has not stopped in time: the process ends at once")
            _exit()

    async def _give_back(self) -> None:
        if self._lock is None:
            return
        try:
            await self._lock.give_back()
        finally:
            await self._lock.api_instance.api_client.close()


def _exit() -> NoReturn:
    """End the process without waiting for its other threads."""
    logging.shutdown()
    os._exit(1)
