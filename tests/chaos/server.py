"""A LangGraph server that keeps what it knows over restarts, and all that is to be read from it."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import urllib3
import yaml

from tests.chaos.records import LIVE, Checkpoint, Run, Step
from tests.cluster import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client import Api
    from tests.cluster import Cluster
    from tests.e2e.api import LangGraph
    from tests.e2e.killer import Killer

PAGE = 500
"""Threads, or items of the store, that are read at a time."""

KEEPER = """
import signal, subprocess, sys, time

def stop(*_):
    child.terminate()
    sys.exit(child.wait())

signal.signal(signal.SIGTERM, stop)
while True:
    child = subprocess.Popen(["/venv/bin/python3", "serve.py"])
    child.wait()
    time.sleep(1)
"""
"""Starts the server again when it has ended: sooner than the kubelet, which takes longer each time."""

PROGRAM = "serve.py"
SETTINGS = {"DATA_DIR": "/tmp", "SHUTDOWN_SECONDS": "2", "N_JOBS_PER_WORKER": "100"}


class Server:
    """The server and its pod."""

    def __init__(self, cluster: Cluster, api: Api, langgraph: LangGraph, namespace: str) -> None:
        self.langgraph = langgraph
        self.restarts: list[tuple[float, float]] = []
        """When it went down and was back."""
        self._cluster, self._api, self._namespace = cluster, api, namespace

    def apply(self) -> None:
        """Install it, without waiting."""
        import installing

        objects = list(yaml.safe_load_all(installing.SERVER_MANIFEST.read_text()))
        (container,) = objects[0]["spec"]["template"]["spec"]["containers"]
        container["command"] = ["/venv/bin/python3", "-c", KEEPER]
        container["env"] += [{"name": name, "value": value} for name, value in SETTINGS.items()]
        self._cluster.apply(*objects, namespace=self._namespace)

    def wait_ready(self, seconds: float = 120) -> None:
        """Wait until it answers."""
        wait_for("LangGraph server", self.answers, seconds=seconds)

    def answers(self) -> bool:
        """Tell whether it answers now."""
        try:
            return bool(self.langgraph.ask("GET", "/ok")[0] == 200)
        except (OSError, ValueError, urllib3.exceptions.HTTPError):
            return False

    def restart(self, killer: Killer) -> None:
        """End it with SIGTERM, which lets it write down what it knows, and wait until it is back."""
        down = time.time()
        assert self._signal(killer, "TERM"), "there is no server to be restarted"
        wait_for("end of the server", lambda: not self.answers(), seconds=30, pause=0.1)
        self.wait_ready(90)
        self.restarts.append((down, time.time()))

    def freeze(self, killer: Killer, seconds: float) -> None:
        """Stop it as it stands, for a while: connections stay open, and nothing is answered."""
        assert self._signal(killer, "STOP,CONT", seconds), "there is no server to be frozen"

    def _signal(self, killer: Killer, signals: str, seconds: float = 0) -> bool:
        pods = self._api.get(
            f"/api/v1/namespaces/{self._namespace}/pods?labelSelector=app.kubernetes.io/name=langgraph"
        )
        (pod,) = pods["items"]
        container = pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
        return killer.signal(signals, container, pod["spec"]["nodeName"], word=PROGRAM, seconds=seconds)

    # --- reading ----------------------------------------------------------------------------------------------------

    def threads(self) -> list[Any]:
        """List all threads."""
        return list(self._pages("/threads/search", {"sort_by": "created_at", "sort_order": "asc"}))

    def runs_on(self, thread: str) -> list[Run]:
        """List the runs of a thread that GraphCrons have made."""
        fields = ("run_id", "thread_id", "status", "created_at", "updated_at", "metadata")
        select = "&".join(f"select={name}" for name in fields)
        found = self.langgraph.get(f"/threads/{thread}/runs?limit=1000&{select}") or []
        return [_run(each) for each in found if each["metadata"].get("graphcron/uid")]

    def steps(self) -> list[Step]:
        """List all notes of the graph ``steps``."""
        items = self._pages("/store/items/search", {"namespace_prefix": ["steps"]}, "items")
        return [_step(each) for each in items]

    def checkpoints(self, thread: str) -> list[Checkpoint]:
        """List what a thread's state held, and when."""
        history = self.langgraph.post(f"/threads/{thread}/history", {"limit": 1000})
        return [
            Checkpoint(thread=thread, at=_seconds(each["created_at"]), done=frozenset(each["values"].get("done", [])))
            for each in history
        ]

    def _pages(self, path: str, query: dict[str, Any], member: str = "") -> Iterator[Any]:
        offset = 0
        while True:
            answer = self.langgraph.post(path, {**query, "limit": PAGE, "offset": offset})
            page = answer[member] if member else answer
            yield from page
            if len(page) < PAGE:
                return
            offset += PAGE


class Reader(threading.Thread):
    """Reads the runs again and again, since some threads are tidied away before the end."""

    def __init__(self, server: Server, pause: float) -> None:
        super().__init__(daemon=True)
        self._server, self._pause = server, pause
        self._over = threading.Event()
        self._runs: dict[str, Run] = {}
        self._changed: dict[str, str] = {}

    def run(self) -> None:
        """Read until closed; a server that does not answer is asked again later."""
        while not self._over.wait(self._pause):
            try:
                self._read()
            except (AssertionError, OSError, ValueError, urllib3.exceptions.HTTPError):
                continue

    def close(self) -> list[Run]:
        """End, read once more, and return all runs as they were seen last."""
        self._over.set()
        self.join()
        self._changed.clear()
        left = self._read()
        # A live run whose thread has been deleted since is not live any more.
        return [run for run in self._runs.values() if run.status not in LIVE or run.id in left]

    def _read(self) -> set[str]:
        found = set()
        for thread in self._server.threads():
            name, changed = thread["thread_id"], f"{thread['updated_at']} {thread['status']}"
            if self._changed.get(name) == changed and thread["status"] != "busy":
                continue
            runs = self._server.runs_on(name)
            self._runs |= {run.id: run for run in runs}
            found |= {run.id for run in runs}
            self._changed[name] = changed
        return found


def _run(found: Any) -> Run:
    return Run(
        id=found["run_id"],
        thread=found["thread_id"],
        cron=found["metadata"]["graphcron/uid"],
        occurrence=found["metadata"]["graphcron/occurrence"],
        status=found["status"],
        created=_seconds(found["created_at"]),
        changed=_seconds(found["updated_at"]),
    )


def _step(item: Any) -> Step:
    value = item["value"]
    finished = value["phase"] == "finished"
    return Step(thread=item["namespace"][1], number=value["step"], finished=finished, at=_seconds(item["created_at"]))


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
