"""Leader election with a Lease: one of several replicas reconciles.

The Kubernetes client acquires and renews the Lease. This module decides when to give it up: a leader that cannot renew
stops its workers before another replica can take over. The timings are those of controller-runtime.

The election has its own thread, event loop and connection. On a busy machine, one iteration of the operator's event
loop may take seconds. A renewal needs several iterations and must not wait for the workers.
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
"""Interval at which a replica tries to acquire or renew the Lease."""

RENEW_FRACTION: Final = 2 / 3
"""Fraction of the Lease's duration within which a renewal must succeed, counted from the request of the last one.

The rest is for the workers to stop: another replica waits for the whole duration after it has observed that renewal.
"""

REQUESTS_PER_DEADLINE: Final = 2
"""Number of consecutive requests that can time out within the renew deadline; one that hangs loses no Lease."""

EXIT_SECONDS: Final = 1
"""Time before the Lease expires when a process whose workers have not stopped exits."""

_TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")

T = TypeVar("T")

Callback = Callable[[], Coroutine[Any, Any, None]]

logger = logging.getLogger(__name__)


class _Lock(LeaseLock):  # type: ignore[misc]  # the client has no types
    """A Lease whose requests time out; errors are raised as the exceptions that the election handles."""

    def __init__(self, name: str, namespace: str, identity: str, api: client.ApiClient, timeout: float) -> None:
        super().__init__(name, namespace, identity, api)
        self._timeout = timeout
        self.renewed = 0.0
        """Time on the event loop's clock of the last request that created or renewed the Lease."""

    async def get(self, name: str, namespace: str) -> tuple[bool, Any]:
        try:
            return await self._in_time(super().get(name, namespace))
        except ApiException as error:
            return False, error

    async def create(self, name: str, namespace: str, election_record: Any) -> bool:
        # The client's own method fails: it passes a value of "pretty" that the client rejects (37.0.2).
        metadata = client.V1ObjectMeta(name=name, owner_references=_owner())
        body = client.V1Lease(metadata=metadata, spec=self.update_lease(election_record))
        sent = asyncio.get_running_loop().time()
        try:
            await self._in_time(self.api_instance.create_namespaced_lease(namespace, body))
        except ApiException as error:
            logger.warning("Cannot create Lease %s: %s", name, error.reason)
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

    async def release(self) -> None:
        """Release the Lease if this replica holds it."""
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
            raise ApiException(status=0, reason=f"no response ({type(error).__name__}: {error})") from error


def _owner() -> list[client.V1OwnerReference]:
    """Return the operator's ServiceAccount as the Lease's owner, so that an uninstallation deletes the Lease."""
    try:
        claims = _TOKEN.read_text(encoding="ascii").split(".")[1]
        account = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["kubernetes.io"][
            "serviceaccount"
        ]
    except (OSError, ValueError, LookupError):  # no Pod, or another kind of token: the Lease has no owner
        return []
    return [client.V1OwnerReference(api_version="v1", kind="ServiceAccount", name=account["name"], uid=account["uid"])]


class _Election(LeaderElection):  # type: ignore[misc]
    """The client's election with a strict renew deadline.

    The client measures by the wall clock from the last response, and its last requests may exceed the deadline.
    """

    @property
    def holder(self) -> str:
        """The last observed holder of the Lease."""
        record = self.observed_record
        return (record.holder_identity if record else None) or ""

    async def renew_loop(self) -> None:
        """Renew the Lease; return if no renewal succeeds in time or another replica holds it."""
        config = self.election_config
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout_at(config.lock.renewed + config.renew_deadline):
                    await asyncio.sleep(config.retry_period)
                    while not await self.try_acquire_or_renew():
                        if self.holder != config.lock.identity:
                            return
                        await asyncio.sleep(config.retry_period)


class LeaderElector:
    """A candidate in the election.

    Parameters
    ----------
    connect
        Returns a client of the API server; called in the election's thread.
    identity
        Unique name of this process.
    seconds
        Duration of the Lease; at least 10.
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
        self._renew_deadline = seconds * RENEW_FRACTION
        self._lock: _Lock | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="election", daemon=True)
        self._thread.start()

    async def run(self, on_started_leading: Callback, on_stopped_leading: Callback) -> str:
        """Acquire the Lease, and return when it is lost and the workers have stopped.

        Parameters
        ----------
        on_started_leading
            Called once, when the Lease is acquired.
        on_stopped_leading
            Stops the workers. If it has not returned when another replica can take over, the process exits.

        Returns
        -------
        str
            The reason why the Lease is lost.
        """
        return await self._in_thread(self._run(asyncio.get_running_loop(), on_started_leading, on_stopped_leading))

    async def release(self) -> None:
        """Release the Lease and stop the election; call it when the workers have stopped."""
        try:
            await self._in_thread(self._release())
        except ApiException as error:
            logger.warning("Cannot release the Lease: %s", error.reason)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _in_thread(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._loop))

    async def _run(
        self, main: asyncio.AbstractEventLoop, on_started_leading: Callback, on_stopped_leading: Callback
    ) -> str:
        name, namespace, identity = self._lease
        timeout = self._renew_deadline / REQUESTS_PER_DEADLINE
        lock = self._lock = _Lock(name, namespace, identity, await self._connect(), timeout)
        config = Config(lock, self._seconds, self._renew_deadline, RETRY_SECONDS, on_started_leading, None)
        election = _Election(config)
        await election.acquire()
        working = asyncio.run_coroutine_threadsafe(on_started_leading(), main)
        try:
            await election.renew_loop()
        finally:
            working.cancel()
        stopping = asyncio.run_coroutine_threadsafe(on_stopped_leading(), main)
        await self._wait_or_exit(stopping, lock.renewed)
        if election.holder != identity:
            return f"{election.holder} holds the Lease"
        return f"the Lease was not renewed within {self._renew_deadline:.0f} s"

    async def _wait_or_exit(self, stopping: Future[None], renewed: float) -> None:
        """Wait until the workers have stopped; exit before another replica can take over."""
        try:
            async with asyncio.timeout_at(renewed + self._seconds - EXIT_SECONDS):
                await asyncio.wrap_future(stopping)
        except TimeoutError:
            logger.critical("Leader election lost and workers not stopped in time, exiting immediately")
            _exit()

    async def _release(self) -> None:
        if self._lock is None:
            return
        try:
            await self._lock.release()
        finally:
            await self._lock.api_instance.api_client.close()


def _exit() -> NoReturn:
    """Exit without waiting for other threads."""
    logging.shutdown()
    os._exit(1)
