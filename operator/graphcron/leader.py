"""One of several replicas works at a time: the holder of a Lease.

The election itself is the Kubernetes client's. Here it is told to give up early enough: a leader that can't reach the
API server has stopped to work before another may take over.
"""

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock

RETRY_SECONDS: Final = 1
"""Pause between two looks at the Lease; also the longest that one request about it may take.

A renewal is two requests. From the last that worked, a leader gives up within one pause, the renew deadline, one more
renewal and one more pause: :data:`SPARE_SECONDS` in all, beside the deadline.
"""

SPARE_SECONDS: Final = 5 * RETRY_SECONDS
"""What the renew deadline is shorter than the Lease: four for the above, and one to stop the work."""

_TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")

T = TypeVar("T")

logger = logging.getLogger(__name__)


class _Lock(LeaseLock):  # type: ignore[misc]  # the client has no types
    """A Lease whose every request ends in time; what goes wrong is told to the election as it understands it."""

    async def get(self, name: str, namespace: str) -> tuple[bool, Any]:
        try:
            return await _in_time(super().get(name, namespace))
        except ApiException as error:
            return False, error

    async def create(self, name: str, namespace: str, election_record: Any) -> bool:
        # Not the client's: it asks for a "pretty" answer in a way that the client itself refuses (37.0.2).
        metadata = client.V1ObjectMeta(name=name, owner_references=_owner())
        body = client.V1Lease(metadata=metadata, spec=self.update_lease(election_record))
        try:
            await _in_time(self.api_instance.create_namespaced_lease(namespace, body))
        except ApiException as error:
            logger.warning("The Lease %s could not be made: %s", name, error.reason)
            return False
        return True

    async def update(self, name: str, namespace: str, updated_record: Any) -> bool:
        try:
            return await _in_time(super().update(name, namespace, updated_record))
        except ApiException:
            return False

    async def give_back(self) -> None:
        """Let another take over at once, if the Lease is ours."""
        known, _ = await self.get(self.name, self.namespace)
        lease = self.lease_reference
        if not known or lease is None or lease.spec is None or lease.spec.holder_identity != self.identity:
            return
        lease.spec.holder_identity, lease.spec.lease_duration_seconds = None, 1
        await _in_time(self.api_instance.replace_namespaced_lease(self.name, self.namespace, lease))


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


async def _in_time(request: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(RETRY_SECONDS):
            return await request
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ApiException(status=0, reason=f"no answer ({type(error).__name__}: {error})") from error


class Leadership:
    """This process' part in the election.

    Parameters
    ----------
    identity
        What no other process calls itself.
    seconds
        How long the Lease of a leader that has vanished holds; at least 10.
    """

    def __init__(self, api: client.ApiClient, name: str, namespace: str, *, identity: str, seconds: int) -> None:
        self._lock = _Lock(name, namespace, identity, api)
        self._seconds = seconds

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Wait until the Lease is ours, have the work begun, and return when the Lease is lost.

        Parameters
        ----------
        work
            Called once, when the Lease is ours.
        """
        config = Config(
            self._lock,
            lease_duration=self._seconds,
            renew_deadline=self._seconds - SPARE_SECONDS,
            retry_period=RETRY_SECONDS,
            onstarted_leading=work,
            onstopped_leading=None,
        )
        await LeaderElection(config).run()

    async def give_back(self) -> None:
        """Let another take over at once; call it when the work has ended."""
        try:
            await self._lock.give_back()
        except ApiException as error:
            logger.warning("The Lease could not be given back: %s", error.reason)
