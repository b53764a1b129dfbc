"""The program: its verbs, and how errors end it."""

import sys
from typing import Final

import typer

from graphcron import __version__
from graphcron.errors import GraphCronError

app: Final = typer.Typer(
    name="graphcron",
    help="Schedule LangGraph runs as Kubernetes resources: look at GraphCrons, run them, check them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
"""Verbs add themselves: ``@app.command()``."""


class CliError(GraphCronError):
    """A verb can't do what it was asked for; one line that says why, and what to do."""


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the program; an error of ours is one line and exit code 1."""
    try:
        app()
    except GraphCronError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    except BrokenPipeError:  # somebody reads no further, as head does
        sys.stderr.close()
        sys.exit(0)
