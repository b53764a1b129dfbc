"""What our operator writes for a GraphCron, recorded from the operator's own code, to be sent again for others.

The reconciler is run once, against a small HTTP server that stands in for the API server and takes note. So the peers
send what the operator sends, to the byte but for names, UIDs and versions, whatever becomes of the operator.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web
from kubernetes.aio import client

from bench.api import CONCURRENCY, PATHS, graphcron, not_now, spread
from graphcron.api import names
from graphcron.cache.expectations import Expectations
from graphcron.cache.store import Key, Store
from graphcron.controller.graphcron import Reconciler
from graphcron.kube.client import Cluster
from graphcron.planning.preflight_limiter import PreflightLimiter
from graphcron.settings import Settings

if TYPE_CHECKING:
    from bench.api import Api, Object

SAMPLE = "zz-sample-of-a-benchmark"
"""Name of the GraphCron that the recording is of; nothing else in a request reads like this."""

CRONJOB_UID = "00000000-0000-4000-8000-000000000000"


class Request(NamedTuple):
    """A request as it was sent for the sample."""

    method: str
    path: str
    query: dict[str, str]
    content: str
    body: str
    owner: Object

    async def send(self, api: Api, other: Object) -> None:
        """Send the same request for another GraphCron."""
        own, others = self.owner["metadata"], other["metadata"]
        path = self.path.replace(own["name"], others["name"])
        body = self.body.replace(own["name"], others["name"]).replace(own["uid"], others["uid"])
        body = body.replace(f'"{own["resourceVersion"]}"', f'"{others["resourceVersion"]}"')
        await api.request(self.method, path, body=body, content=self.content, **self.query)


@dataclass(frozen=True)
class Writes:
    """All requests that our operator makes for a new GraphCron."""

    requests: list[Request]

    @property
    def cronjob(self) -> Request:
        """The one that makes the CronJob."""
        return next(each for each in self.requests if "/cronjobs" in each.path and each.method != "GET")

    @property
    def status(self) -> Request:
        """The one that writes the status."""
        return next(each for each in self.requests if each.path.endswith("/status"))

    @property
    def further(self) -> list[str]:
        """What the operator asks beyond these two, in words: not part of what is sent straight."""
        rest = [each for each in self.requests if each not in (self.cronjob, self.status)]
        return [f"{each.method} {each.path.partition('/namespaces/')[2].split('/')[1]}" for each in rest]

    async def straight(self, api: Api, count: int, prefix: str, *, concurrency: int = CONCURRENCY) -> None:
        """Create GraphCrons with their CronJobs and statuses: the same three writes, without an operator."""

        async def one(number: int) -> None:
            body = graphcron(f"{prefix}-{number:05d}", schedule=not_now(number))
            owner = await api.request("POST", PATHS["graphcrons"], body=body)
            await self.cronjob.send(api, owner)
            await self.status.send(api, owner)

        await spread(one, range(count), concurrency)


async def record(api: Api) -> Writes:
    """Create a GraphCron, take note of what our operator would send for it, and delete it."""
    path = f"/apis/{names.API_VERSION}/namespaces/{graphcron(SAMPLE)['metadata']['namespace']}/{names.PLURAL}"
    owner = await api.request("POST", path, body=graphcron(SAMPLE))
    try:
        return await _recorded(owner)
    finally:
        await api.request("DELETE", f"{path}/{SAMPLE}")


async def _recorded(owner: Object) -> Writes:
    requests: list[Request] = []

    async def answer(request: web.Request) -> web.Response:
        body = await request.text()
        content = request.headers.get("Content-Type", "")
        requests.append(Request(request.method, request.path, dict(request.query), content, body, owner))
        if request.method == "GET":
            return web.json_response({"message": "not found"}, status=404)
        return web.json_response(_written(json.loads(body)))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = f"http://127.0.0.1:{runner.addresses[0][1]}"
    cluster = Cluster(client.ApiClient(client.Configuration(host=server)), lambda _: None)
    try:
        metadata = owner["metadata"]
        key = Key(metadata["namespace"], metadata["name"])
        limiter: PreflightLimiter[Key] = PreflightLimiter(1, lambda _: None)
        store = Store(Expectations(timedelta(minutes=1)))
        store.update(owner, deleted=False)
        await Reconciler(cluster, store, Settings(), limiter).reconcile(key, now=datetime.now(UTC))
    finally:
        await cluster.close()
        await runner.cleanup()
    return Writes(requests)


def _written(body: Object) -> Object:
    """Answer as the API server would of what it was sent."""
    metadata = {"uid": CRONJOB_UID, "generation": 1, "resourceVersion": "1", **body["metadata"]}
    return {**body, "metadata": metadata}
