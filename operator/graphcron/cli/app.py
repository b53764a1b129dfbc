"""The program and its error handling."""

import signal
import sys
from typing import Final, NoReturn

import typer

from graphcron.cli import terminal
from graphcron.errors import GraphCronError

PROGRAM: Final = "graphcron"
"""Name of the program, also as a plugin of kubectl, so that users can type the commands that it prints."""

app: Final = typer.Typer(
    name=PROGRAM,
    help="Schedule LangGraph runs as Kubernetes resources: inspect, run and validate GraphCrons.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
"""Verbs add themselves: ``@app.command()``."""


class CliError(GraphCronError):
    """A verb failed; the message is one line with the cause and the remedy."""


def main() -> None:
    """Run the program; print errors on one line, and exit with 2 if the command line is invalid."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, so that kubectl ends with us
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name=PROGRAM, standalone_mode=False)
    except GraphCronError as error:
        _end(str(error), error.exit_code)
    except typer.TyperException as error:
        _end(_in_one_line(error), error.exit_code)
    except typer.Abort:
        _end("stopped; nothing else was changed", 1)
    except Exception:  # a bug: reported as Python does, but its text is not trusted
        import traceback

        terminal.block(traceback.format_exc(), err=True)
        sys.exit(1)
    sys.exit(code)


def _in_one_line(error: typer.TyperException) -> str:
    """Return the error in the command line, and the command that shows the help."""
    said = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")
    context: typer.Context | None = getattr(error, "ctx", None)
    help_there = f"; see {context.command_path} -h" if context and not said.endswith("?") else ""
    return said[:1].lower() + said[1:] + help_there


def _end(message: str, code: int) -> NoReturn:
    terminal.line(f"error: {message}", err=True)
    sys.exit(code)
