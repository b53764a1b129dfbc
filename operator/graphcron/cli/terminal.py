"""Print text that cannot control the terminal, except by the program's own colours.

Other people write the text of GraphCrons, logs, answers and errors. An escape sequence in it could clear the screen or
write to the clipboard, and a bidirectional mark could reverse its order. This module prints such characters as Python
writes them, for example as ``\\x1b``. JSON and YAML escape them in their own syntax.
"""

import re
from collections.abc import Iterable
from typing import Final

import typer

Part = tuple[str, str]
"""A text and its style, as Rich names it; empty: no style."""

_CONTROLS: Final = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but for tab and newline, DEL, C1
    r"\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # separators of lines and paragraphs, bidirectional marks
    r"\ud800-\udfff"  # lone surrogates, which no terminal takes
)
_IN_TEXT: Final = re.compile(f"[{_CONTROLS}]")
_IN_LINE: Final = re.compile(rf"[\t\n{_CONTROLS}]")


def has_controls(text: str) -> bool:
    """Return whether a text contains characters that could control a terminal."""
    return _IN_TEXT.search(text) is not None


def in_text(text: str) -> str:
    """Return a text that may have several lines, with all that could control a terminal made visible."""
    return _IN_TEXT.sub(_visible, text)


def in_line(text: str) -> str:
    """Return the same for one line of text, with visible newlines and tabs."""
    return _IN_LINE.sub(_visible, text)


def in_quotes(text: str) -> str:
    """Return JSON, or YAML that has such characters in double quotes only, with those escaped."""
    return _IN_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def line(text: str, *, err: bool = False) -> None:
    """Print a line."""
    typer.echo(in_line(text), err=err)


def block(text: str, *, err: bool = False) -> None:
    """Print lines; nothing if there are none."""
    typer.echo(in_text(text), err=err, nl=bool(text) and not text.endswith("\n"))


def coloured(lines: Iterable[Iterable[Part]]) -> None:
    """Print lines, in colours if the terminal supports them; long lines wrap and are never truncated."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for parts in lines:
        console.print(Text.assemble(*((in_line(text), style) for text, style in parts)))


def confirm(question: str) -> None:
    """Ask a question on the standard error; without a yes the program ends."""
    typer.confirm(in_line(question), abort=True, err=True)


def _visible(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]
