"""The base classes of the model: serialization, and validation rules."""

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from typing_extensions import override

from graphcron.api.v1alpha1.validation import Rules, Violation, violated
from graphcron.unstructured.bounded_json import is_deeper
from graphcron.unstructured.fields import EARLIEST_YEAR, LATEST_YEAR

STYLE: Final = ConfigDict(
    frozen=True,
    strict=True,
    extra="forbid",
    alias_generator=to_camel,
    validate_by_name=True,
    validate_by_alias=True,
    use_attribute_docstrings=True,
)
"""snake_case here, camelCase on the wire. As in the API server, values are not coerced, unknown fields are rejected."""

BY_NAME: Final[dict[str, Any]] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
"""Schema of a list that is keyed by name."""

FROM_USER: Final = "from user"
"""Validation context for a body that a user wrote."""

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)


class Part(BaseModel):
    """A part of the resource."""

    model_config = STYLE

    rules: ClassVar[Rules] = Rules()
    """Rules between the fields."""

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        return self.rules.check(self)

    @classmethod
    @override
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the rules to the schema."""
        return cls.rules.add_to(handler.resolve_ref_schema(handler(core)))


class Asked(Part):
    """A part of the spec, the desired state."""

    nullable: ClassVar[frozenset[str]] = frozenset()
    """Fields for which null is a value like any other."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_nulls(cls, value: Any, info: ValidationInfo) -> Any:
        """Reject a null in an object of a user, as the API server does; in Python, ``None`` means absent."""
        if info.context == FROM_USER and isinstance(value, dict):
            nulls = [key for key, each in value.items() if each is None and key not in cls.nullable]
            if nulls:
                raise violated(*(Violation(key, "is null", "leave it out, or give it a value") for key in nulls))
        return value


MOST_LEVELS: Final = 64
"""Maximum nesting depth of lists and objects in a field of any form."""


class Spec(Asked):
    """The complete desired state."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_depth(cls, value: Any) -> Any:
        """Reject values that are nested too deeply; CEL does not see the contents of a free-form field."""
        if isinstance(value, dict):
            deep = [key for key, each in value.items() if is_deeper(each, MOST_LEVELS)]
            if deep:
                problem = f"is nested more than {MOST_LEVELS} levels deep"
                raise violated(*(Violation(key, problem, "make it flatter") for key in deep))
        return value


def rfc3339(instant: datetime) -> str:
    """Return the instant in UTC and whole seconds, as Kubernetes writes times: ``2026-12-31T23:59:59Z``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_instant(value: Any) -> datetime:
    """Return an aware datetime from RFC 3339 text, or from the datetime that a YAML parser created from it."""
    if isinstance(value, str) and _RFC3339.fullmatch(value):
        with suppress(ValueError):
            value = datetime.fromisoformat(value.upper())
    if isinstance(value, datetime) and value.tzinfo is not None:
        if EARLIEST_YEAR <= value.year < LATEST_YEAR:
            return value
        remedy = f"write one in the years {EARLIEST_YEAR} to {LATEST_YEAR - 1}, for example 2026-12-31T23:59:59Z"
        raise violated(Violation("", f'"{value.isoformat()}" is out of range', remedy))
    remedy = "write date, time and offset (RFC 3339), for example 2026-12-31T23:59:59Z"
    raise violated(Violation("", f'"{value}" is not a timestamp', remedy))


Instant = Annotated[datetime, BeforeValidator(_read_instant), PlainSerializer(rfc3339)]
"""A point in time, always aware; RFC 3339 on the wire."""
