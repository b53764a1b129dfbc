"""When a schedule runs. The oracle covers the breadth; here are the cases that a reader wants to see."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest
from croniter import croniter

from graphcron.errors import SpecError
from graphcron.schedule.cron import Cron, parse
from graphcron.schedule.times import is_due, never_fires, next_after, next_times, previous_at_or_before, zone_for


def at(text: str) -> datetime:
    """Read an instant; without an offset it is UTC."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


NEXT = {
    "later today": ("30 8 * * *", "Etc/UTC", "2026-05-04T07:00", ["2026-05-04T08:30", "2026-05-05T08:30"]),
    "not the minute that it is": ("30 8 * * *", "Etc/UTC", "2026-05-04T08:30", ["2026-05-05T08:30"]),
    "the minute that begins in a moment": (
        "30 8 * * *", "Etc/UTC", "2026-05-04T08:29:59.999999", ["2026-05-04T08:30"],
    ),
    "in the zone's own time": ("30 8 * * *", "Asia/Kolkata", "2026-05-04T00:00", ["2026-05-04T03:00"]),
    "over the turn of the year": ("0 0 1 1 *", "Etc/UTC", "2026-12-31T23:59", ["2027-01-01T00:00"]),
    "weekdays step over the weekend": ("0 9 * * 1-5", "Etc/UTC", "2026-05-01T09:00", ["2026-05-04T09:00"]),
    "29 February waits for a leap year": ("0 0 29 2 *", "Etc/UTC", "2026-01-01", ["2028-02-29", "2032-02-29"]),
    "29 February is out of sight around 2100": ("0 0 29 2 *", "Etc/UTC", "2096-03-01", []),
    "31 February never comes": ("0 0 31 2 *", "Etc/UTC", "2026-01-01", []),
    "the hour that spring skips is skipped": (
        "30 2 * * *", "America/New_York", "2026-03-07T12:00", ["2026-03-09T02:30-04:00"],
    ),
    "the hour that autumn repeats runs twice": (
        "30 1 * * *", "America/New_York", "2026-10-31T12:00",
        ["2026-11-01T01:30-04:00", "2026-11-01T01:30-05:00", "2026-11-02T01:30-05:00"],
    ),
    "Berlin skips": ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["2026-03-30T02:30+02:00"]),
    "Berlin repeats": (
        "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00",
        ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-26T02:30+01:00"],
    ),
    "Lord Howe repeats half an hour": (
        "15,45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00",
        ["2026-04-05T01:15+11:00", "2026-04-05T01:45+11:00", "2026-04-05T01:45+10:30"],
    ),
    "Casablanca repeats before Ramadan": (
        "30 2 * * *", "Africa/Casablanca", "2025-02-22T12:00", ["2025-02-23T02:30+01:00", "2025-02-23T02:30+00:00"],
    ),
    "and skips after it": (
        "30 2 * * *", "Africa/Casablanca", "2025-04-05T12:00", ["2025-04-07T02:30+01:00"],
    ),
    "Cairo repeats the last hour of a day": (
        "30 23 * * *", "Africa/Cairo", "2025-10-30T12:00", ["2025-10-30T23:30+03:00", "2025-10-30T23:30+02:00"],
    ),
    "every other hour follows the clock's figures": (
        "0 */2 * * *", "Europe/Berlin", "2026-03-28T22:30", ["2026-03-29T00:00+01:00", "2026-03-29T04:00+02:00"],
    ),
    "robfig's slip: half an hour of change costs Lord Howe a day": (
        "0 3 * * *", "Australia/Lord_Howe", "2026-10-03T01:00", ["2026-10-05T03:00+11:00"],
    ),
    "robfig's slip: a midnight that is skipped lets the day before run on": (
        "*/20 5 28 4 *", "Africa/Cairo", "2005-04-28T21:37:33", ["2005-04-29T05:00+03:00"],
    ),
    "a day that does not exist is passed over": (
        "0 0 1 * *", "Pacific/Apia", "2011-12-20T00:00", ["2012-01-01T00:00+14:00"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "zone", "after", "wanted"), NEXT.values(), ids=NEXT)
