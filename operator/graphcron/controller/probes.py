"""What the kubelet asks, ``/livez`` (restart me if not) and ``/readyz`` (I can do my work now), and ``/metrics``."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

logger = logging.getLogger(__name__)


class Probes:
    """A small HTTP server.

    Parameters
    ----------
    port
        Where to listen; 0: a free port, which the log names.
    alive
        Returns what is wrong beyond repair, in words; empty: nothing.
    ready
        Returns whether the operator can do its work, or could take it over.
    metrics
        Returns what Prometheus is told; called in a thread of its own.
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
        """Begin to answer."""
        app = web.Application()
        routes = {"/livez": self._livez, "/readyz": self._readyz, "/metrics": self._metrics}
        app.add_routes([web.get(path, answer) for path, answer in routes.items()])
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, None, self._port).start()
        # Of port 0 the system makes one for IPv4 and another for IPv6.
        logger.info(
            "Probes answer on %s", ", ".join(f"{address[0]}:{address[1]}" for address in self._runner.addresses)
        )

    async def stop(self) -> None:
        """Answer no more."""
        if self._runner:
            await self._runner.cleanup()

    async def _livez(self, _: web.Request) -> web.Response:
        troubles = self._alive()
        return web.Response(status=500 if troubles else 200, text="\n".join(troubles) or "ok")

    async def _readyz(self, _: web.Request) -> web.Response:
        ready = await self._ready()
        return web.Response(status=200 if ready else 503, text="ok" if ready else "not ready")

    async def _metrics(self, _: web.Request) -> web.Response:
        # Of many GraphCrons it takes seconds to write: the work goes on meanwhile.
        text = await asyncio.to_thread(self._metrics_text)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
