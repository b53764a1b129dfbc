"""What the page shows of one cluster: kept up to date, or asked for on demand."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from graphcron.api.v1alpha1 import rfc3339
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl, Object
from graphcron.cli.clients.kubectl_errors import ForbiddenError, NotInstalledError
from graphcron.cli.dashboard.commands import rights_in
from graphcron.cli.dashboard.due_times import load
from graphcron.cli.dashboard.processes import Processes
from graphcron.cli.dashboard.store import KINDS, Store, as_json, now_utc
from graphcron.cli.dashboard.watches import Watch

BATCH_SECONDS: Final = 0.2
"""How long changes are collected, so that a burst is one event."""

CARDS_AT_ONCE: Final = 25
"""How many cards are computed before other requests may pass. At the full hour, a thousand can change."""

PING_SECONDS: Final = 15.0
RIGHTS_SECONDS: Final = 60.0


@dataclass
class Dashboard:
    """The page of one cluster."""

    kubectl: Kubectl
    about: Mapping[str, Any]
    """Members of the state that never change: the names of the cluster and the namespace."""
    store: Store = field(default_factory=Store)
    refused: list[str] = field(default_factory=list)
    now: Callable[[], datetime] = now_utc
    processes: Processes = field(default_factory=Processes)

    def __post_init__(self) -> None:
        """Create the parts that depend on the others."""
        self._watches = [
            Watch(self.kubectl, kind, self.store, changed=self.wake, connected=self._reporter(kind)) for kind in KINDS
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self._trouble: dict[str, str] = {}
        self._rights: dict[str, tuple[float, Object]] = {}
        self._load: tuple[tuple[int, datetime], Object] | None = None

    def wake(self) -> None:
        """Tell all streams that something has changed."""
        self._news.set()
        self._news = asyncio.Event()

    def _reporter(self, kind: str) -> Callable[[str], None]:
        def report(message: str) -> None:
            if self._trouble.get(kind, "") != message:
                self._trouble[kind] = message
                self.wake()

        return report

    async def fill(self) -> None:
        """List all objects. A kind that the user may not see is left out, except GraphCrons.

        Raises
        ------
        CliError
            The GraphCrons can't be listed.
        """
        results = await asyncio.gather(*(each.fill() for each in self._watches), return_exceptions=True)
        self._refused_kinds = set()
        for kind, result in zip(KINDS, results, strict=True):
            if isinstance(result, ForbiddenError | NotInstalledError) and kind != GRAPHCRONS:
                self.refused.append(str(result))
                self._refused_kinds.add(kind)
            elif isinstance(result, BaseException):
                raise result
        if not self.store.objects[GRAPHCRONS]:
            await asyncio.to_thread(self.kubectl.check_namespace)
        await self.refresh()

    async def refresh(self) -> None:
        """Bring the store up to date, and let other requests pass meanwhile."""
        while self.store.refresh(now=self.now(), most=CARDS_AT_ONCE):  # noqa: ASYNC110  (it yields between parts)
            await asyncio.sleep(0)

    @asynccontextmanager
    async def following(self, _: object) -> AsyncIterator[None]:
        """Follow the changes as long as the server runs."""
        watched = [each for kind, each in zip(KINDS, self._watches, strict=True) if kind not in self._refused_kinds]
        self._tasks = [asyncio.create_task(each.follow()) for each in watched]
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self.processes.close()

    async def state(self, *, read_only: bool = False) -> str:
        """Return all that the page shows at its start, in JSON."""
        await self.refresh()
        return self.store.state(
            {**self.about, "now": rfc3339(self.now()), "readOnly": read_only, "refused": self.refused}
        )

    def status(self) -> str:
        """Return whether the cluster answers, in JSON."""
        trouble = next((each for each in self._trouble.values() if each), "")
        return as_json({"connected": not trouble, "text": trouble})

    async def events(self, since: str) -> AsyncIterator[str]:
        """Yield what changes after a version, as server-sent events."""
        status = ""
        while True:
            news = self._news
            await self.refresh()
            version = self.store.version
            if changes := self.store.changes(since):
                yield f"event: change\nid: {version}\ndata: {changes}\n\n"
            since = version
            if (now := self.status()) != status:
                status = now
                yield f"event: status\ndata: {status}\n\n"
            try:
                await asyncio.wait_for(news.wait(), PING_SECONDS)
                await asyncio.sleep(BATCH_SECONDS)
            except TimeoutError:
                yield ": ping\n\n"

    async def load(self) -> Object:
        """Return the load of the next day, which is computed once a minute at most unless a GraphCron changes."""
        now = self.now()
        key = (self.store.plans_version, now.replace(second=0, microsecond=0))
        if self._load is None or self._load[0] != key:
            plans = [each for each in self.store.plans().values() if each]
            self._load = (key, await asyncio.to_thread(load, plans, now=now))
        return self._load[1]

    async def rights(self, namespace: str) -> Object:
        """Return what the user may do in a namespace."""
        at, found = self._rights.get(namespace, (0.0, {}))
        if not found or time.monotonic() - at > RIGHTS_SECONDS:
            found = await asyncio.to_thread(rights_in, namespace, self.kubectl)
            self._rights[namespace] = (time.monotonic(), found)
        return found
