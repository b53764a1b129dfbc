"""Times for people; and the program starts without what only some verbs need."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import typer

from graphcron.cli.printing.durations import human_duration, local_time, parse_duration, relative_time

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172_799, "47h"), (172_800, "2d")],
)
def test_a_length_of_time_is_written_as_kubectl_does(seconds: int, words: str) -> None:
    assert human_duration(timedelta(seconds=seconds)) == words


def test_a_moment_is_told_from_now() -> None:
    assert relative_time("2026-11-22T11:59:15Z", now=NOW) == "45s"
    assert relative_time("2026-11-22T17:00:00Z", now=NOW) == "in 5h"
    assert relative_time(None, now=NOW) == ""


def test_a_moment_is_written_in_a_zone() -> None:
    assert local_time(NOW, "Asia/Kolkata") == "Sun 2026-11-22 17:30 +0530"
    assert local_time(NOW.replace(second=5), "Etc/UTC") == "Sun 2026-11-22 12:00:05 +0000"


@pytest.mark.parametrize(
    ("text", "length"),
    [("90s", timedelta(seconds=90)), ("30m", timedelta(minutes=30)), ("24h", timedelta(days=1)), ("7d", timedelta(7))],
)
def test_a_length_of_time(text: str, length: timedelta) -> None:
    assert parse_duration(text, option="--since") == length


@pytest.mark.parametrize("text", ["", "0m", "5", "h", "-1h", "1w", "1h30m"])
def test_what_is_not_a_length_of_time(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a length of time"):
        parse_duration(text, option="--since")


def test_all_verbs_are_known_without_the_model() -> None:
    """It costs more to import than all the rest."""
    code = "import sys, graphcron.cli.verbs; print([each for each in ('pydantic', 'cron_descriptor') if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
