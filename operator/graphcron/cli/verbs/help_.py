"""``help``: print the same text as ``-h`` after a verb."""

from typing import Annotated, Any

import typer

from graphcron.cli import terminal
from graphcron.cli.app import app


def _verbs(context: typer.Context, incomplete: str) -> list[str]:
    program: Any = context.parent
    return [each for each in program.command.commands if each.startswith(incomplete)]


@app.command("help")
def help_(
    context: typer.Context,
    verb: Annotated[str, typer.Argument(metavar="VERB", help="Name of the verb.", autocompletion=_verbs)] = "",
) -> None:
    """Print the help of a verb. Without a verb, it prints the list of verbs."""
    program: Any = context.parent
    if not verb:
        terminal.block(program.get_help())
        return
    name, command, _ = program.command.resolve_command(program, [verb])
    terminal.block(command.get_help(type(context)(command, info_name=name, parent=program)))
