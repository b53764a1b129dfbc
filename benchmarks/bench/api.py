"""A client of the API server with plain aiohttp: creates, lists and deletes many objects."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import yaml

from bench import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from bench.cluster import BenchCluster

USER_AGENT = "graphcron-bench"
"""By which the API server's audit log knows us."""

CONCURRENCY = 32
"""Requests at a time: enough to keep an API server busy that has two cores."""

PATHS = {
    "graphcrons": f"/apis/graphcron.dev/v1alpha1/namespaces/{NAMESPACE}/graphcrons",
    "cronjobs": f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs",
    "jobs": f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs",
    "pods": f"/api/v1/namespaces/{NAMESPACE}/pods",
    "events": f"/api/v1/namespaces/{NAMESPACE}/events",
}
"""The collections that benchmarks work with."""

Object = dict[str, Any]

Samples = list[tuple[str, dict[str, str], float]]
"""Name, labels and value of each."""


def not_now(number: int) -> str:
    """Return a schedule for benchmarks that want no runs: each day, half a day from now, at one of sixty minutes."""
    return f"{number % 60} {(datetime.now(UTC).hour + 12) % 24} * * *"


def graphcron(name: str, *, schedule: str = "", url: str = "http://langgraph.bench.svc:2024") -> Object:
    """Return a GraphCron as somebody would write it, but for the preflight: no pod is to be made of it by itself."""
    return {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphCron",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "schedule": schedule or not_now(0),
            "assistant": "daily-report",
            "server": {"url": url},
            "input": {"messages": [{"role": "user", "content": "Summarise what happened since yesterday."}]},
            "preflight": False,
        },
    }


