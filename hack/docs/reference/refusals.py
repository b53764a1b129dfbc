"""Reasons to reject a resource, with the messages of the API server and of the operator."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from reference.model import declared
from reference.schema import fields, schema_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphcron.api.crd import Kind, Schema

_MANY: Final = 4
"""Lists of at least this many messages are not repeated."""


class Refusal(NamedTuple):
    """The message of the API server or of the operator about an invalid value."""

    path: str
    """Of the culprit."""
    message: str
    operator: bool = False
    """Whether only the operator knows."""


def by_api_server(schema: Schema, path: str = "") -> Iterator[Refusal]:
    """Yield what the API server says of what breaks a rule, each at the field that it blames."""
    for rule in schema.get("x-kubernetes-validations", ()):
        yield Refusal((path + rule.get("fieldPath", "")).removeprefix("."), rule["message"])
    for name, each in schema.get("properties", {}).items():
        yield from by_api_server(each, f"{path}.{name}".removeprefix("."))
    if "items" in schema:
        yield from by_api_server(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from by_api_server(schema["additionalProperties"], path)


@cache
def refused(kind: Kind) -> tuple[Refusal, ...]:
    """Return all messages with which a resource can be rejected.

    The type of a list implies that it rejects two items with the same name, and the description of a member that exists
    only to be rejected says that.
    """
    schema = schema_of(kind)
    found = list(fields(schema))
    keyed = {each.path for each in found if "x-kubernetes-list-map-keys" in each.schema}
    told = {each.path for each in found if each.description.startswith("Rejected, ")}
    rules = [each for each in declared(kind.model) if each.rule and each.path not in keyed]
    late = [Refusal(each.path, each.rule.message, operator=True) for each in rules if each.rule]
    return tuple(each for each in (*by_api_server(schema), *late) if each.path not in told)


def same_as(kind: Kind, refusal: Refusal) -> str:
    """Return the field that has all the messages of a list's items, if there are many; otherwise an empty text."""
    texts: dict[str, set[str]] = {}
    for each in refused(kind):
        texts.setdefault(each.path, set()).add(each.message)
    own = texts.pop(refusal.path)
    if not refusal.path.endswith("[]") or len(own) < _MANY:
        return ""
    return next((path for path, messages in texts.items() if own <= messages), "")
