"""Parse JSON into YAML nodes with their places, as Go does where JSON and YAML differ."""

import json
import re
from math import isinf
from typing import Any, Final

import yaml

from graphcron.unstructured.bounded_json import LEFT_OUT, LEVELS

TAG: Final = "tag:yaml.org,2002:"

_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_BETWEEN: Final = re.compile(r"[ \t\r\n\ufeff]*(?:---[ \t\r\n]+)*")
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: Final = {"true": "bool", "false": "bool", "null": "null"}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class NotJsonError(Exception):
    """A text is not valid JSON."""

    def __init__(self, problem: str, mark: yaml.Mark) -> None:
        self.line, self.column = mark.line + 1, mark.column + 1
        super().__init__(problem)


def json_nodes(text: str) -> list[yaml.Node]:
    """Return the node of each object of a text that holds one or several.

    Raises
    ------
    NotJsonError
        It holds something else.
    """
    reader, nodes = _Reader(text), []
    while not reader.is_at_end():
        nodes.append(reader.value(1))
    return nodes


class _Reader:
    """Reads a text in one pass, and omits values that are nested too deeply."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._line, self._line_begin = 0, 0

    def is_at_end(self) -> bool:
        """Advance to the next object; return whether there is none."""
        self._skip(_BETWEEN)
        return self._at == len(self._text)

    def value(self, level: int) -> yaml.Node:
        """Read a value, of which the outermost is on level 1."""
        begin, first = self._mark(), self._text[self._at : self._at + 1]
        if first in ("{", "["):
            return self._collection(first, level, begin)
        if first == '"':
            return self._string()
        for word, kind in _WORDS.items():
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return yaml.ScalarNode(f"{TAG}{kind}", word, begin, self._mark())
        return self._number(begin)

    def _collection(self, bracket: str, level: int, begin: yaml.Mark) -> yaml.Node:
        if level > LEVELS:
            self._pass_over()
            return yaml.ScalarNode(f"{TAG}str", LEFT_OUT, begin, self._mark())
        self._at += 1
        is_object = bracket == "{"
        items: list[Any] = []
        while not self._takes("}" if is_object else "]", first=not items):
            items.append(self._entry(level) if is_object else self.value(level + 1))
        kind: Any = yaml.MappingNode if is_object else yaml.SequenceNode
        node: yaml.Node = kind(f"{TAG}{'map' if is_object else 'seq'}", items, begin, self._mark())
        return node

    def _takes(self, bracket: str, *, first: bool) -> bool:
        """Advance to the next item; return whether there is none."""
        self._skip(_BLANKS)
        if self._text.startswith(bracket, self._at):
            self._at += 1
            return True
        if not first:
            self._take(",")
        return False

    def _entry(self, level: int) -> tuple[yaml.Node, yaml.Node]:
        key = self._string()
        self._skip(_BLANKS)
        self._take(":")
        return key, self.value(level + 1)

    def _string(self) -> yaml.ScalarNode:
        begin, found = self._mark(), _STRING.match(self._text, self._at)
        if not found:
            raise NotJsonError("a string in double quotes is missing or malformed", begin)
        self._at = found.end()
        text = _SURROGATE.sub("\ufffd", json.loads(found[0]))
        return yaml.ScalarNode(f"{TAG}str", text, begin, self._mark(), style='"')

    def _number(self, begin: yaml.Mark) -> yaml.ScalarNode:
        found = _NUMBER.match(self._text, self._at)
        if not found:
            raise NotJsonError("a value is missing or malformed", begin)
        if isinf(float(found[0])):
            raise NotJsonError("a number is too large", begin)
        self._at = found.end()
        return yaml.ScalarNode(f"{TAG}{'float' if found[1] or found[2] else 'int'}", found[0], begin, self._mark())

    def _pass_over(self) -> None:
        """Skip a list or an object of any nesting depth."""
        closing: list[str] = []
        token = re.compile(rf'{_STRING.pattern}|[\[\]{{}}]|[^\[\]{{}}"]+')
        while found := token.match(self._text, self._at):
            self._count_lines(found)
            self._at = found.end()
            if found[0] in ("{", "["):
                closing.append("}" if found[0] == "{" else "]")
            elif found[0] in ("}", "]") and closing.pop() != found[0]:
                break
            if not closing:
                return
        raise NotJsonError("a list or an object has no end", self._mark())

    def _take(self, character: str) -> None:
        if not self._text.startswith(character, self._at):
            raise NotJsonError(f"a {character} is missing", self._mark())
        self._at += 1
        self._skip(_BLANKS)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if found := pattern.match(self._text, self._at):
            self._count_lines(found)
            self._at = found.end()

    def _count_lines(self, found: re.Match[str]) -> None:
        breaks = found[0].count("\n")
        if breaks:
            self._line += breaks
            self._line_begin = found.start() + found[0].rindex("\n") + 1

    def _mark(self) -> yaml.Mark:
        return yaml.Mark("", self._at, self._line, self._at - self._line_begin, None, 0)
