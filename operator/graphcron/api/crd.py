"""The CustomResourceDefinitions, made from the model.

``python -m graphcron.api.crd`` writes their files, ``--check`` fails where one is stale, ``--print`` shows them. A CRD
needs a *structural* schema: everything inline, and one type for each value. It has no defaults, which would be written
into the user's object and look like drift. Its descriptions are the docstrings of the model.
"""

import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from graphcron.api import names
from graphcron.api.v1alpha1 import GraphCron, GraphRun, GraphServer

Schema = dict[str, Any]
"""A JSON schema."""

FOLDERS: Final = tuple(Path(__file__).parents[3] / folder for folder in ("crds", "charts/graphcron/files/crds"))
"""The folders that hold a file for each CRD, in a checkout."""

_HEADER: Final = "# Made from operator/graphcron/api/v1alpha1 by `python -m graphcron.api.crd`; change it there.\n"

_LEFT_OUT: Final = frozenset(
    {"description", "title", "default", "$ref", "anyOf", "const", "additionalProperties", "$defs"}
)
"""Keywords of pydantic that a structural schema lacks or restricts."""

Column = tuple[str, str, str, int]
"""Name, type, JSONPath and priority; ``kubectl get -o wide`` shows those of priority 1 too."""

_READY: Final[Column] = ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', 0)
_AGE: Final[Column] = ("Age", "date", ".metadata.creationTimestamp", 0)


class Kind(NamedTuple):
    """Sources of a CRD."""

    model: type[GraphCron | GraphRun | GraphServer]
    plural: str
    short: str
    columns: tuple[Column, ...]


GRAPHCRON: Final = Kind(
    GraphCron,
    names.PLURAL,
    names.SHORT_NAME,
    (
        ("Schedule", "string", ".spec['schedule','schedules']", 0),
        ("Zone", "string", ".status.timeZone", 0),
        _READY,
        ("Target", "string", '.status.conditions[?(@.type=="TargetResolved")].reason', 0),
        ("Suspend", "boolean", ".spec.suspend", 0),
        ("Last", "string", ".status.recentRuns[0].outcome", 0),
        ("Next", "string", ".status.nextScheduleTime", 0),
        _AGE,
        ("Assistant", "string", ".spec.assistant", 1),
        ("Thread", "string", ".spec.thread['id','per']", 1),
        ("Server", "string", ".spec.serverRef.name", 1),
        ("Tokens", "integer", ".status.recentRuns[0].tokens", 1),
    ),
)
"""Of two names in brackets the one that is there is shown, a list of schedules as ``["0 9 * * *","0 17 * * *"]``.
Target is the reason of ``TargetResolved``: ``Resolved``, or what a run would fail of. Next is text: a ``date`` is shown
as an age, and one that lies ahead as ``<invalid>``."""

GRAPHRUN: Final = Kind(
    GraphRun,
    names.RUN_PLURAL,
    names.RUN_SHORT_NAME,
    (
        ("GraphCron", "string", ".spec.graphCronRef.name", 0),
        ("Outcome", "string", ".status.outcome", 0),
        ("Duration", "number", ".status.durationSeconds", 0),
        ("Tokens", "integer", ".status.tokens", 0),
        _AGE,
        ("Reason", "string", ".status.reason", 1),
        ("Scheduled", "string", ".spec.scheduledTime", 1),
        ("Thread", "string", ".status.threadId", 1),
        ("Cost", "string", ".status.cost", 1),
    ),
)

GRAPHSERVER: Final = Kind(
    GraphServer,
    names.SERVER_PLURAL,
    names.SERVER_SHORT_NAME,
    (("URL", "string", ".spec.url", 0), _READY, ("Server", "string", ".status.server", 0), _AGE),
)

KINDS: Final = (GRAPHCRON, GRAPHRUN, GRAPHSERVER)
"""All kinds of the API."""