def test_the_next_runs_are(text: str, zone: str, after: str, wanted: list[str]) -> None:
    found = next_times(parse(text), zone_for(zone), at(after), max(len(wanted), 1))
    assert found == [at(each) for each in wanted]
    assert all(each.tzinfo is UTC for each in found)


PREVIOUS = {
    "the minute that it is": ("30 8 * * *", "Etc/UTC", "2026-05-04T08:30:59", "2026-05-04T08:30"),
    "yesterday": ("30 8 * * *", "Etc/UTC", "2026-05-04T08:29:59", "2026-05-03T08:30"),
    "a year ago": ("59 23 31 12 *", "Etc/UTC", "2026-12-31T23:58", "2025-12-31T23:59"),
    "the leap day": ("0 0 29 2 *", "Etc/UTC", "2027-07-01", "2024-02-29"),
    "no leap day within five years": ("0 0 29 2 *", "Etc/UTC", "2104-02-28", None),
    "31 February never was": ("0 0 31 2 *", "Etc/UTC", "2026-01-01", None),
    "the second of two equal times": ("30 1 * * *", "America/New_York", "2026-11-01T12:00", "2026-11-01T01:30-05:00"),
    "the first of two equal times": ("30 1 * * *", "America/New_York", "2026-11-01T06:29", "2026-11-01T01:30-04:00"),
    "before the hour that was skipped": (
        "30 2 * * *",
        "America/New_York",
        "2026-03-09T00:00",
        "2026-03-07T02:30-05:00",
    ),
}


@pytest.mark.parametrize(("text", "zone", "before", "wanted"), PREVIOUS.values(), ids=PREVIOUS)
def test_the_previous_run_is(text: str, zone: str, before: str, wanted: str | None) -> None:
    assert previous_at_or_before(parse(text), zone_for(zone), at(before)) == (at(wanted) if wanted else None)


CHANGES = {
    "an hour, west": ("America/New_York", "2026-03-08T07:00"),
    "an hour back, west": ("America/New_York", "2026-11-01T06:00"),
    "an hour back, east": ("Europe/Berlin", "2026-10-25T01:00"),
    "half an hour": ("Australia/Lord_Howe", "2026-10-03T15:30"),
    "half an hour back": ("Australia/Lord_Howe", "2026-04-04T15:00"),
    "a midnight skipped": ("Africa/Cairo", "2026-04-23T22:00"),
    "a midnight repeated": ("America/Havana", "2024-11-03T05:00"),
    "a minute past midnight, back into yesterday": ("America/St_Johns", "2010-11-07T02:31"),
    "a day skipped": ("Pacific/Apia", "2011-12-30T10:00"),
    "two hours": ("Antarctica/Troll", "2026-03-29T01:00"),
}


@pytest.mark.parametrize(("name", "change"), CHANGES.values(), ids=CHANGES)
def test_backward_search_over_clock_change_equals_scan(name: str, change: str) -> None:
    zone = zone_for(name)
    start, day = at(change) - timedelta(hours=26), at(change).astimezone(zone).day
    for text in ("30 2 * * *", "*/20 0-3 * * *", "15 23 * * *", f"59 * {day} * *", "1 0 1 * *"):
        cron = parse(text)
        scanned = None
        for minute in range(52 * 60):
            now = start + timedelta(minutes=minute)
            scanned = now if is_due(cron, zone, now) else scanned
            if minute % 97 == 0 and scanned:
                assert previous_at_or_before(cron, zone, now) == scanned


@pytest.mark.parametrize("name", ["Etc/UTC", "America/New_York", "Africa/Cairo"])
def test_due_minute_is_next_of_moment_before(name: str) -> None:
    zone, cron = zone_for(name), parse("*/7 * * * *")
    start = at("2026-04-23T20:00")
    for minute in (start + timedelta(minutes=each) for each in range(300)):
        asked = next_after(cron, zone, minute - timedelta(seconds=1))
        assert is_due(cron, zone, minute) == (asked == minute)


