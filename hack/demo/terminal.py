"""A picture of a terminal, as one SVG file: what was typed and printed, step by step.

It loads nothing: the font is the reader's own. First all steps are visible, then they appear one after the other, in a
loop. If the reader's system asks for less motion, or ignores styles, all steps stay visible.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = 100
"""The terminal is at least so wide; it is wider where a line is longer."""

LINES = 48
"""More are not seen at a glance."""

THEME = TerminalTheme(
    (22, 27, 34),
    (230, 237, 243),
    # As Rich has it, the first eight colours and their bright ones: all read well on the background.
    [
        (139, 148, 158),
        (255, 123, 114),
        (86, 211, 100),
        (227, 179, 65),
        (121, 192, 255),
        (210, 168, 255),
        (86, 212, 221),
        (230, 237, 243),
    ],
)
"""A dark terminal; its border shows where it ends on a page that is dark, too."""

ASPECT = 0.6
"""Width of a letter by its height, as most fonts for terminals have it; others are stretched to it."""

TYPING_SECONDS = 0.7
"""Time between a command and its output."""

LINE_SECONDS = 0.12
"""How long a line is visible before the next command, in addition to the time to type the command."""

HOLD_SECONDS = 15.0
"""How long all of it stays."""

# Braces are doubled for Rich, which fills in the rest.
TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title description">
<title id="title">TITLE</title>
<desc id="description">DESCRIPTION</desc>
<style>
text {{ font: {char_height}px ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace }}
.{unique_id}-title {{ font: bold 18px system-ui, sans-serif }}
{styles}
MOTION
</style>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}{matrix}
</g>
</svg>
"""

_PIECE = re.compile(r'(?P<begin><text [^>]*?) clip-path="url\(#[\w-]+-line-(?P<line>\d+)\)">(?P<text>[^<]*)</text>')
"""A piece of a line, in what Rich makes of the lines."""


@dataclass(frozen=True)
class Step:
    """What was typed, and what was printed then, with its ANSI colours."""

    command: str
    printed: str


def picture(steps: Sequence[Step], *, title: str, description: str) -> str:
    """Return a terminal with these steps as SVG.

    Parameters
    ----------
    title
        The title in the bar at the top.
    description
        The description for screen readers.
    """
    blocks = [block for step in steps for block in _blocks(step)]
    lines = [line for block in blocks for line in block][:-1]
    if len(lines) > LINES:
        raise ValueError(f"{len(lines)} lines are too many: {LINES} fit")
    width = max(COLUMNS, *(line.cell_len for line in lines))
    console = Console(record=True, width=width, file=io.StringIO())
    for line in lines:
        console.print(line, soft_wrap=True)
    svg = console.export_svg(
        title=title, theme=THEME, code_format=TEMPLATE, font_aspect_ratio=ASPECT, unique_id="terminal"
    )
    texts = {"TITLE": escape(title), "DESCRIPTION": escape(description), "MOTION": _motion(blocks)}
    for mark, text in texts.items():
        svg = svg.replace(mark, text, 1)
    return re.sub(r"\n\s+", "\n", _grouped(svg, blocks))


def _blocks(step: Step) -> list[list[Text]]:
    """Return the lines that appear at once: the command; then what it prints, and a blank one."""
    command = Text.assemble(("$ ", "green"), (step.command, "bold"))
    return [[command], [*Text.from_ansi(step.printed.rstrip()).split(), Text()]]


def _grouped(svg: str, blocks: Sequence[Sequence[Text]]) -> str:
    """Put the lines of each block into a group of their own."""
    block_of = [at for at, block in enumerate(blocks) for _ in block]
    groups: list[list[str]] = [[] for _ in blocks]
    pieces = list(_PIECE.finditer(svg))
    for piece in pieces:
        if piece["text"].strip():  # the ends of lines are pieces, too
            groups[block_of[int(piece["line"])]].append(f"{piece['begin']}>{piece['text']}</text>")
    texts = [f'<g id="step-{at}">\n' + "\n".join(group) + "\n</g>" for at, group in enumerate(groups)]
    return svg[: pieces[0].start()] + "\n".join(texts) + svg[pieces[-1].end() :]


def _motion(blocks: Sequence[Sequence[Text]]) -> str:
    """Return the styles that hide each block until its time."""
    times = [0.0]
    for at, block in enumerate(blocks):
        typed = at % 2 == 0
        times.append(times[-1] + TYPING_SECONDS + (0 if typed else LINE_SECONDS * len(block)))
    whole = times[-1] + HOLD_SECONDS
    begin = -times[-1]  # the first frame is the finished session
    frames = [
        f"@keyframes step-{at} {{ 0% {{ opacity: 0 }} {time / whole:.1%} {{ opacity: 1 }} }}\n"
        f"#step-{at} {{ animation: step-{at} {whole:.1f}s step-end {begin:.1f}s infinite }}"
        for at, time in enumerate(times[:-1])
        if at
    ]
    return "\n".join(["@media (prefers-reduced-motion: no-preference) {", *frames, "}"])
