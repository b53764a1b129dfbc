"""The program: its verbs, and how errors end it."""

import signal
import sys
from typing import Final, NoReturn

import typer

from graphcron.cli import terminal
from graphcron.errors import GraphCronError

PROGRAM: Final = "graphcron"
"""What it is called, also where kubectl runs it as its plugin: what it prints can be typed as it stands."""

app: Final = typer.Typer(
    name=PROGRAM,
    help="Schedule LangGraph runs as Kubernetes resources: look at GraphCrons, run them, check them.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
"""Verbs add themselves: ``@app.command()``."""


class CliError(GraphCronError):
    """A verb can't do what it was asked for; one line that says why, and what to do."""

    code = 1
    """Exit code of the program."""


def main() -> None:
    """Run the program; an error is one line, with its own exit code, or 2 where the command line is wrong."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, so that kubectl ends with us
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name=PROGRAM, standalone_mode=False)
    except GraphCronError as error:
        _end(str(error), getattr(error, "code", CliError.code))
    except typer.TyperException as error:
        _end(_in_one_line(error), error.exit_code)
    except typer.Abort:
        _end("stopped; nothing more was done", 1)
    except Exception:  # a bug: reported as Python does, though its text may be somebody else's
        import traceback

        terminal.block(traceback.format_exc(), err=True)
        sys.exit(1)
    sys.exit(code)


def _in_one_line(error: typer.TyperException) -> str:
    """Say what is wrong with the command line, and where to read how it is written."""
    said = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")
    context: typer.Context | None = getattr(error, "ctx", None)
    help_there = f"; see {context.command_path} -h" if context and not said.endswith("?") else ""
    return said[:1].lower() + said[1:] + help_there


def _end(message: str, code: int) -> NoReturn:
    terminal.line(f"error: {message}", err=True)
    sys.exit(code)
