"""Steps of schedules: the words tell what really happens, and the lines that are offered do what was meant."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from graphcron.cli.schedules.cron_text import in_words
from graphcron.cli.schedules.steps import remedy_for, uneven_steps, written_out
from graphcron.schedule.cron import parse
from graphcron.schedule.times import next_after, next_times, zone_for

ZONE = zone_for("Etc/UTC")
BEGIN = datetime(2026, 11, 22, tzinfo=UTC) - timedelta(seconds=1)
FIELDS = ("{} * * * *", "0 {} * * *", "0 9 {} * *", "0 9 1 {} *", "0 9 * * {}")
WIDTHS = (60, 24, 31, 12, 7)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("*/90 * * * *", "Every hour"),
        ("*/45 * * * *", "At 0 and 45 minutes past the hour"),
        ("0 */36 * * *", "At 00:00"),
        ("0 9 */14 * *", "At 09:00, on day 1, 15, and 29 of the month"),
        ("0 9 * */5 *", "At 09:00, only in January, June, and November"),
        ("0 9 * * */2", "At 09:00, only on Sunday, Tuesday, Thursday, and Saturday"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("7-59/15 * * * *", "Every 15 minutes, minutes 7 through 59 past the hour"),
        ("0 8-17/3 * * *", "Every 3 hours, between 08:00 and 17:59"),
        ("0 18-23/2 * * *", "At 18:00, 20:00 and 22:00"),
        ("0 9 1,? * *", "At 09:00"),
    ],
)
def test_words_tell_what_a_step_really_does(line: str, words: str):
    assert in_words(line) == words


@pytest.mark.parametrize(("field", "width"), list(zip(FIELDS, WIDTHS, strict=True)))
def test_words_promise_an_interval_only_where_it_is_kept(field: str, width: int):
    for step in range(2, 2 * width):
        line = field.format(f"*/{step}")
        assert parse(written_out(line)).minutes == parse(line).minutes
        times = next_times(parse(line), ZONE, BEGIN, 40)
        gaps = {later - earlier for earlier, later in pairwise(times)}
        if re.search(rf"[Ee]very {step} (minutes|hours|days of the month)", in_words(line)):
            assert len(gaps) == 1
        assert bool(list(uneven_steps(line))) is (width == 31 or width % step != 0)


@pytest.mark.parametrize("field", FIELDS[:3])
def test_lines_that_are_offered_run_as_often_as_the_step_looks(field: str):
    offered = 0
    for step in range(2, 200):
        line = field.format(f"*/{step}")
        for each in uneven_steps(line):
            lines = re.findall('"([^"]+)"', remedy_for(line, each))
            if not lines:
                continue
            offered += 1
            assert len(lines) <= 10
            crons, at, times = [parse(one) for one in lines], BEGIN, []
            while len(times) < 200:
                at = min(found for cron in crons if (found := next_after(cron, ZONE, at)))
                times.append(at)
            unit = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))[each.at]
            assert {later - earlier for earlier, later in pairwise(times)} == {step * unit}
    assert offered


def test_impossible_interval_names_nearest_steps():
    [step] = uneven_steps("*/7 * * * *")
    assert remedy_for("*/7 * * * *", step) == "no schedule runs every 7 minutes; */6 and */10 are even"
    [step] = uneven_steps("0 */36 * * *")
    assert remedy_for("0 */36 * * *", step) == "no schedule runs every 36 hours; write the hours that you mean"
