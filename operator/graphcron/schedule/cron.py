"""Cron text to :class:`Cron`: the grammar of the Kubernetes API server, and no more.

Kubernetes parses a CronJob's schedule with ``ParseStandard`` of robfig/cron v3.0.1 and rejects any text that contains
``TZ``. What is accepted here is accepted there and means the same (proved by ``tests/oracle``). Three things that the
API server accepts are rejected here, because no user can mean what they do:

``@every 1h``
    Kubernetes counts it from the last run or from ``now - startingDeadlineSeconds``, whichever is later. With the
    finite deadline that a GraphCron always has, an interval longer than the deadline never ends, and nothing
    reports it; a shorter one restarts whenever the CronJob does. Five fields are reliable.
``*-5``
    robfig stops reading at the star, so ``*-5 * * * *`` would start a paid run every minute.
``FRİ``
    Go folds the Turkish capital to ``i`` and reads FRI.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from graphcron.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = ["Cron", "parse"]

_EXAMPLE = '"30 8 * * 1-5" (08:30, Monday to Friday)'
_BLANKS = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
"""Go's white space; Python's ``split()`` also splits at ``\\x1c`` to ``\\x1f``."""
_INTEGER = re.compile(r"\+?0*([0-9]{1,19})")
_MAX_INT64 = 2**63 - 1
"""Maximum step that Go's parser can store."""
_QUOTE_LIMIT = 40
"""Characters of the user's text that a message repeats, so that it stays one line."""
_STARS = ("*", "?")
_FOREIGN = {
    re.compile(""): "a number is missing",
    re.compile(r"H.*", re.IGNORECASE): "H (a time picked by hash) is Jenkins', not Kubernetes'",
    re.compile(r"(\d*|[A-Z]{3})[LW]|LW|.*#.*", re.IGNORECASE): "L, W and # are Quartz', not Kubernetes'",
}
"""Syntax of other cron implementations in place of a number."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule as sets of local wall-clock values; two spellings of one schedule are equal.

    Attributes
    ----------
    minutes, hours
        Values 0-59 and 0-23.
    days, months
        Days of the month 1-31; months 1-12.
    weekdays
        0 is Sunday, 6 is Saturday.
    any_day, any_weekday
        Whether the field was starred (``*``, ``?``, ``*/1``; not ``*/2``). If either was, a day must match both
        fields; if neither was, one is enough.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def matches_day(self, day: date) -> bool:
        """Return whether day of month and weekday match ``day``; the month is ignored."""
        by_day = day.day in self.days
        by_weekday = day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_day and by_weekday
        return by_day or by_weekday

    @property
    def normal_form(self) -> str:
        """The five fields, each as an ascending list of all numbers, or as ``*``.

        ``*`` means all numbers, and in a day field a starred one.
        """
        starred = (
            len(self.minutes) == 60,
            len(self.hours) == 24,
            self.any_day,
            len(self.months) == 12,
            self.any_weekday,
        )
        fields = (self.minutes, self.hours, self.days, self.months, self.weekdays)
        return " ".join(
            "*" if star else ",".join(map(str, sorted(values))) for star, values in zip(starred, fields, strict=True)
        )


def parse(text: str, *, field: str = "spec.schedule") -> Cron:
    """Parse a schedule: five fields or a macro such as ``@daily``.

    Parameters
    ----------
    text
        As the user wrote it.
    field
        Path of the field that holds it, for the message.

    Raises
    ------
    SpecError
        If the API server would refuse it, or for one of this module's three exceptions. It names the part that is
        wrong, what is allowed there, and an example.
    """
    _refuse_zone(text, field)
    fields = _fields(_expand_macro(text, field), field)
    read = [_Reader(part, path=field).read(value) for part, value in zip(_PARTS, fields, strict=True)]
    (minutes, _), (hours, _), (days, any_day), (months, _), (weekdays, any_weekday) = read
    return Cron(minutes, hours, days, months, weekdays, any_day=any_day, any_weekday=any_weekday)


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the five fields: its bounds, a valid value, and its names."""

    label: str
    low: int
    high: int
    example: str
    names: Mapping[str, int]


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PARTS = (
    _Part("minute", 0, 59, "*/15", {}),
    _Part("hour", 0, 23, "8-18", {}),
    _Part("day of month", 1, 31, "1,15", {}),
    _Part("month", 1, 12, "1-3 or JAN-MAR", {name: at for at, name in enumerate(_MONTHS, start=1)}),
    _Part("weekday", 0, 6, "1-5 or MON-FRI", {name: at for at, name in enumerate(_WEEKDAYS)}),
)
MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""Macros, and their equivalent lines."""


def _quoted(text: str) -> str:
    """Return the user's text in quotes and on one line, truncated if it is long."""
    shown = text if len(text) <= _QUOTE_LIMIT else text[:_QUOTE_LIMIT] + "..."
    return '"' + shown.encode("unicode_escape").decode("ascii") + '"'


