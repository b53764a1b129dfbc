"""Compare a value with a JSON Schema, and report only certain mismatches: pure functions.

LangGraph itself checks little: a graph takes the keys of its state, adds missing ones, and silently ignores unknown
ones. So only a value that can't be intended is a mismatch.
"""

from collections.abc import Mapping
from typing import Any, Final

KINDS: Final = ("object", "array", "string", "number", "integer", "boolean", "null")

Schema = Mapping[str, Any]


def mismatch(value: Any, schema: Any) -> str:
    """Return what is wrong with a graph's input, in words that follow "the input"; empty if it can match.

    The words contain only types, since both value and schema can be private.

    Parameters
    ----------
    value
        Any JSON value.
    schema
        The graph's published schema for it; anything else matches all values.
    """
    if value is None or not has_constraints(schema):
        return ""
    properties = schema["properties"]
    if not isinstance(value, dict):
        return f"is {_named(kind_of(value))}, and the graph takes an object"
    known = [key for key in value if key in properties]
    if value and not known and not schema.get("additionalProperties"):
        return "has no key that the graph knows"
    for key in known:
        allowed = allowed_kinds(properties[key], schema)
        if not _passes(value[key], allowed):
            wanted = " or ".join(_named(kind) for kind in KINDS if kind in allowed)
            return f"has {_named(kind_of(value[key]))} where the graph takes {wanted}"
    return ""


def unknown_keys(value: Any, schema: Any) -> int:
    """Return how many keys the graph ignores."""
    if not isinstance(value, dict) or not has_constraints(schema) or schema.get("additionalProperties"):
        return 0
    return sum(key not in schema["properties"] for key in value)


def missing_keys(value: Any, schema: Any) -> int:
    """Return how many required keys are missing, without which a graph may start nevertheless."""
    required = schema.get("required") if isinstance(value, dict) and has_constraints(schema) else None
    return len({key for key in required if isinstance(key, str)} - value.keys()) if isinstance(required, list) else 0


def has_constraints(schema: Any) -> bool:
    """Return whether a schema names the properties of an object, so that a value can be compared with it."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return False
    properties = schema.get("properties")
    return isinstance(properties, dict) and bool(properties)


def kind_of(value: Any) -> str:
    """Return JSON Schema's word for the type of a value."""
    if value is None:
        return "null"
    for type_, kind in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array")):
        if isinstance(value, type_):
            return kind
    return "object"


def allowed_kinds(schema: Any, root: Schema, depth: int = 8) -> set[str]:
    """Return which types a schema allows: all, if it uses unsupported keywords."""
    if not isinstance(schema, dict) or depth == 0:
        return set(KINDS)
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return allowed_kinds(_referred(reference, root), root, depth - 1)
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list):
            return set().union(*(allowed_kinds(each, root, depth - 1) for each in schema[word]))
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    found = {kind for kind in kinds if kind in KINDS}
    return found or set(KINDS)


def _referred(reference: str, root: Schema) -> Any:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _passes(value: Any, allowed: set[str]) -> bool:
    """Return whether a graph can accept a value: it converts strings and objects to messages, strings to numbers."""
    kind = kind_of(value)
    if kind in allowed or kind == "null" or len(allowed) == len(KINDS):
        return True
    if kind in ("integer", "number", "boolean") and allowed & {"number", "integer", "boolean", "string"}:
        return True
    if "array" in allowed and kind in ("object", "string"):
        return True
    if kind == "string" and allowed & {"number", "integer"}:
        return _is_number(value) or bool(allowed & {"object", "boolean"})
    return kind == "string" and bool(allowed & {"object", "boolean"})


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _named(kind: str) -> str:
    return {"null": "nothing"}.get(kind, f"an {kind}" if kind[0] in "aio" else f"a {kind}")
