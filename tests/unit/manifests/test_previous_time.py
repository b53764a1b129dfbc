"""The previous scheduled time: the pod's search agrees with the operator's calendar."""

import random
import re
from datetime import UTC, datetime, timedelta

import pytest

from graphcron.api.calendar_for import calendar_for
from graphcron.input_template import DIRECTIVES, NAMES
from graphcron.manifests.request import request_for
from graphcron.runner.occurrence.input_template import Values, fill
from graphcron.runner.occurrence.previous_time import previous_time
from graphcron.schedule import times
from tests.cluster import ROOT
from tests.unit.world import SETTINGS, graphcron

ZONES = ("Etc/UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo")
TEMPLATE = {"input": "{{ previousScheduledTime }}", "inputTemplate": True}


def cron(**spec):
    spec = {key: value for key, value in spec.items() if value is not None}
    return graphcron(**({} if "schedules" in spec else {"schedule": "0 8 * * *"}) | TEMPLATE | spec)


def pod_says(graph, moment: datetime) -> datetime | None:
    request = request_for(graph, SETTINGS, since=datetime(2026, 11, 22, tzinfo=UTC))
    found = previous_time(request, int(moment.timestamp()))
    return None if found is None else datetime.fromtimestamp(found, UTC)


def calendar_says(graph, moment: datetime) -> datetime | None:
    """Return the last due minute, by the operator's own search backward."""
    calendar, until = calendar_for(graph), moment
    while True:
        before = until - timedelta(microseconds=1)
        found = [times.previous_at_or_before(line, calendar.zone, before) for line in calendar.crons]
        latest = max(each for each in found if each is not None)
        if calendar.start and latest < calendar.start:
            return min(calendar.start, moment)
        spans = [each for each in calendar.excluded if each.start <= latest < each.end]
        if not spans:
            return latest
        until = spans[0].start


def field(chance: random.Random, low: int, high: int, starred: float) -> str:
    if chance.random() < starred:
        return chance.choice(["*", "*", "?", "*/1", "*/2", f"*/{chance.randint(3, 7)}"])
    first, last = sorted((chance.randint(low, high), chance.randint(low, high)))
    return chance.choice([str(first), f"{first}-{last}", f"{first},{last}", f"{first}-{last}/2"])


def line(chance: random.Random) -> str:
    fields = [(0, 59, 0.3), (0, 23, 0.4), (1, 28, 0.6), (1, 12, 0.7), (0, 6, 0.6)]
    return " ".join(field(chance, *each) for each in fields)


def random_cron(chance: random.Random):
    days = [
        datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=chance.randrange(700))
        for _ in range(chance.choice([0, 0, 3]))
    ]
    return cron(
        schedules=[line(chance) for _ in range(chance.choice([1, 1, 2, 3]))],
        timeZone=chance.choice(ZONES),
        excludes=[{"from": f"{day:%Y-%m-%dT10:00}", "to": f"{day + timedelta(days=3):%Y-%m-%dT00:30}"} for day in days],
        startTime=chance.choice([None, None, "2026-05-01T00:00:00Z"]),
    )


def moments(chance: random.Random, zone) -> list[datetime]:
    """Return random times, and times around the changes of the clock."""
    found = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(2 * 365 * 86400))]
    for day in range(730):
        start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
        if start.astimezone(zone).utcoffset() != (start + timedelta(days=1)).astimezone(zone).utcoffset():
            found.append(start + timedelta(minutes=chance.randrange(2 * 1440)))
    return found


def test_pod_agrees_with_the_calendar() -> None:
    chance, cases = random.Random(1), 0
    while cases < 3000:
        graph = random_cron(chance)
        for moment in moments(chance, calendar_for(graph).zone):
            cases += 1
            assert pod_says(graph, moment) == calendar_says(graph, moment), (graph.spec.lines, moment)


