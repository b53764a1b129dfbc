"""Jenkins' H, written out as plain cron."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from graphcron.errors import SpecError
from graphcron.schedule.cron import parse
from graphcron.schedule.hashed import has_hash, render, seed_for

FOR_EVER = {
    ("H * * * *", "default/report"): "51 * * * *",
    ("H H * * *", "default/report"): "51 18 * * *",
    ("H H H * *", "default/report"): "51 18 15 * *",
    ("H H H H H", "default/report"): "51 18 15 9 0",
    ("H/15 * * * *", "default/report"): "6-59/15 * * * *",
    ("H(0-29)/10 * * * *", "default/report"): "1-29/10 * * * *",
    ("H H(0-7) * * H(MON-FRI)", "default/report"): "51 2 * * 2",
    ("0 0 H/7 H/3 *", "default/report"): "0 0 1-28/7 3-12/3 *",
    ("H H * * *", "default/report/1"): "5 3 * * *",
    ("H H * * *", "team-a/digest"): "18 14 * * *",
    ("H H * * *", ""): "39 16 * * *",
}
"""What lines have become for somebody. To change one is to move people's schedules: don't."""


@pytest.mark.parametrize(("line", "seed"), FOR_EVER)
def test_the_same_name_gets_the_same_time_in_every_version(line: str, seed: str) -> None:
    assert render(line, seed=seed) == FOR_EVER[line, seed]


def test_the_seed_of_the_first_line_does_not_depend_on_others() -> None:
    assert [seed_for("default", "report", line) for line in range(3)] == [
        "default/report", "default/report/1", "default/report/2",
    ]  # fmt: skip
    assert seed_for("default", "report") == seed_for("default", "report", 0)


PLAIN = [
    "30 8 * * 1-5", "  30\t8 * *  THU ", "*/15 * * MAR-JUN *", "@daily", "@hourly", "@midnight", "@every 1h",
    "@Hourly", "", "nothing like cron", "0 0 * MARCH THURSDAY", "TZ=UTC * * * * *", "61 * * * *",
]  # fmt: skip


@pytest.mark.parametrize("line", PLAIN)
def test_a_line_without_h_comes_back_as_it_is(line: str) -> None:
    assert not has_hash(line)
    assert render(line, seed="default/report") == line


def test_blanks_and_the_rest_of_a_list_stay() -> None:
    assert render(" H,0\t8  * * MON-THU\n", seed="default/report") == " 51,0\t8  * * MON-THU\n"


def test_one_field_has_one_number_and_each_field_its_own() -> None:
    assert render("H(0-29),H(30-59) * * * *", seed="default/report") == "21,51 * * * *"
    assert len(set(render("H(0-6) H(0-6) H(1-7) H(1-7) H(0-6)", seed="a/b").split())) > 1


RANGES = ((0, 59), (0, 23), (1, 28), (1, 12), (0, 6))
NAMES = {
    3: dict(enumerate(("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), start=1)),
    4: dict(enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))),
}


def an_h(chance: random.Random, at: int) -> tuple[str, range, int | None]:
    """Make an H for a field: its text, what it may hit, and its step."""
    low, high = RANGES[at]
    text = "H"
    if chance.random() < 0.5:
        low, high = sorted((chance.randint(low, high), chance.randint(low, high)))
        named = NAMES.get(at, {}) if chance.random() < 0.5 else {}
        text += f"({named.get(low, low)}-{named.get(high, high)})"
    step = chance.randint(2, high - low + 1) if high > low and chance.random() < 0.5 else None
    return text + (f"/{step}" if step else ""), range(low, high + 1), step


def test_every_right_h_becomes_cron_and_hits_its_range() -> None:
    chance = random.Random(73)
    for number in range(1000):
        hashes = [an_h(chance, at) for at in range(5)]
        line = " ".join(text for text, _, _ in hashes)
        read = parse(render(line, seed=f"namespace/{number}"))
        fields = (read.minutes, read.hours, read.days, read.months, read.weekdays)
        for values, (text, allowed, step) in zip(fields, hashes, strict=True):
            assert values <= set(allowed), (line, text)
            if step is None:
                assert len(values) == 1
            else:
                first = min(values)
                assert first - allowed.start < step
                assert sorted(values) == list(range(first, allowed.stop, step)), (line, text)


def test_h_15_comes_four_times_an_hour_evenly_spaced() -> None:
    for number in range(100):
        minutes = sorted(parse(render("H/15 * * * *", seed=str(number))).minutes)
        assert minutes == [minutes[0] + step for step in (0, 15, 30, 45)]


@pytest.mark.parametrize(
    ("line", "at", "values"),
    [("H * * * *", 0, 60), ("* H * * *", 1, 24), ("* * H * *", 2, 28), ("* * * H *", 3, 12), ("* * * * H", 4, 7),
     ("H/20 * * * *", 0, 20), ("H(10-19) * * * *", 0, 10)],
)  # fmt: skip
def test_a_thousand_names_are_spread(line: str, at: int, values: int) -> None:
    counts = Counter(render(line, seed=seed_for("default", f"cron-{each}")).split()[at] for each in range(1000))
    fair = 1000 / values
    assert len(counts) == values
    assert sum((count - fair) ** 2 / fair for count in counts.values()) < 2 * values + 10, "chi squared"


def test_minute_and_hour_hash_independently() -> None:
    times = {render("H H * * *", seed=seed_for("default", f"cron-{each}")) for each in range(1000)}
    assert len(times) > 650, "of 1,440 minutes; by chance alone some 720"


WRONG = {
    "a range beyond the field": ("H(60-70) * * * *", "60 is above 59"),
    "a range that ends beyond it": ("* H(20-24) * * *", "24 is above 23"),
    "day 0": ("* * H(0-5) * *", "0 is below 1"),
    "weekday 7": ("* * * * H(1-7)", "Sunday is 0 or SUN here"),
    "a range backwards": ("H(9-5) * * * *", 'minute "H(9-5)": the range runs backwards'),
    "a step of none": ("H/0 * * * *", "a step is a whole number from 2 to 60 here"),
    "a step of one": ("H/1 * * * *", "write H for once, or * for each time"),
    "a step beyond the field": ("H/61 * * * *", "from 2 to 60 here"),
    "a step beyond the range": ("H(0-5)/99 * * * *", "from 2 to 6 here"),
    "a step beyond 28 days": ("* * H/29 * *", "from 2 to 28 here"),
    "a step in a range of one": ("H(5-5)/2 * * * *", "has one value; write H, H(0-29) or H/15"),
    "a step of many digits": (f"H/{'9' * 5000} * * * *", "stands alone or with a range"),
    "a small h": ("h * * * *", "the hash is a capital H"),
    "a small h with all": ("* h(1-5)/2 * * *", "the hash is a capital H"),
    "two": ("HH * * * *", "stands alone or with a range"),
    "a start": ("H-5 * * * *", "stands alone or with a range"),
    "an end": ("0-H * * * *", "stands alone or with a range"),
    "a step": ("*/H * * * *", "stands alone or with a range"),
    "a digit before": ("5H * * * *", "stands alone or with a range"),
    "no range": ("H() * * * *", "stands alone or with a range"),
    "one end": ("H(5) * * * *", "stands alone or with a range"),
    "a star in the range": ("H(*-5) * * * *", "stands alone or with a range"),
    "a name that is none": ("* * * * H(MON-FRITAG)", '"FRITAG" is not a number or name'),
    "an open bracket": ("H(0-29 * * * *", "stands alone or with a range"),
    "two steps": ("H/15/2 * * * *", "stands alone or with a range"),
    "Quartz' number": ("* * * * H#2", "write H, H(1-5) or H(MON-FRI)"),
    "a list in the range": ("H(0-5,9) * * * *", "stands alone or with a range"),
    "a macro's name": ("@H", "has an H in a macro"),
    "a macro and a field": ("@daily H", 'write five fields, for example "H H * * *"'),
    "four fields": ("H * * *", '"H * * *" has 4 of the five fields'),
    "six fields": ("H * * * * *", "Kubernetes knows no seconds"),
    "a zone": ("TZ=Europe/Berlin H * * * *", "move the zone to spec.timeZone"),
    "another field": ("H 25 * * *", 'hour "25": 25 is above 23'),
    "no blank for Kubernetes": ("H\x1cH * * * *", 'minute "H\\x1cH"'),
}  # fmt: skip


@pytest.mark.parametrize(("line", "wanted"), WRONG.values(), ids=WRONG)
def test_a_wrong_h_is_refused_whatever_the_seed(line: str, wanted: str) -> None:
    assert has_hash(line)
    messages = set()
    for seed in ("", "default/report", "team-a/digest"):
        with pytest.raises(SpecError) as caught:
            render(line, seed=seed, field="spec.schedules[1]")
        messages.add(str(caught.value))
    (message,) = messages
    assert message.startswith("spec.schedules[1]: ")
    assert wanted in message
    assert len(message) < 300


def test_macros_are_not_hashed() -> None:
    assert parse(render("@daily", seed="default/report")) == parse("0 0 * * *")
