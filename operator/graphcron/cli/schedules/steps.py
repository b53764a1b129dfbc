"""Steps of a schedule (``*/90``): the values that they match, and schedules with the interval that they suggest."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import gcd
from typing import Final

from graphcron.schedule.cron import MACROS, Cron, parse

_UNITS: Final = ("minute", "hour", "day", "month", "day")
_LABELS: Final = ("minute", "hour", "day of month", "month", "weekday")
_RANGES: Final = (range(60), range(24), range(1, 32), range(1, 13), range(7))
DAY, _WEEKDAY = 2, 4
"""Indices of the fields for days."""

_STEP: Final = re.compile(r"([^/]*)/\+?0*([0-9]+)")
_DAY_MINUTES: Final = 24 * 60
_WEEK_HOURS: Final = 7 * 24


@dataclass(frozen=True)
class Step:
    """An item whose step does not give an even interval."""

    at: int
    """Index of the field."""
    item: str
    step: int
    values: tuple[int, ...]

    is_meant: bool
    """It has a range that was chosen, and more than one value."""

    @property
    def is_beyond(self) -> bool:
        """Whether the first step exceeds the range."""
        return len(self.values) == 1

    @property
    def problem(self) -> str:
        """The values that the item matches."""
        label, field = _LABELS[self.at], _RANGES[self.at]
        if self.is_beyond:
            return f'{label} "{self.item}" matches only {self.values[0]}, because the step leads beyond {field[-1]}'
        reason = "months have different lengths" if self.at == DAY else f"{self.step} does not divide {len(field)}"
        values = ", ".join(map(str, self.values))
        return f'{label} "{self.item}" matches {values}, and the last interval is another one, because {reason}'


def plain_fields(line: str) -> list[str]:
    """Return the five fields of a line without an ``H``."""
    return MACROS.get(line, line).split()


def uneven_steps(line: str) -> Iterator[Step]:
    """Yield the items of a valid line without an ``H`` whose step does not divide the range, or exceeds it."""
    for at, field in enumerate(plain_fields(line)):
        for item in field.split(","):
            if found := _STEP.fullmatch(item):
                step, values = int(found[2]), tuple(sorted(_values(at, item)))
                if not _is_even(at, step, values):
                    yield Step(at, item, step, values, is_meant=len(values) > 1 and _is_part(at, found[1]))


def written_out(line: str) -> str:
    """Return the line with the values of such items in their place."""
    fields = plain_fields(line)
    for each in uneven_steps(line):
        values = ",".join(map(str, each.values))
        fields[each.at] = ",".join(values if item == each.item else item for item in fields[each.at].split(","))
    return " ".join(fields)


def remedy_for(line: str, step: Step) -> str:
    """Return schedules with the interval of a step, or the nearest steps that divide the range."""
    fields, unit = plain_fields(line), _UNITS[step.at]
    mean = f"write the {unit}s that you mean"
    if step.at == _WEEKDAY or fields[step.at] != step.item or step.item[0] not in "*?":
        return mean
    if lines := _lines_for(fields, step):
        written = ", ".join(f'"{each}"' for each in lines)
        return f"for every {step.step} {unit}s write schedules: [{written}]"
    nothing = f"no schedule runs every {step.step} {unit}s"
    count = len(_RANGES[step.at])
    if step.at == DAY or step.step >= count:
        return f"{nothing}; {mean}"
    divisors = [each for each in range(1, count + 1) if count % each == 0]
    below, above = (
        max(each for each in divisors if each < step.step),
        min(each for each in divisors if each > step.step),
    )
    return f"{nothing}; */{below} and */{above} are even"


def _lines_for(fields: list[str], step: Step) -> list[str]:
    """Return lines with the interval that the step suggests; none if there are no such lines, or too many."""
    rest, lines = fields[step.at + 1 :], []
    if set(rest) <= set("*?"):
        if step.at == 0:
            lines = _every_minutes(step.step)
        elif step.at == 1 and fields[0].isdigit():
            lines = _every_hours(step.step, fields[0])
        elif step.at == DAY and step.step == 7:
            lines = [f"{fields[0]} {fields[1]} * * 1"]
    from graphcron.api.v1alpha1.schedule import MAX_LINES

    return lines if len(lines) <= MAX_LINES else []


def _values(at: int, item: str) -> frozenset[int]:
    cron: Cron = parse(" ".join(item if each == at else "*" for each in range(len(_RANGES))))
    return (cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays)[at]


def _is_part(at: int, span: str) -> bool:
    """Return whether a range such as ``8-17`` is a part of the field."""
    return "-" in span and _values(at, span) != frozenset(_RANGES[at])


def _is_even(at: int, step: int, values: tuple[int, ...]) -> bool:
    """Return whether the values are as far apart as the step says, also where the field starts again.

    Within a range such as ``8-17/3`` the last one must not be missed by more than a step.
    """
    field = _RANGES[at]
    if step == 1 or (len(values) > 1 and values[-1] + step <= field[-1]):
        return True
    return at != DAY and values[0] + len(field) - values[-1] == step


def _every_minutes(step: int) -> list[str]:
    """Return lines that run every ``step`` minutes of a day, one for all hours with the same minutes."""
    cycle = step // gcd(step, 60)
    if _DAY_MINUTES % step or cycle > 24:
        return []
    minutes: dict[int, list[int]] = {}
    for moment in range(0, cycle * 60, step):
        minutes.setdefault(moment // 60, []).append(moment % 60)
    return [f"{_joined(each)} {_hours(hour, cycle)} * * *" for hour, each in minutes.items()]


def _hours(first: int, cycle: int) -> str:
    if cycle >= 24:
        return str(first)
    if cycle == 1:
        return "*"
    return f"{first}-23/{cycle}" if first else f"*/{cycle}"


def _every_hours(step: int, minute: str) -> list[str]:
    """Return lines that run every ``step`` hours of a week, one for all days with the same hours."""
    if _WEEK_HOURS % step:
        return []
    days: dict[int, list[int]] = {}
    for moment in range(0, _WEEK_HOURS, step):
        days.setdefault(moment % 24, []).append(moment // 24)
    return [f"{minute} {hour} * * {_joined(each)}" for hour, each in sorted(days.items())]


def _joined(values: Iterable[int]) -> str:
    return ",".join(map(str, values))
