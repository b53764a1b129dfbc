"""What is asked of a workflow beyond what actionlint and zizmor look at; each check names what is wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}")
FETCHES = re.compile(
    r"\b(curl|wget|npx|uvx|pip3? install|npm (install|exec)|go (install|run) \S+@|apt(-get)? install|docker (pull|run))\b"
)
HOSTS = re.compile(r"\b[\w-]+(\.[\w-]+)*\.(io|dev|com|org)(?=/[\w$])")
OWN_HOSTS = {"example.com"}


def unpinned(text: str) -> list[str]:
    """Return the actions that are not pinned by a full SHA with the version beside it."""
    comment = "{}[ \t]+# v[0-9]+([.][0-9]+)*[ \t]*$"
    return [
        uses
        for uses in actions(text)
        if not PINNED.fullmatch(uses) or not re.search(comment.format(re.escape(uses)), text, re.MULTILINE)
    ]


def differing(texts: Iterable[str]) -> list[str]:
    """Return the actions that are pinned to several commits."""
    pins: dict[str, set[str]] = {}
    for uses in {uses for text in texts for uses in actions(text)}:
        name, _, commit = uses.partition("@")
        pins.setdefault(name, set()).add(commit)
    return sorted(name for name, commits in pins.items() if len(commits) > 1)


def actions(text: str) -> list[str]:
    """Return the actions and workflows that are used, but for those of this repository."""
    return [uses for uses in _values(yaml.safe_load(text), "uses") if not uses.startswith("./")]


def unknown_targets(text: str, makefile: str) -> list[str]:
    """Return what `make` is called with and the Makefile does not have."""
    known = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    return [target for target in targets(text) if target not in known]


def targets(text: str) -> list[str]:
    """Return the targets that `make` is called with."""
    calls = [call for script in scripts(text) for call in re.findall(r"\bmake\b([^;&|\n]*)", script)]
    return [word for call in calls for word in call.split() if re.fullmatch(r"[a-z][a-z-]*", word)]


def fetched(text: str) -> list[str]:
    """Return the lines of scripts that fetch programs past every pin."""
    return [line.strip() for script in scripts(text) for line in script.splitlines() if FETCHES.search(line)]


def scripts(text: str) -> list[str]:
    """Return what the steps run."""
    return list(_values(yaml.safe_load(text), "run"))


def unbounded(text: str) -> list[str]:
    """Return the jobs that could go on for hours, and `permissions` where the workflow has any of its own."""
    workflow = yaml.safe_load(text)
    jobs = [name for name, job in workflow["jobs"].items() if "uses" not in job and "timeout-minutes" not in job]
    return jobs + ([] if workflow.get("permissions") == {} else ["permissions"])


def hosts(text: str) -> list[str]:
    """Return the registries that are named, as in `registry.example.com/team`; whose they are is not ours to say."""
    found = {match[0] for match in HOSTS.finditer(text)}
    return sorted(host for host in found if not any(host == own or host.endswith(f".{own}") for own in OWN_HOSTS))


def _values(node: Any, key: str) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key and isinstance(value, str):
                yield value
            else:
                yield from _values(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from _values(value, key)