def _refuse_zone(text: str, path: str) -> None:
    if "TZ" in text:
        raise SpecError(
            field=path,
            problem=f"{_quoted(text)} sets a time zone inside the schedule, which Kubernetes rejects",
            remedy="move the zone to spec.timeZone, for example timeZone: Europe/Berlin",
        )


def _expand_macro(text: str, path: str) -> str:
    """Return the five fields of a macro, or any other text unchanged."""
    if not text.startswith("@") or text in MACROS:
        return MACROS.get(text, text)
    name = text.split(" ", maxsplit=1)[0]
    if name == "@every":
        problem = f"{_quoted(text)} counts from the last run, and with a starting deadline it may never run"
        remedy = 'write the times as five fields, for example "0 * * * *" (hourly) or "*/15 * * * *"'
    elif name == "@reboot":
        problem = '"@reboot" has no meaning in a cluster'
        remedy = f"say when to run, for example {_EXAMPLE}"
    else:
        near = difflib.get_close_matches(text.strip().lower(), MACROS, n=1)
        problem = f"{_quoted(text)} is not a known macro"
        remedy = f"did you mean {near[0]}?" if near else f"use one of {', '.join(MACROS)}"
    raise SpecError(field=path, problem=problem, remedy=remedy)


def _fields(text: str, path: str) -> list[str]:
    """Split the text at its blanks into exactly five fields."""
    fields = [part for part in _BLANKS.split(text) if part]
    if len(fields) == len(_PARTS):
        return fields
    remedy = f"write five: minute, hour, day of month, month, weekday; for example {_EXAMPLE}"
    problem = f"{_quoted(text)} has {len(fields)} of the five fields" if fields else "is empty"
    if len(fields) > len(_PARTS):
        problem = f"{_quoted(text)} has {len(fields)} fields; Kubernetes knows no seconds and no years"
    raise SpecError(field=path, problem=problem, remedy=remedy)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one field: a list of ``low``, ``low-high``, ``*`` or ``?``, each with an optional ``/step``.

    Empty items are skipped, as in the API server; a list of only empty items matches no value.
    """

    part: _Part
    path: str

    def read(self, text: str) -> tuple[frozenset[int], bool]:
        """Return the values that the list matches, and whether an item of it is a star."""
        items = [self._item(item) for item in text.split(",") if item]
        return frozenset().union(*(values for values, _ in items)), any(starred for _, starred in items)

    def _item(self, item: str) -> tuple[range, bool]:
        span, *steps = item.split("/")
        if len(steps) > 1:
            raise self._error(item, "has more than one slash")
        step = self._number(steps[0], item) if steps else 1
        if step == 0 or step > _MAX_INT64:
            raise self._error(item, "a step is a whole number from 1 up", "*/15 means every 15th")
        if span in _STARS:
            return range(self.part.low, self.part.high + 1, step), step == 1
        low, high = self._span(span, item, open_ended=bool(steps))
        return range(low, high + 1, step), False

    def _span(self, span: str, item: str, *, open_ended: bool) -> tuple[int, int]:
        """Return both ends of ``low`` or ``low-high``; ``low/step`` runs to the field's last value."""
        start, *ends = span.split("-")
        if start in _STARS:
            raise self._error(item, "a star has no end")
        if len(ends) > 1:
            raise self._error(item, "has more than one hyphen")
        low = self._bounded(start, item)
        if not ends:
            return low, self.part.high if open_ended else low
        high = self._bounded(ends[0], item)
        if low > high:
            wrapped = f"{start}-{self.part.high},{self.part.low}-{ends[0]}"
            raise self._error(item, "the range runs backwards", f"to go round the end, write {wrapped}")
        return low, high

    def _bounded(self, token: str, item: str) -> int:
        """Return the value of a number or name within the field's bounds."""
        named = self.part.names.get(token.lower())
        value = self._number(token, item) if named is None else named
        if value < self.part.low:
            raise self._error(item, f"{value} is below {self.part.low}")
        if value > self.part.high:
            sunday = value == 7 and self.part.label == "weekday"
            raise self._error(item, f"{value} is above {self.part.high}", "Sunday is 0 or SUN here" if sunday else "")
        return value

    def _number(self, token: str, item: str) -> int:
        """Parse an integer as Go does: a plus sign and leading zeros are allowed."""
        if digits := _INTEGER.fullmatch(token):
            return int(digits[1])
        for pattern, problem in _FOREIGN.items():
            if pattern.fullmatch(token):
                raise self._error(item, problem)
        short, kinds = token[:3].upper(), "number or name" if self.part.names else "whole number"
        meant = f"did you mean {short}?" if short.lower() in self.part.names else ""
        raise self._error(item, f"{_quoted(token)} is not a {kinds}", meant)

    def _error(self, item: str, problem: str, remedy: str = "") -> SpecError:
        part = self.part
        allowed = f"allowed are {part.low}-{part.high}, for example {part.example}"
        return SpecError(field=self.path, problem=f"{part.label} {_quoted(item)}: {problem}", remedy=remedy or allowed)
