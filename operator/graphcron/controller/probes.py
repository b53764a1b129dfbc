"""HTTP server for the kubelet's probes ``/livez`` and ``/readyz``, and for ``/metrics``."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

logger = logging.getLogger(__name__)


class Probes:
    """The HTTP server.

    Parameters
    ----------
    port
        Port to listen on; 0: a free port, which is logged.
    alive
        Returns the problems that only a restart can resolve.
    ready
        Returns whether the operator can reconcile, or could take over.
    metrics
        Returns the metrics as text; called in a separate thread.
    """

    def __init__(
        self,
        port: int,
        *,
        alive: Callable[[], list[str]],
        ready: Callable[[], Awaitable[bool]],
        metrics: Callable[[], bytes],
    ) -> None:
        self._port = port
        self._alive = alive
        self._ready = ready
        self._metrics_text = metrics
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Start the server."""
        app = web.Application()
        routes = {"/livez": self._livez, "/readyz": self._readyz, "/metrics": self._metrics}
        app.add_routes([web.get(path, answer) for path, answer in routes.items()])
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, None, self._port).start()
        # With port 0, the system chooses different ports for IPv4 and IPv6.
        logger.info(
            "Serving probes and metrics on %s",
            ", ".join(f"{address[0]}:{address[1]}" for address in self._runner.addresses),
        )

    async def stop(self) -> None:
        """Stop the server."""
        if self._runner:
            await self._runner.cleanup()

    async def _livez(self, _: web.Request) -> web.Response:
        problems = self._alive()
        return web.Response(status=500 if problems else 200, text="\n".join(problems) or "ok")

    async def _readyz(self, _: web.Request) -> web.Response:
        ready = await self._ready()
        return web.Response(status=200 if ready else 503, text="ok" if ready else "not ready")

    async def _metrics(self, _: web.Request) -> web.Response:
        # With many GraphCrons it takes seconds, and must not block the workers.
        text = await asyncio.to_thread(self._metrics_text)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
