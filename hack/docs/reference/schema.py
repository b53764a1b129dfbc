"""The fields of a CRD, with their types and limits in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from graphcron.api.crd import crd
from reference.markdown import either

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphcron.api.crd import Kind, Schema

_KNOWN: Final = frozenset(
    {
        *("type", "description", "properties", "required", "items", "additionalProperties", "enum", "format"),
        *("minimum", "maximum", "minItems", "maxItems", "maxLength", "maxProperties", "nullable"),
        *("x-kubernetes-validations", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"),
        *("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"),
    }
)
"""What a schema may say: of anything else the page would be silent."""

_FORMATS: Final = {"date-time": "time (RFC 3339)"}


class Field(NamedTuple):
    """A field of a resource."""

    path: str
    """Such as ``spec.excludes[].date``."""
    schema: Schema
    required: bool

    @property
    def description(self) -> str:
        """Return its text in ``kubectl explain``."""
        text: str = self.schema.get("description", "")
        return " ".join(text.split())


def fields(schema: Schema, path: str = "") -> Iterator[Field]:
    """Yield the fields below a schema, each before its own."""
    unknown = schema.keys() - _KNOWN
    if unknown:
        raise SystemExit(f"reference/schema.py can't tell what this means at {path}: {', '.join(sorted(unknown))}")
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield Field(here, each, name in required)
        yield from fields(each, here)
    if "items" in schema:
        yield from fields(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from fields(schema["additionalProperties"], f"{path}.*")


def schema_of(kind: Kind) -> Schema:
    """Return the schema in a kind's CRD."""
    schema: Schema = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def is_below(path: str, above: str) -> bool:
    return path.startswith((f"{above}.", f"{above}["))


def type_of(schema: Schema) -> str:
    """Return the type with its limits in words, such as ``string, at most 64 characters``."""
    if schema.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if "enum" in schema:
        return either(schema["enum"])
    if "type" not in schema:
        return "any JSON value" + (", including null" if schema.get("nullable") else "")
    return _WORDS.get(schema["type"], _simple)(schema)


def _simple(schema: Schema) -> str:
    name: str = schema["type"]
    return name


def _string(schema: Schema) -> str:
    if "format" in schema:
        return _FORMATS[schema["format"]]
    return f"string, at most {schema['maxLength']:,} characters" if "maxLength" in schema else "string"


def _number(schema: Schema) -> str:
    least, most, name = schema.get("minimum"), schema.get("maximum"), schema["type"]
    if most is None:
        return name if least is None else f"{name}, at least {least:,}"
    return f"{name}, at most {most:,}" if least is None else f"{name}, {least:,} to {most:,}"


def _list_of(schema: Schema) -> str:
    keys = schema.get("x-kubernetes-list-map-keys")
    apart = f", keyed by {either(keys)}" if keys else ""
    return f"list of {_several(schema['items'], schema.get('minItems'), schema.get('maxItems'))}{apart}"


def _object(schema: Schema) -> str:
    if "additionalProperties" in schema:
        return f"map of {_several(schema['additionalProperties'], None, schema.get('maxProperties'))}"
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return "object, additional members allowed" if schema.get("properties") else "object with any members"
    return "object"


def _several(schema: Schema, least: int | None, most: int | None) -> str:
    """Return a number of values of a type, such as ``at most 64 strings, each at most 253 characters``."""
    name, _, limits = type_of(schema).partition(", ")
    number = f"{least} to {most} " if least and most else f"at most {most} " if most else ""
    return (
        number
        + re.sub(r"\b(integer|number|string|boolean|object|time)\b", r"\1s", name)
        + (limits and f", each {limits}")
    )


_WORDS: Final = {"array": _list_of, "object": _object, "string": _string, "integer": _number, "number": _number}
