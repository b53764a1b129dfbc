"""What docs/schedules.md says of times is what the operator computes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from graphcron.schedule import cron, hashed, times
from tests.cluster import ROOT
from tests.docs.page import table

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

PAGE = ROOT / "docs/schedules.md"
CHANGES = table(PAGE, "Line")
DAYS = [title for title in CHANGES[0] if title != "Line"]
HASHED = table(PAGE, "Written")
BERLIN = times.zone_for("Europe/Berlin")


@pytest.mark.parametrize("day", DAYS)
def test_the_clock_is_changed_on_that_day(day: str) -> None:
    begin, end = local(day, 1), local(day, 4)
    assert begin.utcoffset() != end.utcoffset()


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("row", CHANGES, ids=lambda row: row["Line"])
def test_changes_of_the_clock_are_told_as_they_are(row: dict[str, str], day: str) -> None:
    begin, end = local(day, 1), local(day, 4)
    found = times.next_times(cron.parse(row["Line"]), BERLIN, begin - timedelta(seconds=1), 10)
    shown = [each.astimezone(BERLIN).strftime("%H:%M %Z") for each in found if each < end]
    assert (", ".join(shown) or "nothing") == row[day]


@pytest.mark.parametrize("row", HASHED, ids=lambda row: row["Written"])
def test_h_becomes_what_is_told(row: dict[str, str]) -> None:
    (title,) = (title for title in row if title.startswith("In "))
    namespace, name = title.removeprefix("In ").split("/")
    assert hashed.render(row["Written"], seed=hashed.seed_for(namespace, name)) == row[title]


def local(day: str, hour: int, zone: ZoneInfo = BERLIN) -> datetime:
    """Return an hour of a day on the zone's clock."""
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=zone)
