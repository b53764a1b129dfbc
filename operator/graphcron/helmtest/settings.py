"""Settings of the test's pod, from its environment."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from graphcron.errors import SpecError

PREFIX = "GRAPHCRON_TRIAL_"
"""Each setting is the environment variable of its name, in capitals, behind this."""

WATCHED = "GRAPHCRON_NAMESPACES"
"""The operator's variable for the namespaces that it serves."""


class Settings(NamedTuple):
    """What is to be tried."""

    namespace: str
    """Namespace in which the test creates the GraphCron."""
    name: str
    """What its name begins with."""
    operator: str
    """The operator's Deployment as ``namespace/name``: where a person looks when it fails."""
    seconds: int
    """How long all of it may take, the deletion not counted."""
    url: str = ""
    """Where pods find this very pod as a LangGraph server; empty where an assistant is given."""
    assistant: str = ""
    """An assistant of the operator's default server. Empty: the stand-in's."""
    input: Any = None
    """Its input."""
    watched: tuple[str, ...] = ()
    """Names and patterns of the namespaces that the operator serves; empty: all."""

    @property
    def port(self) -> int:
        """Where the stand-in listens."""
        return urlsplit(self.url).port or 80


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises
    ------
    SpecError
        One is missing.
    """
    given = {name: environment.get(PREFIX + name.upper(), "") for name in Settings._fields}
    server = "url" if not given["assistant"] else "assistant"
    for name in ("namespace", "name", "operator", "seconds", server):
        if not given[name]:
            raise SpecError(
                field=PREFIX + name.upper(), problem="is not set", remedy="let the chart set it, by helm test"
            )
    return Settings(
        namespace=given["namespace"],
        name=given["name"],
        operator=given["operator"],
        seconds=int(given["seconds"]),
        url=given["url"],
        assistant=given["assistant"],
        input=json.loads(given["input"] or "{}"),
        watched=tuple(filter(None, environment.get(WATCHED, "").split(","))),
    )


def is_served(namespace: str, watched: tuple[str, ...]) -> bool:
    """Tell whether the operator serves a namespace, by its names and patterns; those with ``!`` take away."""
    without = [each[1:] for each in watched if each.startswith("!")]
    among = [each for each in watched if not each.startswith("!")] or ["*"]
    return _matches(namespace, among) and not _matches(namespace, without)


def _matches(namespace: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(namespace, pattern) for pattern in patterns)
