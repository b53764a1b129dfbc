"""``version``: which release this is."""

from graphcron import __version__
from graphcron.cli import terminal
from graphcron.cli.app import app


@app.command()
def version() -> None:
    """Print the version."""
    terminal.line(__version__)
