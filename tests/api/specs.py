"""The good manifests, what the tables lay over them, and what the model says of that."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from graphcron.api import v1alpha1

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphcron.errors import SpecError

GOOD: dict[str, Any] = {
    "apiVersion": "graphcron.dev/v1alpha1",
    "kind": "GraphCron",
    "metadata": {"name": "daily-report"},
    "spec": {"assistant": "daily-report", "schedule": "30 8 * * 1-5"},
}

GOOD_SERVER: dict[str, Any] = {
    "apiVersion": "graphcron.dev/v1alpha1",
    "kind": "GraphServer",
    "metadata": {"name": "shared"},
    "spec": {"url": "http://langgraph.agents.svc:8000"},
}


GOOD_RUN: dict[str, Any] = {
    "apiVersion": "graphcron.dev/v1alpha1",
    "kind": "GraphRun",
    "metadata": {"name": "daily-report-again"},
    "spec": {"graphCronRef": {"name": "daily-report"}},
}

_GOOD = {each["kind"]: each for each in (GOOD, GOOD_RUN, GOOD_SERVER)}

_PROBLEMS = {
    "GraphCron": v1alpha1.problems,
    "GraphRun": v1alpha1.run_problems,
    "GraphServer": v1alpha1.server_problems,
}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # each worker reads the tables several times
    """Reads times as text, as kubectl does."""


_LOADER_RESOLVERS = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.yaml_implicit_resolvers = _LOADER_RESOLVERS


def table(name: str) -> list[dict[str, Any]]:
    """Return the rows of a table beside this file."""
    rows: list[dict[str, Any]] = yaml.load(Path(__file__).with_name(name).read_text(encoding="utf-8"), _Loader)
    return rows


def manifest_of(row: dict[str, Any], *, name: str = "") -> dict[str, Any]:
    """Return the manifest of a row; ``name`` for one that has none of its own."""
    manifest = _laid_over(deepcopy(_GOOD[row.get("kind", "GraphCron")]), row.get("with", {}))
    if name and "name" not in row.get("with", {}).get("metadata", {}):
        manifest["metadata"]["name"] = name
    if "without" in row:
        *parents, last = row["without"].split(".")
        holder = manifest
        for parent in parents:
            holder = holder[parent]
        del holder[last]
    return manifest


def problems(manifest: dict[str, Any]) -> list[SpecError]:
    """Return all that the model finds wrong with a resource of any kind."""
    return _PROBLEMS[manifest["kind"]](manifest)


SPOILS: tuple[Any, ...] = (None, True, 0, 1.5, "", "x", [], ["x"], {})
"""Values that are right in few places."""


def spoilt(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Make manifests, each with another value of the spec replaced by another of :data:`SPOILS`."""
    number = 0
    for path in _paths(manifest["spec"], ("spec",)):
        for value in SPOILS:
            body = deepcopy(manifest)
            holder: Any = body
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = value
            body["metadata"] = {"name": f"{manifest['metadata']['name']}-{number}"}
            number += 1
            yield body


def _paths(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """Walk the values below one, itself included."""
    yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in steps:
        yield from _paths(each, (*path, step))


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _laid_over(below[key], value)
        else:
            below[key] = value
    return below
