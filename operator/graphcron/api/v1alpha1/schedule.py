"""The texts that say when: the schedule or several of them, and their time zone.

Python reads them with :mod:`graphcron.schedule`, which knows all and says best what is wrong. The rules here are what
CEL can see of it, so that most slips are refused at ``kubectl apply``; they refuse nothing that it takes.
"""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from graphcron.api.v1alpha1.validation import Rule, Rules, Violation, matching, not_matching, violated
from graphcron.errors import SpecError
from graphcron.schedule import cron, hashed, times

_MACROS: Final = "yearly|annually|monthly|weekly|daily|midnight|hourly"
_FIVE: Final = r"\s*[^@=\s][^=\s]*(\s+[^=\s]+){4}\s*"
"""Five fields with any content."""

_MONTHS: Final = "(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_WEEKDAYS: Final = "(?i:sun|mon|tue|wed|thu|fri|sat)"


def _part(at: int, name: str, values: str, allowed: str) -> Rule:
    """Return the rule for one of the five fields, counted from 0."""
    value = rf"\+?0*({values})"
    item = rf"([*?]|{value}(-{value})?|H(\({value}-{value}\))?)(/\+?0*[1-9][0-9]*)?"
    pattern = rf"\s*(\S+\s+){{{at}}}({item})?(,({item})?)*(\s(?s:.*))?"
    return matching(pattern, f"its {name} is not right", f"allowed are {allowed}", where=_FIVE)


def fires(line: str, *, seed: str) -> bool:
    """Return whether a schedule ever matches, with the values that the seed gives each ``H``.

    Raises
    ------
    SpecError
        If the text is not a schedule.
    """
    return not times.never_fires(cron.parse(hashed.render(line, seed=seed)))


def _read_schedule(text: str) -> str:
    """Return the text if it is a schedule that can match, unless that depends on the value of an ``H``."""
    try:
        never = not fires(text, seed="") and not hashed.has_hash(text)
    except SpecError as error:
        raise violated(Violation("", error.problem, error.remedy)) from None
    if never:
        remedy = 'choose a day that exists, for example "0 9 28 2 *"'
        raise violated(Violation("", f'"{text}" never matches: there is no such day', remedy))
    return text


def _read_zone(name: str) -> str:
    """Return the name if there is such a zone."""
    try:
        times.zone_for(name)
    except SpecError as error:
        raise violated(Violation("", error.problem, error.remedy)) from None
    return name


Schedule = Annotated[
    str,
    Field(max_length=255),
    AfterValidator(_read_schedule),
    Rules(
        Rule(
            problem="sets a time zone inside the schedule, which Kubernetes rejects",
            remedy="move the zone to spec.timeZone, for example timeZone: Europe/Berlin",
            holds=lambda text: "TZ=" not in text,
            cel="!self.contains('TZ=')",
        ),
        not_matching(
            "@every.*",
            "counts from the last run, and with a starting deadline it may never run",
            'write the times as five fields, for example "0 * * * *" (hourly)',
        ),
        matching(
            f"@({_MACROS})|@every.*",
            "is not a known macro",
            f"use one of @{_MACROS.replace('|', ', @')}",
            where="@[^=]*",
        ),
        matching(
            _FIVE,
            "does not have five fields",
            "write minute, hour, day of month, month and weekday, without seconds or a year, "
            'for example "30 8 * * 1-5" (08:30, Monday to Friday)',
            where="[^@=][^=]*|",
        ),
        _part(0, "minute", "[0-5]?[0-9]", '0-59, for example "*/15 * * * *"'),
        _part(1, "hour", "1?[0-9]|2[0-3]", '0-23, for example "0 8-18 * * *"'),
        _part(2, "day of month", "[1-9]|[12][0-9]|3[01]", '1-31, for example "0 9 1,15 * *"'),
        _part(3, "month", f"[1-9]|1[0-2]|{_MONTHS}", '1-12 or JAN-DEC, for example "0 9 1 JAN-MAR *"'),
        _part(4, "weekday", f"[0-6]|{_WEEKDAYS}", '0-6 (Sunday is 0) or SUN-SAT, for example "0 9 * * MON-FRI"'),
    ),
]
"""When it runs: five fields or a macro."""

MAX_LINES: Final = 10
"""How many lines ``spec.schedules`` may hold."""

Schedules = Annotated[
    list[Schedule],
    Field(min_length=1, max_length=MAX_LINES),
    Rules(
        Rule(
            problem="contains the same line twice",
            remedy="leave one out, or change it",
            holds=lambda lines: len(set(lines)) == len(lines),
            cel="self.all(line, self.exists_one(other, other == line))",
        ),
    ),
]
"""Several of them."""

TimeZone = Annotated[
    str,
    Field(max_length=64),
    AfterValidator(_read_zone),
    Rules(
        matching(
            "[A-Za-z][-+_A-Za-z0-9]*(/[-+_A-Za-z0-9]+)*",
            "is not a time zone name",
            "write an IANA name, for example Europe/Berlin or Etc/UTC; an offset such as +02:00 has no summer time",
        ),
        not_matching(
            "(?i:local)", "names no particular zone", "write an IANA name, for example Europe/Berlin or Etc/UTC"
        ),
    ),
]
"""Name of a time zone in the IANA database."""
