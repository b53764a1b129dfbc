"""``version``: which release this is."""

import typer

from graphcron import __version__
from graphcron.cli.app import app


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)
