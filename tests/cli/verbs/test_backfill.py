"""``backfill``, with runs that really happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.verbs.test_doing import forwarded
from tests.e2e.crons import QUESTION

if TYPE_CHECKING:
    from tests.cli.verbs.conftest import Program
    from tests.e2e.crons import Crons

RANGE = ("--from", "2016-01-01", "--to", "2020-12-31")
"""The schedule is due on each 29 February."""


def test_backfill_runs_past_occurrences_with_their_own_times(crons: Crons, program: Program):
    uid = crons.make(input=QUESTION, onRunCompleted="keep", suspend=True, ready_reason="Suspended")
    assert program.run("backfill", "hello", *RANGE, "--dry-run", "-o", "name").splitlines() == [
        "graphrun.graphcron.dev/hello-201602290000",
        "graphrun.graphcron.dev/hello-202002290000",
    ]
    assert crons.server.runs_of(uid) == []

    def times() -> list[str]:
        return [run["metadata"]["graphcron/scheduled-time"] for run in crons.server.runs_of(uid)]

    assert program.run("backfill", "hello", *RANGE).endswith("\n2 runs succeeded\n")
    assert times() == ["2016-02-29T00:00:00Z", "2020-02-29T00:00:00Z"]
    assert program.run("backfill", "hello", *RANGE) == ""

    # Without the GraphRuns, the records on the server still show what has succeeded.
    selector = "graphcron.dev/backfill=2016-01-01--2020-12-31"
    crons.kubectl("delete", "graphruns", "--selector", selector)
    with forwarded(crons) as url:
        said = program.run("backfill", "hello", "--from", "2016-01-01", "--to", "2024-12-31", "--missing", "--url", url)
    assert said.endswith("\n1 run succeeded\n")
    assert times() == ["2016-02-29T00:00:00Z", "2020-02-29T00:00:00Z", "2024-02-29T00:00:00Z"]
