"""The crons of a LangGraph server, by its HTTP API."""

import json
import os
from collections.abc import Mapping
from typing import Any, Final

from graphcron.cli.app import CliError
from graphcron.runner.failures import Unanswered, Untrusted
from graphcron.runner.transport import Answer, Transport

Json = dict[str, Any]

PAGE: Final = 100
"""Crons asked for at a time; the server gives 1000 at the most."""


class LangGraph:
    """One LangGraph server.

    Parameters
    ----------
    url
        Base URL.
    headers
        Sent with every request, such as ``x-api-key``.

    Raises
    ------
    CliError
        Here and in every method: the URL can't be used, the server can't be reached, or it refuses.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        try:
            self._transport = Transport(url, {"Accept": "application/json", **headers}, os.environ, None)
        except ValueError as error:
            raise CliError(f"--url {url}: {error}") from error

    def crons(self, *, page: int = PAGE) -> list[Json]:
        """Return all crons, each once, the oldest first."""
        found: dict[str, Json] = {}
        offset = 0
        while True:
            query = {"limit": page, "offset": offset, "sort_by": "created_at", "sort_order": "asc"}
            answer = self._good("POST", "/runs/crons/search", query)
            crons = _value(answer)
            if not isinstance(crons, list):
                raise CliError(f"{self._url} answers with no list of crons; is it the base URL of a LangGraph server?")
            found.update({cron["cron_id"]: cron for cron in crons})
            if len(crons) < page:
                return list(found.values())
            offset += page

    def assistant(self, assistant_id: str) -> Json | None:
        """Return an assistant; None where the server has none of that id."""
        answer = self._ask("GET", f"/assistants/{assistant_id}")
        value = _value(answer) if answer.status == 200 else None
        return value if isinstance(value, dict) else None

    def disable(self, cron_id: str) -> bool:
        """Disable a cron; False: the server can't."""
        answer = self._ask("PATCH", f"/runs/crons/{cron_id}", {"enabled": False})
        value = _value(answer) if 200 <= answer.status < 300 else None
        return isinstance(value, dict) and value.get("enabled") is False

    def delete(self, cron_id: str) -> None:
        """Delete a cron."""
        self._good("DELETE", f"/runs/crons/{cron_id}")

    def _good(self, method: str, path: str, body: Json | None = None) -> Answer:
        answer = self._ask(method, path, body)
        if 200 <= answer.status < 300 and answer.whole:
            return answer
        moved = "it leads elsewhere; give the final address" if 300 <= answer.status < 400 else "see the server's log"
        remedy = _REMEDIES.get(answer.status, moved)
        raise CliError(f"{self._url} answers {answer.status} to {method} {path}: {remedy}")

    def _ask(self, method: str, path: str, body: Json | None = None) -> Answer:
        try:
            return self._transport.request(method, path, None if body is None else json.dumps(body).encode())
        except (Unanswered, Untrusted) as error:
            raise CliError(f"{self._url} can't be asked: {error}; correct --url") from error


_KEY: Final = "name the variable that holds your key in --api-key-env, or send what it asks for with --header"

_REMEDIES: Final = {
    200: "there is more in it than can be read",
    401: _KEY,
    403: _KEY,
    404: "it has no crons there; is it the base URL of a LangGraph server?",
    500: "its release or licence may have no crons; see the server's log",
}


def _value(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except ValueError:
        return None
