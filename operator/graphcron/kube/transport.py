"""A request to the API server, and its response or error."""

from collections.abc import Callable
from typing import Any, Final

import aiohttp
from kubernetes.aio import client

from graphcron.errors import ClusterError
from graphcron.kube.api_errors import response_error
from graphcron.kube.listing import Query
from graphcron.unstructured.bounded_json import fast_loads

REQUEST_SECONDS: Final = 30
"""Timeout of a request."""

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

    async def _call(
        self, method: str, path: str, query: list[tuple[str, str]], body: Any, content: str, *, accept: str = JSON
    ) -> Answer:
        headers = {"Content-Type": content, "Accept": accept}
        try:
            request = await self._api.param_serialize(
                method, path, query_params=query, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            response = await self._api.call_api(*request, _request_timeout=REQUEST_SECONDS)
            text = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._is_answered = False
            self._on_request(VERBS[method], None)
            raise ClusterError(f"{method} {path}: no response ({type(error).__name__}: {error})") from error
        self._is_answered = response.status < 500
        self._on_request(VERBS[method], response.status)
        if response.status >= 400:
            raise response_error(method, path, response.status, text)
        return dict(fast_loads(text))

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
