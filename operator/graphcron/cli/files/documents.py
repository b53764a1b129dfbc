"""Parse YAML and JSON into nodes with their places, as kubectl does, or report what is wrong."""

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from graphcron.cli.files.json_nodes import TAG, NotJsonError, json_nodes
from graphcron.cli.files.yaml_loader import NUMBERS, Loader, composed

MOST_NODES: Final = 200_000
"""A document must not hold more nodes than it writes down, if they are more than these: anchors can multiply them."""

_BREAK: Final = re.compile("(\r\n|[\n\r\x85\u2028\u2029])")
_ENTRY: Final = re.compile(r"((?>\s*(?:-\s+)*(?:[\w./-]+:\s+)?))([^\s\"'{\[#].*?)(?:\s+#.*|\s*)")
"""A line of a block: its key or hyphens, and its value."""

_INDICATORS: Final = "*@`%&!|>?"
_SHOWN: Final = 60
"""Characters of a value that a remedy repeats."""


class MalformedError(Exception):
    """A text is neither YAML nor JSON that Kubernetes accepts."""

    def __init__(self, problem: str, remedy: str = "", *, line: int = 1, column: int = 1) -> None:
        self.problem, self.remedy, self.line, self.column = problem, remedy, line, column
        super().__init__(problem)


def nodes_of(text: str, *, is_json: bool = False) -> list[yaml.Node]:
    """Return the root node of each document; JSON is read as JSON, as kubectl does.

    Parameters
    ----------
    is_json
        The text must be JSON; otherwise a text that begins like JSON may be YAML.

    Raises
    ------
    MalformedError
        It is neither.
    """
    failed: NotJsonError | None = None
    if is_json or text.lstrip(" \t\r\n\ufeff").startswith("{"):
        try:
            return json_nodes(text)
        except NotJsonError as error:
            failed = error
    if failed and is_json:
        raise _no_json(failed)
    try:
        return _yaml_nodes(text)
    except MalformedError as error:
        if failed and (failed.line, failed.column) >= (error.line, error.column):
            raise _no_json(failed) from None
        raise


def body_of(node: yaml.Node) -> Any:
    """Return the JSON value of a node.

    Raises
    ------
    MalformedError
        Kubernetes does not accept the value.
    """
    try:
        return Loader("").construct_document(node)
    except yaml.MarkedYAMLError as error:
        raise _malformed(error) from error
    except RecursionError as error:
        raise _too_deep() from error


def rounded(node: yaml.Node, path: str = "") -> Iterator[tuple[str, yaml.ScalarNode, Any]]:
    """Yield the numbers that are stored as others, or as texts: their paths, nodes and what is stored."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from rounded(value, f"{path}.{key.value}" if path else str(key.value))
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            yield from rounded(value, f"{path}[{at}]")
    elif isinstance(node, yaml.ScalarNode) and node.tag in NUMBERS:
        stored = Loader("").number(node)
        if isinstance(stored, str) or (node.tag == f"{TAG}int" and isinstance(stored, float)):
            yield path, node, stored


def renamed(node: yaml.Node, path: str = "") -> Iterator[tuple[str, yaml.ScalarNode, str]]:
    """Yield the keys that YAML reads as a boolean, such as ``y``: their paths, nodes and the stored key."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = f"{path}.{key.value}" if path else str(key.value)
            if isinstance(key, yaml.ScalarNode) and key.tag == f"{TAG}bool":
                stored = str(Loader("").truth(key)).lower()
                if stored != key.value:
                    yield below, key, stored
            yield from renamed(value, below)
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            yield from renamed(value, f"{path}[{at}]")


def _no_json(error: NotJsonError) -> MalformedError:
    return MalformedError(f"is not valid JSON: {error}", line=error.line, column=error.column)