class Api:
    """A client with the kubeconfig's credentials; an async context manager.

    Parameters
    ----------
    cluster
        The cluster to ask.
    """

    def __init__(self, cluster: BenchCluster) -> None:
        self.server, self._tls = _credentials(cluster.kubeconfig)

    async def __aenter__(self) -> Api:
        self.session = aiohttp.ClientSession(
            self.server,
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0),
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            read_bufsize=2**20,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def request(
        self, method: str, path: str, *, body: Any = None, content: str = "application/json", **query: str
    ) -> Object:
        """Send one request and return the answer; what is refused is an error."""
        data = body if isinstance(body, str | bytes) or body is None else json.dumps(body)
        headers = {"Content-Type": content} if data is not None else {}
        async with self.session.request(method, path, data=data, headers=headers, params=query) as response:
            text = await response.read()
            if response.status >= 400:
                raise RuntimeError(f"{method} {path}: {response.status} {text[:500].decode(errors='replace')}")
            return dict(json.loads(text))

    async def create_graphcrons(
        self,
        count: int,
        prefix: str,
        *,
        schedule: str = "",
        url: str = "http://langgraph.bench.svc:2024",
        first: int = 0,
        concurrency: int = CONCURRENCY,
    ) -> None:
        """Create so many GraphCrons, named by the prefix and a number, as fast as the API server takes them."""

        async def create(number: int) -> None:
            body = graphcron(f"{prefix}-{number:05d}", schedule=schedule or not_now(number), url=url)
            await self.request("POST", PATHS["graphcrons"], body=body)

        await spread(create, range(first, first + count), concurrency)

    async def list(self, kind: str) -> list[Object]:
        """Return all objects of a kind of :data:`PATHS`, by one bare LIST."""
        return list((await self.request("GET", PATHS[kind]))["items"])

    async def count(self, kind: str) -> int:
        """Return how many there are, without reading them."""
        answer = await self.request("GET", PATHS[kind], limit="1")
        return len(answer["items"]) + int(answer["metadata"].get("remainingItemCount", 0))

    async def version(self) -> str:
        """Return the version of the GraphCrons as they are, from which on a watch can show what is new."""
        return str((await self.request("GET", PATHS["graphcrons"], limit="1"))["metadata"]["resourceVersion"])

    async def told(
        self, count: int = 1, *, prefix: str = "", name: str = "", since: str = "", seconds: float = 600
    ) -> float:
        """Watch until so many GraphCrons have a status for their generation; return when that was, by perf_counter.

        Parameters
        ----------
        name
            Watch this one only, which costs nothing however many there are.
        since
            Watch from that :meth:`version` on; without, also those that have had their status before count.
        """
        query = {"watch": "1"} | ({"fieldSelector": f"metadata.name={name}"} if name else {})
        query |= {"resourceVersion": since} if since else {}
        done: set[str] = set()
        async with asyncio.timeout(seconds):
            while True:  # the API server ends a watch now and then
                async with self.session.get(PATHS["graphcrons"], params=query) as response:
                    async for line in response.content:
                        found = _told(line)
                        if found and found.startswith(prefix):
                            done.add(found)
                            if len(done) >= count:
                                return time.perf_counter()

    async def delete_all(self, *, seconds: float = 240) -> None:
        """Delete all GraphCrons and what was made of them, and wait until it is gone.

        The CronJobs would go by their owner references, at the garbage collector's pace; here they are helped.
        """
        query = {"propagationPolicy": "Background", "gracePeriodSeconds": "0"}
        async with asyncio.timeout(seconds):
            for kind in ("graphcrons", "cronjobs", "jobs", "pods", "events"):
                while await self.count(kind):
                    # Of many thousands the API server gives up after a minute; what was deleted by then is.
                    async with self.session.delete(PATHS[kind], params=query) as response:
                        await response.read()
                    await asyncio.sleep(0.2)

    async def delete(self, name: str) -> None:
        """Delete one GraphCron and its CronJob, and wait until both are gone."""
        for kind in ("graphcrons", "cronjobs"):
            async with self.session.delete(f"{PATHS[kind]}/{name}", params={"propagationPolicy": "Background"}):
                pass
            while await self._is_there(kind, name):  # noqa: ASYNC110  (it is the API server that we wait for)
                await asyncio.sleep(0.1)

    async def _is_there(self, kind: str, name: str) -> bool:
        async with self.session.get(f"{PATHS[kind]}/{name}") as response:
            return response.status == 200

    async def samples(self) -> Samples:
        """Return the API server's own metrics of requests."""
        from prometheus_client.parser import text_string_to_metric_families

        async with self.session.get("/metrics") as response:
            lines = (line for line in (await response.text()).splitlines(keepends=True) if "apiserver_request_" in line)
            families = text_string_to_metric_families("".join(lines))
            return [(each.name, each.labels, each.value) for family in families for each in family.samples]


async def spread(work: Callable[[int], Awaitable[None]], numbers: Iterable[int], concurrency: int) -> None:
    """Do the work for each number, so many at a time."""
    left = iter(numbers)

    async def worker() -> None:
        for number in left:
            await work(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(worker())


def _told(line: bytes) -> str:
    """Return the name of a GraphCron that has a status for its generation; empty for any other event of a watch."""
    if b'"observedGeneration"' not in line:
        return ""
    found = json.loads(line)["object"]
    told = found.get("status", {}).get("observedGeneration") == found["metadata"].get("generation")
    return str(found["metadata"]["name"]) if told else ""


def _credentials(kubeconfig: Path) -> tuple[str, ssl.SSLContext]:
    """Return the server's URL, and TLS with the certificates of the kubeconfig's current context."""
    document = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    current = next(each["context"] for each in document["contexts"] if each["name"] == document["current-context"])
    server = next(each["cluster"] for each in document["clusters"] if each["name"] == current["cluster"])
    user = next(each["user"] for each in document["users"] if each["name"] == current["user"])
    authority = base64.b64decode(server["certificate-authority-data"]).decode()
    tls = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile() as pair:  # the standard library reads client certificates from files only
        pair.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        pair.flush()
        tls.load_cert_chain(pair.name)
    return str(server["server"]), tls
