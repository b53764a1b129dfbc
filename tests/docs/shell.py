"""Reading the shell of the pages with Bash's own grammar: which commands there are, with which words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import tree_sitter_bash
from markdown_it import MarkdownIt
from tree_sitter import Language, Node, Parser

from tests.docs.page import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNKNOWN = "…"
"""Stands in a word for what only the reader's shell knows."""

_PARSER = Parser(Language(tree_sitter_bash.language()))
_EXPANSIONS = ("simple_expansion", "expansion", "command_substitution")
_WORDS = ("word", "string", "raw_string", "concatenation", "number", *_EXPANSIONS)
_PROMPT = re.compile(r"^\$ (.*(?:\\\n.*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """One command."""

    place: str
    """Page and line."""
    words: tuple[str, ...]
    """The program and what it is given: quotes are taken off, variables put in where the page sets them."""


@dataclass
class Shell:
    """What a reader's terminal knows after the commands of a page, from the top to the bottom."""

    commands: list[Command] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    """Files and folders that the page makes."""

    def read(self, text: str, place: str, line: int = 0) -> None:
        """Read a piece of shell.

        Raises
        ------
        ValueError
            It is none.
        """
        root = _PARSER.parse(text.encode()).root_node
        if root.has_error:
            raise ValueError(f"{place}: Bash can't read this: {text}")
        self._walk(root, place, line)

    def _walk(self, node: Node, place: str, line: int) -> None:
        for child in node.named_children:
            self._walk(child, place, line)
        if node.type == "variable_assignment":
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            self.variables[_text(name)] = self._value(value) if value else ""
        elif node.type == "file_redirect" and (goal := node.child_by_field_name("destination")):
            self.files.add(self._value(goal))
        elif node.type == "command":
            (name,) = node.children_by_field_name("name")
            words = [name.named_children[0], *(each for each in node.named_children if each.type in _WORDS)]
            found = (*map(self._value, words), *_lost(node))
            self.commands.append(Command(f"{place}:{line + node.start_point.row}", found))
            if found[0] == "mkdir":
                self.files.update(found[1:])

    def _value(self, node: Node) -> str:
        if node.type == "raw_string":
            return _text(node)[1:-1]
        if node.type == "concatenation":
            return "".join(map(self._value, node.named_children))
        if node.type == "command_substitution":
            return UNKNOWN
        if node.type in _EXPANSIONS:
            name, *default = node.named_children
            own = f"${{{_text(name)}}}"
            return self.variables.get(_text(name), self._value(default[0]) if default else own)
        text = self._with_expansions(node)
        return text[1:-1] if node.type == "string" else re.sub(r"\\(.)", r"\1", text)

    def _with_expansions(self, node: Node) -> str:
        """Return a node's text, its variables put in; what stands between them is taken as it is."""
        text, at = b"", node.start_byte
        assert node.text is not None
        for child in node.named_children:
            if child.type in _EXPANSIONS:
                text += node.text[at - node.start_byte : child.start_byte - node.start_byte]
                text, at = text + self._value(child).encode(), child.end_byte
        return (text + node.text[at - node.start_byte :]).decode()


def shell_of(page: Path) -> Shell:
    """Read all commands of a page: its ``bash`` blocks, and what stands after a prompt in its ``console`` blocks."""
    shell = Shell()
    for block in blocks(page):
        if block.language == "yaml" and block.file_name:
            shell.files.add(block.file_name)
        if block.language == "bash":
            shell.read(block.text, block.page.name, block.line)
        if block.language == "console":
            for match in _PROMPT.finditer(block.text):
                shell.read(match[1], block.page.name, block.line + block.text.count("\n", 0, match.start()))
    return shell


def spans(page: Path) -> Iterator[tuple[str, int]]:
    """Yield what stands in a line of prose as code, with the line where its paragraph begins."""
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8")):
        for child in token.children or ():
            if child.type == "code_inline":
                yield child.content, (token.map or [0])[0] + 1


def _lost(command: Node) -> list[str]:
    """Return a last word `-` before a here-document, which the grammar takes for nothing."""
    after = command.next_sibling
    if after is None or command.parent is None or command.parent.text is None:
        return []
    start = command.parent.start_byte
    return command.parent.text[command.end_byte - start : after.start_byte - start].decode().split()


def _text(node: Node | None) -> str:
    assert node is not None
    assert node.text is not None
    return node.text.decode()
