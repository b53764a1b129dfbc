"""Connections to the API server: credentials, proxy and JSON decoding."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit

import aiohttp
from kubernetes.aio import client, config
from typing_extensions import override

from graphcron import __version__
from graphcron.api.oversized import LARGEST_SPEC, bounded_text
from graphcron.runner.client.proxies import proxy_url
from graphcron.unstructured import bounded_json

USER_AGENT: Final = f"graphcron/{__version__}"
"""What the API server's audit log shows of the operator."""

ITEM_LEVEL: Final = 3
"""How deep the items of a list lie in its JSON: {"items": [{…}]}."""


async def open_client() -> client.ApiClient:
    """Return a client with the Pod's ServiceAccount; outside a Pod, with the kubeconfig."""
    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        await config.load_kube_config(client_configuration=configuration)
    configuration.proxy = configuration.proxy or proxy_for(configuration.host)
    configuration.connection_pool_maxsize = 0  # each watch has a connection, and the workers limit the others
    # By default, a thread reads the environment for each request.
    configuration.client_session_kwargs = {"trust_env": False}
    api = client.ApiClient(configuration)
    api.user_agent = USER_AGENT
    return api


def proxy_for(url: str) -> str | None:
    """Return the proxy for a URL from the environment; None: connect directly."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return proxy_url(parts.scheme, parts.hostname or "", port, os.environ)


def open_session(context: ssl.SSLContext, headers: Mapping[str, str], *, proxy: str | None) -> aiohttp.ClientSession:
    """Return a session for kopf that limits the nesting and size of the objects in watches and lists."""
    connector = aiohttp.TCPConnector(limit=0, ssl=context)
    headers = {**headers, "User-Agent": USER_AGENT}
    return aiohttp.ClientSession(connector=connector, headers=headers, proxy=proxy, response_class=_Response)


class _Response(aiohttp.ClientResponse):
    """A response that limits the nesting and size of its objects before kopf decodes them."""

    @override
    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        await super().start(connection)
        self.content = cast("aiohttp.StreamReader", _Stream(self.content))
        return self

    @override
    async def json(self, **options: Any) -> Any:
        """Read the body of a list."""
        self._body = await bounded_list(await self.read())
        return await super().json(**{"loads": bounded_json.fast_loads, **options})


class _Stream:
    """The body of a watch's response; each chunk consists of complete lines of bounded JSON."""

    def __init__(self, stream: aiohttp.StreamReader) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield one or more lines at a time."""
        async for lines in complete_lines(self._stream.iter_chunked(size)):
            yield b"".join(_bounded_line(line) + b"\n" for line in lines)


async def complete_lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """Yield the lines of a body, one or more at a time."""
    rest: list[bytes] = []
    async for chunk in chunks:
        first, *others = chunk.split(b"\n")
        rest.append(first)
        if others:
            yield [b"".join(rest), *others[:-1]]
            rest = others[-1:]
    if any(rest):
        yield [b"".join(rest)]


def _bounded_line(text: bytes) -> bytes:
    return bounded_json.shallow(bounded_text(text))


async def bounded_list(text: bytes) -> bytes:
    """Return the JSON of a list without oversized specs.

    The objects are decoded one at a time to limit memory, and other tasks proceed in between.
    """
    if len(text) <= LARGEST_SPEC:
        return text
    kept: list[bytes] = []
    end = 0
    for place in bounded_json.places(text, ITEM_LEVEL):
        if place.stop - place.start > LARGEST_SPEC:
            kept += (text[end : place.start], bounded_text(text[place]))
            end = place.stop
        await asyncio.sleep(0)
    return b"".join([*kept, text[end:]])