CASES = {
    "daily": (cron(), "2026-11-22T08:00", "2026-11-21T08:00"),
    "a run on request, after the one of the day": (cron(), "2026-11-22T08:00:30", "2026-11-22T08:00"),
    "every Monday": (cron(schedule="0 8 * * 1"), "2026-11-23T08:00", "2026-11-16T08:00"),
    "29 February": (cron(schedule="0 0 29 2 *"), "2028-02-29T00:00", "2024-02-29T00:00"),
    "an hour later by UTC, after the clock went back": (
        cron(timeZone="Europe/Berlin"), "2026-10-25T07:00", "2026-10-24T06:00",
    ),
    "twice, where the clock shows it twice": (
        cron(schedule="30 2 * * *", timeZone="Europe/Berlin"), "2026-10-25T01:30", "2026-10-25T00:30",
    ),
    "not on the day whose clock skips it": (
        cron(schedule="30 2 * * *", timeZone="Europe/Berlin"), "2026-03-30T00:30", "2026-03-28T01:30",
    ),
    "not on an excluded day": (
        cron(excludes=[{"date": "2026-12-25"}, {"date": "2026-12-26"}]), "2026-12-27T08:00", "2026-12-24T08:00",
    ),
    "the first: from the start": (cron(startTime="2026-11-20T12:00:00Z"), "2026-11-21T08:00", "2026-11-20T12:00"),
    "the first, which is the start": (cron(startTime="2026-11-20T08:00:00Z"), "2026-11-20T08:00", "2026-11-20T08:00"),
    "on request, before the start": (cron(startTime="2026-12-01T00:00:00Z"), "2026-11-20T09:00", "2026-11-20T09:00"),
    "a past year": (cron(timeZone="Europe/Berlin"), "2023-07-02T06:00", "2023-07-01T06:00"),
}  # fmt: skip


@pytest.mark.parametrize(("graph", "moment", "previous"), CASES.values(), ids=CASES)
def test_previous_time(graph, moment: str, previous: str) -> None:
    wanted = datetime.fromisoformat(previous).replace(tzinfo=UTC)
    assert pod_says(graph, datetime.fromisoformat(moment).replace(tzinfo=UTC)) == wanted


@pytest.mark.parametrize(
    ("spec", "has_zone", "has_lines"),
    [
        ({"input": "{{ scheduledTime }}", "inputTemplate": True}, False, False),
        ({"input": "{{ scheduledTime | date }}", "inputTemplate": True}, True, False),
        ({"input": ["{{ previousScheduledTime }}"], "inputTemplate": True}, True, True),
        ({"input": "{{ previousScheduledTime }}"}, False, False),
        ({"inputFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}, "inputTemplate": True}, True, True),
    ],
)
def test_request_has_the_calendar_that_its_template_needs(spec, has_zone: bool, has_lines: bool) -> None:
    made = request_for(graphcron(**spec), SETTINGS, since=datetime(2026, 11, 22, tzinfo=UTC))
    assert (bool(made.offsets), bool(made.lines)) == (has_zone, has_lines)
    assert len(made.to_json()) < 1000


def test_lines_are_sent_in_normal_form() -> None:
    spec = {"schedules": ["*/20 8-10 * JAN,3 MON-FRI", "@daily", "0 */1 1-31 * 0-6", "? * */2 * *"], **TEMPLATE}
    made = request_for(graphcron(**spec), SETTINGS, since=datetime(2026, 11, 22, tzinfo=UTC))
    assert made.lines == (
        "0,20,40 8,9,10 * 1,3 1,2,3,4,5",
        "0 0 * * *",
        f"0 * {','.join(map(str, range(1, 32)))} * 0,1,2,3,4,5,6",
        "* * 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 * *",
    )


def test_templates_of_the_documentation_give_its_texts() -> None:
    page = (ROOT / "docs/runs.md").read_text()
    rows = re.findall(r"^(\{\{ .* \}\}) {2,}(\S.*)$", page, re.MULTILINE)
    graph = cron(schedule="0 8 * * 1-5", timeZone="Europe/Berlin")
    moment = int(datetime(2026, 11, 30, 7, tzinfo=UTC).timestamp())
    request = request_for(graph, SETTINGS, since=datetime(2026, 11, 22, tzinfo=UTC))
    values: Values = {"scheduledTime": moment, "previousScheduledTime": previous_time(request, moment) or 0}
    assert len(rows) > 5
    assert [(text, fill(text, values, request.offsets)) for text, _ in rows] == rows


def test_documentation_lists_the_filters_directives_and_names() -> None:
    page = (ROOT / "docs/runs.md").read_text()
    (described,) = re.findall(r"^\| `date\('FORMAT'\)` \| (.*) \|$", page, re.MULTILINE)
    assert set(re.findall(r"`%(.)[%`]", described)) == set(DIRECTIVES)
    assert all(f"`{{{{ {name} }}}}`" in page for name in NAMES)
