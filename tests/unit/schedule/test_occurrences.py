"""All lines of a GraphCron together, its campaign and what is excluded; and all of that where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from graphcron.schedule import times as schedule_times
from graphcron.schedule.cron import parse
from graphcron.schedule.hashed import render
from graphcron.schedule.occurrences import END_OF_TIME, Calendar, Interval, excluded, offsets, smallest_gap
from graphcron.schedule.times import zone_for

MINUTE = timedelta(minutes=1)
ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Africa/Cairo", "Pacific/Apia",
)  # fmt: skip


def at(text: str) -> datetime:
    """Read an instant; without an offset it is UTC."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def calendar(*lines: str, zone: str = "Etc/UTC", start: str = "", end: str = "", excludes: str = "") -> Calendar:
    """Make one; ``excludes`` are spans such as ``2026-05-05..2026-05-06``, with blanks between."""
    spans = [tuple(span.split("..")) for span in excludes.split()]
    return Calendar(
        crons=tuple(parse(render(line, seed="default/report")) for line in lines),
        zone=zone_for(zone),
        start=at(start) if start else None,
        end=at(end) if end else None,
        excluded=excluded([(first, last) for first, last in spans], zone_for(zone)),
    )


NEXT = {
    "two lines take turns": (
        calendar("0 8 * * *", "30 17 * * *"), "2026-05-04T08:00",
        ["2026-05-04T17:30", "2026-05-05T08:00", "2026-05-05T17:30"],
    ),
    "the same minute of two lines comes once": (
        calendar("0 * * * *", "*/30 8 * * *", "@hourly"), "2026-05-04T07:00",
        ["2026-05-04T08:00", "2026-05-04T08:30", "2026-05-04T09:00"],
    ),
    "a line that never comes takes nothing from the others": (
        calendar("0 0 31 2 *", "0 8 * * *"), "2026-05-04T09:00", ["2026-05-05T08:00"],
    ),
    "none comes": (calendar("0 0 31 2 *", "0 0 30 2 *"), "2026-05-04T09:00", []),
    "no line": (calendar(), "2026-05-04T09:00", []),
    "a campaign's first minute belongs to it": (
        calendar("0 8 * * *", start="2026-06-01T08:00"), "2026-05-04T09:00", ["2026-06-01T08:00"],
    ),
    "a second after is too late": (
        calendar("0 8 * * *", start="2026-06-01T08:00:01"), "2026-05-04T09:00", ["2026-06-02T08:00"],
    ),
    "a campaign's last minute does not": (
        calendar("0 8 * * *", end="2026-05-06T08:00"), "2026-05-04T09:00", ["2026-05-05T08:00"],
    ),
    "a second later it would": (
        calendar("0 8 * * *", end="2026-05-06T08:00:01"), "2026-05-04T09:00", ["2026-05-05T08:00", "2026-05-06T08:00"],
    ),
    "a campaign that is over": (calendar("0 8 * * *", end="2026-05-01T00:00"), "2026-05-04T09:00", []),
    "a campaign is not waited for in vain": (
        calendar("0 8 * * *", start="2040-01-01T08:00"), "2026-05-04T09:00", ["2040-01-01T08:00"],
    ),
    "an excluded day": (
        calendar("0 8,20 * * *", excludes="2026-05-05..2026-05-05"), "2026-05-04T09:00",
        ["2026-05-04T20:00", "2026-05-06T08:00"],
    ),
    "it is the zone's day": (
        calendar("0 * * * *", zone="Asia/Kolkata", excludes="2026-05-05..2026-05-05"), "2026-05-04T17:30",
        ["2026-05-05T18:30"],
    ),
    "from a minute on, before a minute": (
        calendar("0 * * * *", excludes="2026-05-05T10:00..2026-05-05T12:00"), "2026-05-05T08:30",
        ["2026-05-05T09:00", "2026-05-05T12:00", "2026-05-05T13:00"],
    ),
    "both days of a range": (
        calendar("0 8 * * *", excludes="2026-12-24..2026-12-26"), "2026-12-23T08:00", ["2026-12-27T08:00"],
    ),
    "day after day": (
        calendar("0 8 * * *", excludes="2026-12-25..2026-12-25 2026-12-24..2026-12-24"), "2026-12-23T08:00",
        ["2026-12-26T08:00"],
    ),
    "each line goes on by itself": (
        calendar("0 8 5 * *", "0 8 * * 1", excludes="2026-05-05..2026-05-05"), "2026-05-04T09:00",
        ["2026-05-11T08:00", "2026-05-18T08:00"],
    ),
    "excluded to the campaign's end": (
        calendar("0 8 * * *", end="2026-05-07T00:00", excludes="2026-05-05..2026-05-30"), "2026-05-04T09:00", [],
    ),
    "excluded for good": (calendar("* * * * *", excludes="2026-01-01..9999-12-31"), "2026-05-04T09:00", []),
    "decades of it": (
        calendar("0 8 * * *", excludes="2026-05-05..2060-12-31"), "2026-05-04T09:00", ["2061-01-01T08:00"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("times", "after", "wanted"), NEXT.values(), ids=NEXT)
def test_the_next_runs_are(times: Calendar, after: str, wanted: list[str]) -> None:
    found = times.next_times(at(after), max(len(wanted), 1))
    assert found == [at(each) for each in wanted]
    assert times.next_after(at(after)) == (found[0] if found else None)
    assert all(each.tzinfo is UTC for each in found)


def test_a_long_rest_is_jumped_over_and_each_line_asked_but_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def count(*question: object) -> datetime | None:
        asked.append(question)
        return next_after(*question)

    next_after = schedule_times.next_after
    monkeypatch.setattr(schedule_times, "next_after", count)
    days = " ".join(
        f"2026-{month:02}-{day:02}..2026-{month:02}-{day:02}" for month in (5, 6, 7) for day in range(1, 31)
    )
    times = calendar("* * * * *", "0 8 * * *", "0 0 1 1 *", excludes=f"{days} 2026-08-01..2035-12-31")
    assert times.next_after(at("2026-07-31T23:59")) == at("2036-01-01")
    assert len(asked) == 6


BETWEEN = {
    "after excluded, until included": (
        "2026-05-04T08:00", "2026-05-04T08:20", 9, ["2026-05-04T08:10", "2026-05-04T08:20"],
    ),
    "of too many the last": ("2020-05-04T08:00", "2026-05-04T08:20", 2, ["2026-05-04T08:10", "2026-05-04T08:20"]),
    "none": ("2026-05-04T08:00", "2026-05-04T08:09", 9, []),
    "backwards": ("2026-05-04T08:00", "2026-05-04T07:00", 9, []),
    "no more than none": ("2026-05-04T08:00", "2026-05-04T09:00", 0, []),
    "over a rest": (
        "2026-05-04T23:45", "2026-05-06T00:10", 9, ["2026-05-04T23:50", "2026-05-06T00:00", "2026-05-06T00:10"],
    ),
    "the last before a rest": ("2026-05-01T00:00", "2026-05-05T12:00", 2, ["2026-05-04T23:40", "2026-05-04T23:50"]),
}  # fmt: skip


@pytest.mark.parametrize(("after", "until", "limit", "wanted"), BETWEEN.values(), ids=BETWEEN)
def test_due_between(after: str, until: str, limit: int, wanted: list[str]) -> None:
    times = calendar("*/20 * * * *", "10-59/20 * * * *", "*/20 8 * * *", excludes="2026-05-05..2026-05-05")
    assert times.due_between(at(after), at(until), limit) == [at(each) for each in wanted]


def test_minute_due_if_a_line_matches_unexcluded() -> None:
    times = calendar(
        "0 8 * * *", "30 17 * * *", start="2026-05-04T08:00", end="2026-05-07T17:30", excludes="2026-05-05..2026-05-05"
    )
    due = ["2026-05-04T08:00", "2026-05-04T08:00:59.9", "2026-05-04T17:30", "2026-05-07T08:00"]
    not_due = ["2026-05-03T17:30", "2026-05-04T08:01", "2026-05-05T08:00", "2026-05-07T17:30"]
    assert [each for each in due + not_due if times.is_due(at(each))] == due


RESTS = {
    "nothing holds it": (calendar("0 8 * * *"), None),
    "its campaign goes on": (calendar("0 8 * * *", start="2026-05-05T12:00", end="2026-05-05T12:01"), None),
    "its campaign has not begun": (calendar("0 8 * * *", start="2026-05-05T12:01"), "2026-05-05T12:01"),
    "its campaign has ended": (calendar("0 8 * * *", end="2026-05-05T12:00"), "ever"),
    "that day is excluded": (calendar("0 8 * * *", excludes="2026-05-05..2026-05-05"), "2026-05-06T00:00"),
    "excluded from this minute on": (
        calendar("0 8 * * *", excludes="2026-05-05T12:00..2026-05-05T13:00"), "2026-05-05T13:00",
    ),
    "excluded until now": (calendar("0 8 * * *", excludes="2026-05-05T11:00..2026-05-05T12:00"), None),
    "it begins with a rest": (
        calendar("0 8 * * *", start="2026-12-24T12:00", excludes="2026-12-24..2026-12-26"), "2026-12-27T00:00",
    ),
    "excluded to its end": (
        calendar("0 8 * * *", end="2026-05-06T00:00", excludes="2026-05-05..2026-05-05"), "ever",
    ),
    "two rests that touch": (
        calendar("0 8 * * *", excludes="2026-05-05..2026-05-05 2026-05-06T00:00..2026-05-06T09:00"), "2026-05-06T09:00",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("times", "wanted"), RESTS.values(), ids=RESTS)
def test_on_5_may_at_noon_it_rests_until(times: Calendar, wanted: str | None) -> None:
    ends = {None: None, "ever": END_OF_TIME}
    assert times.inactive_until(at("2026-05-05T12:00")) == (ends[wanted] if wanted in ends else at(wanted or ""))


def test_spans_are_in_order_and_joined_where_they_touch() -> None:
    spans = [("2026-05-09", "2026-05-09"), ("2026-05-01", "2026-05-03"), ("2026-05-02", "2026-05-02"),
             ("2026-05-04T00:00", "2026-05-04T06:00"), ("2026-05-07T06:00", "2026-05-07T06:00")]  # fmt: skip
    assert excluded(spans, zone_for("Etc/UTC")) == (
        Interval(at("2026-05-01"), at("2026-05-04T06:00")),
        Interval(at("2026-05-09"), at("2026-05-10")),
    )


def test_the_ends_of_the_calendar_can_be_written() -> None:
    for zone in ("Etc/UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"):
        (span,) = excluded([("0001-01-01", "9999-12-31")], zone_for(zone))
        assert span.start.year == 1
        assert span.end == END_OF_TIME
    assert calendar("* * * * *", excludes="2026-05-05..9999-12-31").inactive_until(at("2026-05-05")) == END_OF_TIME
    times = calendar("* * * * *", start="9999-12-31T23:59:59")
    assert times.next_after(at("2026-05-05")) is None
    assert times.inactive_until(at("2026-05-05")) == at("9999-12-31T23:59:59")


def test_a_naive_instant_is_a_mistake_of_the_caller() -> None:
    times, naive = calendar("* * * * *"), at("2026-01-01").replace(tzinfo=None)
    for ask in (times.next_after, times.is_due, times.inactive_until):
        with pytest.raises(TypeError):
            ask(naive)


# Where clocks change


SPRING_AND_AUTUMN = {
    "Berlin skips 02:00-02:59": (
        calendar("30 2 * * *", "0 3 * * *", zone="Europe/Berlin"), "2026-03-28T12:00",
        ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
    ),
    "Berlin repeats it": (
        calendar("30 2 * * *", "15 2 * * *", zone="Europe/Berlin"), "2026-10-24T12:00",
        ["2026-10-25T02:15+02:00", "2026-10-25T02:30+02:00", "2026-10-25T02:15+01:00", "2026-10-25T02:30+01:00",
         "2026-10-26T02:15+01:00"],
    ),
    "an H in the hour that Berlin skips": (
        calendar("H 2 * * *", zone="Europe/Berlin"), "2026-03-28T12:00", ["2026-03-30T02:51+02:00"],
    ),
    "and repeats": (
        calendar("H 2 * * *", zone="Europe/Berlin"), "2026-10-24T12:00",
        ["2026-10-25T02:51+02:00", "2026-10-25T02:51+01:00", "2026-10-26T02:51+01:00"],
    ),
    "New York skips": (
        calendar("30 2 * * *", "30 3 * * *", zone="America/New_York"), "2026-03-07T12:00",
        ["2026-03-08T03:30-04:00", "2026-03-09T02:30-04:00"],
    ),
    "New York repeats": (
        calendar("30 1 * * *", zone="America/New_York"), "2026-10-31T12:00",
        ["2026-11-01T01:30-04:00", "2026-11-01T01:30-05:00", "2026-11-02T01:30-05:00"],
    ),
    "Lord Howe skips half an hour": (
        calendar("15 2 * * *", "45 2 * * *", zone="Australia/Lord_Howe"), "2026-10-03T12:00",
        ["2026-10-04T02:45+11:00", "2026-10-05T02:15+11:00"],
    ),
    "Lord Howe repeats half an hour": (
        calendar("15,45 1 * * *", zone="Australia/Lord_Howe"), "2026-04-04T12:00",
        ["2026-04-05T01:15+11:00", "2026-04-05T01:45+11:00", "2026-04-05T01:45+10:30"],
    ),
    "Casablanca repeats before Ramadan": (
        calendar("30 2 * * *", zone="Africa/Casablanca"), "2026-02-14T12:00",
        ["2026-02-15T02:30+01:00", "2026-02-15T02:30+00:00", "2026-02-16T02:30+00:00"],
    ),
    "Casablanca skips after Ramadan": (
        calendar("30 2 * * *", zone="Africa/Casablanca"), "2026-03-21T12:00", ["2026-03-23T02:30+01:00"],
    ),
    "Cairo skips an hour from midnight": (
        calendar("30 0 * * *", "30 1 * * *", zone="Africa/Cairo"), "2026-04-23T12:00",
        ["2026-04-24T01:30+03:00", "2026-04-25T00:30+03:00"],
    ),
    "Cairo repeats the last hour of a day": (
        calendar("30 23 * * *", "0 0 * * *", zone="Africa/Cairo"), "2026-10-29T12:00",
        ["2026-10-29T23:30+03:00", "2026-10-29T23:30+02:00", "2026-10-30T00:00+02:00"],
    ),
    "Apia skipped a day": (
        calendar("0 8 * * *", "0 9 30 * *", zone="Pacific/Apia"), "2011-12-29T08:00-10:00",
        ["2011-12-31T08:00+14:00", "2012-01-01T08:00+14:00"],
    ),
    "a campaign that begins with the change": (
        calendar("*/30 * * * *", zone="Europe/Berlin", start="2026-10-25T02:00+01:00"), "2026-10-24T12:00",
        ["2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00"],
    ),
    "a campaign that ends with it": (
        calendar("*/30 * * * *", zone="Europe/Berlin", end="2026-10-25T02:00+01:00"), "2026-10-25T02:15+02:00",
        ["2026-10-25T02:30+02:00"],
    ),
    "a campaign that begins with the hour that is skipped": (
        calendar("*/30 * * * *", zone="Europe/Berlin", start="2026-03-29T01:00+00:00"), "2026-03-28T12:00",
        ["2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"],
    ),
    "excluded between two equal times": (
        calendar("*/15 * * * *", zone="Europe/Berlin", excludes="2026-10-25T02:30..2026-10-25T02:45"),
        "2026-10-25T02:10+02:00", ["2026-10-25T02:15+02:00", "2026-10-25T02:45+01:00"],
    ),
    "excluded to what is skipped": (
        calendar("*/30 * * * *", zone="Europe/Berlin", excludes="2026-03-29T01:30..2026-03-29T02:30"),
        "2026-03-29T01:00+01:00", ["2026-03-29T03:00+02:00"],
    ),
    "excluded from what is skipped": (
        calendar("*/30 * * * *", zone="Europe/Berlin", excludes="2026-03-29T02:30..2026-03-29T04:00"),
        "2026-03-29T01:00+01:00", ["2026-03-29T01:30+01:00", "2026-03-29T04:00+02:00"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("times", "after", "wanted"), SPRING_AND_AUTUMN.values(), ids=SPRING_AND_AUTUMN)
def test_spring_gap_skipped_autumn_overlap_runs_twice(times: Calendar, after: str, wanted: list[str]) -> None:
    assert times.next_times(at(after), len(wanted)) == [at(each) for each in wanted]
    assert all(times.is_due(at(each)) for each in wanted)


CHANGES = [
    ("Europe/Berlin", "2026-03-29T01:00"), ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/New_York", "2026-03-08T07:00"), ("America/New_York", "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"), ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Africa/Casablanca", "2026-02-15T02:00"), ("Africa/Casablanca", "2026-03-22T02:00"),
    ("Africa/Cairo", "2026-04-23T22:00"), ("Africa/Cairo", "2026-10-29T21:00"),
    ("Pacific/Apia", "2011-12-30T10:00"),
]  # fmt: skip


LINES = {
    "hours and days are open": ("*/15 * * * *", "H/20 * * * *", "H * * * *"),
    "hours are not": ("30 1-3 * * *", "*/20 */2 * * *", "H H(0-5) * * *", "H 2,23 * * *"),
}
SLIPPERY = {("Australia/Lord_Howe", "hours are not"), ("Africa/Cairo", "hours are not")}
"""Where robfig, and so ``due_between``, leaves the rule: the tests of the schedule say how."""


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_runs_around_clock_change_equal_scan(name: str, change: str, kind: str) -> None:
    zone, moment = zone_for(name), at(change)
    first = moment - 240 * MINUTE
    minutes = [first + each * MINUTE for each in range(1, 9 * 60)]
    crons = tuple(parse(render(line, seed="default/report")) for line in LINES[kind])
    rests = tuple(Interval(moment + each * MINUTE, moment + (each + 20) * MINUTE) for each in (-90, 0, 60, 230))
    bounds = [moment - 30 * MINUTE, moment, moment + 30 * MINUTE]
    for start, end in [(None, None), *((start, None) for start in bounds), *((None, end) for end in bounds)]:
        times = Calendar(crons, zone, start, end, rests)
        walls = ((minute, minute.astimezone(zone)) for minute in minutes)
        by_clock = [
            minute
            for minute, wall in walls
            if any(wall.hour in cron.hours and wall.minute in cron.minutes for cron in crons)
            and (start is None or minute >= start)
            and (end is None or minute < end)
            and not any(rest.start <= minute < rest.end for rest in rests)
        ]
        assert [minute for minute in minutes if times.is_due(minute)] == by_clock
        if (name, kind) not in SLIPPERY:
            assert times.due_between(first, minutes[-1], 1000) == by_clock


EXCLUDED = {
    "a day of 23 hours": ("Europe/Berlin", "2026-03-29..2026-03-29", "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"),
    "a day of 25 hours": ("Europe/Berlin", "2026-10-25..2026-10-25", "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00"),
    "a skipped time stands for the change": (
        "Europe/Berlin", "2026-03-29T02:30..2026-03-29T04:00", "2026-03-29T01:00", "2026-03-29T02:00",
    ),
    "as an end too": ("Europe/Berlin", "2026-03-29T01:00..2026-03-29T02:30", "2026-03-29T00:00", "2026-03-29T01:00"),
    "a time that comes twice begins with the first": (
        "Europe/Berlin", "2026-10-25T02:30..2026-10-25T04:00", "2026-10-25T02:30+02:00", "2026-10-25T04:00+01:00",
    ),
    "and ends with the second": (
        "Europe/Berlin", "2026-10-25T01:00..2026-10-25T02:30", "2026-10-25T01:00+02:00", "2026-10-25T02:30+01:00",
    ),
    "before what comes twice": (
        "Europe/Berlin", "2026-10-25T01:00..2026-10-25T02:00", "2026-10-25T01:00+02:00", "2026-10-25T02:00+02:00",
    ),
    "after it": (
        "Europe/Berlin", "2026-10-25T03:00..2026-10-25T04:00", "2026-10-25T03:00+01:00", "2026-10-25T04:00+01:00",
    ),
    "all of it": (
        "Europe/Berlin", "2026-10-25T02:00..2026-10-25T03:00", "2026-10-25T02:00+02:00", "2026-10-25T03:00+01:00",
    ),
    "half an hour twice": (
        "Australia/Lord_Howe", "2026-04-05T01:45..2026-04-05T01:50", "2026-04-05T01:45+11:00", "2026-04-05T01:50+10:30",
    ),
    "a midnight that is skipped": (
        "Africa/Cairo", "2026-04-24..2026-04-24", "2026-04-23T22:00", "2026-04-25T00:00+03:00",
    ),
    "the day before it": ("Africa/Cairo", "2026-04-23..2026-04-23", "2026-04-23T00:00+02:00", "2026-04-23T22:00"),
    "the day whose last hour comes twice": (
        "Africa/Cairo", "2026-10-29..2026-10-29", "2026-10-29T00:00+03:00", "2026-10-30T00:00+02:00",
    ),
    "the day before a midnight that comes twice": (
        "America/Havana", "2024-11-02..2024-11-02", "2024-11-02T00:00-04:00", "2024-11-03T00:00-04:00",
    ),
    "the day that begins with it": (
        "America/Havana", "2024-11-03..2024-11-03", "2024-11-03T00:00-04:00", "2024-11-04T00:00-05:00",
    ),
    "around a day that is skipped": (
        "Pacific/Apia", "2011-12-29..2011-12-31", "2011-12-29T00:00-10:00", "2012-01-01T00:00+14:00",
    ),
    "the day before it is": (
        "Pacific/Apia", "2011-12-29..2011-12-29", "2011-12-29T00:00-10:00", "2011-12-31T00:00+14:00",
    ),
    "as one changes Ramadan's hour": (
        "Africa/Casablanca", "2026-02-15..2026-03-22", "2026-02-15T00:00+01:00", "2026-03-23T00:00+01:00",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("zone", "span", "start", "end"), EXCLUDED.values(), ids=EXCLUDED)
def test_what_is_excluded_is_meant_on_the_wall_clock(zone: str, span: str, start: str, end: str) -> None:
    first, last = span.split("..")
    assert excluded([(first, last)], zone_for(zone)) == (Interval(at(start), at(end)),)


def test_what_does_not_exist_excludes_nothing() -> None:
    assert excluded([("2026-03-29T02:00", "2026-03-29T02:59")], zone_for("Europe/Berlin")) == ()
    assert excluded([("2011-12-30", "2011-12-30")], zone_for("Pacific/Apia")) == ()


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_occurrences_excluded_time_exactly_that_skipped(name: str, change: str) -> None:
    """Nothing runs while the clock shows an excluded time, and nothing else is lost."""
    zone, moment = zone_for(name), at(change)
    minutes = [moment + each * MINUTE for each in range(-180, 181)]
    walls = [minute.astimezone(zone).replace(tzinfo=None) for minute in minutes]
    figures = sorted({*walls, *(walls[180] - each * MINUTE for each in range(90))})[90:-90:7]
    for first in figures:
        for last in (first + 10 * MINUTE, first + 75 * MINUTE):
            meant = [minute for minute, wall in zip(minutes, walls, strict=True) if first <= wall < last]
            found = excluded([(first.isoformat(), last.isoformat())], zone)
            assert found == ((Interval(meant[0], meant[-1] + MINUTE),) if meant else ())


# A zone as the pod gets it


def test_the_offsets_of_a_zone() -> None:
    assert offsets(zone_for("Etc/UTC"), 2026, 12) == ((1767225600, 0),)
    assert offsets(zone_for("Asia/Kolkata"), 2026, 12) == ((1767225600, 19800),)
    read = [
        (datetime.fromtimestamp(begun, UTC), offset) for begun, offset in offsets(zone_for("Europe/Berlin"), 2026, 1)
    ]
    assert read == [
        (at("2026-01-01"), 3600), (at("2026-03-29T01:00"), 7200), (at("2026-10-25T01:00"), 3600),
    ]  # fmt: skip


def test_several_changes_a_year_are_found() -> None:
    read = [
        (datetime.fromtimestamp(begun, UTC), offset)
        for begun, offset in offsets(zone_for("Africa/Casablanca"), 2024, 2)
    ]
    assert read == [
        (at("2024-01-01"), 3600), (at("2024-03-10T02:00"), 0), (at("2024-04-14T02:00"), 3600),
        (at("2025-02-23T02:00"), 0), (at("2025-04-06T02:00"), 3600),
    ]  # fmt: skip
    noronha = offsets(zone_for("America/Noronha"), 2000, 1)
    assert min(later - earlier for (earlier, _), (later, _) in pairwise(noronha)) == 601200, "a summer of a week"


@pytest.mark.parametrize("name", ZONES)
def test_offsets_tell_what_the_zone_tells(name: str) -> None:
    zone = zone_for(name)
    told = offsets(zone, 2008, 20)
    assert told[0][0] == int(at("2008-01-01").timestamp())
    assert told == tuple(sorted(set(told)))
    for (begun, offset), (changed, other) in zip(
        told, [*told[1:], (int(at("2028-01-01").timestamp()), None)], strict=True
    ):
        assert offset != other
        for seconds in {begun, changed - 1, *range(begun, changed, 86400)}:
            distance = datetime.fromtimestamp(seconds, zone).utcoffset()
            assert distance == timedelta(seconds=offset), datetime.fromtimestamp(seconds, UTC)


def test_the_smallest_gap() -> None:
    times = calendar("0 8 * * *", "30 8 * * 1").next_times(at("2026-05-01T09:00"), 5)
    assert smallest_gap(times) == timedelta(minutes=30)
    assert smallest_gap(times[:1]) is None
    assert smallest_gap([]) is None
