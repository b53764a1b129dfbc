"""YAML as kubectl reads it and the API server stores it, and YAML written for both."""

import re
from collections.abc import Hashable, Iterator
from decimal import Decimal
from math import isfinite
from typing import Any, Final

import yaml
from typing_extensions import override

from graphcron.cli import terminal
from graphcron.cli.files.json_nodes import TAG
from graphcron.unstructured.bounded_json import LEFT_OUT, LEVELS

_INT64: Final = range(-(2**63), 2**63)
"""Whole numbers that the API server stores as they are; others become floating-point numbers."""

_U_INT64: Final = range(2**64)

_LEFT_OUT: Final = {"timestamp", "value", "int", "float"}
_FLOAT: Final = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
NUMBERS: Final = {
    f"{TAG}int": re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]*|[1-9][0-9_]*)"),
    f"{TAG}float": re.compile(rf"{_FLOAT}|[-+]?\.inf|\.nan", re.IGNORECASE),
}
"""What kubectl reads as numbers, by tag: unlike PyYAML, it reads 1e3 as a number, and 12:30 as a string."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SHOWN: Final = 60
"""Characters of a number that a message repeats."""


def composed(loader: "Loader") -> Iterator[yaml.Node]:
    """Yield the root node of each document that is not empty."""
    while loader.check_node():
        node = loader.get_node()
        if node is not None:
            yield node


def written(value: Any, *, sort_keys: bool = False, width: int = 120) -> str:
    """Write YAML as people do, and so that kubectl reads the same: a text of several lines as a block."""
    return terminal.in_quotes(yaml.dump(value, Dumper=_Dumper, sort_keys=sort_keys, allow_unicode=True, width=width))


class Loader(yaml.SafeLoader):
    """Reads as kubectl does: times and keys of objects are strings; ``y`` and ``n`` are booleans."""

    levels = 0
    """Nesting depth of the current value."""
    bool_values = {**yaml.SafeLoader.bool_values, "y": True, "n": False}  # noqa: RUF012

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise _unfit(node, "is not an object")
        self.flatten_mapping(node)
        return {self._key(key): self.construct_object(value, deep=deep) for key, value in node.value}

    def _key(self, node: yaml.Node) -> str:
        key = self.construct_object(node, deep=True)
        if isinstance(key, (list, dict, type(None))):
            raise _unfit(node, "a key is not a string")
        return key if isinstance(key, str) else str(key).lower()

    @override
    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Omit values that are nested too deeply, instead of raising a RecursionError."""
        if self.levels == LEVELS and self.check_event(yaml.CollectionStartEvent):
            return self._left_out()
        self.levels += 1
        try:
            node: yaml.Node | None = super().compose_node(parent, index)
        finally:
            self.levels -= 1
        if isinstance(node, yaml.ScalarNode) and _SURROGATE.search(node.value):
            raise _unfit(node, "an escape from \\ud800 to \\udfff is half a character; write the character itself")
        return node

    def _left_out(self) -> yaml.Node:
        """Skip a list or an object."""
        begin, levels = self.peek_event(), 0  # type: ignore[no-untyped-call]
        while True:
            event = self.get_event()  # type: ignore[no-untyped-call]
            levels += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if not levels:
                return yaml.ScalarNode(f"{TAG}str", LEFT_OUT, begin.start_mark, event.end_mark)

    def truth(self, node: yaml.ScalarNode) -> bool:
        """Read a boolean."""
        text = str(self.construct_scalar(node)).lower()
        if text not in self.bool_values:
            raise _unfit(node, "is neither true nor false")
        return self.bool_values[text]

    def number(self, node: yaml.ScalarNode) -> float | str:
        """Read a number as the API server stores it; what is too large for any number is text."""
        raw = str(self.construct_scalar(node))
        text = raw.replace("_", "")
        if text.lower().endswith((".inf", ".nan")):
            raise _unfit(node, f"{raw} is not a number in JSON; leave it out, or write a string in quotes")
        number = _whole(text) if node.tag == f"{TAG}int" else None
        if number is not None and number in _INT64:
            return number
        if number is not None and number in _U_INT64:
            return float(number)
        if not re.fullmatch(_FLOAT, text):
            if number is None:
                raise _unfit(node, f"{raw[:_SHOWN]} is not a number")
            return raw
        return _floating(text, raw)


def _whole(text: str) -> int | None:
    octal = re.fullmatch(r"[-+]?0[0-7]+", text)
    try:
        return int(text, 8 if octal else 0)
    except ValueError:  # not an integer, or one of thousands of digits
        return None


def _floating(text: str, raw: str) -> float | str:
    """Return a number, whole where it can be, in the shortest digits that mean it."""
    number = float(text)
    if not isfinite(number):
        return raw
    whole = int(Decimal(repr(number))) if number.is_integer() and abs(number) < 2**63 else None
    return number if whole is None else whole


Loader.yaml_constructors = {
    **{f"{TAG}{kind}": yaml.SafeLoader.yaml_constructors[f"{TAG}{kind}"] for kind in ("map", "seq", "str", "null")},
    None: yaml.SafeLoader.yaml_constructors[None],
}
"""Kubernetes has the types of JSON."""
Loader.add_constructor(f"{TAG}bool", Loader.truth)
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in _LEFT_OUT]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """Quotes strings that kubectl would read as another type, and writes no aliases."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if terminal.has_controls(text) else "|" if "\n" in text else None
    return dumper.represent_scalar(f"{TAG}str", text, style=style)


_Dumper.add_representer(str, _text)

_RESOLVED: Final = (
    (f"{TAG}bool", re.compile("[yYnN]$"), list("yYnN")),
    *((tag, re.compile(f"(?:{each.pattern})$", each.flags), list("-+0123456789.")) for tag, each in NUMBERS.items()),
)
for _each in _RESOLVED:
    Loader.add_implicit_resolver(*_each)
    _Dumper.add_implicit_resolver(*_each)
for _tag in NUMBERS:
    Loader.add_constructor(_tag, Loader.number)


def _unfit(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark)
