"""What of our pod takes how long at its start: pods made straight, one at a time, each a step from the bare one.

    python benchmarks/pod.py            ROUNDS=10

No minute, CronJob or Job comes into it: the clock runs from the pod's create to its first request. The pods take turns.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import bare_pod
from bench import NAMESPACE, number
from bench.api import PATHS, Api, graphcron
from bench.cluster import cluster
from bench.process import ours
from bench.result import Figure
from start import NAME, Arrivals, address_for, load_images, serve, until_second
from typing_extensions import override

from graphcron.api import names
from graphcron.helmtest.fake_server import ASSISTANT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.cluster import BenchCluster

WHAT = "from the pod's create to its first request"

BARE = "bare pod"
SETTINGS = "the same with the runner pod's settings"
PYTHON = "the same with Python in place of wget"
MODULES = "the same with the runner's modules loaded"
OURS = "GraphCron"
"""What the peers are called."""

PATIENCE_SECONDS = 30

_ASK = """
import socket
server = socket.create_connection(({host!r}, {port}))
server.sendall(b"GET /bare HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
while server.recv(4096):
    pass
"""

_LOAD = "import sys; sys.path.insert(0, '/app'); import graphcron.runner.main"

Spec = dict[str, Any]


class Knocks(Arrivals):
    """A LangGraph server that notes when somebody first asks for anything."""

    def __init__(self) -> None:
        super().__init__()
        self.first: float | None = None
        """By perf_counter; None: nobody yet."""

    @override
    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        self.first = self.first or time.perf_counter()
        return super().answer(method, path, body)


async def template(place: BenchCluster, api: Api, url: str) -> Spec:
    """Have the operator make a CronJob that is never due, and return its pod template."""
    body = graphcron(NAME, schedule="0 0 1 1 *", url=url)
    body["spec"]["assistant"] = ASSISTANT
    with ours(place):
        await api.request("POST", PATHS["graphcrons"], body=body)
        await api.told(name=NAME)
    made = await api.request("GET", f"{PATHS['cronjobs']}/{NAME}")
    found: Spec = made["spec"]["jobTemplate"]["spec"]["template"]
    return found


def specs(pod: Spec, url: str) -> dict[str, Spec]:
    """Return the pods' specs, each a step further."""
    address = urlsplit(url)
    bare: Any = bare_pod.cronjob(f"{url}/bare")
    spec = bare["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    wget, runner = spec["containers"][0], pod["containers"][0]

    def with_program(**program: object) -> Spec:
        return {**pod, "containers": [{**runner, **program}]}

    ask = _ASK.format(host=address.hostname, port=address.port)
    python = ["/usr/bin/python3", "-I", "-S", "-c"]
    return {
        OURS: pod,
        MODULES: with_program(command=[*python, _LOAD + ask]),
        PYTHON: with_program(command=[*python, ask]),
        SETTINGS: with_program(image=wget["image"], args=wget["args"]),
        BARE: spec,
    }


async def started(place: BenchCluster, api: Api, knocks: Knocks, pod: Spec) -> float:
    """Make a pod, and return how many seconds its first request took to come."""
    knocks.first, began = None, time.perf_counter()
    made = await api.request("POST", PATHS["pods"], body=pod)
    while knocks.first is None:
        if time.perf_counter() > began + PATIENCE_SECONDS:
            raise RuntimeError(f"the pod asks nothing:\n{place.kubectl('describe', 'pod', '--namespace', NAMESPACE)}")
        await asyncio.sleep(0.005)
    name = made["metadata"]["name"]
    await asyncio.to_thread(place.kubectl, "delete", "pod", name, "--namespace", NAMESPACE, "--now", "--wait")
    return knocks.first - began


def pod_of(spec: Spec, labels: Mapping[str, str]) -> Spec:
    """Return a pod; ours believes that the CronJob controller has made it for this minute."""
    job = {names.LABEL_JOB_NAME: f"{NAME}-{int(time.time() // 60)}"}
    metadata = {"generateName": f"{NAME}-", "labels": {**labels, **job}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


async def measure(figure: Figure, rounds: int) -> None:
    """Bring all up, and take the values; the first round is thrown away, since it reads the images from disk."""
    knocks = Knocks()
    with cluster("bench-pod") as place, serve(knocks) as port:
        load_images(place)
        url = f"http://{address_for(place)}:{port}"
        async with Api(place) as api:
            made = await template(place, api, url)
            peers, labels = specs(made["spec"], url), made["metadata"]["labels"]
            await until_second(0)  # what was due before the GraphCron was made would not be run
            for number_of_round in range(rounds + 1):
                for peer, spec in peers.items():
                    seconds = await started(place, api, knocks, pod_of(spec, labels))
                    if number_of_round:
                        figure.add(WHAT, "ms", peer, 1000 * seconds)


def main() -> None:
    """Measure and report."""
    figure = Figure("pod", "What of a run's pod takes how long at its start")
    asyncio.run(measure(figure, number("ROUNDS", 10)))
    figure.report()


if __name__ == "__main__":
    main()
