"""How kopf is configured: what its watches do while the API server does not answer."""

import asyncio
from itertools import accumulate
from types import SimpleNamespace

import kopf

from graphcron.controller import handlers
from graphcron.settings import Settings


def configured() -> kopf.OperatorSettings:
    async def ready() -> None:
        pass

    settings = kopf.OperatorSettings()
    asyncio.run(handlers.start(memo=SimpleNamespace(settings=Settings(), start=ready), settings=settings))
    return settings


def test_watches_after_an_outage_retry_within_five_seconds():
    """kopf's own back-off grows to 21 s: what was created shortly after an outage was not seen for up to a minute."""
    networking = configured().networking
    assert max(networking.error_backoffs) <= 5
    assert list(accumulate(networking.error_backoffs))[-1] >= 30
    assert networking.connect_timeout == 10
