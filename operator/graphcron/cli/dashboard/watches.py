"""Lists and watches through kubectl, as the informers of a controller do it.

``kubectl get --raw`` passes the API server's answers on as they come: a list in parts, with the version from which a
watch continues, and a watch with bookmarks. ``kubectl get --watch`` does not tell where its list ends, so deletions
during an interruption would remain unseen.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Final
from urllib.parse import quote, urlencode

from graphcron.api import names
from graphcron.cli.app import CliError
from graphcron.cli.clients.kubectl import Kubectl, Object, unusable
from graphcron.cli.dashboard.store import Store, trimmed_by_uid, uid_of
from graphcron.unstructured.bounded_json import fast_loads
from graphcron.unstructured.fields import object_at, text_at

PART: Final = 250
"""Objects in one part of a list."""

LARGEST_EVENT: Final = 16 * 1024 * 1024
"""Longest line of a watch. etcd stores 1.5 MiB, which JSON can write six times as long."""

FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 10.0
"""Seconds between attempts while the cluster does not answer."""

GONE: Final = 410
"""Code of the API server if a version is too old to continue from."""


class ExpiredError(CliError):
    """A watch cannot continue from a version."""


class Watch:
    """Keeps the objects of a kind in a store up to date.

    Parameters
    ----------
    changed
        Called after each change.
    connected
        Called with an empty text when the watch answers, and with a message when it does not.
    """

    def __init__(
        self,
        kubectl: Kubectl,
        kind: str,
        store: Store,
        *,
        changed: Callable[[], None] = lambda: None,
        connected: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._kubectl, self._kind, self._store = kubectl, kind, store
        self._changed, self._connected, self._sleep = changed, connected, sleep
        self._version = ""

    async def fill(self) -> None:
        """List all objects.

        Raises
        ------
        CliError
            The cluster does not answer, or the user may not list them.
        """
        found: dict[str, Object] = {}
        rest = ""
        while True:
            part = await asyncio.to_thread(self._part, rest)
            found |= trimmed_by_uid(each for each in part.get("items") or () if isinstance(each, dict))
            rest = text_at(object_at(part, "metadata"), "continue")
            if not rest:
                break
        self._version = text_at(object_at(part, "metadata"), "resourceVersion")
        self._store.replace(self._kind, found)
        self._changed()

    def _part(self, rest: str) -> Object:
        query = {"limit": PART, **({"continue": rest} if rest else {})}
        address = f"--raw={path_of(self._kubectl, self._kind)}?{urlencode(query)}"
        return dict(fast_loads(self._kubectl.run("get", address)))

    async def follow(self) -> None:
        """Follow the changes for ever. After an interruption, list again; deletions may have been missed."""
        delay = FIRST_DELAY
        while True:
            try:
                if not self._version:
                    await self.fill()
                self._connected("")
                await self._watch()
                delay = FIRST_DELAY
            except ExpiredError:
                self._version = ""
            except (CliError, ValueError) as error:  # or half a line, of a kubectl that was killed
                self._version = ""
                self._connected(str(error))
                delay = min(delay * 2, LONGEST_DELAY)
            await self._sleep(delay)

    async def _watch(self) -> None:
        """Take the events of one watch, until the API server ends it, which it does after a while."""
        query = {"watch": 1, "allowWatchBookmarks": "true", "resourceVersion": self._version}
        address = f"--raw={path_of(self._kubectl, self._kind)}?{urlencode(query)}"
        async with aclosing(lines_of(self._kubectl, "get", address)) as lines:
            async for line in lines:
                event = fast_loads(line)
                self._take(text_at(event, "type"), dict(object_at(event, "object")))

    def _take(self, kind: str, body: Object) -> None:
        if kind == "ERROR":
            failure = ExpiredError if body.get("code") == GONE else CliError
            raise failure(text_at(body, "message") or "the API server has ended a watch")
        self._version = text_at(object_at(body, "metadata"), "resourceVersion") or self._version
        if kind == "BOOKMARK":
            return
        if kind == "DELETED":
            self._store.delete(self._kind, uid_of(body))
        else:
            self._store.put(self._kind, body)
        self._changed()


def path_of(kubectl: Kubectl, kind: str) -> str:
    """Return the path of a kind at the API server."""
    where = "" if kubectl.everywhere else f"/namespaces/{quote(kubectl.namespace or 'default', safe='')}"
    return f"/apis/{names.API_VERSION}{where}/{kind.partition('.')[0]}"


async def lines_of(kubectl: Kubectl, verb: str, *arguments: str) -> AsyncGenerator[bytes]:
    """Run a verb of kubectl that streams, and yield its lines.

    Raises
    ------
    CliError
        kubectl can't be run, has failed, or printed a line that is too long.
    """
    command = kubectl.command(verb, *arguments)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LARGEST_EVENT,
        )
    except OSError as error:
        raise unusable(command[0], error) from error
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async for line in process.stdout:
            yield line
        said = (await process.stderr.read()).decode(errors="backslashreplace")
        if await process.wait():
            raise kubectl.error(verb, said)
    except ValueError as error:
        raise CliError("the API server has sent an object that is too large") from error
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
