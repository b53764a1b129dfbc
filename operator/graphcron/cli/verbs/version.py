"""``version``: print the versions of the program and of the operator."""

import dataclasses
from typing import Annotated, Final

import typer

from graphcron import __version__
from graphcron.cli import terminal
from graphcron.cli.app import PROGRAM, CliError, app
from graphcron.cli.clients.kubectl import Kubectl, Object
from graphcron.cli.doctor.checks import OPERATOR, place, release_of
from graphcron.cli.options import Text, TextOutput, in_cluster
from graphcron.cli.printing.output import as_json

SECONDS: Final = 5.0
"""Timeout of requests to the cluster."""


@app.command()
@in_cluster
def version(
    kubectl: Kubectl,
    *,
    client: Annotated[bool, typer.Option("--client", help="Print only the version of the program.")] = False,
    output: Text = TextOutput.TEXT,
) -> None:
    """Print the program and operator versions. The operator's version requires access to the cluster."""
    operators = None if client else _operators(kubectl)
    if output is TextOutput.JSON:
        releases = operators and [
            {**{key: each["metadata"][key] for key in ("namespace", "name")}, "version": release_of(each)}
            for each in operators
        ]
        terminal.block(as_json({"client": __version__, "operators": releases}))
        return
    terminal.line(f"{PROGRAM}  {__version__}")
    for each in operators or ():
        terminal.line(f"operator   {release_of(each)} ({place(each)})")
    if operators == []:
        terminal.line("operator   not installed")


def _operators(kubectl: Kubectl) -> list[Object] | None:
    """Return the operator's Deployments; None if they cannot be listed."""
    try:
        return dataclasses.replace(kubectl, everywhere=True, seconds=SECONDS).find_all(
            "deployments.apps", selector=OPERATOR
        )
    except CliError as error:
        terminal.line(f"the operator's version is not known: {error}", err=True)
        return None
