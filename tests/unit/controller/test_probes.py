"""The small HTTP server that the kubelet and Prometheus ask."""

import asyncio
import threading

import aiohttp

from graphcron.controller.probes import Probes


def test_the_work_goes_on_while_metrics_are_written():
    begun, asked_meanwhile = threading.Event(), threading.Event()

    def alive() -> list[str]:
        asked_meanwhile.set()
        return []

    def metrics() -> bytes:
        begun.set()
        return b"went on" if asked_meanwhile.wait(10) else b"stood still"

    async def ready() -> bool:
        return True

    async def scrape() -> str:
        probes = Probes(0, alive=alive, ready=ready, metrics=metrics)
        await probes.start()
        try:
            port = next(port for host, port, *_ in probes._runner.addresses if host == "0.0.0.0")
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
                scraped = asyncio.create_task(session.get("/metrics"))
                while not begun.is_set():  # noqa: ASYNC110  (a thread's event)
                    await asyncio.sleep(0.01)
                async with session.get("/livez") as answer:
                    assert answer.status == 200
                async with await scraped as answer:
                    return await answer.text()
        finally:
            await probes.stop()

    assert asyncio.run(scrape()) == "went on"
