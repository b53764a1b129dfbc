"""``next``: when runs are due, in two zones."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from graphcron.cli.schedules.cron_text import in_words
from graphcron.cli.verbs.next_times import Range, next_of
from graphcron.errors import SpecError
from tests.cli.offline.program import manifest, run, text

if TYPE_CHECKING:
    from tests.cluster import Cluster

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RANGE = Range(NOW)


def times(**spec: Any) -> list[str]:
    return [f"{each:%m-%d %H:%M}" for each in next_of(manifest(**spec), RANGE, namespace="agents").times]


def test_five_times_are_told_of_all_lines_together() -> None:
    assert times(schedules=["0 9 * * 1", "0 9 24 * *", "0 9,10 23 * *"]) == [
        "11-23 09:00",
        "11-23 10:00",
        "11-24 09:00",
        "11-30 09:00",
        "12-07 09:00",
    ]


def test_zone_campaign_and_excluded_days_are_heeded() -> None:
    spec: dict[str, Any] = {"schedule": "0 9 * * *", "timeZone": "Asia/Kolkata", "excludes": [{"date": "2026-11-25"}]}
    assert times(**spec, startTime="2026-11-23T12:00:00Z", endTime="2026-11-28T00:00:00Z") == [
        "11-24 03:30",
        "11-26 03:30",
        "11-27 03:30",
    ]


def test_an_h_hangs_on_the_namespace_and_the_name() -> None:
    def line(name: str, **there: Any) -> str:
        return next_of(manifest(name, schedule="H H * * *", **there), RANGE, namespace="agents").lines[0]

    assert line("a") == line("a", namespace="agents") != line("a", namespace="other")
    assert line("a") != line("b")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (manifest(), ""),
        (manifest(suspend=True), "it is suspended"),
        (manifest(endTime="2026-11-22T12:00:00Z"), "its endTime is in the past"),
        (
            {
                **manifest(),
                "status": {
                    "conditions": [
                        {
                            "type": "Paused",
                            "status": "True",
                            "reason": "ConsecutiveFailures",
                            "message": "",
                            "lastTransitionTime": "2026-11-22T11:00:00Z",
                        }
                    ]
                },
            },
            "it is paused after failures",
        ),
    ],
)
def test_what_keeps_runs_from_starting_is_told(body: dict[str, Any], said: str) -> None:
    rest = next_of(body, RANGE, namespace="agents").rest
    assert rest.startswith(said)
    assert bool(rest) == bool(said)


def test_what_is_wrong_is_refused() -> None:
    with pytest.raises(SpecError, match="never matches"):
        next_of(manifest(schedule="0 9 31 2 *"), RANGE, namespace="agents")


def test_a_file_needs_no_cluster() -> None:
    page = text(manifest(timeZone="Asia/Kolkata"), manifest("second", schedule="@hourly", suspend=True))
    done = run("next", "-f", "-", stdin=page)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.split("\n\n")
    assert first.startswith("hello, Asia/Kolkata:\n  At 08:30, Monday through Friday (30 8 * * 1-5)\nAsia/Kolkata ")
    rows = first.splitlines()[3:]
    assert len(rows) == 5
    for row in rows:
        there, here = (datetime.strptime(part.strip(), "%a %Y-%m-%d %H:%M %z") for part in (row[:27], row[27:56]))
        assert there == here
        assert there.strftime("%H:%M %z") == "08:30 +0530"
        assert here.utcoffset() == here.astimezone(ZoneInfo("America/New_York")).utcoffset()
    assert "Every hour (@hourly)\nit is suspended: none of these runs starts" in second


def test_programs_are_told_in_json() -> None:
    told = json.loads(run("next", "-f", "-", "-n", "agents", "-o", "json", stdin=text(manifest())).stdout)
    moments = [datetime.fromisoformat(each) for each in told.pop("nextScheduleTimes")]
    assert told == {
        "name": "hello",
        "namespace": "agents",
        "timeZone": "Etc/UTC",
        "schedules": ["30 8 * * 1-5"],
    }
    assert len(moments) == 5
    assert all(f"{each:%H:%M %Z}" == "08:30 UTC" and each.weekday() < 5 for each in moments)
    assert run("next", "-f", "-", "-o", "name", stdin=text(manifest())).stdout == "graphcron.graphcron.dev/hello\n"


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        ((), "", 2, "give the name of a GraphCron, a schedule, or a file"),
        (("hello", "-f", "-"), "", 2, "and not both"),
        (("-f", "-"), "a: 1", 1, "error: -: there is no GraphCron in it"),
        (("-f", "-"), text(manifest(timeZone="Mars")), 1, "error: -:9:13: spec.timeZone: there is no time zone"),
        (("-f", "none.yaml"), "", 1, "error: none.yaml:1:1: can't be read: No such file or directory"),
    ],
)
def test_errors_are_one_line(arguments: tuple[str, ...], stdin: str, code: int, said: str) -> None:
    done = run("next", *arguments, stdin=stdin)
    assert done.returncode == code
    assert said in " ".join(done.stderr.split())
    assert done.stdout == ""


def test_a_name_is_looked_up_in_the_cluster(cluster: Cluster, namespace: str) -> None:
    cluster.apply(manifest(schedule="H 4 * * *", timeZone="Europe/Berlin"), namespace=namespace)
    done = run("next", "hello", "-n", namespace, "-o", "json", environment=cluster.environment)
    told = json.loads(done.stdout)
    offline = run("next", "-f", "-", "-n", namespace, "-o", "json", stdin=text(manifest(schedule="H 4 * * *")))
    assert told["schedules"] == json.loads(offline.stdout)["schedules"]
    first = datetime.fromisoformat(told["nextScheduleTimes"][0])
    assert timedelta() < first - datetime.now(UTC) <= timedelta(days=1)
    missing = run("next", "nobody", "-n", namespace, environment=cluster.environment)
    assert missing.returncode == 1
    assert "there is no GraphCron nobody in" in missing.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("30 8 * * 1-5", "At 08:30, Monday through Friday"),
        ("*/15 8-17 * * mon-FRI", "Every 15 minutes, between 08:00 and 17:59, Monday through Friday"),
        ("0 9 1,15 * 1", "At 09:00, on day 1 and 15 of the month, or on Monday"),
        ("@daily", "At 00:00"),
        ("@hourly", "Every hour"),
        ("+5 4 ? * ?", "At 04:05"),
        (",7,37 * * * *", "At 7 and 37 minutes past the hour"),
        ("what is this", "what is this"),
    ],
)
def test_a_schedule_has_words(line: str, words: str) -> None:
    assert in_words(line) == words
