"""Tables, JSON, YAML, names.

Rich and YAML are imported when they are used: without them, the program starts in half the time.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from graphcron.cli import terminal
from graphcron.cli.clients.kubectl import Object
from graphcron.cli.options import ObjectOutput, Output

STYLES: Final = {
    "Succeeded": "green",
    "True": "green",
    "False": "red",
    "Skipped": "yellow",
    "Interrupted": "yellow",
    "Unknown": "yellow",
}
"""Styles of states and outcomes; other outcomes of a run are red."""

UNREADABLE: Final = "?"
"""Text of a cell whose value does not match the schema."""

GAP: Final = 3
"""Blanks between columns."""


class Column(NamedTuple):
    """A column of a table."""

    title: str
    text: Callable[[Object], str]
    wide: bool = False
    """Only shown with ``-o wide``."""
    outcome: bool = False
    """The text determines its colour."""


class Cell(NamedTuple):
    """A cell of a table."""

    text: str
    style: str = ""
    """As Rich names it."""


def show(objects: Sequence[Object], columns: Sequence[Column], output: Output) -> None:
    """Print objects. JSON and YAML are always a list, also of one object, so that scripts can rely on it."""
    if output in {Output.JSON, Output.YAML}:
        dump({"apiVersion": "v1", "kind": "List", "items": list(objects)}, output)
    elif output is Output.NAME:
        for each in objects:
            terminal.line(name_of(each))
    else:
        table_of(objects, shown_of(columns, output))


def say(lines: Sequence[str], output: ObjectOutput | None) -> None:
    """Print sentences about changes, unless :func:`show_done` prints the objects."""
    if output is None:
        for line in lines:
            terminal.line(line)


def show_done(objects: Sequence[Object], output: ObjectOutput | None) -> None:
    """Print the changed objects if the user chose an output format."""
    if output is not None:
        show(objects, (), Output(output))


def show_one(found: Object, output: ObjectOutput) -> None:
    """Print one object, and not a list of one."""
    if output is ObjectOutput.NAME:
        terminal.line(name_of(found))
    else:
        dump(found, Output(output))


def name_of(found: Object) -> str:
    """Return an object's name as kubectl takes it."""
    return f"{found['kind'].lower()}.{found['apiVersion'].partition('/')[0]}/{found['metadata']['name']}"


def shown_of(columns: Sequence[Column], output: Output) -> list[Column]:
    """Return the columns that are shown."""
    return [column for column in columns if output is Output.WIDE or not column.wide]


def table_of(objects: Sequence[Object], columns: Sequence[Column], *, below: Sequence[Sequence[Cell]] = ()) -> None:
    """Print a table of objects."""
    table([column.title.upper() for column in columns], cells(objects, columns), below=below)


def cells(objects: Sequence[Object], columns: Sequence[Column]) -> list[list[Cell]]:
    """Return the rows of a table."""
    return [[styled(column, each) for column in columns] for each in objects]


def dump(value: Any, output: Output) -> None:
    """Print a value as JSON or YAML."""
    if output is Output.JSON:
        terminal.block(as_json(value))
        return
    from graphcron.cli.files.manifests import written

    terminal.block(written(value))


def as_json(value: Any) -> str:
    """Write JSON for people and programs."""
    return terminal.in_quotes(json.dumps(value, indent=2, ensure_ascii=False))


def table(titles: Sequence[str], rows: Sequence[Sequence[Cell | str]], *, below: Sequence[Sequence[Cell]] = ()) -> None:
    """Print a table as kubectl does: blanks between columns, and no lines.

    Parameters
    ----------
    below
        Rows of the same table that were printed before: the new ones are printed without a header, in line with them.
    """
    from rich.cells import cell_len

    header = [Cell(title, "bold") for title in titles]
    lines = [[_one_line(cell) for cell in row] for row in (header, *below, *rows)]
    widths = [max(cell_len(cell.text) for cell in column) + GAP for column in zip(*lines, strict=True)]
    terminal.coloured(_padded(row, widths) for row in lines[len(below) + 1 if below else 0 :])


def _padded(row: Sequence[Cell], widths: Sequence[int]) -> Iterator[terminal.Part]:
    """Yield the cells of a row and the blanks between them, and none at its end."""
    from rich.cells import cell_len

    end = max((at for at, cell in enumerate(row) if cell.text), default=0)
    for at, cell in enumerate(row[: end + 1]):
        yield cell
        yield " " * (widths[at] - cell_len(cell.text)) if at < end else "", ""


def _one_line(cell: Cell | str) -> Cell:
    text, style = cell if isinstance(cell, Cell) else (cell, "")
    return Cell(terminal.in_line(text), style)


def failsafe(of: Object) -> Callable[..., Any]:
    """Return a function that reads an object with another function; if that fails, it returns a replacement."""

    def read(reader: Callable[[Object], Any], otherwise: Any = UNREADABLE) -> Any:
        try:
            return reader(of)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return otherwise

    return read


def styled(column: Column, of: Object) -> Cell:
    """Return a cell, coloured if the column shows a state."""
    text = failsafe(of)(column.text)
    return Cell(text, STYLES.get(text, "red") if column.outcome and text else "")
