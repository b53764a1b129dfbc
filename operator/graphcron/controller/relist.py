"""Compare the store with a list of metadata: for the cache sync at the start, and for missed deletions later.

This is the safety net under the watches, like the relist of client-go's Reflector. An object that was in the store
before the list request, and that the list lacks, was deleted (client-go: DeletedFinalStateUnknown). An object that is
created meanwhile is not among those, and a UID is never reused. So nothing is locked, and the order of events does not
matter.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Final

from graphcron.cache.expectations import Expectations
from graphcron.cache.store import Store
from graphcron.clock import SYSTEM_CLOCK, Clock
from graphcron.errors import ClusterError
from graphcron.kube.client import Cluster
from graphcron.kube.listing import Listed
from graphcron.settings import Settings

RETRY_SECONDS: Final = 2.0
"""Delay after a list request that failed."""

SYNC_SECONDS: Final = 600.0
"""Maximum time for the cache sync."""

RELIST_SECONDS: Final = 10.0
"""Time after which the objects are listed again during the cache sync: missing objects may have been deleted."""

POLL_SECONDS: Final = 0.05
"""Interval at which the cache sync is checked."""

SETTLE_SECONDS: Final = 2.0
"""Time without a further initial event before the store is compared, so that one comparison covers all of them."""

MAX_SETTLE_SECONDS: Final = 10.0
"""Time after which the store is compared even if initial events continue."""

CATCH_UP_SECONDS: Final = 1.0
"""Time for a watch to deliver a deletion that a list already reflects."""

logger = logging.getLogger(__name__)


class Relist:
    """Compares the store with the API server's objects.

    Parameters
    ----------
    remove
        Called with the UID of each object whose deletion was missed, and with the version at which it was missing.
    """

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        expectations: Expectations,
        settings: Settings,
        remove: Callable[[str, int], None],
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._expectations = expectations
        self._settings = settings
        self._remove = remove
        self._clock = clock
        self._requested = asyncio.Event()
        self._missing: dict[str, int] = {}
        """The objects that were missing in the store at the last resync."""

    async def wait_for_cache_sync(self) -> None:
        """Wait until the store contains all existing objects; a decision on a part of them would be wrong."""
        try:
            async with asyncio.timeout(SYNC_SECONDS):
                while not await self._is_synced():
                    pass
        except Exception:
            logger.exception("Cache sync failed")
            raise

    async def _is_synced(self) -> bool:
        """List the objects, wait for the watches to deliver them, and return whether they have delivered all.

        An object may be deleted before a watch delivers it; the next list does not contain it.
        """
        try:
            missing = (await self._list()).versions
        except ClusterError as error:
            logger.warning("Cannot list objects for the cache sync: %s", error)
            await self._clock.sleep(RETRY_SECONDS)
            return False
        until = self._clock.monotonic() + RELIST_SECONDS
        while (missing := self._store.missing(missing)) and self._clock.monotonic() < until:
            await self._clock.sleep(POLL_SECONDS)
        if missing:
            logger.warning("Waiting for cache sync: %d objects missing", len(missing))
        return not missing

    def request(self) -> None:
        """Request a comparison: a watch has listed again, and may have missed deletions before."""
        self._requested.set()

    async def run(self) -> None:
        """Compare after each resync period, on request, and when a write is late; never return."""
        self._requested.clear()
        while True:
            is_resync = await self._wait()
            try:
                listed = await self.compare()
            except ClusterError as error:
                logger.warning("Cannot compare the cache with the API server: %s", error)
                await self._clock.sleep(RETRY_SECONDS)
                self.request()
                continue
            if is_resync:
                self._log_missing(listed)

    async def compare(self) -> Listed:
        """List the objects, and remove those from the store that no longer exist."""
        known = self._expectations.known()
        listed = await self._list()
        deleted = known - listed.versions.keys()
        if deleted:
            await self._clock.sleep(CATCH_UP_SECONDS)
            # An event that came since is the deletion, or shows that the object has the operator's label again.
            later = listed.version + 1
            deleted = {
                uid for uid in deleted & self._expectations.known() if not self._expectations.has_observed(uid, later)
            }
        for uid in deleted:
            self._remove(uid, listed.version)
        if deleted:
            logger.warning("The watches missed the deletion of %d objects", len(deleted))
        self._expectations.mark_listed(listed.versions.keys(), now=self._clock.now())
        return listed

    async def _list(self) -> Listed:
        named = self._settings.namespaces if self._settings.namespaces_are_named else ()
        return await self._cluster.list_metadata(named, cache(self._settings.serves))

    async def _wait(self) -> bool:
        """Wait for a reason to compare; return whether it is the end of the resync period."""
        period = self._settings.resync_seconds * self._clock.uniform(0.8, 1.2)  # replicas should not list together
        until = self._clock.monotonic() + period
        while not self._requested.is_set():
            if self._expectations.late(now=self._clock.now()):
                return False
            left = until - self._clock.monotonic()
            if left <= 0:
                return True
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, self._settings.expectations_timeout_seconds / 4)):
                    await self._requested.wait()
        until = self._clock.monotonic() + MAX_SETTLE_SECONDS
        while self._requested.is_set() and self._clock.monotonic() < until:
            self._requested.clear()
            await self._clock.sleep(SETTLE_SECONDS)
        self._requested.clear()
        return False

    def _log_missing(self, listed: Listed) -> None:
        """Log the objects that exist and have been missing in the store for a whole resync period."""
        stuck = [uid for uid in self._store.missing(self._missing) if uid in listed.versions]
        if stuck:
            logger.error(
                "%d objects have been missing in the cache for a resync period: %s", len(stuck), ", ".join(stuck[:3])
            )
        self._missing = self._store.missing(listed.versions)
