"""How late a run begins on a real cluster: from its minute until the server is asked for the run.

    python benchmarks/start.py [ROUNDS]

Beside it a bare pod, which starts busybox's wget and knows nothing of runs. Both are due in the same minutes, on the
same node, and ask the same server. That is a stand-in on the node's own network, which notes when a request is there
and answers at once: what a LangGraph server takes to answer is its own affair, and to run graphs beside the bare pod
would slow that down, to our advantage.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import bare_pod
import yaml
from bench import NAMESPACE, number
from bench.api import PATHS, Api, graphcron
from bench.cluster import cluster
from bench.process import ours
from bench.result import Figure
from images import archive_of, build, hack, load
from plan import STORED, WRITES
from typing_extensions import override

from graphcron.helmtest.fake_server import ASSISTANT, StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.cluster import BenchCluster

OURS, FIRST, BARE = "GraphCron", "GraphCron, its first request", "bare pod"
"""What the peers are called; before the run itself the runner asks for what makes sure that it starts once."""

AIM_MS = 100

MINUTE = 60

NAME = "tick"
"""Of the GraphCron."""

WRITING = {"POST", "PUT", "PATCH", "APPLY", "DELETE"}
WRITTEN = {"graphcrons", "cronjobs", "jobs", "pods", "events"}


class Arrivals:
    """A LangGraph server that notes who first asks for what in each minute: anything, a run, or the bare path."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[int, float]] = {OURS: {}, FIRST: {}, BARE: {}}
        """By peer and minute (unix time / 60): how many seconds of the minute had passed."""
        self._standin = StandIn()

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Take note of a request that is there, and answer it."""
        minute, seconds = divmod(time.time(), MINUTE)
        if path == "/bare":
            self.seen[BARE].setdefault(int(minute), seconds)
            return 200, {}
        self.seen[FIRST].setdefault(int(minute), seconds)
        if method == "POST" and re.fullmatch("/threads/[^/]+/runs", path):
            self.seen[OURS].setdefault(int(minute), seconds)
        return self._standin.answer(method, path, body)

    def both(self) -> list[int]:
        """Return the minutes of which both have been here."""
        return sorted(self.seen[OURS].keys() & self.seen[BARE].keys())


class _Handler(BaseHTTPRequestHandler):
    """HTTP on one side, arrivals on the other."""

    arrivals: Arrivals
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else {}
        status, value = self.arrivals.answer(self.command, urlsplit(self.path).path, body)
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815  (the base class has it so)

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serve(arrivals: Arrivals) -> Iterator[int]:
    """Serve from a thread; yields the port."""
    handler = type("Handler", (_Handler,), {"arrivals": arrivals})
    with ThreadingHTTPServer(("", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def address_for(cluster: BenchCluster) -> str:
    """Return the address of this machine, as pods see it."""
    known = json.loads(hack("info", "--name", cluster.name))["hostAddress"]
    if known:
        return str(known)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:  # sends nothing
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def load_images(cluster: BenchCluster) -> None:
    """Bring the runner's image and the bare pod's into the cluster."""
    build("runner")
    load(cluster, "runner")
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "wget.tar"
        bare_pod.write_image(archive, archive_of("runner"))
        load(cluster, str(archive))


async def rounds(cluster: BenchCluster, api: Api, arrivals: Arrivals, count: int, url: str) -> Counter[str]:
    """Let both be due in the same minutes; return what was written meanwhile.

    The first minute is thrown away: in it the images are read from disk.
    """
    body = graphcron(NAME, schedule="* * * * *", url=url)
    body["spec"]["assistant"] = ASSISTANT
    await until_second(30)  # all is made before the next minute
    text = yaml.safe_dump_all([body, bare_pod.cronjob(f"{url}/bare")])
    cluster.kubectl("apply", "--namespace", NAMESPACE, "--filename", "-", stdin=text)
    until = time.monotonic() + (count + 3) * MINUTE
    before: Counter[str] = Counter()
    while len(arrivals.both()) <= count:
        if time.monotonic() > until:
            pods = cluster.kubectl("get", "pods", "--namespace", NAMESPACE, "--output", "wide")
            raise RuntimeError(f"not all of the pods came to the server:\n{pods}")
        await until_second(30)
        before = before or await writes(api)
    return await writes(api) - before


async def until_second(second: int) -> None:
    """Wait until that second of a minute."""
    await asyncio.sleep(1)
    await asyncio.sleep((second - time.time()) % MINUTE)


async def writes(api: Api) -> Counter[str]:
    """Return how many writes the API server has answered so far, whoever made them, by resource."""
    found: Counter[str] = Counter()
    for name, labels, value in await api.samples():
        if name == "apiserver_request_total" and labels["verb"] in WRITING and labels["resource"] in WRITTEN:
            found[labels["resource"]] += int(value)
    return found


async def stored_kib(api: Api, kind: str) -> float:
    """Return how large the newest object of a kind is in etcd, from the form in which it is kept there."""
    found = await api.list(kind)
    ours = [each["metadata"] for each in found if each["metadata"]["name"].startswith(NAME)]
    newest = max(ours, key=lambda metadata: str(metadata["creationTimestamp"]))
    kept = "application/json" if kind == "graphcrons" else "application/vnd.kubernetes.protobuf"
    async with api.session.get(f"{PATHS[kind]}/{newest['name']}", headers={"Accept": kept}) as answer:
        return len(await answer.read()) / 1024


async def measure(figure: Figure, arrivals: Arrivals, count: int) -> None:
    """Bring all up, and take the values."""
    with cluster("bench-start") as made, serve(arrivals) as port:
        load_images(made)
        async with Api(made) as api:
            with ours(made):
                written = await rounds(made, api, arrivals, count, f"http://{address_for(made)}:{port}")
            for resource, number_of_writes in sorted(written.items()):
                figure.add(WRITES, "", resource, number_of_writes / count)
            for kind in ("graphcrons", "cronjobs", "jobs", "pods"):
                figure.add(STORED, "KiB", kind, await stored_kib(api, kind))


def main() -> None:
    """Measure and report."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else number("ROUNDS", 6)
    figure = Figure("start", "From the scheduled minute to the server: how late a run is asked for")
    arrivals = Arrivals()
    asyncio.run(measure(figure, arrivals, count))
    later = []
    for minute in arrivals.both()[1:]:
        times = {peer: 1000 * seen[minute] for peer, seen in arrivals.seen.items()}
        for peer, milliseconds in times.items():
            figure.add("after the scheduled minute", "ms", peer, milliseconds)
        later.append(times[OURS] - times[BARE])
    figure.aim(f"later than the bare pod by at most {AIM_MS} ms", later, at_most=AIM_MS)
    figure.note(
        "the stand-in server answers at once; of a real one come the answers to the two requests before the run's"
    )
    figure.note("writes are those for a run and for a bare pod together, but for graphcrons")
    figure.report()


if __name__ == "__main__":
    main()
