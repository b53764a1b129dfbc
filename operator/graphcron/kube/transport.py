"""A request to the API server, and its response or error."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import aiohttp
from kubernetes.aio import client

from graphcron.api.oversized import bounded_text
from graphcron.errors import ClusterError
from graphcron.kube.api_errors import response_error
from graphcron.kube.connection import bounded_list, complete_lines
from graphcron.kube.listing import Query
from graphcron.unstructured.bounded_json import fast_loads

REQUEST_SECONDS: Final = 30
"""Timeout of a request."""

CONNECT_SECONDS: Final = 10
"""Connection timeout of a watch."""

CHUNK_BYTES: Final = 64 * 1024
"""Bytes of a watch that are read at a time; other tasks proceed in between."""

JSON: Final = "application/json"

_HEADS: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Requests a list of metadata without specs and statuses."""

VERBS: Final = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
"""Kubernetes' verbs by HTTP method."""

Answer = dict[str, Any]
"""An object as the API server returned it."""


class Transport:
    """Sends requests to the API server.

    Parameters
    ----------
    on_request
        Called with the verb and the HTTP status of each request; the status is None without a response.
    """

    def __init__(self, api: client.ApiClient, on_request: Callable[[str, int | None], None]) -> None:
        self._api = api
        self._on_request = on_request
        self._is_answered = False

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def is_reachable(self) -> bool:
        """Return whether the API server responds; send a request only if the last one had no response."""
        if self._is_answered:
            return True
        try:
            await self._call("GET", "/version", [], None, JSON)
        except ClusterError:
            return False
        return True

    async def list_objects(self, path: str, query: Query) -> Answer:
        """Return a page of a list, without oversized specs."""
        text = await self._send("GET", path, query, None, JSON)
        return dict(fast_loads(await bounded_list(text)))

    async def stream(self, path: str, query: Query, *, silence: float) -> AsyncIterator[list[Answer]]:
        """Yield the events of a watch as they arrive, one or more at a time, without oversized specs.

        Parameters
        ----------
        silence
            Time in seconds without an event after which the watch fails.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
        try:
            response = (await self._request("GET", path, query, None, JSON, limit=timeout)).response
            async with response:
                if response.status >= 400:
                    raise response_error("GET", path, response.status, await response.read())
                async for lines in complete_lines(response.content.iter_chunked(CHUNK_BYTES)):
                    yield [fast_loads(bounded_text(line)) for line in lines if line]
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _no_response("GET", path, error) from error

    async def _call(
        self, method: str, path: str, query: Query, body: Any, content: str, *, accept: str = JSON
    ) -> Answer:
        return dict(fast_loads(await self._send(method, path, query, body, content, accept=accept)))

    async def _send(
        self, method: str, path: str, query: Query, body: Any, content: str, *, accept: str = JSON
    ) -> bytes:
        """Send a request, and return the body of its response."""
        try:
            response = await self._request(method, path, query, body, content, accept=accept, limit=REQUEST_SECONDS)
            text: bytes = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._is_answered = False
            self._on_request(VERBS[method], None)
            raise _no_response(method, path, error) from error
        self._is_answered = response.status < 500
        self._on_request(VERBS[method], response.status)
        if response.status >= 400:
            raise response_error(method, path, response.status, text)
        return text

    async def _request(
        self, method: str, path: str, query: Query, body: Any, content: str, *, accept: str = JSON, limit: Any
    ) -> Any:
        headers = {"Content-Type": content, "Accept": accept}
        request = await self._api.param_serialize(
            method, path, query_params=query, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        return await self._api.call_api(*request, _request_timeout=limit)

    async def _list_metadata(self, path: str, query: Query) -> Answer:
        return await self._call("GET", path, query, None, JSON, accept=_HEADS)

    async def _get(self, path: str) -> Answer | None:
        """Return the object at a path; None if it does not exist."""
        try:
            return await self._call("GET", path, [], None, JSON)
        except ClusterError as error:
            if error.status == 404:
                return None
            raise


def _no_response(method: str, path: str, error: Exception) -> ClusterError:
    return ClusterError(f"{method} {path}: no response ({type(error).__name__}: {error})")
