"""The HTTP API of a LangGraph server, and the servers that may get the caller's key.

The author of a GraphCron names the server in it. A different user, with another key, reads that GraphCron.
"""

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from graphcron.cli.app import CliError
from graphcron.contract import Outcome
from graphcron.runner.client.answers import is_uuid
from graphcron.runner.occurrence.record_thread import OUTCOME, SCHEDULED, UID
from graphcron.unstructured.bounded_json import loads
from graphcron.unstructured.fields import object_at, text_at

if TYPE_CHECKING:
    from graphcron.runner.client.http_transport import Answer

Json = dict[str, Any]

API_KEY_ENV: Final = "LANGGRAPH_API_KEY"
"""The variable that holds the caller's key, unless the command line names another."""

BOUND_ENV: Final = "LANGGRAPH_URL"
"""The variable with which the caller binds that key to a server."""

PAGE: Final = 100
"""Crons per request; the server returns at most 1000."""

_PORTS: Final = {"http": 80, "https": 443}


def key_in(variable: str) -> str:
    """Return the caller's key; empty if there is none.

    Raises
    ------
    CliError
        The variable holds no key, or the caller has named one that is not set.
    """
    key = os.environ.get(variable, "").strip()
    if not is_header(key):
        raise CliError(f"the variable {variable} holds no API key: it has characters that a header can't have")
    if not key and variable != API_KEY_ENV:
        raise CliError(f"the variable {variable} is not set; export it, or leave --api-key-env out")
    return key


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Return the scheme, host and port that a request for a URL goes to; None: the URL can't be used."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and "@" not in parts.netloc else None


def is_bound(url: str, bound: str) -> bool:
    """Return whether the key that is bound to a URL may be sent to another one.

    The origins must be equal. A path in the bound URL must be equal, too: behind it may be one of several tenants.
    """
    origin = origin_of(url)
    path = urlsplit(bound).path.rstrip("/") if origin and origin == origin_of(bound) else None
    return path is not None and path in {"", urlsplit(url).path.rstrip("/")}


def is_header(text: str) -> bool:
    """Return whether a text can be sent as a header."""
    return text.isascii() and text.isprintable()


