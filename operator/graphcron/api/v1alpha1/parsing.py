"""Reading a body: pydantic's errors become sentences about fields as a user writes them."""

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from graphcron.api.oversized import LARGEST_SPEC, SPEC_BYTES
from graphcron.api.v1alpha1.base import FROM_USER, MOST_LEVELS, Part
from graphcron.api.v1alpha1.graphrun import GraphRunSpec
from graphcron.api.v1alpha1.graphrun_status import GraphRunStatus
from graphcron.api.v1alpha1.hidden import Location, broken_rules, part_in, places_of, without
from graphcron.api.v1alpha1.root import GraphCron, GraphRun, GraphServer
from graphcron.api.v1alpha1.spec import GraphCronSpec
from graphcron.api.v1alpha1.status import GraphCronStatus, read_status
from graphcron.api.v1alpha1.validation import VIOLATION, Violation
from graphcron.errors import SpecError
from graphcron.unstructured.bounded_json import is_deeper

Resource = TypeVar("Resource", GraphCron, GraphRun, GraphServer)
AnyPart = TypeVar("AnyPart", bound=Part)


def parse(body: Mapping[str, Any]) -> GraphCron:
    """Return the model of a GraphCron as the API server has it.

    Raises
    ------
    SpecError
        The first thing that is wrong.
    """
    return _parsed(GraphCron, body)


def parse_server(body: Mapping[str, Any]) -> GraphServer:
    """Return the model of a GraphServer as the API server has it.

    Raises
    ------
    SpecError
        The first thing that is wrong.
    """
    return _parsed(GraphServer, body)


def parse_run(body: Mapping[str, Any]) -> GraphRun:
    """Return the model of a GraphRun as the API server has it.

    Raises
    ------
    SpecError
        The first thing that is wrong.
    """
    return _parsed(GraphRun, body)


def problems(body: Mapping[str, Any]) -> list[SpecError]:
    """Return all that is wrong with a GraphCron; nothing if :func:`parse` takes it.

    How fields fit each other is looked at as far as those are right that a rule reads.
    """
    return _problems(GraphCron, body)


def server_problems(body: Mapping[str, Any]) -> list[SpecError]:
    """Return all that is wrong with a GraphServer; nothing if :func:`parse_server` takes it."""
    return _problems(GraphServer, body)


def run_problems(body: Mapping[str, Any]) -> list[SpecError]:
    """Return all that is wrong with a GraphRun; nothing if :func:`parse_run` takes it."""
    return _problems(GraphRun, body)


def _parsed(kind: type[Resource], body: Mapping[str, Any]) -> Resource:
    if SPEC_BYTES in body:
        raise SpecError(
            field="spec",
            problem=f"is {body[SPEC_BYTES]:,} bytes, and at most {LARGEST_SPEC:,} are read",
            remedy="store the input in a ConfigMap or Secret and name it in spec.inputFrom",
        )
    return parse_part(kind, body)


def parse_part(kind: type[AnyPart], body: Mapping[str, Any]) -> AnyPart:
    """Return the model of a part of a resource.

    Raises
    ------
    SpecError
        The first thing that is wrong.
    """
    try:
        return _validated(kind, body)
    except ValidationError as error:
        raise _told(kind, error)[0] from None


def _problems(kind: type[Resource], body: Mapping[str, Any]) -> list[SpecError]:
    try:
        _validated(kind, body)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        told = _told(kind, error) + [
            SpecError(field=_path(_below(location, violation)), problem=violation.problem, remedy=violation.remedy)
            for location, violation in broken_rules(kind, body, errors)
        ]
        unreadable = [place for details in errors for place in _unreadable(details)]
        if unreadable:  # pydantic has not checked the other fields
            left_out = {_path(place) for place in unreadable}
            told += [each for each in _problems(kind, without(body, unreadable)) if each.field not in left_out]
        return list({(each.field, each.problem): each for each in told}.values())
    return []


def _unreadable(details: ErrorDetails) -> list[Location]:
    """Return the members for which a part was not read at all: those that are null or nested too deeply."""
    if details["type"] != VIOLATION or not isinstance(details["input"], dict):
        return []
    there = [
        (place, details["input"][place[-1]]) for place in places_of(details) if place and place[-1] in details["input"]
    ]
    return [place for place, value in there if value is None or is_deeper(value, MOST_LEVELS)]


def _below(location: Location, violation: Violation) -> Location:
    return (*location, *(violation.field.split(".") if violation.field else ()))


def _validated(kind: type[AnyPart], body: Mapping[str, Any]) -> AnyPart:
    return kind.model_validate(dict(body), by_alias=True, by_name=False, context=FROM_USER)


def _told(kind: type[Part], error: ValidationError) -> list[SpecError]:
    return [problem for details in error.errors(include_url=False) for problem in _problems_of(kind, details)]


def _problems_of(kind: type[Part], details: ErrorDetails) -> Iterator[SpecError]:
    location = details["loc"]
    for violation in _violations_of(kind, details):
        yield SpecError(field=_path(_below(location, violation)), problem=violation.problem, remedy=violation.remedy)


def _violations_of(kind: type[Part], details: ErrorDetails) -> tuple[Violation, ...]:
    if details["type"] == VIOLATION:
        violations: tuple[Violation, ...] = details["ctx"]["violations"]
        return violations
    if details["type"] in _WORDS_OF_PARTS:
        *parents, name = details["loc"]
        return (Violation("", *_WORDS_OF_PARTS[details["type"]](_part_at(kind, parents), str(name))),)
    return (Violation("", *_WORDS.get(details["type"], _other)(details)),)


