"""The dashboard from its start to its end."""

import asyncio
import secrets
import socket
import threading
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvicorn

from graphcron import __version__
from graphcron.cli import terminal
from graphcron.cli.app import CliError
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.dashboard.export import page_with
from graphcron.cli.dashboard.live import Dashboard
from graphcron.cli.dashboard.security import HOST, Guard
from graphcron.cli.dashboard.server import app_for

GRACE_SECONDS: Final = 1
"""How long a stop waits for open answers; streams never end."""


def dashboard_of(kubectl: Kubectl) -> Dashboard:
    """Return the dashboard of a cluster.

    The context is pinned: if the user chooses another one, the page and its commands stay at this cluster.
    """
    context = kubectl.context
    if not context:
        with suppress(CliError):
            context = kubectl.run("config", "current-context").strip() or None
    pinned = Kubectl(
        namespace=kubectl.namespace, everywhere=kubectl.everywhere, context=context, kubeconfig=kubectl.kubeconfig
    )
    if not pinned.everywhere and not pinned.namespace:
        if not context:
            pinned.run("get", "--raw=/version")  # tells if no cluster is chosen either
            raise CliError("no context is chosen: choose one with --context, or name the namespace with -n")
        namespace = pinned.run("config", "view", "--minify", "--output=jsonpath={..namespace}").strip()
        pinned = pinned.at(namespace or "default")
    namespace_shown = None if pinned.everywhere else pinned.namespace
    return Dashboard(pinned, {"cluster": context or "", "namespace": namespace_shown, "program": __version__})


def serve(kubectl: Kubectl, *, port: int, browser: bool) -> None:
    """Serve the page until the user stops it.

    Raises
    ------
    CliError
        The GraphCrons can't be listed, or the port is in use.
    """
    asyncio.run(_serve(dashboard_of(kubectl), _listen(port), browser=browser))


def export_to(kubectl: Kubectl, file: str) -> None:
    """Write the page with its data to a file."""
    dashboard = dashboard_of(kubectl)
    text = asyncio.run(page_with(dashboard))
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError(f"{file} can't be written: {error.strerror}") from error
    terminal.line(f"the page is in {file}; open it in a browser")


def _listen(port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
        found.listen()  # before the address is printed, so that it can be opened at once
    except OSError as error:
        found.close()
        raise CliError(f"port {port} can't be used ({error.strerror}); choose another one with --port") from error
    return found


async def _serve(dashboard: Dashboard, listening: socket.socket, *, browser: bool) -> None:
    port, token = listening.getsockname()[1], secrets.token_urlsafe(32)
    await dashboard.fill()
    guard = Guard(app_for(dashboard), port=port, token=token)
    config = uvicorn.Config(
        guard,
        log_level="critical",
        loop="asyncio",
        ws="none",
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    address = f"http://{HOST}:{port}/?token="
    terminal.line(f"the dashboard is at {address}{token}")
    terminal.line("Ctrl-C ends it", err=True)
    if browser:
        # A browser in the terminal keeps its thread until it ends, and it waits for the page.
        threading.Thread(target=webbrowser.open, args=(address + guard.once,), daemon=True).start()
    await uvicorn.Server(config).serve(sockets=[listening])
