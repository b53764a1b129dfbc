"""Convert the schedule of a LangGraph cron to lines that Kubernetes accepts and that have the same times.

LangGraph reads schedules with croniter: 7 is Sunday too, ``L`` is the last day of the month, ``5#2`` the second Friday,
and a sixth field has seconds.
"""

import re
from collections.abc import Iterable
from typing import Final

from graphcron.errors import SpecError
from graphcron.schedule.cron import parse

_TO_SUNDAY: Final = re.compile(r"([0-6]|[a-z]{3})-7(?:/([1-9]))?", re.IGNORECASE)
_NTH: Final = re.compile(r"([0-7]|[a-z]{3})#([1-5])", re.IGNORECASE)
_LONG: Final = frozenset({1, 3, 5, 7, 8, 10, 12})
_FEBRUARY: Final = 2
_ALL_WEEKS: Final = frozenset("12345")


def same_lines(text: str) -> list[str]:
    """Return lines with the same times; the text itself if there are none."""
    fields = text.split()
    if len(fields) in (6, 7) and fields[5].strip("0") == "" and fields[6:] in ([], ["*"]):
        fields = fields[:5]
    if len(fields) != 5:
        return [text]
    fields[4] = _weekdays(fields[4])
    try:
        lines = _months_apart(*fields)
        for line in lines:
            parse(line)
    except SpecError:
        return [text]
    return [text] if lines == [" ".join(text.split())] else lines


def _weekdays(field: str) -> str:
    """Replace 7 with 0, and a weekday that is given for all five weeks with the plain weekday."""
    items = field.split(",")
    weeks: dict[str, set[str]] = {}
    for found in filter(None, map(_NTH.fullmatch, items)):
        weeks.setdefault(found[1], set()).add(found[2])
    if weeks and all(_NTH.fullmatch(item) for item in items) and all(each == _ALL_WEEKS for each in weeks.values()):
        items = list(weeks)
    return ",".join(map(_weekday, items))


def _weekday(item: str) -> str:
    if item == "7":
        return "0"
    found = _TO_SUNDAY.fullmatch(item)
    if not found:
        return item
    try:
        first = min(parse(f"* * * * {found[1]}").weekdays)
    except SpecError:  # no name of a weekday
        return item
    values = {value % 7 for value in range(first, 8, int(found[2] or 1))}
    return "0-6" if len(values) == 7 else _joined(values)


def _months_apart(minute: str, hour: str, day: str, month: str, weekday: str) -> list[str]:
    """Return a line for the months of each length if the line contains the last day of the month."""
    items = [item for item in day.split(",") if item.lower() != "l"]
    if len(items) == len(day.split(",")):
        return [f"{minute} {hour} {day} {month} {weekday}"]
    others = parse(f"* * {','.join(items)} * *").days if items else frozenset[int]()
    months: dict[frozenset[int], set[int]] = {}
    for each in parse(f"* * * {month} *").months:
        last = {28, 29} if each == _FEBRUARY else {31 if each in _LONG else 30}
        if each == _FEBRUARY and not last <= others:
            return [f"{minute} {hour} {day} {month} {weekday}"]  # the 28th is the last one in some years only
        months.setdefault(frozenset(others | last if each != _FEBRUARY else others), set()).add(each)
    return [
        f"{minute} {hour} {_joined(days)} {month if len(months) == 1 else _joined(of)} {weekday}"
        for days, of in months.items()
    ]


def _joined(values: Iterable[int]) -> str:
    return ",".join(map(str, sorted(values)))