def _path(location: tuple[int | str, ...]) -> str:
    """Return a path as users write it: ``spec.server.headers[0].name``."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif re.fullmatch(r"[\w-]+", step):
            path += f".{step}" if path else step
        else:
            path += f"[{step}]"
    return path


# --- Words for what pydantic finds: error -> (problem, remedy)


def _unknown(part: type[Part], name: str) -> tuple[str, str]:
    known = [field.alias or "" for field in part.model_fields.values()]
    if name == "namespace":
        return "is an unknown field", "omit it: references are always in the namespace of the object"
    if part is GraphRunSpec and name not in known and name in _GRAPHCRON_FIELDS:
        return "is a field of a GraphCron, and a GraphRun runs once", "omit it"
    right = _ELSEWHERE.get(name) or _inside(part, name) or _nearest(name, known)
    return "is an unknown field", f"did you mean {right}?" if right else f"the fields here are {', '.join(known)}"


def _inside(part: type[Part], name: str) -> str | None:
    """Return the path of a field of that name in a part of this part."""
    for field in part.model_fields.values():
        inner = part_in(field.annotation)
        if inner and any(each.alias == name for each in inner.model_fields.values()):
            return f"{field.alias}.{name}"
    return None


def _nearest(name: str, known: list[str]) -> str | None:
    """Return the known name that is most like another or begins with it, capitals aside."""
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    longer = [each for each in by_lower if each.startswith(name.lower())]
    return next((by_lower[each] for each in near + longer), None)


def _missing(part: type[Part], name: str) -> tuple[str, str]:
    text = next((field.description or "" for field in part.model_fields.values() if field.alias == name), "")
    meaning = " ".join(text.split()).split(". ")[0].rstrip(".")
    return "is missing", f"add it ({meaning})"


def _mistyped(wanted: str, remedy: str) -> Callable[[ErrorDetails], tuple[str, str]]:
    return lambda details: (f"is {_kind_of(details['input'])}, not {wanted}", remedy)


def _not_listed(details: ErrorDetails) -> tuple[str, str]:
    values = str(details["ctx"]["expected"]).replace("'", "").replace(" or ", ", ")
    return f"is {_shown(details['input'])}", f"write one of {values}" if "," in values else f"write {values}"


def _too_small(details: ErrorDetails) -> tuple[str, str]:
    return f"is {details['input']}", f"write {details['ctx']['ge']} or more"


def _too_large(details: ErrorDetails) -> tuple[str, str]:
    return f"is {details['input']}", f"write {details['ctx']['le']} or less"


def _too_long(details: ErrorDetails) -> tuple[str, str]:
    what = "characters" if details["type"] == "string_too_long" else "entries"
    return f"has {len(details['input'])} {what}", f"{details['ctx']['max_length']} is the most"


def _other(details: ErrorDetails) -> tuple[str, str]:
    return f"is {_shown(details['input'])}", details["msg"]


_GRAPHCRON_FIELDS: Final = frozenset(field.alias for field in GraphCronSpec.model_fields.values())

_ELSEWHERE: Final = {
    "activeDeadlineSeconds": "timeoutSeconds",
    "args": "input",
    "assistant_id": "assistant",
    "backoffLimit": "retry.attempts",
    "cron": "schedule",
    "crons": "schedules",
    "enabled": "suspend, the other way round",
    "failedJobsHistoryLimit": "history.failed",
    "jobTemplate": "runner",
    "podTemplate": "runner",
    "retries": "retry.attempts",
    "successfulJobsHistoryLimit": "history.successful",
    "threadId": "thread.id",
    "thread_id": "thread.id",
}
"""Terms of other schedulers, and the corresponding fields."""

_WORDS_OF_PARTS: Final[dict[str, Callable[[type[Part], str], tuple[str, str]]]] = {
    "extra_forbidden": _unknown,
    "missing": _missing,
}
"""Messages about missing and unknown fields, by the part and the name of the field."""

_WORDS: Final[dict[str, Callable[[ErrorDetails], tuple[str, str]]]] = {
    "literal_error": _not_listed,
    "greater_than_equal": _too_small,
    "less_than_equal": _too_large,
    "string_too_long": _too_long,
    "too_long": _too_long,
    "too_short": lambda _: ("is empty", "write at least one entry, or leave it out"),
    "string_type": _mistyped("text", "put it in quotes"),
    "int_type": _mistyped("a whole number", "write digits without quotes, for example 120"),
    "bool_type": _mistyped("true or false", "write true or false, without quotes"),
    "list_type": _mistyped("a list", "write [...] or lines that begin with '-'"),
    "dict_type": _mistyped("an object", "write it as name: value"),
    "model_type": _mistyped("an object", "write it as name: value"),
}


def _kind_of(value: Any) -> str:
    kinds: dict[type, str] = {
        type(None): "null",
        bool: "a truth value",
        int: "a number",
        float: "a fraction",
        str: "text",
        list: "a list",
        dict: "an object",
    }
    return kinds.get(type(value), f"a {type(value).__name__}")


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"


def _part_at(kind: type[Part], location: list[int | str]) -> type[Part]:
    """Return the part of the model that a location leads to."""
    part = kind
    for step in location:
        if isinstance(step, str):
            annotation = next(field.annotation for field in part.model_fields.values() if field.alias == step)
            part = part_in(annotation) or part
    return part


def status_of(body: Mapping[str, Any]) -> GraphCronStatus:
    """Read the status of a GraphCron as it stands."""
    return read_status(GraphCronStatus, body)


def run_status_of(body: Mapping[str, Any]) -> GraphRunStatus:
    """Read the status of a GraphRun as it stands."""
    return read_status(GraphRunStatus, body)
