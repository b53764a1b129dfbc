"""A stand-in for kubectl and its cluster, in this process: it keeps objects, and answers as kubectl does."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from graphcron.cli import terminal, verbs
from graphcron.cli.app import app
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.clients.kubectl_errors import kubectl_error
from graphcron.errors import GraphCronError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

Object = dict[str, Any]

NAMESPACE = "agents"
PLURALS = {"GraphCron": "graphcrons", "GraphRun": "graphruns", "Job": "jobs", "Pod": "pods"}


class Ended(NamedTuple):
    """How the program ended."""

    code: int
    out: str
    err: str


class FakeCluster:
    """Objects by plural and name. ``forbidden`` holds pairs of verb and plural."""

    def __init__(self, *objects: Object) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self.forbidden: set[tuple[str, str]] = set()
        self.logs: dict[str, str] = {}
        self.deleted: list[tuple[str, str]] = []
        self.created: list[Object] = []
        self.on_get: Callable[[Object], None] = lambda _: None
        """Called with each object before it is returned alone."""
        for each in objects:
            self.put(each)

    def put(self, body: Object) -> Object:
        """Store an object as the API server does."""
        metadata = {"namespace": NAMESPACE, "uid": f"{body['metadata']['name']}-uid", **body["metadata"]}
        metadata.setdefault("creationTimestamp", "2026-11-22T12:00:00Z")
        stored = {**body, "metadata": metadata}
        self.objects[PLURALS[body["kind"]], metadata["name"]] = stored
        return stored

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replace kubectl."""
        monkeypatch.setattr(Kubectl, "run", lambda _, verb, *rest, stdin=None: self.run(verb, *rest, stdin=stdin))

    def run(self, verb: str, *arguments: str, stdin: str | None = None) -> str:
        """Do what kubectl does."""
        if verb == "logs":
            return self.logs[arguments[0]]
        words = [each for at, each in enumerate(arguments) if not each.startswith("-") and not _is_value(arguments, at)]
        plural = PLURALS[json.loads(stdin or "")["kind"]] if verb == "create" else words[0].partition(".")[0]
        plural = {"pod": "pods"}.get(plural, plural)
        right = "list" if verb == "get" and not words[1:] else verb
        if (right, plural) in self.forbidden:
            self._fail(f'x is forbidden: User "ann" cannot {right} resource "{plural}" in API group "g" ', "Forbidden")
        return str(getattr(self, f"_{verb}")(plural, words[1:], arguments, stdin))

    def _get(self, plural: str, named: list[str], arguments: tuple[str, ...], _: str | None) -> str:
        if named:
            found = self.objects.get((plural, named[0]))
            if found is None:
                return "" if "--ignore-not-found" in arguments else self._missing(plural, named[0])
            self.on_get(found)
            return json.dumps(found)
        select = next((each.removeprefix("--selector=") for each in arguments if each.startswith("--selector=")), "")
        items = [each for (kind, _), each in self.objects.items() if kind == plural and _matches(each, select)]
        if plural == "namespaces":
            return f"namespace/{NAMESPACE}\n"
        if "--output=name" in arguments:
            return "".join(f"{plural}/{each['metadata']['name']}\n" for each in items)
        return json.dumps({"items": items})

    def _create(self, plural: str, _: list[str], __: tuple[str, ...], stdin: str | None) -> str:
        body = json.loads(stdin or "")
        if (plural, body["metadata"]["name"]) in self.objects:
            self._fail(f'{plural} "{body["metadata"]["name"]}" already exists', "AlreadyExists")
        self.created.append(body)
        return json.dumps(self.put(body))

    def _patch(self, plural: str, named: list[str], arguments: tuple[str, ...], _: str | None) -> str:
        found = self.objects.get((plural, named[0])) or self._missing(plural, named[0])
        [patch] = [json.loads(each.removeprefix("--patch=")) for each in arguments if each.startswith("--patch=")]
        found["metadata"].setdefault("annotations", {}).update(patch["metadata"]["annotations"])
        return json.dumps(found)

    def _delete(self, plural: str, named: list[str], _: tuple[str, ...], __: str | None) -> str:
        for each in named:
            self.deleted.append((plural, each))
            self.objects.pop((plural, each), None)
        return ""

    def _missing(self, plural: str, name: str) -> Any:
        self._fail(f'{plural}.graphcron.dev "{name}" not found', "NotFound")

    def _fail(self, text: str, reason: str) -> None:
        where = f'in the namespace "{NAMESPACE}"' if reason == "Forbidden" else ""
        line = f"Error from server ({reason}): {text}{where}"
        raise kubectl_error(line, verb="get", contexts="kubectl config get-contexts")


def _is_value(arguments: tuple[str, ...], at: int) -> bool:
    return at > 0 and arguments[at - 1] in {"--namespace", "--container"}


def _matches(found: Object, selector: str) -> bool:
    labels = found["metadata"].get("labels", {})
    key, is_set, values = selector.partition(" in ")
    if is_set:
        return labels.get(key) in values.strip("()").split(",")
    return all(
        labels.get(key) == value for key, _, value in (each.partition("=") for each in selector.split(",") if each)
    )


def graphcron_command(*arguments: str) -> Ended:
    """Run the program in this process."""
    assert verbs  # each verb has added itself
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = app(list(arguments), prog_name="graphcron", standalone_mode=False) or 0
        except GraphCronError as error:
            terminal.line(f"error: {error}", err=True)
            code = error.exit_code
        except typer.TyperException as error:
            terminal.line(f"error: {error.format_message()}", err=True)
            code = error.exit_code
        except typer.Exit as error:
            code = error.exit_code
    texts = []
    for each in (out, err):
        each.flush()
        texts.append(each.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return Ended(int(code), *texts)
