"""Settings of the test's pod, from its environment."""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from graphcron.errors import SpecError

PREFIX = "GRAPHCRON_TRIAL_"
"""Prefix of the environment variables. The rest is the name of the setting in capitals."""

WATCHED = "GRAPHCRON_NAMESPACES"
"""The operator's variable for the namespaces that it serves."""


class Settings(NamedTuple):
    """The settings of the test."""

    namespace: str
    """Namespace in which the test creates the GraphCron."""
    name: str
    """Prefix of its name."""
    operator: str
    """The operator's Deployment as ``namespace/name``, for the message of a failure."""
    seconds: int
    """Time limit of the test, without the deletion."""
    url: str = ""
    """URL of this pod as a LangGraph server; empty if an assistant is given."""
    assistant: str = ""
    """An assistant of the operator's default server. Empty: that of the fake server."""
    input: Any = None
    """Its input."""
    watched: tuple[str, ...] = ()
    """Names and patterns of the namespaces that the operator serves; empty: all."""

    @property
    def port(self) -> int:
        """Port of the fake server."""
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
    """Return whether the operator serves a namespace, by its names and patterns; those with ``!`` exclude."""
    without = [each[1:] for each in watched if each.startswith("!")]
    among = [each for each in watched if not each.startswith("!")] or ["*"]
    return _matches(namespace, among) and not _matches(namespace, without)


def _matches(namespace: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(namespace, pattern) for pattern in patterns)
