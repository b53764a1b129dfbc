"""The grammar of ``inputTemplate``, and that runner and operator agree about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphcron.input_template import NAMES, TIMES, Placeholder, Problem, TemplateError, parse, problems_of
from graphcron.runner.client.errors import RunEnded
from graphcron.runner.occurrence.input_template import fill
from tests.unit.api.test_model import problems, with_spec

VALUES = {name: 1_764_486_000 if name in TIMES else "x" for name in NAMES}
BERLIN = ((1_735_689_600, 3600), (1_743_296_400, 7200), (1_761_440_400, 3600), (1_774_746_000, 7200))
SPRING = 1_774_746_000
"""29 March 2026, 01:00 UTC: the clock of Berlin goes from 02:00 to 03:00."""

READ = {
    "scheduledTime": Placeholder("scheduledTime"),
    " previousScheduledTime |date": Placeholder("previousScheduledTime", 0, "%Y-%m-%d"),
    "scheduledTime | date('%d.%m. }} | %%')": Placeholder("scheduledTime", 0, "%d.%m. }} | %%"),
    'scheduledTime | date ( "%H\'%M" )': Placeholder("scheduledTime", 0, "%H'%M"),
    "scheduledTime|addDays(-1)|addDays( +8 )": Placeholder("scheduledTime", 7),
    "scheduledTime | addDays(1) |\n date": Placeholder("scheduledTime", 1, "%Y-%m-%d"),
}

WRONG = {
    "{{": Problem.OPEN,
    "{{ name }": Problem.OPEN,
    "a {{ name }} {{ name": Problem.OPEN,
    "{{ it's }}": Problem.OPEN,
    "{{}}": Problem.NAME,
    "{{ nmae }}": Problem.NAME,
    "{{ .scheduledTime }}": Problem.NAME,
    "{{ {{ name }}": Problem.NAME,
    "{{ scheduledTime.date }}": Problem.NAME,
    "{{ scheduledTime + 1 }}": Problem.NAME,
    "{{ scheduledTime | upper }}": Problem.FILTER,
    "{{ scheduledTime | }}": Problem.FILTER,
    "{{ scheduledTime || date }}": Problem.FILTER,
    "{{ scheduledTime | date('%Y' }}": Problem.FILTER,
    "{{ scheduledTime | adddays(1) }}": Problem.FILTER,
    "{{ name | date }}": Problem.NOT_A_TIME,
    "{{ 'now' | date }}": Problem.NOT_A_TIME,
    "{{ scheduledTime | date | addDays(-1) }}": Problem.NOT_A_TIME,
    "{{ scheduledTime | addDays }}": Problem.DAYS,
    "{{ scheduledTime | addDays('1') }}": Problem.DAYS,
    "{{ scheduledTime | addDays(1.5) }}": Problem.DAYS,
    "{{ scheduledTime | addDays(١) }}": Problem.DAYS,
    "{{ scheduledTime | addDays(3661) }}": Problem.DAYS,
    "{{ scheduledTime | addDays(3660) | addDays(1) }}": Problem.DAYS,
    "{{ scheduledTime | date() }}": Problem.FORMAT,
    "{{ scheduledTime | date('') }}": Problem.FORMAT,
    "{{ scheduledTime | date(%Y) }}": Problem.FORMAT,
    "{{ scheduledTime | date('%Q') }}": Problem.FORMAT,
    "{{ scheduledTime | date('100%') }}": Problem.FORMAT,
    "{{ scheduledTime | date('%Y', '%m') }}": Problem.FORMAT,
}

FILLED = {
    "no braces, { one }, and }} alone": "no braces, { one }, and }} alone",
    "{{ '{{' }} name }}": "{{ name }}",
    "{{ '' }}": "",
    "{{ scheduledTime }}": "2026-03-28T23:30:00Z",
    "{{ scheduledTime | date }}": "2026-03-29",
    "{{ scheduledTime | addDays(-1) | date }}": "2026-03-28",
    "{{ scheduledTime | date('%A, %d %B %Y, %H:%M %z, day %j, week %G-W%V') }}": (
        "Sunday, 29 March 2026, 00:30 +0100, day 088, week 2026-W13"
    ),
    "{{ scheduledTime | date('%Y-%m-01, 100 %%') }}": "2026-03-01, 100 %",
    "{{ scheduledTime | date('ü\ud800') }}": "ü\ud800",
    "{{ scheduledTime | addDays(1) }}": "2026-03-29T22:30:00Z",
    "{{ scheduledTime | addDays(1) | date('%F') }}": None,
    "{{ previousScheduledTime | date('%H:%M') }}": "02:30",
    "{{ previousScheduledTime | addDays(1) | date('%d %H:%M') }}": "29 03:30",
}


@pytest.mark.parametrize(("text", "place"), READ.items())
def test_placeholder_is_read(text: str, place: Placeholder) -> None:
    assert [each for each in parse(f"a {{{{{text}}}}} b") if each] == ["a ", place, " b"]


@pytest.mark.parametrize(("text", "problem"), WRONG.items())
def test_invalid_template_has_its_problem(text: str, problem: Problem) -> None:
    assert problems_of({"key": ["{{ name }}", text, {"{{ key }}": 1}]}) == {problem}
    with pytest.raises(TemplateError, match=r"; "):
        list(parse(text))


def test_problems_are_found_together() -> None:
    found = problems(with_spec(input=["{{ nmae }}", "{{ name | date }}"], inputTemplate=True))
    assert {(each.field, each.problem) for each in found} == {
        ("spec.input", Problem.NAME.problem),
        ("spec.input", Problem.NOT_A_TIME.problem),
    }
    assert problems(with_spec(input=["{{ nmae }}", "{{ name | date }}"])) == []


@pytest.mark.parametrize(("text", "filled"), FILLED.items())
def test_template_is_filled_in_the_zone_of_the_schedule(text: str, filled: str | None) -> None:
    values = {"scheduledTime": SPRING - 5400, "previousScheduledTime": SPRING - 84600}
    if filled is None:
        with pytest.raises(RunEnded):
            fill(text, values, BERLIN)
    else:
        assert fill([text, {text: 1}], values, BERLIN) == [filled, {text: 1}]


_PIECES = [
    *("{{", "}}", "{", "}", "'", '"', "|", "(", ")", "-", "1", "3660", "%Y", "%", " ", "\n", "\0", "x", "name"),
    *("scheduledTime", "previousScheduledTime", "date", "('%d')", "addDays", "(-1)", "{{ scheduledTime | date }}"),
]
_TEXTS = st.lists(st.sampled_from(_PIECES), max_size=12).map("".join)


@given(st.recursive(_TEXTS | st.text(max_size=8), lambda part: st.lists(part, max_size=3)))
def test_runner_fills_in_what_the_operator_accepts(value: object) -> None:
    found = {each.problem for each in problems_of(value)}
    assert {each.problem for each in problems(with_spec(input=value, inputTemplate=True))} == found
    if not found:
        fill(value, VALUES, BERLIN)
        return
    with pytest.raises(RunEnded) as caught:
        fill(value, VALUES, BERLIN)
    assert any(each in caught.value.result.message for each in found)


@pytest.mark.parametrize(("at", "days"), [(-62_135_596_800, -1), (253_402_300_799, 1)], ids=["year 1", "year 9999"])
def test_time_out_of_range_is_reported(at: int, days: int) -> None:
    with pytest.raises(RunEnded) as caught:
        fill(f"{{{{ scheduledTime | addDays({days}) | date }}}}", {"scheduledTime": at}, ())
    assert caught.value.result.message == "the input uses a time that is out of range"
