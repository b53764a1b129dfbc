"""Markdown that GitHub and MkDocs render alike, and writing or checking a page of docs/."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).resolve().parents[3]
WIDTH = 120
"""Of a line of prose."""

_CODE: Final = re.compile(r"(`[^`]*`)")
_NO_BREAK: Final = "\0"


def wrapped(text: str, *, first: str = "", others: str = "") -> str:
    """Return a paragraph in lines; none breaks within code, where a ``*`` could come to begin the next one."""
    kept = _CODE.sub(lambda code: code[0].replace(" ", _NO_BREAK), text)
    filled = textwrap.fill(
        kept, WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )
    return filled.replace(_NO_BREAK, " ")


def item(text: str) -> str:
    """Return an item of a list."""
    return wrapped(text, first="- ", others="  ")


def prose(text: str) -> str:
    """Return text of a docstring as Markdown: its ``code`` as it is, elsewhere nothing that means a tag or a style."""
    parts = _CODE.split(text)
    return "".join(each if at % 2 else _escaped(each) for at, each in enumerate(parts))


def plain(text: str) -> str:
    """Return plain text, such as a message, with Markdown escaped."""
    return _escaped(text.replace("`", "\\`"))


def code(text: str) -> str:
    """Return a word as code."""
    return f"`{text}`"


def either(words: Sequence[str]) -> str:
    """Return words as code, the last after an ``or``."""
    shown = [code(word) for word in words]
    return " or ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def anchor(name: str) -> str:
    """Return an anchor for links, in addition to those of the headings."""
    return f'<a id="{name}"></a>'


def titled(target: str) -> str:
    """Return a link to a page of docs/ or to a heading in it, with the title as its text.

    Raises
    ------
    SystemExit
        There is no such heading.
    """
    page, _, slug = target.partition("#")
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-"): each for each in reversed(headings)}
    slugs |= dict(re.findall(r'^<a id="([^"]+)"></a>\n+#+ (.*)$', text, re.MULTILINE))
    if slug and slug not in slugs:
        raise SystemExit(f"docs/{page} has no heading #{slug}")
    names = (headings[0], slugs[slug]) if slug else (headings[0],)
    return f"[{': '.join(names)}]({target})"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, without the columns in which no row says anything."""
    body = [list(row) for row in rows]
    told = [at for at in range(len(titles)) if any(row[at] for row in body)]
    lines = [[titles[at] for at in told], *([_cell(row[at]) for at in told] for row in body)]
    shown = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([shown[0], "|" + "---|" * len(told), *shown[1:]])


def with_default(text: str) -> tuple[str, str]:
    """Split the last sentence off a description if it states the default; return both, the default without period."""
    before, _, default = text.partition("Default: ")
    return before.strip(), default.strip().removesuffix(".")


def _escaped(text: str) -> str:
    return re.sub(r"[*{}\[\]#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\\g<0>", text).replace("<", "&lt;")


def _cell(text: str) -> str:
    """Return the text of a cell; a backslash before a ``|`` within code would be shown by Python-Markdown."""
    line = " ".join(text.split())
    line = _CODE.sub(lambda found: f"<code>{escape(found[0][1:-1])}</code>" if "|" in found[0] else found[0], line)
    return line.replace("|", "&#124;")


def main(script: str, page: str, text: str, arguments: list[str]) -> int:
    """Write a page, or ``--check`` it; return the exit code.

    Parameters
    ----------
    script
        Who makes it, such as ``api_page.py``.
    page
        Its path in the checkout, such as ``docs/api.md``.
    text
        What it must hold.
    arguments
        The command line.
    """
    parser = argparse.ArgumentParser(prog=f"python hack/{script}", description=f"Write {page}.")
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where the page is stale")
    check, file = parser.parse_args(arguments).check, ROOT / page
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return 0
    if check:
        print(f"{page} is stale: run `make generate`", file=sys.stderr)
        return 1
    file.write_text(text, encoding="utf-8")
    return 0
