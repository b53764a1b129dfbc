"""``kubectl_complete-graphcron``: what kubectl runs to complete the words after ``kubectl graphcron``."""

import os
import shlex
import sys
from contextlib import redirect_stdout, suppress
from io import StringIO

import graphcron.cli.verbs  # noqa: F401  (each adds itself)
from graphcron.cli import terminal
from graphcron.cli.app import PROGRAM, app

NOTHING_ELSE, FILES_TOO = ":4", ":0"
"""The last line, by which kubectl's library is told whether file names are worth a look."""


def main() -> None:
    """Print what may come next, one a line, each with its meaning after a tab: as for fish, so for kubectl."""
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
