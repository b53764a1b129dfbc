"""What pydantic does not look at where something else is wrong: the rules of the parts around it.

The API server tells all at once, and so does ``lint``.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, NamedTuple, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from graphcron.api.v1alpha1.base import FROM_USER, Part
from graphcron.api.v1alpha1.validation import VIOLATION, Violation

Location = tuple[int | str, ...]

_MISSING: Final = object()


class Broken(NamedTuple):
    """A rule that does not hold."""

    location: Location
    """Of the part that has the rule."""
    violation: Violation


class _UnknownError(Exception):
    """A rule needs a field that is invalid."""


class _Known:
    """A part of which some fields are wrong: the others, as its rules read them."""

    def __init__(self, part: type[Part], data: Mapping[str, Any], wrong: set[int | str]) -> None:
        self._part, self._data, self._wrong = part, data, wrong

    @property
    def model_fields_set(self) -> set[str]:
        """Names of the fields that are there."""
        return {name for name, field in self._part.model_fields.items() if field.alias in self._data}

    def __getattr__(self, name: str) -> Any:
        field = self._part.model_fields.get(name)
        if field is None or field.alias in self._wrong:
            raise _UnknownError
        value = self._data.get(field.alias or "", _MISSING)
        if value is _MISSING:
            if field.is_required():
                raise _UnknownError
            return field.get_default(call_default_factory=True, validated_data={})
        annotation: Any = Annotated[field.annotation, None, *field.metadata]
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        try:
            return adapter.validate_python(value, strict=True, context=FROM_USER, by_alias=True, by_name=False)
        except ValidationError:
            raise _UnknownError from None


def broken_rules(kind: type[Part], body: Mapping[str, Any], errors: list[ErrorDetails]) -> Iterator[Broken]:
    """Yield the rules that parts break in which something is wrong; none that depends on what is wrong."""
    wrong = [place for details in errors for place in places_of(details)]
    parts = {location: part for place in wrong for location, part in _parts_above(kind, place)}
    for location, part in parts.items():
        data, depth = _at(body, location), len(location)
        if isinstance(data, dict):
            known = _Known(part, data, {place[depth] for place in wrong if place[:depth] == location and place[depth:]})
            for rule in part.rules:
                if not _holds(rule.holds, known):
                    yield Broken(location, Violation(rule.field, rule.problem, rule.remedy))


def places_of(details: ErrorDetails) -> list[Location]:
    """Return what an error is about: with a rule between fields, the one that is to blame."""
    if details["type"] != VIOLATION:
        return [details["loc"]]
    fields = [violation.field for violation in details["ctx"]["violations"]]
    return [(*details["loc"], *(field.split(".") if field else ())) for field in fields]


def without(body: Mapping[str, Any], places: list[Location]) -> dict[str, Any]:
    """Return a body that lacks some members."""
    copy = dict(body)
    for place in places:
        inner: Any = copy
        for step in place[:-1]:
            inner[step] = dict(inner[step]) if isinstance(inner[step], dict) else list(inner[step])
            inner = inner[step]
        if isinstance(inner, dict):
            inner.pop(place[-1], None)
    return copy


def part_in(annotation: Any) -> type[Part] | None:
    """Return the part in ``Part``, ``Part | None`` and ``list[Part]``."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    return next(filter(None, map(part_in, get_args(annotation))), None)


def _holds(rule: Any, known: _Known) -> bool:
    try:
        return bool(rule(known))
    except _UnknownError:
        return True


def _parts_above(kind: type[Part], place: Location) -> Iterator[tuple[Location, type[Part]]]:
    """Yield the parts that a place lies in, the outermost first, and where they are."""
    part: type[Part] | None = kind
    for depth, step in enumerate(place):
        if part is None:
            return
        is_item = isinstance(step, int)
        if not is_item:
            yield place[:depth], part
            part = next(
                (part_in(field.annotation) for field in part.model_fields.values() if field.alias == step), None
            )


def _at(body: Any, location: Location) -> Any:
    for step in location:
        try:
            body = body[step]
        except (LookupError, TypeError):
            return None
    return body
