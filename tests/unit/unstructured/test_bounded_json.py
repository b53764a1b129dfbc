"""JSON of any depth: read, written and cut, whatever its texts hold."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphcron.unstructured.bounded_json import LEFT_OUT, LEVELS, cut, dumps, fast_loads, is_deeper, loads, shallow
from tests.unit.hostile import JSON, PROFILE

TRICKS = ['"', "\\", '\\"', '"}', "{[", '\\\\"{', "]}" * LEVELS, "{" * 2 * LEVELS, "ü☃", "\n"]
"""Texts that hold what begins or ends something elsewhere."""


def nested(levels: int, kind: str = "object", within: Any = 1) -> str:
    begin, end = {"object": ('{"a":', "}"), "list": ("[", "]"), "both": ('{"a":[', "]}")}[kind]
    return begin * levels + json.dumps(within) + end * levels


def depth_of(value: Any) -> int:
    levels = 0
    while isinstance(value, dict | list) and value:
        levels, value = levels + 1, next(iter(value.values())) if isinstance(value, dict) else value[0]
    return levels


@pytest.mark.parametrize("kind", ["object", "list"])
@pytest.mark.parametrize("levels", [1, LEVELS, LEVELS + 1, 199, 200, 201, 205, 255, 300, 900, 1500, 10_000, 200_000])
def test_deep_json_is_read_and_can_be_written_and_read_again(levels, kind):
    text = nested(levels, kind)
    assert depth_of(loads(text)) == min(levels, LEVELS)
    value = fast_loads(text)
    assert depth_of(value) in {levels, LEVELS}
    assert fast_loads(text.encode()) == value == fast_loads(dumps(value))
    assert depth_of(json.loads(shallow(text.encode()))) in {levels, LEVELS}
    if levels > 200:
        assert LEFT_OUT in dumps(value).decode()


@pytest.mark.parametrize("trick", TRICKS)
def test_cut_takes_texts_for_texts(trick):
    deep = json.loads(cut(nested(LEVELS, within={"x": [trick]}).encode()))
    assert deep == json.loads(nested(LEVELS, within=LEFT_OUT))
    value = {"metadata": {"name": trick, trick: 1}, "spec": {"input": json.loads(nested(300)), "after": trick}}
    read = loads(json.dumps(value))
    assert read["metadata"] == value["metadata"]
    assert read["spec"]["after"] == trick


def test_cut_leaves_what_is_beside_as_it_is():
    text = "[" * LEVELS + '[1],{"a":{}},2,"[",[],3' + "]" * LEVELS
    expected = "[" * LEVELS + f'"{LEFT_OUT}","{LEFT_OUT}",2,"[","{LEFT_OUT}",3' + "]" * LEVELS
    assert cut(text.encode()).decode() == expected


@PROFILE
@given(JSON)
def test_shallow_json_is_read_as_python_reads_it(value):
    text = json.dumps(value)
    assert loads(text) == fast_loads(text) == fast_loads(dumps(value)) == value
    assert shallow(text.encode()) == text.encode()


@PROFILE
@given(JSON, st.integers(min_value=150, max_value=2_000), st.sampled_from(["object", "list", "both"]))
def test_what_is_above_the_depth_survives(value, levels, kind):
    body = '{"kept":' + json.dumps(value) + ',"deep":' + nested(levels, kind) + ',"also":' + json.dumps(value) + "}"
    for read in (loads(body), fast_loads(body), json.loads(shallow(body.encode()))):
        assert read["kept"] == read["also"] == value


@pytest.mark.parametrize("text", ["", "{", "nul", "[1,]", '{"a"}', "{" * 5000, "]" * 5000, '"' + "\\" * 5000])
def test_what_is_not_json_is_a_value_error(text):
    for read in (loads, fast_loads):
        with pytest.raises(ValueError):  # noqa: PT011
            read(text)


def test_a_lone_surrogate_is_read():
    assert fast_loads(b'{"a":"\\ud800"}') == {"a": "\ud800"} == fast_loads(dumps({"a": "\ud800"}))


@pytest.mark.parametrize(("levels", "deeper"), [(0, True), (1, True), (2, True), (3, False), (100, False)])
def test_depth_counts_lists_and_objects(levels, deeper):
    assert is_deeper({"a": [1, {}], "b": 2}, levels) is deeper
    assert not is_deeper("[[[[", levels)


def test_many_siblings_are_cut_at_once():
    """Were each cut to copy what had been kept, this would take hours."""
    siblings = 300_000
    text = ("[" * LEVELS + "[[]]," * siblings + "1" + "]" * LEVELS).encode()
    value = json.loads(cut(text))
    for _ in range(LEVELS - 1):
        (value,) = value
    assert value == [LEFT_OUT] * siblings + [1]
