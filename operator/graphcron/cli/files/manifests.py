"""The GraphCrons, GraphRuns and GraphServers of files, and where in them each field stands."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from graphcron.api import names
from graphcron.cli.app import CliError
from graphcron.cli.clients.kubectl import Object
from graphcron.cli.files.documents import MalformedError, body_of, nodes_of, renamed, rounded
from graphcron.cli.files.yaml_loader import written
from graphcron.errors import SpecError

__all__ = ["KINDS", "STDIN", "Manifest", "Unreadable", "of_file", "of_text", "paths", "read", "written"]

STDIN: Final = "-"
KINDS: Final = (names.KIND, names.RUN_KIND, names.SERVER_KIND)

_TEMPLATE: Final = re.compile(r"^[^\"']*\{\{.*\}\}")
_STEP: Final = re.compile(r"([^.\[\]]+)|\[([^\]]+)\]")


class Unreadable(CliError):
    """A file can't be read, or is not valid YAML."""

    def __init__(self, file: str, problem: str, remedy: str = "", *, line: int = 1, column: int = 1) -> None:
        self.file = file
        self.problem = problem
        self.remedy = remedy
        self.line = line
        self.column = column
        super().__init__(f"{file}:{line}:{column}: {'; '.join(filter(None, (problem, remedy)))}")


@dataclass(frozen=True)
class Manifest:
    """An object of a file."""

    file: str
    body: Object
    node: yaml.Node
    repeated: tuple[tuple[str, int, int, int], ...] = ()
    """Duplicate fields: path, line and column of the later one, line of the earlier one."""
    rounded: tuple[tuple[str, int, int, str], ...] = ()
    """Numbers that are stored differently: path, line, column, and the stored value."""
    renamed: tuple[tuple[str, int, int, str], ...] = ()
    """Keys that are stored differently: path, line, column, and the stored key."""

    @property
    def kind(self) -> str:
        """Kind of the object; a question mark if it has none."""
        return str(self.body.get("kind", "?"))

    @property
    def name(self) -> str:
        """Name of the object; a question mark if it has none."""
        return str(self._metadata.get("name", "?"))

    @property
    def namespace(self) -> str | None:
        """Its namespace, if it names one."""
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
        """Add the place in the file to a ``SpecError``."""
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
    """Read the objects of GraphCron's kinds from files, YAML and JSON files of folders, or standard input (``-``).

    Raises
    ------
    Unreadable
        A file can't be read, or is not valid YAML.
    """
    for path in paths(*files):
        yield from of_file(path)


def paths(*files: str) -> Iterator[str]:
    """Return the files, and instead of a folder its YAML and JSON files that mention GraphCron."""
    for file in files:
        if Path(file).is_dir():
            yield from (str(path) for path in _below(file) if _is_ours(path))
        else:
            yield file


def _below(folder: str) -> Iterator[Path]:
    """Find the YAML and JSON files of a folder; not in hidden folders, nor Helm's templates, which are not YAML yet."""
    for here, folders, files in os.walk(folder):
        left_out = {"templates"} if "Chart.yaml" in files else set()
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in left_out)
        yield from (Path(here, name) for name in sorted(files) if name.endswith((".yaml", ".yml", ".json")))


def _is_ours(path: Path) -> bool:
    try:
        text = path.read_bytes()
    except OSError:  # told when it is read
        return True
    return any(word.encode() in text for word in (names.GROUP, *KINDS))


def of_file(file: str) -> Iterator[Manifest]:
    """Read the objects of GraphCron's kinds from one file.

    Raises
    ------
    Unreadable
        It can't be read, or is not valid YAML.
    """
    try:
        raw = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(file, "is not UTF-8 text", "save it as UTF-8") from error
    except OSError as error:
        raise Unreadable(file, f"can't be read: {error.strerror}") from error
    yield from of_text(text, file)


def of_text(text: str, file: str) -> Iterator[Manifest]:
    """Read the objects of GraphCron's kinds from a text; skip other objects."""
    try:
        for node in nodes_of(text, is_json=file.endswith(".json")):
            for part in _parts(node):
                repeated = tuple(_repeated(part, ""))  # before the reader writes merged keys into the node
                body = body_of(part)
                if isinstance(body, dict) and _is_object_of_ours(body):
                    yield Manifest(file, body, part, repeated, tuple(_rounded(part)), tuple(_renamed(part)))
    except MalformedError as error:
        remedy = error.remedy or _remedy_for_template(text, error.line)
        raise Unreadable(file, error.problem, remedy, line=error.line, column=error.column) from error


def _remedy_for_template(text: str, number: int) -> str:
    lines = text.splitlines()[max(number - 2, 0) : number]  # the parser may notice it in the next line
    is_template = any(_TEMPLATE.match(line) for line in lines)
    return "a Helm template is not YAML; check the output of helm template instead" if is_template else ""


def _rounded(node: yaml.Node) -> Iterator[tuple[str, int, int, str]]:
    for path, number, stored in rounded(node):
        mark, shown = number.start_mark, f'the string "{stored}"' if isinstance(stored, str) else str(stored)
        yield path, mark.line + 1, mark.column + 1, shown


def _renamed(node: yaml.Node) -> Iterator[tuple[str, int, int, str]]:
    for path, key, stored in renamed(node):
        yield path, key.start_mark.line + 1, key.start_mark.column + 1, stored


def _is_object_of_ours(body: Object) -> bool:
    """Return whether an object has the API group of GraphCron, or one of its kinds, possibly in a wrong group."""
    return str(body.get("apiVersion", "")).partition("/")[0] == names.GROUP or body.get("kind") in KINDS


def _parts(node: yaml.Node) -> list[yaml.Node]:
    """Return the node of an object, or those of a list's items."""
    kind, items = _entry(node, "kind"), _entry(node, "items")
    if kind and items and str(kind[1].value).endswith("List") and isinstance(items[1], yaml.SequenceNode):
        return list(items[1].value)
    return [node]


def _repeated(node: yaml.Node, path: str) -> Iterator[tuple[str, int, int, int]]:
    """Yield the duplicate keys of an object, at any depth."""
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
