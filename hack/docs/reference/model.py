"""Contents of the model that the CRDs lack: defaults, and rules that CEL cannot enforce."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import BaseModel

from graphcron.api import names
from graphcron.api.v1alpha1.base import Part
from graphcron.api.v1alpha1.validation import Rule, Rules
from reference.markdown import with_default
from reference.schema import fields, schema_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphcron.api.crd import Kind


class Declared(NamedTuple):
    """What the model says of the value at a path, such as ``spec.excludes[].date``."""

    path: str
    rule: Rule | None = None
    """One that only the operator keeps."""
    default: Any = None
    """None: it has none that could be written down."""


def declared(model: type[Part]) -> Iterator[Declared]:
    """Yield defaults and rules of a resource."""
    for name in ("spec", "status"):
        yield from _of_type(model.model_fields[name].annotation, name)
    yield from _of_rules(model.rules, "")


def check_defaults(kind: Kind) -> None:
    """Raise an error if the description of a field does not contain its default."""
    told = {each.path: with_default(each.description)[1].lower() for each in fields(schema_of(kind))}
    for each in declared(kind.model):
        if each.path.startswith("spec.") and each.default is not None:
            word = str(each.default).lower()
            if word not in told[each.path].replace("`", "").replace(";", " ").replace(",", " ").split():
                raise SystemExit(f"the description of {each.path} does not tell its default, {word}")


def documented(prefix: str) -> dict[str, str]:
    """Return the texts of the constants in ``graphcron.api.names`` whose names begin so, by their values."""
    body = ast.parse(Path(names.__file__).read_text(encoding="utf-8")).body
    texts: dict[str, str] = {}
    for constant, text in pairwise(body):
        match constant, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                texts[name] = " ".join(said.replace("``", "`").split())
            case _:
                pass
    return {getattr(names, name): text for name, text in texts.items() if name.startswith(prefix)}


def _of_type(kind: Any, path: str) -> Iterator[Declared]:
    if get_origin(kind) is Annotated:
        inner, *said = get_args(kind)
        yield from _of_metadata(said, path)
        yield from _of_type(inner, path)
    elif get_origin(kind) is list:
        yield from _of_type(get_args(kind)[0], f"{path}[]")
    elif get_origin(kind) is not dict and get_args(kind):
        for each in get_args(kind):
            yield from _of_type(each, path)
    elif is_typeddict(kind):
        for name, each in get_type_hints(kind, include_extras=True).items():
            yield from _of_type(each, f"{path}.{name}")
    elif isinstance(kind, type) and issubclass(kind, Part):
        yield from _of_part(kind, path)


def _of_part(part: type[Part], path: str) -> Iterator[Declared]:
    yield from _of_rules(part.rules, path)
    for field in part.model_fields.values():
        here = f"{path}.{field.alias}"
        if not field.is_required() and not isinstance(field.default, BaseModel):
            yield Declared(here, default=field.default)
        yield from _of_metadata(field.metadata, here)
        yield from _of_type(field.annotation, here)


def _of_metadata(metadata: Any, path: str) -> Iterator[Declared]:
    for each in metadata:
        if isinstance(each, Rules):
            yield from _of_rules(each, path)


def _of_rules(rules: Rules, path: str) -> Iterator[Declared]:
    for rule in rules:
        if not rule.cel:
            yield Declared(".".join(filter(None, (path, rule.field))), rule=rule)
