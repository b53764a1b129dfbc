"""Campaigns and excluded times hold in the pod, to the second, before the server hears of anything."""

import pytest

from graphcron.contract import Outcome
from graphcron.runner.client.times import rfc3339
from tests.runner.conftest import Faults
from tests.runner.harness import Cron


@pytest.mark.parametrize(
    ("member", "seconds", "reason"),
    [
        ("startTime", (1,), "NotYetActive"),
        ("startTime", (0,), None),
        ("notAfter", (0,), "NoLongerActive"),
        ("notAfter", (1,), None),
        ("excludes", (0, 1), "Excluded"),
        ("excludes", (-60, 0), None),
        ("excludes", (1, 60), None),
    ],
)
def test_to_the_second(cron: Cron, faults: Faults, member: str, seconds: tuple[int, ...], reason: str | None) -> None:
    due = cron.minute * 60
    moments = tuple(rfc3339(due + each) for each in seconds)
    value = moments[0] if len(moments) == 1 else (("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"), moments)
    report = cron.pod(**{member: value}).wait()
    if reason is None:
        assert report.outcome is Outcome.SUCCEEDED
        return
    assert (report.outcome, report.reason, report.scheduledTime) == (Outcome.SKIPPED, reason, rfc3339(due))
    assert all(moment in report.message for moment in moments)
    assert faults.requests() == []