class LangGraph:
    """One LangGraph server.

    Parameters
    ----------
    url
        Base URL.
    key
        The caller's key for it; empty: none is sent.
    headers
        Sent with every request, too.

    Raises
    ------
    CliError
        Here and in every method: the URL can't be used, the server can't be reached, or it refuses.
    """

    def __init__(self, url: str, key: str = "", headers: Mapping[str, str] | None = None) -> None:
        from graphcron.runner.client.http_transport import Transport

        self._url = url
        own = {"Accept": "application/json", **({"x-api-key": key} if key else {})}
        try:
            self._transport = Transport(url, {**own, **(headers or {})}, os.environ, None)
        except ValueError as error:
            raise CliError(f"{url}: {error}; {_REACH}") from error

    def crons(self, *, page: int = PAGE) -> list[Json]:
        """Return all crons, each once, the oldest first."""
        found: dict[str, Json] = {}
        offset = 0
        while True:
            query = {"limit": page, "offset": offset, "sort_by": "created_at", "sort_order": "asc"}
            answer = self._good("POST", "/runs/crons/search", query)
            crons = _value(answer)
            if not isinstance(crons, list) or not all(
                isinstance(each, dict) and is_uuid(each.get("cron_id")) for each in crons
            ):
                raise CliError(f"{self._url} answers with no list of crons; is it the base URL of a LangGraph server?")
            found.update({cron["cron_id"]: cron for cron in crons})
            if len(crons) < page:
                return list(found.values())
            offset += page

    def assistant(self, assistant_id: str) -> Json | None:
        """Return an assistant; None if the server has none with that id."""
        if not is_uuid(assistant_id):
            return None
        answer = self._ask("GET", f"/assistants/{assistant_id}")
        value = _value(answer) if answer.status == 200 else None
        return value if isinstance(value, dict) else None

    def disable(self, cron_id: str) -> bool:
        """Disable a cron; False: the server does not support that."""
        answer = self._ask("PATCH", f"/runs/crons/{cron_id}", {"enabled": False})
        value = _value(answer) if 200 <= answer.status < 300 else None
        return isinstance(value, dict) and value.get("enabled") is False

    def delete(self, cron_id: str) -> None:
        """Delete a cron."""
        self._good("DELETE", f"/runs/crons/{cron_id}")

    def succeeded(self, uid: str, *, page: int = PAGE) -> list[str]:
        """Return the scheduled times of a GraphCron's occurrences whose records show that they have succeeded."""
        found: list[str] = []
        query = {"metadata": {UID: uid, OUTCOME: Outcome.SUCCEEDED.value}, "sort_by": "created_at", "sort_order": "asc"}
        selection: Json = {"select": ["thread_id", "metadata"]}
        offset = 0
        while True:
            answer = self._ask("POST", _THREADS, {**query, "limit": page, "offset": offset, **selection})
            if answer.status == 422 and selection:  # a server that does not know the selection of fields
                selection = {}
                continue
            threads = _value(self._checked(answer, "POST", _THREADS, _OF_A_STATE))
            if not isinstance(threads, list) or not all(isinstance(each, dict) for each in threads):
                raise CliError(f"{self._url} answers with no threads; is it the base URL of a LangGraph server?")
            found += [text_at(object_at(each, "metadata"), SCHEDULED) for each in threads]
            if len(threads) < page:
                return found
            offset += page

    def state(self, thread_id: str, run_id: str) -> Json | None:
        """Return the state of a thread at the end of a run, without later runs; None if it was deleted."""
        for name, value in (("thread", thread_id), ("run", run_id)):
            if not is_uuid(value):
                raise CliError(f"the status names the {name} {value!r}, which is not a UUID; the server is not asked")
        path = f"/threads/{thread_id}/history"
        answer = self._ask("POST", path, {"limit": 1, "metadata": {"run_id": run_id}})
        states = [] if answer.status == 404 else _value(self._checked(answer, "POST", path, _OF_A_STATE))
        if not isinstance(states, list) or not all(isinstance(each, dict) for each in states):
            raise CliError(f"{self._url} answers with no states; is it the base URL of a LangGraph server?")
        return next(iter(states), None)

    def _good(self, method: str, path: str, body: Json | None = None) -> "Answer":
        return self._checked(self._ask(method, path, body), method, path, _OF_CRONS)

    def _checked(self, answer: "Answer", method: str, path: str, remedies: Mapping[int, str]) -> "Answer":
        if 200 <= answer.status < 300 and answer.whole:
            return answer
        moved = "it leads elsewhere; give the final address" if 300 <= answer.status < 400 else "see the server's log"
        remedy = remedies.get(answer.status, moved)
        raise CliError(f"{self._url} answers {answer.status} to {method} {path}: {remedy}")

    def _ask(self, method: str, path: str, body: Json | None = None) -> "Answer":
        from graphcron.runner.client.errors import CertificateError, Unanswered

        try:
            return self._transport.request(method, path, None if body is None else json.dumps(body).encode())
        except (Unanswered, CertificateError) as error:
            raise CliError(f"{self._url} can't be asked: {error}; {_REACH}") from error


_THREADS: Final = "/threads/search"
_REACH: Final = "give the server's URL with --url"
_KEY: Final = "name the variable that holds your key in --api-key-env"

_OF_A_STATE: Final = {200: "there is more in it than can be read", 401: _KEY, 403: _KEY}

_OF_CRONS: Final = {
    200: "there is more in it than can be read",
    401: f"{_KEY}, or send what it asks for with --header",
    403: f"{_KEY}, or send what it asks for with --header",
    404: "it has no crons there; is it the base URL of a LangGraph server?",
    500: "its release or licence may have no crons; see the server's log",
}


def _value(answer: "Answer") -> Any:
    try:
        return loads(answer.body.decode())
    except ValueError:
        return None
