"""Cron and schedule against ``vectors.jsonl``, the answers of robfig/cron: see README.md."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from graphcron.errors import SpecError
from graphcron.schedule.cron import Cron, parse
from graphcron.schedule.times import is_due, never_fires, next_after, next_times, previous_at_or_before, zone_for

Line = dict[str, Any]

with Path(__file__).with_name("vectors.jsonl").open(encoding="utf-8") as _vectors:
    LINES: list[Line] = [json.loads(line) for line in _vectors]

REFUSED_HERE = {
    "@every": "counts from the last run, and with a starting deadline shorter than the interval never comes round",
    "star with an end": "robfig stops reading at the star: *-5 would run every minute",
    "dotted capital i": "Go folds it to i, so that FRİ reads as FRI",
}
"""What the API server accepts and we refuse, each with its reason."""


_MIDNIGHT = "a midnight that did not exist (or 00:01) hid the turn of the day from robfig"
_HALF_HOUR = "a change by part of an hour, or at :45, left robfig with hours that do not begin at :00"
SLIPS = {
    "Africa/Cairo": _MIDNIGHT,
    "Africa/Casablanca": _MIDNIGHT,
    "America/Asuncion": _MIDNIGHT,
    "America/Havana": _MIDNIGHT,
    "America/Sao_Paulo": _MIDNIGHT,
    "America/St_Johns": _MIDNIGHT,
    "Asia/Beirut": _MIDNIGHT,
    "Asia/Tehran": _MIDNIGHT,
    "Atlantic/Azores": _MIDNIGHT,
    "Australia/Lord_Howe": _HALF_HOUR,
    "Asia/Pyongyang": _HALF_HOUR,
    "Pacific/Chatham": _HALF_HOUR,
    "Antarctica/Troll": "of hours that come twice, robfig's first step goes back to the later",
}
"""Zones in which robfig, and so ``next_after``, at times leaves the plain rule of ``is_due`` and
``previous_at_or_before``: it ran on a day that does not match, or passed a minute over that does."""


def of_kind(kind: str) -> list[Line]:
    return [line for line in LINES if line["kind"] == kind]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def exception_for(schedule: str) -> str | None:
    """Name the row of ``REFUSED_HERE`` that a schedule falls under."""
    if schedule.startswith("@every "):
        return "@every"
    if "İ" in schedule:
        return "dotted capital i"
    items = [item for field in schedule.split() for item in field.split(",")]
    return "star with an end" if any(item.startswith(("*-", "?-")) for item in items) else None


def judged(schedule: str) -> Cron | None:
    try:
        return parse(schedule)
    except SpecError:
        return None


def in_bits(cron: Cron) -> str:
    """Write a schedule as robfig holds it, the star flags of minute, hour and month left out: they mean nothing."""
    starred = (False, False, cron.any_day, False, cron.any_weekday)
    fields = (cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays)
    return " ".join(f"{sum(1 << v for v in f) | s << 63:x}" for f, s in zip(fields, starred, strict=True))


def without_idle_stars(bits: str) -> str:
    words = [int(word, 16) for word in bits.split()]
    return " ".join(f"{word if at in {2, 4} else word & ~(1 << 63):x}" for at, word in enumerate(words))


def test_there_are_enough_cases_to_mean_something() -> None:
    assert len(LINES) >= 8_000
    assert len({line["zone"] for line in of_kind("times")}) >= 18


def test_what_the_api_server_refuses_is_refused() -> None:
    refused = [line["schedule"] for line in of_kind("grammar") if "bits" not in line and "every" not in line]
    assert len(refused) > 800
    assert [text for text in refused if judged(text) is not None] == []


def test_accepted_line_equals_robfig_or_is_listed() -> None:
    accepted = [line for line in of_kind("grammar") if "bits" in line and not exception_for(line["schedule"])]
    assert len(accepted) > 800
    ours = {line["schedule"]: judged(line["schedule"]) for line in accepted}
    theirs = {line["schedule"]: without_idle_stars(line["bits"]) for line in accepted}
    assert {text: cron and in_bits(cron) for text, cron in ours.items()} == theirs


@pytest.mark.parametrize("name", REFUSED_HERE)
def test_each_exception_of_the_grammar_is_still_one(name: str) -> None:
    accepted = [line for line in of_kind("grammar") if "bits" in line or "every" in line]
    excepted = [line["schedule"] for line in accepted if exception_for(line["schedule"]) == name]
    assert excepted
    assert [text for text in excepted if judged(text) is not None] == []


def test_zone_names_are_those_of_the_api_server() -> None:
    def known(name: str) -> bool:
        try:
            return zone_for(name).key == name
        except SpecError:
            return False

    names = of_kind("zone")
    assert [line["name"] for line in names if known(line["name"]) != line["known"]] == []


def test_next_runs_are_those_of_the_controller() -> None:
    wrong = []
    for line in of_kind("times"):
        cron, zone, wanted = parse(line["schedule"]), zone_for(line["zone"]), line["next"]
        found = next_times(cron, zone, instant(line["after"]), len(wanted) or 1)
        if found != [instant(text) for text in wanted]:
            wrong.append((line, found))
    assert wrong == []


def departures(line: Line) -> list[str]:
    """Return the runs of a line that the plain rule would not have, or before which it would have had another."""
    cron, zone, since = parse(line["schedule"]), zone_for(line["zone"]), instant(line["after"])
    found = []
    for text in line["next"]:
        run = instant(text)
        earlier = previous_at_or_before(cron, zone, run - timedelta(seconds=1))
        if not is_due(cron, zone, run) or (earlier is not None and earlier > since):
            found.append(text)
        since = run
    return found


def test_the_plain_rule_holds_but_for_listed_slips_of_robfig() -> None:
    runs = sum(len(line["next"]) for line in of_kind("times"))
    slips = [(line["zone"], run) for line in of_kind("times") for run in departures(line)]
    assert {zone for zone, _ in slips} == set(SLIPS)
    assert len(slips) < runs / 100


def test_never_fires_agrees_with_controller() -> None:
    """The schedules that never fire are those for which the controller finds no time."""
    lines = [line for line in of_kind("controller") if not line["schedule"].startswith("@every")]
    assert any(line["never"] for line in lines)
    assert [line for line in lines if never_fires(parse(line["schedule"])) != line["never"]] == []


def test_controller_every_longer_than_deadline_starts_nothing() -> None:
    starts = {line["schedule"]: line["starts"] for line in of_kind("controller")}
    assert starts["@every 1h"] == starts["@every 121s"] == 0
    assert starts["@every 60s"] > 0


def test_nonexistent_day_does_not_stop_the_search() -> None:
    (line,) = of_kind("hang")
    found = next_after(parse(line["schedule"]), zone_for(line["zone"]), instant(line["after"]))
    assert found == instant("2011-12-31T10:00:00Z")
