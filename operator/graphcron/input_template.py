"""Grammar of ``inputTemplate``: ``{{ name | filter | filter }}`` in the strings of the input.

The operator and the CLI check templates with it, and the runner fills them in. There are names and a closed list of
filters, and no expressions. A problem never quotes the input, which is private.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final, NamedTuple

TEXTS: Final = ("name", "namespace", "occurrence", "trigger")
"""Names of texts."""

SCHEDULED: Final = "scheduledTime"
PREVIOUS: Final = "previousScheduledTime"
TIMES: Final = (PREVIOUS, SCHEDULED)
"""Names of times, to which filters apply."""

NAMES: Final = tuple(sorted((*TEXTS, *TIMES)))
"""All names."""

DATE: Final = "%Y-%m-%d"
"""Format of ``date`` without an argument."""

DIRECTIVES: Final = "%ABGHIMSVYabdjmpuyz"
"""Letters of the strftime directives that a format can have. They mean the same in every Python and locale ``C``."""

MAX_DAYS: Final = 3660
"""Maximum distance of ``addDays``, about ten years."""

_OPEN: Final = "{{"
_PLACE: Final = re.compile(r"""\{\{((?:[^'"}]|\}(?!\})|'[^']*'|"[^"]*")*)\}\}""")
_QUOTED: Final = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_STEP: Final = re.compile(r"""((?:[^'"|]|'[^']*'|"[^"]*")*)(?:\||$)""")
_FILTER: Final = re.compile(r"(date|addDays)(?:\s*\((.*)\))?", re.DOTALL)
_DAYS: Final = re.compile(r"[-+]?[0-9]{1,4}")
_FORMAT: Final = re.compile(f"(?:[^%]|%[{DIRECTIVES}])+")


class Problem(Enum):
    """What is wrong with a template: the problem, without the field's name, and the remedy."""

    OPEN = "has {{ without }}, or with an open quotation mark", "close it, or write {{ '{{' }} for two braces"
    NAME = (
        f"has a name between {{{{ and }}}} that is not one of {', '.join(NAMES)}",
        "correct it, or leave out spec.inputTemplate",
    )
    FILTER = (
        "has a filter between {{ and }} that is not addDays or date",
        "write, for example, {{ scheduledTime | addDays(-1) | date }}",
    )
    NOT_A_TIME = (
        "applies a filter to a value that is not a time",
        "filter scheduledTime or previousScheduledTime, and write date as the last filter",
    )
    DAYS = (
        f"uses addDays without a whole number from -{MAX_DAYS} to {MAX_DAYS}",
        "write, for example, {{ scheduledTime | addDays(-7) | date }}",
    )
    FORMAT = (
        f"uses date with an argument that is not a format of {' '.join(f'%{letter}' for letter in DIRECTIVES)}",
        "write, for example, {{ scheduledTime | date('%d %B %Y, %H:%M') }}",
    )

    @property
    def problem(self) -> str:
        """What is wrong."""
        return self.value[0]

    @property
    def remedy(self) -> str:
        """How to correct it."""
        return self.value[1]


class TemplateError(ValueError):
    """A template is invalid."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.problem}; {problem.remedy}")
        self.problem = problem


class Placeholder(NamedTuple):
    """The text between ``{{`` and ``}}``."""

    name: str
    days: int = 0
    """Days to add to the time, on the clock of the schedule's time zone."""
    format: str | None = None
    """Format in the schedule's time zone; None: RFC 3339 in UTC."""


def parse(text: str) -> Iterator[str | Placeholder]:
    """Yield the parts of a text: literal text and placeholders.

    Raises
    ------
    TemplateError
    """
    at = 0
    while (start := text.find(_OPEN, at)) >= 0:
        found = _PLACE.match(text, start)
        if not found:
            raise TemplateError(Problem.OPEN)
        yield text[at:start]
        quoted = _QUOTED.fullmatch(found[1].strip())
        yield (quoted[1] or quoted[2] or "") if quoted else _placeholder(found[1])
        at = found.end()
    yield text[at:]


def texts_of(value: Any) -> Iterator[str]:
    """Yield all strings of a JSON value, except keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_of(part)


def problems_of(value: Any) -> set[Problem]:
    """Return what is wrong with the templates of a JSON value."""
    problems = set()
    for text in texts_of(value):
        try:
            for _ in parse(text):
                pass
        except TemplateError as error:
            problems.add(error.problem)
    return problems


def placeholders_of(value: Any) -> set[Placeholder]:
    """Return the placeholders of a JSON value.

    Raises
    ------
    TemplateError
    """
    return {part for text in texts_of(value) for part in parse(text) if isinstance(part, Placeholder)}


def _placeholder(inner: str) -> Placeholder:
    name, *filters = _steps(inner)
    if _QUOTED.fullmatch(name):
        raise TemplateError(Problem.NOT_A_TIME)
    if name not in NAMES:
        raise TemplateError(Problem.NAME)
    place = Placeholder(name)
    for each in filters:
        place = _filtered(place, each)
    return place


def _steps(inner: str) -> list[str]:
    """Split at each ``|`` that is not in quotation marks."""
    steps, at = [], 0
    while found := _STEP.match(inner, at):
        steps.append(found[1].strip())
        at = found.end()
        if not found[0].endswith("|"):
            break
    return steps


def _filtered(place: Placeholder, text: str) -> Placeholder:
    """Return a placeholder with one more filter."""
    found = _FILTER.fullmatch(text)
    if not found:
        raise TemplateError(Problem.FILTER)
    if place.name not in TIMES or place.format is not None:
        raise TemplateError(Problem.NOT_A_TIME)
    name, argument = found[1], found[2]
    if name == "date":
        return place._replace(format=DATE if argument is None else _format(argument.strip()))
    days = place.days + _number(argument)
    if abs(days) > MAX_DAYS:
        raise TemplateError(Problem.DAYS)
    return place._replace(days=days)


def _number(argument: str | None) -> int:
    if argument is None or not _DAYS.fullmatch(argument.strip()):
        raise TemplateError(Problem.DAYS)
    return int(argument)


def _format(argument: str) -> str:
    quoted = _QUOTED.fullmatch(argument)
    text = (quoted[1] or quoted[2] or "") if quoted else ""
    if not _FORMAT.fullmatch(text):
        raise TemplateError(Problem.FORMAT)
    return text
