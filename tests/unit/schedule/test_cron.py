"""Reading a schedule: what the message says when it is wrong. What is right is the oracle's to say."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import date

import pytest

from graphcron.errors import SpecError
from graphcron.schedule.cron import Cron, parse

FIVE = "write five: minute, hour, day of month, month, weekday"

REFUSED = {
    "an empty text": ("", "is empty", FIVE),
    "blanks only": (" \t", "is empty", FIVE),
    "four fields": ("0 0 * *", '"0 0 * *" has 4 of the five fields', FIVE),
    "six fields, the first for seconds": ("0 0 9 * * 1", "has 6 fields; Kubernetes knows no seconds", FIVE),
    "seven fields, the last for years": ("0 0 9 * * 1 2026", "has 7 fields", FIVE),
    "7 for Sunday": ("0 9 * * 7", 'weekday "7": 7 is above 6', "Sunday is 0 or SUN here"),
    "a range up to 7": ("0 9 * * 1-7", 'weekday "1-7": 7 is above 6', "Sunday is 0 or SUN here"),
    "7 for another field is only too large": ("0 9 * 77 *", 'month "77": 77 is above 12', "allowed are 1-12"),
    "minute 60": ("60 * * * *", 'minute "60": 60 is above 59', "allowed are 0-59, for example */15"),
    "hour 24": ("0 24 * * *", 'hour "24": 24 is above 23', "allowed are 0-23, for example 8-18"),
    "day 0": ("0 0 0 * *", 'day of month "0": 0 is below 1', "allowed are 1-31, for example 1,15"),
    "month 13 in a list": (
        "0 0 1 1,13 *",
        'month "13": 13 is above 12',
        "allowed are 1-12, for example 1-3 or JAN-MAR",
    ),
    "a step of zero": ("*/0 * * * *", 'minute "*/0": a step is a whole number from 1 up', "*/15 means every 15th"),
    "a step too large for Go": ("*/9999999999999999999 * * * *", "a step is a whole number from 1 up", "*/15"),
    "a negative step": ("*/-5 * * * *", '"-5" is not a whole number', "allowed are 0-59"),
    "a step that is missing": ("*/ * * * *", 'minute "*/": a number is missing', "allowed are 0-59"),
    "two steps": ("*/2/3 * * * *", "has more than one slash", "allowed are 0-59"),
    "a range with two hyphens": ("1-2-3 * * * *", "has more than one hyphen", "allowed are 0-59"),
    "a range without an end": ("5- * * * *", 'minute "5-": a number is missing', "allowed are 0-59"),
    "a range that goes round the end": ("0 9 * * FRI-MON", "the range runs backwards", "write FRI-6,0-MON"),
    "a star with an end": ("*-5 * * * *", 'minute "*-5": a star has no end', "allowed are 0-59"),
    "a word": ("often * * * *", '"often" is not a whole number', "allowed are 0-59"),
    "a long name": ("0 9 * * monday", '"monday" is not a number or name', "did you mean MON?"),
    "a name in the wrong field": ("0 MON * * *", 'hour "MON": "MON" is not a whole number', "allowed are 0-23"),
    "a fraction": ("1.5 * * * *", '"1.5" is not a whole number', "allowed are 0-59"),
    "a dotted capital i, which Go folds": ("0 9 * * FR\u0130", '"FR\\u0130" is not a number or name', "MON-FRI"),
    "the last day of the month": ("0 0 L * *", 'day of month "L": L, W and # are Quartz\'', "allowed are 1-31"),
    "the last Friday": ("0 0 * * 5L", "L, W and # are Quartz'", "allowed are 0-6"),
    "the nearest weekday": ("0 0 15W * *", "L, W and # are Quartz'", "allowed are 1-31"),
    "the third Friday": ("0 0 * * FRI#3", "L, W and # are Quartz'", "allowed are 0-6"),
    "a hash": ("H * * * *", 'minute "H": H (a time picked by hash) is Jenkins\'', "allowed are 0-59"),
    "a hash in a range": ("H(0-29)/10 * * * *", "H (a time picked by hash) is Jenkins'", "allowed are 0-59"),
    "a time zone": ("TZ=Europe/Berlin 0 9 * * *", "sets a time zone inside", "move the zone to spec.timeZone"),
    "cron's other word for it": ("CRON_TZ=UTC @daily", "sets a time zone inside", "move the zone to spec.timeZone"),
    "an interval": ("@every 1h", '"@every 1h" counts from the last run', '"0 * * * *" (hourly)'),
    "a start of the machine": ("@reboot", '"@reboot" has no meaning in a cluster', "say when to run"),
    "a macro in capitals": ("@Daily", '"@Daily" is not a known macro', "did you mean @daily?"),
    "a macro that ends in a blank": ("@daily ", '"@daily " is not a known macro', "did you mean @daily?"),
    "a macro of nobody's": ("@2h", "is not a known macro", "use one of @yearly, @annually"),
    "a text with a line break": ("@daily\nx", '"@daily\\nx" is not a known macro', "did you mean @daily?"),
}


@pytest.mark.parametrize(("text", "problem", "remedy"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_names_the_part_and_the_way_out(text: str, problem: str, remedy: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy
    assert str(caught.value).startswith("spec.schedule: ")


def test_a_refusal_names_the_field_that_it_was_told() -> None:
    with pytest.raises(SpecError, match=r"^spec\.schedules\[1\]: "):
        parse("* * * *", field="spec.schedules[1]")


def test_a_refusal_stays_short_however_long_the_text() -> None:
    for text in ("x" * 10_000, "9" * 10_000 + " * * * *", "* " * 10_000):
        with pytest.raises(SpecError) as caught:
            parse(text)
        assert len(str(caught.value)) < 300


SAME = {
    "names in any case": ("0 9 * jan-MAR Mon-fri", "0 9 * 1-3 1-5"),
    "a question mark is a star": ("? ? ? ? ?", "* * * * *"),
    "a start with a step runs to the end": ("10/20 * * * *", "10,30,50 * * * *"),
    "a step over a range": ("0 8-18/5 * * *", "0 8,13,18 * * *"),
    "empty items are skipped": (",0,,30, * * * *", "0,30 * * * *"),
    "leading zeros and plus signs": ("05 +9 * * *", "5 9 * * *"),
    "any blanks between the fields": ("\t0  9\u00a0*\n* *  ", "0 9 * * *"),
    "a one-value range is that value": ("6-6 * * * *", "6 * * * *"),
    "@hourly": ("@hourly", "0 * * * *"),
    "@daily": ("@daily", "0 0 * * *"),
    "@midnight": ("@midnight", "0 0 * * *"),
    "@weekly": ("@weekly", "0 0 * * SUN"),
    "@monthly": ("@monthly", "0 0 1 * *"),
    "@yearly": ("@yearly", "0 0 1 1 *"),
    "@annually": ("@annually", "0 0 1 1 *"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_two_spellings_of_a_schedule_are_equal(one: str, other: str) -> None:
    assert parse(one) == parse(other)


MONDAY_THE_FIRST, TUESDAY_THE_FIRST = date(2026, 6, 1), date(2026, 9, 1)
MONDAY_THE_EIGHTH, TUESDAY_THE_NINTH = date(2026, 6, 8), date(2026, 6, 9)

DAYS = {
    "both starred: every day": ("* * * * *", {1, 2, 3, 4}),
    "only the day given: that day": ("* * 1 * *", {1, 2}),
    "only the weekday given: that weekday": ("* * * * 1", {1, 3}),
    "both given: either is enough": ("* * 1 * 1", {1, 2, 3}),
    "a stepped star is a list like another: either is enough": ("* * */31 * 1", {1, 2, 3}),
    "a step of one is a star: both are needed": ("* * */1 * 1", {1, 3}),
    "a question mark is a star: both are needed": ("* * ? * 1", {1, 3}),
    "a star in a list is a star: both are needed": ("* * 1,* * 1", {1, 3}),
    "a full range is no star: either is enough": ("* * 1-31 * 1", {1, 2, 3, 4}),
}


@pytest.mark.parametrize(("text", "wanted"), DAYS.values(), ids=DAYS)
def test_day_and_weekday_combine_as_in_robfig(text: str, wanted: set[int]) -> None:
    days = {1: MONDAY_THE_FIRST, 2: TUESDAY_THE_FIRST, 3: MONDAY_THE_EIGHTH, 4: TUESDAY_THE_NINTH}
    assert {at for at, day in days.items() if parse(text).matches_day(day)} == wanted


def test_a_schedule_is_a_value() -> None:
    cron = parse("0 9 * * 1-5")
    assert {cron: "found"}[parse("00 9 ? * MON-FRI")] == "found"
    with pytest.raises(FrozenInstanceError):
        cron.hours = frozenset()  # type: ignore[misc]
    assert cron == Cron(
        minutes=frozenset({0}),
        hours=frozenset({9}),
        days=frozenset(range(1, 32)),
        months=frozenset(range(1, 13)),
        weekdays=frozenset(range(1, 6)),
        any_day=True,
        any_weekday=False,
    )
