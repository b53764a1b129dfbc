"""The view beside a list of metadata: whether it is complete at the start, and what it has missed since.

The net under the watches, as the relist of client-go's Reflector is. An object that the view knew before the list was
made, and that the list lacks, is gone (client-go: DeletedFinalStateUnknown). One that is made meanwhile is not among
those, and a UID never returns: nothing has to be locked, and the order of events does not matter.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from graphcron.cache.expectations import Expectations
from graphcron.cache.store import Shown
from graphcron.clock import Clock
from graphcron.errors import ClusterError
from graphcron.kube.client import Cluster
from graphcron.kube.listing import Listed
from graphcron.settings import Settings

RETRY_SECONDS: Final = 2.0
"""Pause after a list that failed."""

SYNC_SECONDS: Final = 600.0
"""How long the watches may take to show all that there is at a start."""

LIST_AGAIN_SECONDS: Final = 10.0
"""How long they may lack something then before it is looked up whether it is still there."""

LOOK_SECONDS: Final = 0.05
"""Pause between two looks whether they have shown it."""

SETTLE_SECONDS: Final = 2.0
"""How long no watch may have listed again before the view is compared: one comparison for all that it lists."""

LONGEST_SETTLE_SECONDS: Final = 10.0
"""How long a watch may go on listing before the view is compared all the same."""

CATCH_UP_SECONDS: Final = 1.0
"""How long a watch may take to show a deletion that a list already shows."""

logger = logging.getLogger(__name__)


class Relist:
    """Compares the view with what there is.

    Parameters
    ----------
    forget
        Called with UID and version of each object that was gone at that version.
    """

    def __init__(
        self,
        cluster: Cluster,
        shown: Shown,
        expectations: Expectations,
        settings: Settings,
        forget: Callable[[str, int], None],
        *,
        clock: Clock | None = None,
    ) -> None:
        self._cluster = cluster
        self._shown = shown
        self._expectations = expectations
        self._settings = settings
        self._forget = forget
        self._clock = clock or Clock()
        self._asked = asyncio.Event()
        self._unshown: dict[str, int] = {}
        """What the watches had not shown at the last look for it."""

    async def wait_for_cache_sync(self) -> None:
        """Wait until the watches have shown what there is: a decision on a part of it would be a wrong one."""
        try:
            async with asyncio.timeout(SYNC_SECONDS):
                while not await self._is_synced():
                    pass
        except Exception:
            logger.exception("The watches have not shown us what there is")
            raise

    async def _is_synced(self) -> bool:
        """List what there is, wait a while for the watches, and tell whether they have shown all of it.

        What is listed may be deleted before any watch shows it; another list will not have it.
        """
        try:
            missing = (await self._list()).versions
        except ClusterError as error:
            logger.warning("%s", error)
            await asyncio.sleep(RETRY_SECONDS)
            return False
        until = time.monotonic() + LIST_AGAIN_SECONDS
        while (missing := self._shown.lacks(missing)) and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)
        if missing:
            logger.warning("Waiting for cache sync: %d objects missing", len(missing))
        return not missing

    def ask(self) -> None:
        """Have the view compared soon: a watch has listed again, and may have missed deletions before."""
        self._asked.set()

    async def run(self) -> None:
        """Compare after each resync period, when asked, and when a watch is late to show a write; for ever."""
        self._asked.clear()
        while True:
            is_resync = await self._wait()
            try:
                listed = await self.compare()
            except ClusterError as error:
                logger.warning("The view can't be compared with a list: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
                self.ask()
                continue
            if is_resync:
                self._log_unshown(listed)

    async def compare(self) -> Listed:
        """List what there is, and drop from the view what there is no longer."""
        known = self._expectations.known()
        listed = await self._list()
        missed = known - listed.versions.keys()
        if missed:
            await self._clock.sleep(CATCH_UP_SECONDS)
            # What the watches have shown since has its end, or our label again.
            later = listed.version + 1
            missed = {
                uid for uid in missed & self._expectations.known() if not self._expectations.has_observed(uid, later)
            }
        for uid in missed:
            self._forget(uid, listed.version)
        if missed:
            logger.warning("The watches have missed the deletion of %d objects", len(missed))
        self._expectations.mark_listed(listed.versions.keys(), now=self._clock.now())
        return listed

    async def _list(self) -> Listed:
        named = self._settings.namespaces if self._settings.namespaces_are_named else ()
        return await self._cluster.listed(named, self._settings.serves)

    async def _wait(self) -> bool:
        """Wait for a reason to compare; tell whether the resync period is over."""
        period = self._settings.resync_seconds * self._clock.uniform(0.8, 1.2)  # replicas should not list together
        until = time.monotonic() + period
        while not self._asked.is_set():
            if self._expectations.late(now=self._clock.now()):
                return False
            left = until - time.monotonic()
            if left <= 0:
                return True
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, self._settings.echo_seconds / 4)):
                    await self._asked.wait()
        until = time.monotonic() + LONGEST_SETTLE_SECONDS
        while self._asked.is_set() and time.monotonic() < until:
            self._asked.clear()
            await asyncio.sleep(SETTLE_SECONDS)
        self._asked.clear()
        return False

    def _log_unshown(self, listed: Listed) -> None:
        """Log what the watches lacked a resync ago and lack still: it is theirs to show."""
        stuck = [uid for uid in self._shown.lacks(self._unshown) if uid in listed.versions]
        if stuck:
            logger.error("The watches have not shown %d objects for long: %s", len(stuck), ", ".join(stuck[:3]))
        self._unshown = self._shown.lacks(listed.versions)
