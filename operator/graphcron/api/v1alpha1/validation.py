"""Validation rules: each is a CEL expression for the API server and a Python predicate, with one message for both.

A :class:`Rule` is declared next to the field: in ``Annotated[str, Rules(rule, ...)]`` for a value, and in the
``rules`` of a :class:`~graphcron.api.v1alpha1.base.Part` for a rule that involves several fields. The CRD contains it
in ``x-kubernetes-validations`` and the model as a validator, so ``kubectl apply`` and the operator agree.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Self, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

T = TypeVar("T")

VIOLATION: Final = "graphcron"
"""Type of the pydantic errors that carry a :class:`Violation`."""

Reason = Literal["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired"]
"""How the API server classes a refusal: its message begins ``Invalid value``, ``Forbidden`` or ``Required value``. A
fourth, ``FieldValueDuplicate``, keeps the message to itself."""


class Violation(NamedTuple):
    """What a value got wrong."""

    field: str
    """Path of the culprit below the value, in camelCase; empty: the value itself."""
    problem: str
    """What is wrong, without the field's name."""
    remedy: str
    """What would be right."""


def violated(*violations: Violation) -> PydanticCustomError:
    """Return the error that carries violations through pydantic."""
    return PydanticCustomError(VIOLATION, "breaks a rule", {"violations": violations})


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that must hold of a value."""

    problem: str
    """What is wrong where it does not hold, without the field's name."""
    remedy: str
    """What would be right, with an example where there is one."""
    holds: Callable[[Any], bool]
    """The rule in Python. Called with a value of the right type."""
    cel: str = ""
    """The rule in CEL, where ``self`` is the value; empty: CEL can't say it and only the operator does."""
    field: str = ""
    """Path of the culprit below the value, in camelCase; empty: the value itself."""
    reason: Reason = "FieldValueInvalid"
    """How the API server classes a refusal."""
    declares: str = ""
    """Key of a free-form object that CEL can see because it is in the schema; its text states that it is rejected."""

    @property
    def message(self) -> str:
        """Return the words of a refusal, without the field's name; the same as :class:`SpecError`'s."""
        return f"{self.problem}; {self.remedy}"

    @property
    def validation(self) -> dict[str, str]:
        """Return the rule as an entry of ``x-kubernetes-validations``."""
        entry = {"rule": self.cel, "message": self.message, "reason": self.reason}
        return entry | ({"fieldPath": f".{self.field}"} if self.field else {})


class Rules(tuple[Rule, ...]):
    """Rules of one value; pydantic understands them in ``Annotated``."""

    __slots__ = ()

    def __new__(cls, *rules: Rule) -> Self:
        """Sort the rules in the order of their declaration."""
        return super().__new__(cls, rules)

    def check(self, value: T) -> T:
        """Return the value, or raise all that it breaks, in the order of the rules."""
        violations = [Violation(rule.field, rule.problem, rule.remedy) for rule in self if not rule.holds(value)]
        if violations:
            raise violated(*violations)
        return value

    def add_to(self, schema: JsonSchemaValue) -> JsonSchemaValue:
        """Write the rules into the schema of the value, and return it."""
        for rule in self:
            if rule.declares:
                refused = {"type": "string", "description": f"Rejected, because it {rule.message}."}
                schema.setdefault("properties", {})[rule.declares] = refused
            if rule.cel:
                schema.setdefault("x-kubernetes-validations", []).append(rule.validation)
        return schema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return self.add_to(handler(core))


def matching(pattern: str, problem: str, remedy: str, *, where: str = "") -> Rule:
    """Return a rule for text that must match a pattern from end to end.

    Parameters
    ----------
    pattern, where
        In what RE2 and Python's ``re`` have in common. Only text that matches ``where`` is looked at.
    """
    wanted, looked_at = (re.compile(text, re.ASCII) for text in (pattern, where))

    def holds(value: str) -> bool:
        return wanted.fullmatch(value) is not None or bool(where and not looked_at.fullmatch(value))

    cel = f"self.matches({_whole(pattern)})"
    return Rule(
        problem=problem,
        remedy=remedy,
        holds=holds,
        cel=f"!self.matches({_whole(where)}) || {cel}" if where else cel,
    )


def not_matching(pattern: str, problem: str, remedy: str) -> Rule:
    """Return a rule for text that must not match a pattern from end to end."""
    refused = re.compile(pattern, re.ASCII)
    return Rule(
        problem=problem,
        remedy=remedy,
        holds=lambda value: refused.fullmatch(value) is None,
        cel=f"!self.matches({_whole(pattern)})",
        reason="FieldValueForbidden",
    )


def one_of(fields: tuple[str, str], problem: str, remedy: str) -> Rule:
    """Return a rule for an object that must have exactly one of two fields."""
    names = tuple(re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", field) for field in fields)
    return Rule(
        problem=problem,
        remedy=remedy,
        holds=lambda value: sum(getattr(value, name) is not None for name in names) == 1,
        cel=f"has(self.{fields[0]}) != has(self.{fields[1]})",
    )


def reserved_key(key: str, problem: str, remedy: str) -> Rule:
    """Return a rule for a key that a free-form object must not have."""
    return Rule(
        problem=problem,
        remedy=remedy,
        holds=lambda value: key not in value,
        cel=f"!has(self.{key})",
        field=key,
        reason="FieldValueForbidden",
        declares=key,
    )


def reserved_prefixes(prefixes: tuple[str, ...], problem: str, remedy: str, *, cel: bool = True) -> Rule:
    """Return a rule for a mapping whose keys must not begin so.

    Parameters
    ----------
    cel
        Whether CEL can see the keys: it can't where the values may be anything.
    """
    beginnings = " || ".join(f"key.startsWith({json.dumps(prefix)})" for prefix in prefixes)
    return Rule(
        problem=problem,
        remedy=remedy,
        holds=lambda value: not any(key.startswith(prefixes) for key in value),
        cel=f"!self.exists(key, {beginnings})" if cel else "",
        reason="FieldValueForbidden",
    )


def unique_names(what: str) -> Rule:
    """Return a rule for a list whose items' names must differ; the API server knows it from the list's type."""
    return Rule(
        problem=f"two {what} have the same name",
        remedy="give each another, or leave one out",
        holds=lambda items: len({item.name for item in items}) == len(items),
    )


def _whole(pattern: str) -> str:
    """Return the pattern as a CEL string that matches from end to end."""
    return json.dumps(f"^(?:{pattern})$")
