"""Names that are no time zones, and what is said of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from graphcron.errors import SpecError
from graphcron.schedule.times import zone_for
from graphcron.schedule.zone_names import no_summer_time

MOMENTS = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 7)]
HOURS = {
    "PST": -8, "PDT": -7, "MDT": -6, "EDT": -4, "BST": 1, "CEST": 2, "MESZ": 2, "EEST": 3, "MSK": 3, "GST": 4,
    "PKT": 5, "IST": 5.5, "NPT": 5.75, "ICT": 7, "SGT": 8, "HKT": 8, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11,
    "NZST": 12, "NZDT": 13, "AKST": -9, "BRT": -3, "SAST": 2, "Z": 0, "z": 0, "pst": -8, "CST": -6, "ET": -5,
    "UTC+0": 0, "UTC-00:00": 0, "+05:30": 5.5, "UTC+5:45": 5.75, "GMT+0930": 9.5, "UTC-3:30": -3.5,
}  # fmt: skip


def remedy(name: str) -> str:
    with pytest.raises(SpecError) as caught:
        zone_for(name)
    return caught.value.remedy


@pytest.mark.parametrize("name", HOURS)
def test_an_abbreviation_leads_to_a_zone_that_has_its_offset(name: str):
    place = re.match(r"did you mean ([\w/]+)", remedy(name))
    assert place
    offsets = [moment.astimezone(zone_for(place[1])).utcoffset() for moment in MOMENTS]
    assert timedelta(hours=HOURS[name]) in offsets


@pytest.mark.parametrize(
    ("name", "hours", "zone"),
    [
        ("UTC+2", 2, "Etc/GMT-2"),
        ("GMT+02:00", 2, "Etc/GMT-2"),
        ("+2", 2, "Etc/GMT-2"),
        ("-0800", -8, "Etc/GMT+8"),
        ("utc-12", -12, "Etc/GMT+12"),
        ("UTC+14", 14, "Etc/GMT-14"),
        ("Etc/UTC-3", -3, "Etc/GMT+3"),
    ],
)
def test_an_offset_is_explained_with_its_sign(name: str, hours: int, zone: str):
    said = remedy(name)
    assert "summer time" in said
    assert f"is {zone}, with its sign reversed" in said
    assert MOMENTS[0].astimezone(zone_for(zone)).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("Europe/Berln", "Europe/Berlin"),
        ("america/new_york", "America/New_York"),
        ("Tokio", "Asia/Tokyo"),
        ("utc", "UTC"),
    ],
)
def test_a_place_is_found(name: str, zone: str):
    assert remedy(name) == f"did you mean {zone}?"


@pytest.mark.parametrize("name", ["Asia/Bombay", "America/San_Francisco", "XYZ", "Mars", "UTC+15", "+07:10", "????"])
def test_nothing_is_offered_that_is_hours_off(name: str):
    assert "did you mean" not in remedy(name)


@pytest.mark.parametrize("name", ["EST", "MST", "Etc/GMT+5", "Etc/GMT-2"])
def test_a_name_without_summer_time_is_known(name: str):
    found = no_summer_time(name)
    assert found
    assert "knows no summer time" in found[0]
    assert len({moment.astimezone(zone_for(name)).utcoffset() for moment in MOMENTS}) == 1


@pytest.mark.parametrize("name", ["HST", "Etc/UTC", "Etc/GMT", "Europe/Berlin", "EST5EDT", "UTC"])
def test_other_names_are_taken_as_they_are(name: str):
    assert no_summer_time(name) is None
