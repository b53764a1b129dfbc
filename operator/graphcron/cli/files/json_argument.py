"""JSON on the command line, as text or as ``@FILE``."""

import sys
from pathlib import Path
from typing import Any, Final

import typer

from graphcron.cli.files.documents import MalformedError, body_of, nodes_of

STDIN: Final = "@-"


def json_of(text: str, *, option: str) -> Any:
    """Return a JSON value: the text itself, or the content of the file after an ``@`` (``@-``: standard input).

    Raises
    ------
    typer.BadParameter
        The file can't be read, or the text is not one JSON value.
    """
    where = f" of {text[1:]}" if text.startswith("@") and text != STDIN else ""
    try:
        nodes = nodes_of(_content(text), is_json=True)
        if len(nodes) != 1:
            raise MalformedError(f"is not valid JSON: it has {len(nodes)} values instead of one")
        return body_of(nodes[0])
    except MalformedError as error:
        place = f"line {error.line}, column {error.column}{where}"
        raise typer.BadParameter(f"{error.problem} ({place})", param_hint=option) from error
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{text[1:]} is not UTF-8 text", param_hint=option) from error
    except OSError as error:
        raise typer.BadParameter(f"{text[1:]} can't be read: {error.strerror}", param_hint=option) from error


def _content(text: str) -> str:
    if text == STDIN:
        return sys.stdin.buffer.read().decode("utf-8")
    return Path(text[1:]).read_bytes().decode("utf-8") if text.startswith("@") else text
