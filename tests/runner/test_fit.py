"""What fits a graph's schema, and what surely does not."""

from typing import Any

import pytest

from graphcron.runner import fit

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
    assert fit.misfit(value, SCHEMA) == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("text", "is a string"),
        ([1], "is an array"),
        (5, "is an integer"),
        ({"message": []}, "did you mean `messages`?"),
        ({"zzz": []}, "which are `messages`, `count`"),
        ({"messages": 5}, "has an integer as `messages`, and the graph takes an array"),
        ({"count": "many"}, "has a string as `count`"),
        ({"count": {}}, "has an object as `count`"),
        ({"name": []}, "and the graph takes a string or nothing"),
        ({"flag": {}}, "has an object as `flag`"),
        ({"place": 5}, "has an integer as `place`"),
    ],
)
def test_what_can_not_fit(value: Any, words: str) -> None:
    assert words in fit.misfit(value, SCHEMA)


@pytest.mark.parametrize(
    "schema", [None, [], {}, {"type": "array"}, {"type": "object"}, {"type": "object", "properties": {}}]
)
def test_schemas_that_say_nothing(schema: Any) -> None:
    assert fit.misfit("anything", schema) == ""
    assert fit.ignored({"a": 1}, schema) == []


def test_graphs_that_take_any_key() -> None:
    open_schema = {**SCHEMA, "additionalProperties": True}
    assert fit.misfit({"zzz": 1}, open_schema) == ""
    assert fit.ignored({"zzz": 1}, open_schema) == []
    assert fit.ignored({"zzz": 1, "count": 1}, SCHEMA) == ["zzz"]
