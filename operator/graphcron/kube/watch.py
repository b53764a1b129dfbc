"""Watches of the objects that the operator creates, like client-go's Reflector: list, then watch from that version.

kopf watches what users create. For each event of an object it starts a task with a queue, loggers and a patch, which
takes more than ten times as long as the handler. Most events are those of CronJobs, Jobs and Pods, so this module
delivers them.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final, NoReturn

from graphcron.clock import SYSTEM_CLOCK, Clock
from graphcron.errors import ClusterError
from graphcron.kube.api_errors import error_of
from graphcron.kube.listing import Resource
from graphcron.kube.transport import Answer, Transport

OnEvent = Callable[[str | None, Answer], None]
"""Called with an event's type and object; the type is None for an object of a list."""

PAGE_SIZE: Final = 25
"""Objects in one page of a list: each may have 1.5 MB."""

RETRY_SECONDS: Final = (0.5, 1, 2, 3, *(5,) * 8)
"""Back-off of a list or watch that fails. A longer one would hide what changes shortly after an outage."""

RECONNECT_SECONDS: Final = 0.1
"""Delay before a watch that the API server has ended is opened again."""

SAME_VERSION: Final = frozenset({0, 429})
"""Statuses of a watch that can continue where it was: no response, and too many requests."""

logger = logging.getLogger(__name__)


class Reflector:
    """Delivers the objects of one resource, and their changes.

    Parameters
    ----------
    namespace
        The namespace to watch; empty: all namespaces.
    inactivity_seconds
        Time without an event or a bookmark after which the watch is opened again.
    """

    def __init__(
        self,
        transport: Transport,
        resource: Resource,
        namespace: str,
        on_event: OnEvent,
        *,
        inactivity_seconds: float,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._transport = transport
        self._resource = resource
        self._path = resource.path(namespace)
        self._on_event = on_event
        self._inactivity_seconds = inactivity_seconds
        self._clock = clock
        self._version = ""
        """The version from which to watch; empty: list first."""
        self._failures = 0

    async def run(self) -> NoReturn:
        """Deliver events; never return."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
                delay: float = RECONNECT_SECONDS
            except ClusterError as error:
                if error.status not in SAME_VERSION:
                    self._version = ""
                delay = RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)]
                self._failures += 1
                what = "Watching" if self._version else "Listing"
                logger.info("%s %s again in %.1f s: %s", what, self._resource.plural, delay, error)
            await self._clock.sleep(delay)

    async def _list(self) -> None:
        following = ""
        while True:
            query = [("limit", str(PAGE_SIZE)), ("labelSelector", self._resource.selector), ("continue", following)]
            page = await self._transport.list_objects(self._path, [(name, value) for name, value in query if value])
            for body in page["items"] or ():
                # The items of a list have no kind.
                self._on_event(None, {"apiVersion": page["apiVersion"], "kind": self._resource.kind, **body})
            following = page["metadata"].get("continue", "")
            if not following:
                break
        self._version = page["metadata"]["resourceVersion"]

    async def _watch(self) -> None:
        query = [("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", self._version)]
        query += [("labelSelector", self._resource.selector)] if self._resource.selector else []
        async for events in self._transport.stream(self._path, query, silence=self._inactivity_seconds):
            self._failures = 0
            self.deliver(events)
            await asyncio.sleep(0)  # a full buffer is read without waiting: let other tasks proceed

    def deliver(self, events: Iterable[Answer]) -> None:
        """Deliver events of the watch, and remember the version of the last one."""
        for event in events:
            body = event["object"]
            if event["type"] == "ERROR":
                raise error_of(f"watch {self._path}", body)
            self._version = body["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK":
                self._on_event(event["type"], body)
