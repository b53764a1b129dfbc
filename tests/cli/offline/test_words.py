"""Times for people; and the program starts without what only some verbs need."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from graphcron.cli.words import local, moment, since, span

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172_799, "47h"), (172_800, "2d")],
)
def test_a_length_of_time_is_written_as_kubectl_does(seconds: int, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


def test_a_moment_is_told_from_now() -> None:
    assert since("2026-11-22T11:59:15Z", now=NOW) == "45s"
    assert since("2026-11-22T17:00:00Z", now=NOW) == "in 5h"
    assert since(None, now=NOW) == ""
    assert moment("2026-11-22T12:00:00Z") == NOW


def test_a_moment_is_written_in_a_zone() -> None:
    assert local(NOW, "Asia/Kolkata") == "Sun 2026-11-22 17:30 +0530"
    assert local(NOW.replace(second=5), "Etc/UTC") == "Sun 2026-11-22 12:00:05 +0000"


def test_all_verbs_are_known_without_the_model() -> None:
    """It costs more to import than all the rest."""
    code = "import sys, graphcron.cli.verbs; print([each for each in ('pydantic', 'cron_descriptor') if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
