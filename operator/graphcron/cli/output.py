"""Tables, JSON, YAML, names; colours only on a terminal.

Rich and YAML are loaded where something is printed with them: the program starts in half the time without.
"""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import typer

from graphcron.cli.kubectl import Object
from graphcron.cli.options import Output, Written

if TYPE_CHECKING:
    from rich.console import Console

STYLES: Final = {
    "Succeeded": "green",
    "True": "green",
    "False": "red",
    "Skipped": "yellow",
    "Interrupted": "yellow",
    "Unknown": "yellow",
}
"""How words look that say how something stands; other outcomes of a run are red."""

GAP: Final = 3
"""Blanks between columns."""


class Column(NamedTuple):
    """A column of a table."""

    title: str
    text: Callable[[Object], str]
    wide: bool = False
    """Only shown with ``-o wide``."""
    outcome: bool = False
    """Coloured by what it says."""


def console() -> "Console":
    """Return where text for people goes; a line that is too long is broken by the terminal, never cut."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def show(objects: Sequence[Object], columns: Sequence[Column], output: Output) -> None:
    """Print objects; as JSON and YAML always a list, whatever their number, so that scripts can rely on it."""
    if output in {Output.JSON, Output.YAML}:
        dump({"apiVersion": "v1", "kind": "List", "items": list(objects)}, output)
    elif output is Output.NAME:
        for each in objects:
            typer.echo(name_of(each))
    else:
        shown = shown_of(columns, output)
        table([column.title for column in shown], cells(objects, shown))


def say(lines: Sequence[str], output: Written | None) -> None:
    """Print what was done in sentences, unless :func:`show_done` prints the objects."""
    if output is None:
        for line in lines:
            typer.echo(line)


def show_done(objects: Sequence[Object], output: Written | None) -> None:
    """Print what was changed as the objects that it is now, where that was asked for."""
    if output is not None:
        show(objects, (), Output(output))


def show_one(found: Object, output: Written) -> None:
    """Print one object, and not a list of one."""
    if output is Written.NAME:
        typer.echo(name_of(found))
    else:
        dump(found, Output(output))


def name_of(found: Object) -> str:
    """Return an object's name as kubectl takes it."""
    return f"{found['kind'].lower()}.{found['apiVersion'].partition('/')[0]}/{found['metadata']['name']}"


def shown_of(columns: Sequence[Column], output: Output) -> list[Column]:
    """Return the columns that are shown."""
    return [column for column in columns if output is Output.WIDE or not column.wide]


def cells(objects: Sequence[Object], columns: Sequence[Column]) -> list[list[str]]:
    """Return the rows of a table."""
    return [[styled(column, each) for column in columns] for each in objects]


def dump(value: Any, output: Output) -> None:
    """Print a value as JSON or YAML."""
    if output is Output.JSON:
        typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
        return
    from graphcron.cli.manifests import written

    typer.echo(written(value), nl=False)


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], *, below: Sequence[Sequence[str]] = ()) -> None:
    """Print a table as kubectl does: no lines, some blanks between columns.

    Parameters
    ----------
    below
        Rows of the same table that were printed before: the new ones are printed without a header, in line with them.
    """
    from rich.text import Text

    header = [f"[bold]{title.upper()}[/bold]" for title in titles]
    texts = [[Text.from_markup(cell) for cell in row] for row in (header, *below, *rows)]
    widths = [max(cell.cell_len for cell in column) + GAP for column in zip(*texts, strict=True)]
    there = console()
    for row in texts[len(below) + 1 if below else 0 :]:
        line = Text()
        for cell, width in zip(row, widths, strict=True):
            line.append_text(cell).pad_right(width - cell.cell_len)
        line.rstrip()
        there.print(line)


def styled(column: Column, of: Object) -> str:
    """Return a cell, coloured where the column says how something stands."""
    from rich.markup import escape

    text = column.text(of)
    if not column.outcome or not text:
        return escape(text)
    style = STYLES.get(text, "red")
    return f"[{style}]{escape(text)}[/{style}]"