def _yaml_nodes(text: str) -> list[yaml.Node]:
    loader = None
    try:
        loader = Loader(text)
        nodes = list(composed(loader))
        for node in nodes:
            if _expanded(node, {}) > max(MOST_NODES, _written(node, set())):
                raise MalformedError("is not YAML that Kubernetes accepts: its anchors make it many times larger")
        return nodes
    except yaml.MarkedYAMLError as error:
        raise _malformed(error, text) from error
    except yaml.YAMLError as error:
        raise MalformedError(f"is not valid YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise _too_deep() from error
    except (ValueError, OverflowError) as error:  # of chr()
        mark = loader.get_mark() if loader else yaml.Mark("", 0, 0, 0, None, 0)
        problem = "is not valid YAML: an escape beyond \\U0010ffff is not a character"
        raise MalformedError(problem, line=mark.line + 1, column=mark.column + 1) from error


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """Return the number of nodes if each alias is a copy.

    Raises
    ------
    RecursionError
        A node holds itself.
    """
    if id(node) not in known:
        known[id(node)] = 1 + sum(_expanded(each, known) for each in _children(node))
    return known[id(node)]


def _written(node: yaml.Node, known: set[int]) -> int:
    if id(node) in known:
        return 1
    known.add(id(node))
    return 1 + sum(_written(each, known) for each in _children(node))


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _too_deep() -> MalformedError:
    return MalformedError("is not YAML that Kubernetes accepts: it is nested too deeply, or holds itself")


def _malformed(error: yaml.MarkedYAMLError, text: str = "") -> MalformedError:
    mark = error.problem_mark
    if mark is None:
        return MalformedError(f"is not valid YAML: {error.problem}")
    problem, remedy = str(error.problem), ""
    if "'\\t'" in problem:
        remedy = "use spaces instead of tabs"
    elif value := _unquoted(text, error):
        key, shown = value
        problem = f"a string can't begin with {shown[1]}" if shown[1] in _INDICATORS else problem
        remedy = f"put it in quotes: {key}{shown}" if len(shown) <= _SHOWN else "put the string in quotes"
    return MalformedError(f"is not valid YAML: {problem}", remedy, line=mark.line + 1, column=mark.column + 1)


def _unquoted(text: str, error: yaml.MarkedYAMLError) -> tuple[str, str] | None:
    """Return key and value of the line with the error, the value in quotes with which the text up to there is YAML."""
    mark, lines = error.problem_mark, _BREAK.split(text)
    if mark is None or 2 * mark.line >= len(lines) or "quoted scalar" in str(error.context):
        return None
    line = lines[2 * mark.line]
    for begin, end, key in _values(line, error):
        shown = '"' + line[begin:end].replace("\\", "\\\\").replace('"', '\\"') + '"'
        lines[2 * mark.line] = line[:begin] + shown + line[end:]
        if _goes_on("".join(lines), mark.line):
            return key, shown
    return None


def _values(line: str, error: yaml.MarkedYAMLError) -> Iterator[tuple[int, int, str]]:
    """Yield where a text may stand without quotes, and what is before it: at the error in a list, and after the key."""
    problem = error.problem_mark
    for mark in (error.context_mark, problem):
        if mark is None or problem is None or mark.line != problem.line:
            continue
        found = re.compile(r"[^,\]}\s\"'][^,\]}]*").match(line, mark.column)
        if found and re.search(r"[{\[]", line[: mark.column]):
            key = re.search(r"[\w./-]+:\s+$", line[: mark.column])
            yield mark.column, mark.column + len(found[0].rstrip()), key[0] if key else ""
    if found := _ENTRY.fullmatch(line):
        yield found.start(2), found.end(2), found[1].lstrip(" -")


def _goes_on(text: str, line: int) -> bool:
    """Return whether a text is YAML up to the end of a line."""
    try:
        list(composed(Loader(text)))
    except yaml.MarkedYAMLError as error:
        return error.problem_mark is not None and error.problem_mark.line > line
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError):
        return False
    return True
