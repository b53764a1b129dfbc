"""The GraphCrons and GraphServers of files, and where in them each field stands."""

import json
import os
import re
import sys
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from typing_extensions import override

from graphcron import names
from graphcron.cli.app import CliError
from graphcron.cli.kubectl import Object
from graphcron.errors import SpecError

STDIN: Final = "-"
KINDS: Final = (names.KIND, names.SERVER_KIND)

_STEP: Final = re.compile(r"([^.\[\]]+)|\[([^\]]+)\]")
_LEFT_OUT: Final = {"timestamp", "value", "int", "float"}
_NUMBERS: Final = {
    "tag:yaml.org,2002:int": re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]*|[1-9][0-9_]*)"),
    "tag:yaml.org,2002:float": re.compile(
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", re.IGNORECASE
    ),
}
"""What kubectl takes for numbers: unlike in PyYAML, 1e3 is one and 12:30 is none."""


class Unreadable(CliError):
    """A file can't be read, or is no YAML."""

    def __init__(self, file: str, problem: str, *, line: int = 1, column: int = 1) -> None:
        self.file = file
        self.problem = problem
        self.line = line
        self.column = column
        super().__init__(f"{file}:{line}:{column}: {problem}")


class _Loader(yaml.SafeLoader):
    """Reads as kubectl does: times are texts, and so are the keys of objects; ``y`` and ``n`` are truth values."""

    bool_values = {**yaml.SafeLoader.bool_values, "y": True, "n": False}  # noqa: RUF012

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        self.flatten_mapping(node)
        return {self._key(key): self.construct_object(value, deep=deep) for key, value in node.value}

    def _key(self, node: yaml.Node) -> str:
        key = self.construct_object(node, deep=True)
        if isinstance(key, (list, dict, type(None))):
            raise yaml.constructor.ConstructorError(problem="a key is no text", problem_mark=node.start_mark)
        return key if isinstance(key, str) else json.dumps(key)

    def number(self, node: yaml.ScalarNode) -> float:
        """Read a number, whole where it can be."""
        text = self.construct_scalar(node).replace("_", "")
        whole = node.tag.endswith(":int")
        octal = whole and re.fullmatch(r"[-+]?0[0-7]+", text)
        number = int(text, 8 if octal else 0) if whole else float(re.sub(r"\.(inf|nan)", r"\1", text.lower()))
        return int(number) if float(number).is_integer() else number


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in _LEFT_OUT]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """Puts into quotes what kubectl would take for something else than text, and repeats instead of referring."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)

_RESOLVED: Final = (
    ("tag:yaml.org,2002:bool", re.compile("[yYnN]$"), list("yYnN")),
    *((tag, re.compile(f"(?:{each.pattern})$", each.flags), list("-+0123456789.")) for tag, each in _NUMBERS.items()),
)
for _each in _RESOLVED:
    _Loader.add_implicit_resolver(*_each)
    _Dumper.add_implicit_resolver(*_each)
for _tag in _NUMBERS:
    _Loader.add_constructor(_tag, _Loader.number)


def written(value: Any, *, sort_keys: bool = False, width: int = 120) -> str:
    """Write YAML as people do, and so that kubectl reads the same: a text of several lines as a block."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=sort_keys, allow_unicode=True, width=width)
    return text


@dataclass(frozen=True)
class Manifest:
    """An object of a file."""

    file: str
    body: Object
    node: yaml.Node
    repeated: tuple[tuple[str, int, int, int], ...] = ()
    """Fields that it has twice: path, line and column of the later one, line of the earlier one."""

    @property
    def kind(self) -> str:
        """Kind of the object; a question mark where it has none."""
        return str(self.body.get("kind", "?"))

    @property
    def name(self) -> str:
        """Name of the object; a question mark where it has none."""
        return str(self._metadata.get("name", "?"))

    @property
    def namespace(self) -> str | None:
        """Its namespace, where it names one."""
        found = self._metadata.get("namespace")
        return found if isinstance(found, str) else None

    @property
    def _metadata(self) -> Object:
        found = self.body.get("metadata")
        return found if isinstance(found, dict) else {}

    def place(self, field: str) -> tuple[int, int]:
        """Return line and column, from 1, of a field such as ``spec.schedules[1]``; of what is around a missing one.

        A value that begins below its key stands where the key does.
        """
        found, mark = self.node, self.node.start_mark
        for match in _STEP.finditer(field):
            entry = _entry(found, match[1] or match[2])
            if entry is None:
                break
            key, found = entry
            mark = key.start_mark if key.start_mark.line < found.start_mark.line else found.start_mark
            if found.start_mark.index < key.start_mark.index:  # an alias stands for what was written before
                mark = key.start_mark
        return mark.line + 1, mark.column + 1

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Say where in the file stands what a ``SpecError`` is about."""
        try:
            yield
        except SpecError as error:
            line, column = self.place(error.field)
            raise CliError(f"{self.file}:{line}:{column}: {error}") from error


def _entry(node: yaml.Node, step: str) -> tuple[yaml.Node, yaml.Node] | None:
    """Return key and value of a part of a node; of equal keys the last, which is the one that counts."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in reversed(node.value) if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and step.isdigit() and int(step) < len(node.value):
        found: yaml.Node = node.value[int(step)]
        return found, found
    return None


