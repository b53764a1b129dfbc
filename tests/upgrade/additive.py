"""What a new CustomResourceDefinition takes away that the old one gave. Pure: two definitions in, sentences out.

An object that the old definition takes, the new one must take and keep whole. What can't be compared by a machine, such as
two patterns, counts as taken away: a person decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Schema = dict[str, Any]

_LOWER: Final = frozenset({"minimum", "minLength", "minItems", "minProperties"})
"""Limits that may only fall."""

_UPPER: Final = frozenset({"maximum", "maxLength", "maxItems", "maxProperties"})
"""Limits that may only rise."""

_FREEDOMS: Final = frozenset(
    {"nullable", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"}
)
"""What is more when it is true."""

_FIXED: Final = frozenset(
    {"type", "default", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"}
)
"""What changes the meaning or the merging of objects, whatever it was and becomes."""

_APART: Final = frozenset(
    {"description", "title", "example", "externalDocs", "properties", "items", "additionalProperties"}
    | {"required", "enum", "x-kubernetes-validations"}
)
"""Words for people, and what has a function of its own below."""

_NAMES: Final = ("plural", "singular", "kind", "listKind")


def incompatibilities(old: Schema, new: Schema) -> list[str]:
    """List what the new definition takes away, each as path and sentence; printer columns may change freely."""
    before, after = old["spec"], new["spec"]
    found = [*_same(before, after, ("group", "scope")), *_same(before["names"], after["names"], _NAMES, at="names.")]
    for key in ("shortNames", "categories"):
        gone = set(before["names"].get(key, ())) - set(after["names"].get(key, ()))
        found += [f"names.{key}: {name} is gone" for name in sorted(gone)]
    versions = {version["name"]: version for version in after["versions"] if version["served"]}
    for version in before["versions"]:
        if version["served"]:
            found += _version(version, versions.get(version["name"]))
    return found


def _same(old: Schema, new: Schema, keys: tuple[str, ...], *, at: str = "") -> Iterator[str]:
    return (f"{at}{key}: {old.get(key)} has become {new.get(key)}" for key in keys if old.get(key) != new.get(key))


def _version(old: Schema, new: Schema | None) -> Iterator[str]:
    name = old["name"]
    if new is None:
        yield f"{name}: the version is gone, or is served no more"
        return
    for key, value in old.get("subresources", {}).items():
        if new.get("subresources", {}).get(key) != value:
            yield f"{name}: the subresource {key} is gone or another"
    yield from _schema(old["schema"]["openAPIV3Schema"], new["schema"]["openAPIV3Schema"], name)


def _schema(old: Schema, new: Schema, path: str) -> Iterator[str]:
    """Compare a value's schemas, and those of all that is in it."""
    for part in (_fields, _required, _enum, _keywords, _rules):
        for text in part(old, new):
            yield f"{path}: {text}"
    for name, field in old.get("properties", {}).items():
        if name in new.get("properties", {}):
            yield from _schema(field, new["properties"][name], f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
            yield from _schema(old[key], new[key], path + mark)


def _fields(old: Schema, new: Schema) -> Iterator[str]:
    for name in sorted(old.get("properties", {}).keys() - new.get("properties", {}).keys()):
        yield f"the field {name} is gone"
    for key in ("items", "additionalProperties"):
        was, is_now = old.get(key), new.get(key)
        if was and not is_now:
            yield f"{key} is gone"
        elif isinstance(is_now, dict) and not isinstance(was, dict) and key in old:
            yield f"{key} has got a schema"


def _required(old: Schema, new: Schema) -> Iterator[str]:
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{name} is required now"


def _enum(old: Schema, new: Schema) -> Iterator[str]:
    if "enum" not in new:
        return
    if "enum" not in old:
        yield "it has got an enum"
        return
    for value in old["enum"]:
        if value not in new["enum"]:
            yield f"{value!r} is out of the enum"


def _keywords(old: Schema, new: Schema) -> Iterator[str]:
    """Compare all other keywords; one that is not known here may neither come nor change."""
    for key in sorted((old.keys() | new.keys()) - _APART):
        was, is_now = old.get(key), new.get(key)
        if was != is_now and not _KEYWORDS.get(key, _only_goes)(was, is_now):
            yield f"{key}: {was!r} has become {is_now!r}"


def _rules(old: Schema, new: Schema) -> Iterator[str]:
    known = {each["rule"] for each in old.get("x-kubernetes-validations", ())}
    fresh = new.get("properties", {}).keys() - old.get("properties", {}).keys()
    for each in new.get("x-kubernetes-validations", ()):
        if each["rule"] not in known and not _spares(each["rule"], fresh):
            yield f"a new rule: {each['rule']}"


def _spares(rule: str, fresh: set[str]) -> bool:
    """Tell whether a rule holds of all objects without the new fields: one of its alternatives is that it has none."""
    if " ? " in rule:
        return False
    head = ""
    for part in rule.split(" || "):
        if head.count("(") == head.count(")") and part in {f"!has(self.{name})" for name in fresh}:
            return True
        head += part
    return False


def _only_goes(_was: Any, is_now: Any) -> bool:
    return is_now is None


_KEYWORDS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    **dict.fromkeys(_LOWER, lambda was, is_now: is_now is None or (was is not None and is_now < was)),
    **dict.fromkeys(_UPPER, lambda was, is_now: is_now is None or (was is not None and is_now > was)),
    **dict.fromkeys(_FREEDOMS, lambda _was, is_now: bool(is_now)),
    **dict.fromkeys(_FIXED, lambda _was, _is_now: False),
}
"""Whether a change of a keyword's value takes nothing away; of those that are not here, only that it goes."""
