"""Which values match a graph's schema, and which certainly do not."""

from typing import Any

import pytest

from graphcron.runner.preflight import json_schema

SCHEMA = {
    "type": "object",
    "properties": {
        "messages": {"type": "array", "items": {}},
        "count": {"type": "integer"},
        "name": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "flag": {"type": "boolean"},
        "place": {"$ref": "#/$defs/Place"},
        "free": {},
        "odd": {"allOf": [{"type": "string"}]},
        "circle": {"$ref": "#/$defs/Circle"},
    },
    "required": ["messages", "count"],
    "$defs": {"Place": {"type": "object"}, "Circle": {"$ref": "#/$defs/Circle"}},
}


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"messages": []},
        {"messages": "hello"},
        {"messages": {"role": "user"}},
        {"count": 1},
        {"count": "1"},
        {"count": 1.5},
        {"count": None},
        {"name": None},
        {"name": "x"},
        {"name": 5},
        {"flag": "yes"},
        {"flag": 1},
        {"place": {}},
        {"place": "Berlin"},
        {"free": [1]},
        {"odd": [1]},
        {"circle": 1},
        {"unknown": 1, "count": 1},
    ],
)
def test_what_may_fit(value: Any) -> None:
    assert json_schema.mismatch(value, SCHEMA) == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("text", "is a string"),
        ([1], "is an array"),
        (5, "is an integer"),
        ({"message": []}, "has no key that the graph knows"),
        ({"zzz": []}, "has no key that the graph knows"),
        ({"messages": 5}, "has an integer where the graph takes an array"),
        ({"count": "many"}, "has a string where the graph takes an integer"),
        ({"count": {}}, "has an object where the graph takes an integer"),
        ({"name": []}, "where the graph takes a string or nothing"),
        ({"flag": {}}, "has an object where the graph takes a boolean"),
        ({"place": 5}, "has an integer where the graph takes an object"),
    ],
)
def test_what_can_not_fit(value: Any, words: str) -> None:
    assert words in json_schema.mismatch(value, SCHEMA)


@pytest.mark.parametrize(
    "schema", [None, [], {}, {"type": "array"}, {"type": "object"}, {"type": "object", "properties": {}}]
)
def test_schemas_that_say_nothing(schema: Any) -> None:
    assert json_schema.mismatch("anything", schema) == ""
    assert json_schema.unknown_keys({"a": 1}, schema) == 0


def test_graphs_that_take_any_key() -> None:
    open_schema = {**SCHEMA, "additionalProperties": True}
    assert json_schema.mismatch({"zzz": 1}, open_schema) == ""
    assert json_schema.unknown_keys({"zzz": 1}, open_schema) == 0
    assert json_schema.unknown_keys({"zzz": 1, "count": 1}, SCHEMA) == 1


@pytest.mark.parametrize(
    ("value", "count"),
    [({}, 2), ({"messages": []}, 1), ({"messages": [], "count": None}, 0), ({"name": "x"}, 2), (None, 0), ("text", 0)],
)
def test_missing_keys(value: Any, count: int) -> None:
    assert json_schema.missing_keys(value, SCHEMA) == count
    for required in (None, "messages", [1], {}):
        assert json_schema.missing_keys(value, {**SCHEMA, "required": required}) == 0