def read(*files: str) -> Iterator[Manifest]:
    """Read the GraphCrons and GraphServers of files, of all YAML files of folders, or of the standard input (``-``).

    Raises
    ------
    Unreadable
        A file can't be read, or is no YAML.
    """
    for path in paths(*files):
        yield from of_file(path)


def paths(*files: str) -> Iterator[str]:
    """Return the files, and in place of a folder those of its YAML files that speak of us."""
    for file in files:
        if Path(file).is_dir():
            yield from (str(path) for path in _below(file) if _is_ours(path))
        else:
            yield file


def _below(folder: str) -> Iterator[Path]:
    """Find the YAML files of a folder; not in hidden folders, nor what Helm fills in, which is no YAML yet."""
    for here, folders, files in os.walk(folder):
        left_out = {"templates"} if "Chart.yaml" in files else set()
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in left_out)
        yield from (Path(here, name) for name in sorted(files) if name.endswith((".yaml", ".yml")))


def _is_ours(path: Path) -> bool:
    text = path.read_bytes()
    return any(word.encode() in text for word in (names.GROUP, *KINDS))


def of_file(file: str) -> Iterator[Manifest]:
    """Read the objects of one file that are ours.

    Raises
    ------
    Unreadable
        It can't be read, or is no YAML.
    """
    try:
        text = sys.stdin.read() if file == STDIN else Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(file, "is no UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise Unreadable(file, f"can't be read: {error.strerror}") from error
    yield from of_text(text, file)


def of_text(text: str, file: str) -> Iterator[Manifest]:
    """Read the objects of a text that are ours; others are passed over."""
    try:
        for node in list(yaml.compose_all(text, _Loader)):
            if node is None:
                continue
            for part in _parts(node):
                repeated = tuple(_repeated(part, ""))  # before the reader writes merged keys into the node
                body: Any = _Loader("").construct_document(part)
                if isinstance(body, dict) and _is_object_of_ours(body):
                    yield Manifest(file, body, part, repeated)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = {"line": mark.line + 1, "column": mark.column + 1} if mark else {}
        raise Unreadable(file, f"is no YAML: {error.problem}", **place) from error
    except yaml.YAMLError as error:
        raise Unreadable(file, f"is no YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise Unreadable(file, "is no YAML that Kubernetes takes: it is nested too deeply, or holds itself") from error


def _is_object_of_ours(body: Object) -> bool:
    """Whether it is of our group, or of one of our kinds: in another group that is a slip."""
    return str(body.get("apiVersion", "")).partition("/")[0] == names.GROUP or body.get("kind") in KINDS


def _parts(node: yaml.Node) -> list[yaml.Node]:
    """Return the node of an object, or those of a list's items."""
    kind, items = _entry(node, "kind"), _entry(node, "items")
    if kind and items and str(kind[1].value).endswith("List") and isinstance(items[1], yaml.SequenceNode):
        return list(items[1].value)
    return [node]


def _repeated(node: yaml.Node, path: str) -> Iterator[tuple[str, int, int, int]]:
    """Find the keys that an object has twice, at any depth."""
    if isinstance(node, yaml.SequenceNode):
        for at, each in enumerate(node.value):
            yield from _repeated(each, f"{path}[{at}]")
    if not isinstance(node, yaml.MappingNode):
        return
    first: dict[str, int] = {}
    for key, value in node.value:
        name = str(key.value)
        below = f"{path}.{name}" if path else name
        line = key.start_mark.line + 1
        if name in first and isinstance(key, yaml.ScalarNode):
            yield below, line, key.start_mark.column + 1, first[name]
        first.setdefault(name, line)
        yield from _repeated(value, below)