def crd(kind: Kind) -> Schema:
    """Return a CustomResourceDefinition.

    It joins no category: ``kubectl get all`` shows the CronJob and its Jobs anyway.
    """
    name = kind.model.__name__
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": name,
                "listKind": f"{name}List",
                "plural": kind.plural,
                "singular": name.lower(),
                "shortNames": [kind.short],
            },
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(*column) for column in kind.columns],
                    "schema": {"openAPIV3Schema": resource_schema(kind)},
                }
            ],
        },
    }


def crds() -> tuple[Schema, ...]:
    """Return all CustomResourceDefinitions."""
    return tuple(crd(kind) for kind in KINDS)


def resource_schema(kind: Kind) -> Schema:
    """Return the structural schema of a resource."""
    schema = kind.model.model_json_schema()
    resource = structural(schema, schema["$defs"])
    resource["properties"]["apiVersion"].pop("enum")
    resource["properties"]["kind"].pop("enum")
    resource["properties"]["metadata"] = {"type": "object", "properties": {"name": {"type": "string"}}}
    resource["required"].remove("apiVersion")
    resource["required"].remove("kind")
    resource["required"].remove("metadata")
    return resource


def structural(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """Return a JSON schema as a structural one.

    Parameters
    ----------
    schema
        As pydantic writes it.
    definitions
        What its ``$ref`` point to, by name.
    """
    schema = _inlined(schema, definitions)
    result: Schema = {"description": _unwrapped(schema["description"])} if "description" in schema else {}
    result |= {key: value for key, value in schema.items() if key not in _LEFT_OUT}
    if "const" in schema:
        result["enum"] = [schema["const"]]
    if "properties" in schema:
        result["properties"] = {name: structural(each, definitions) for name, each in schema["properties"].items()}
    if "items" in schema:
        result["items"] = structural(schema["items"], definitions)
        result.setdefault("x-kubernetes-list-type", "atomic")
    if isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = structural(schema["additionalProperties"], definitions)
    return result | _freedom(schema)


def dump(definition: Schema) -> str:
    """Return the text of the file."""
    return _HEADER + yaml.safe_dump(definition, sort_keys=False, allow_unicode=True, width=120)


def _inlined(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """Replace ``$ref`` and ``... | null`` by the schemas that they refer to; adjacent keywords take precedence."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", maxsplit=1)[-1]] | schema
        return _inlined({key: value for key, value in schema.items() if key != "$ref"}, definitions)
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        return _inlined(choices[0] | {key: value for key, value in schema.items() if key != "anyOf"}, definitions)
    return schema


def _freedom(schema: Schema) -> Schema:
    """Return the keywords of a structural schema for values without a single type, or with unknown members."""
    if "anyOf" in schema:
        return {"x-kubernetes-int-or-string": True}
    if "type" not in schema and "enum" not in schema:
        return {"x-kubernetes-preserve-unknown-fields": True, "nullable": True}
    if schema.get("additionalProperties") is True:
        return {"x-kubernetes-preserve-unknown-fields": True}
    return {}


def _unwrapped(text: str) -> str:
    """Join the lines of each paragraph."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _column(name: str, kind: str, path: str, priority: int) -> Schema:
    column: Schema = {"name": name, "type": kind, "jsonPath": path}
    return column | ({"priority": priority} if priority else {})


def main(arguments: list[str]) -> int:
    """Write, ``--check`` or ``--print`` the CRDs; return the exit code."""
    texts = {definition["metadata"]["name"]: dump(definition) for definition in crds()}
    if arguments == ["--print"]:
        print("---\n".join(texts.values()), end="")
        return 0
    files = {folder / f"{name}.yaml": text for folder in FOLDERS for name, text in texts.items()}
    stale = [file for file, text in files.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    if arguments == ["--check"]:
        for file in stale:
            print(f"{file} is stale: run `make generate`", file=sys.stderr)
        return 1 if stale else 0
    for file in stale:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(files[file], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