NEVER = {
    "30 February": ("0 0 30 2 *", True),
    "31 in short months only": ("0 0 31 2,4,6,9,11 *", True),
    "31 in a short and a long month": ("0 0 31 2,3 *", False),
    "29 February": ("0 0 29 2 *", False),
    "31 February or a Monday": ("0 0 31 2 1", False),
    "31 February and any weekday": ("0 0 31 2 ?", True),
    "no minute": (", 0 * * *", True),
    "no hour": ("0 , * * *", True),
    "no month": ("0 0 1 , *", True),
    "no day, but a weekday": ("0 0 , * 1", False),
    "no day, and any weekday": ("0 0 , * *", True),
    "every minute": ("* * * * *", False),
}


@pytest.mark.parametrize(("text", "wanted"), NEVER.values(), ids=NEVER)
def test_a_schedule_that_can_never_run_is_known(text: str, wanted: bool) -> None:
    cron, zone, now = parse(text), zone_for("Etc/UTC"), at("2026-01-01")
    assert never_fires(cron) is wanted
    assert (next_after(cron, zone, now) is None) is wanted
    assert (previous_at_or_before(cron, zone, now) is None) is wanted


ZONES = {
    "a typing error": ("Europe/Berlim", 'no time zone "Europe/Berlim"', "did you mean Europe/Berlin?"),
    "small letters": ("america/new_york", 'no time zone "america/new_york"', "did you mean America/New_York?"),
    "an abbreviation": ("CEST", 'no time zone "CEST"', "did you mean"),
    "nothing like a zone": ("????", 'no time zone "????"', "write an IANA name, for example Etc/UTC"),
    "the controller's own": ("Local", '"Local" would be the zone that the controller', "write an IANA name"),
    "nothing": ("", "is empty", "write an IANA name"),
    "a way out of the database": ("../../etc/passwd", 'no time zone "../../etc/passwd"', ""),
}


@pytest.mark.parametrize(("name", "problem", "remedy"), ZONES.values(), ids=ZONES)
def test_an_unknown_zone_is_refused_with_a_suggestion(name: str, problem: str, remedy: str) -> None:
    with pytest.raises(SpecError) as caught:
        zone_for(name)
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy
    assert str(caught.value).startswith("spec.timeZone: ")


def test_a_naive_instant_is_a_mistake_of_the_caller() -> None:
    cron, zone, naive = parse("* * * * *"), zone_for("Etc/UTC"), at("2026-01-01").replace(tzinfo=None)
    for ask in (next_after, previous_at_or_before, is_due):
        with pytest.raises(TypeError):
            ask(cron, zone, naive)


def test_an_instant_may_come_in_any_zone() -> None:
    cron, zone = parse("0 12 * * *"), zone_for("Etc/UTC")
    after = datetime(2026, 1, 1, 23, tzinfo=timezone(timedelta(hours=14)))
    assert next_after(cron, zone, after) == at("2026-01-01T12:00")


def simple_schedule(chance: random.Random) -> str:
    """Make a schedule that croniter reads as Kubernetes does: single values and lists, and one day field at most."""

    def field(low: int, high: int, share: float) -> str:
        values = sorted({chance.randint(low, high) for _ in range(chance.randint(1, 4))})
        return ",".join(map(str, values)) if chance.random() < share else "*"

    by_weekday = chance.random() < 0.5
    day, weekday = ("*", field(0, 6, 0.6)) if by_weekday else (field(1, 28, 0.6), "*")
    return f"{field(0, 59, 0.8)} {field(0, 23, 0.8)} {day} {field(1, 12, 0.3)} {weekday}"


def test_croniter_agrees_where_no_clock_changes() -> None:
    chance = random.Random(52)
    zone = zone_for("Etc/UTC")
    for _ in range(300):
        text = simple_schedule(chance)
        now = at("2020-01-01") + timedelta(seconds=chance.randrange(10 * 365 * 86400))
        cron: Cron = parse(text)
        assert next_after(cron, zone, now) == croniter(text, now).get_next(datetime), text
        not_later = now + timedelta(seconds=1)
        assert previous_at_or_before(cron, zone, now) == croniter(text, not_later).get_prev(datetime), text
