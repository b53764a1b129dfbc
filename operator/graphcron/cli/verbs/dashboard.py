"""``dashboard``: show the GraphCrons on a local page."""

from contextlib import suppress
from typing import Annotated

import typer

from graphcron.cli.app import CliError, app
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.options import in_namespaces


@app.command()
@in_namespaces
def dashboard(
    kubectl: Kubectl,
    *,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1. Default: a free port.")] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address without opening a browser.")
    ] = False,
    export: Annotated[
        str | None,
        typer.Option("--export", metavar="FILE", help="Write the page with its data to an HTML file, and exit."),
    ] = None,
) -> None:
    """Show runs, load and cost on a local page. The page is live, and other users cannot access it.

    The dashboard uses your permissions and installs nothing in the cluster. It starts, cancels, suspends, resumes and
    backfills with the kubectl commands that it shows.

    --export writes a snapshot of the page, which opens without a cluster.
    """
    try:
        from graphcron.cli.dashboard.serving import export_to, serve
    except ModuleNotFoundError as error:
        raise CliError(f"the dashboard needs {error.name}; install it: pip install 'graphcron[dashboard]'") from error
    if export:
        export_to(kubectl, export)
        return
    with suppress(KeyboardInterrupt):
        serve(kubectl, port=port, browser=not no_browser)
