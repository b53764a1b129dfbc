"""``kubectl_complete-graphcron``: the program that kubectl runs to complete ``kubectl graphcron``."""

import os
import shlex
import sys
from contextlib import redirect_stdout, suppress
from io import StringIO

import graphcron.cli.verbs  # noqa: F401  (each adds itself)
from graphcron.cli import terminal
from graphcron.cli.app import PROGRAM, app

NOTHING_ELSE, FILES_TOO = ":4", ":0"
"""Last line, which determines whether kubectl offers file names."""


def main() -> None:
    """Print the possible next words, one per line, each with its help after a tab, in the format for fish."""
    words = sys.argv[1:] or [""]
    os.environ |= {
        f"_{PROGRAM.upper()}_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": shlex.join([PROGRAM, *words[:-1]]) + " " + (words[-1] and shlex.quote(words[-1])),
    }
    with redirect_stdout(StringIO()) as printed, suppress(SystemExit):
        app(prog_name=PROGRAM)
    found = printed.getvalue().strip()
    terminal.block(f"{found}\n{NOTHING_ELSE}" if found else FILES_TOO)
