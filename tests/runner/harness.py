"""What the runner's tests are made of: a real LangGraph server, pods as processes, and questions to the server."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from graphcron import contract
from graphcron.contract import Report, Request
from graphcron.runner.client.times import rfc3339
from tests import cluster
from tests.cluster import ROOT

QUIET = {"LANGSMITH_TRACING": "false", "PYTHONDONTWRITEBYTECODE": "1"}
SAMPLE = ROOT / "examples" / "langgraph-server"
GRACE = 3.0
"""Grace time of the pods here, in place of 20 s."""


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


wait_for = partial(cluster.wait_for, seconds=30, pause=0.05)
"""Wait for what a process or the server does soon."""


class Api:
    """The server's HTTP API, asked past the runner's own client."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.url = url
        self._headers = {"Content-Type": "application/json", **(headers or {})}

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, self._headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text, status = answer.read(), answer.status
        except urllib.error.HTTPError as error:
            with error:
                text, status = error.read(), error.code
        return status, json.loads(text) if text else None

    def get(self, method: str, path: str, body: Any = None) -> Any:
        """Return the JSON of an answer that must be good."""
        status, value = self.ask(method, path, body)
        assert 200 <= status < 300, (method, path, status, value)
        return value

    def threads(self, uid: str, **more: str) -> list[dict[str, Any]]:
        """Return the threads that carry a GraphCron's UID."""
        metadata = {"graphcron/uid": uid, **{f"graphcron/{key}": value for key, value in more.items()}}
        found: list[dict[str, Any]] = self.get("POST", "/threads/search", {"metadata": metadata, "limit": 1000})
        return found

    def record(self, uid: str) -> dict[str, Any]:
        """Return the one record's metadata, without the prefix."""
        (record,) = [
            thread for thread in self.threads(uid) if thread["metadata"].get("graphcron/kind") not in ("lock", "ledger")
        ]
        return {key.removeprefix("graphcron/"): value for key, value in record["metadata"].items()}

    def runs(self, thread_id: str) -> list[dict[str, Any]]:
        """Return a thread's runs, oldest first."""
        status, found = self.ask("GET", f"/threads/{thread_id}/runs?limit=1000")
        return [] if status == 404 else sorted(found, key=lambda run: run["created_at"])

    def all_runs(self, uid: str) -> list[dict[str, Any]]:
        """Return the runs on all threads that carry a GraphCron's UID."""
        return [run for thread in self.threads(uid) for run in self.runs(thread["thread_id"])]

    def started_run(self, uid: str, status: str = "running") -> dict[str, Any]:
        """Wait until there is a run, of that status, and return it."""

        def find() -> dict[str, Any] | None:
            return next((run for run in self.all_runs(uid) if run["status"] == status), None)

        found = wait_for("run", find)
        assert found is not None
        return found

    def steps(self, thread_id: str, phase: str = "finished") -> list[int]:
        """Return which steps of the ``steps`` graph were executed, as often as they were."""
        query = {"namespace_prefix": ["steps", thread_id], "limit": 1000}
        items = self.get("POST", "/store/items/search", query)["items"]
        return sorted(item["value"]["step"] for item in items if item["value"]["phase"] == phase)


class Pod:
    """The runner as a process, with what a pod has."""

    def __init__(self, app: Path, folder: Path, environ: dict[str, str]) -> None:
        self.uid = environ[contract.ENV_POD_UID]
        self._is_preflight = environ.get(contract.ENV_PREFLIGHT) == "1"
        self._root = folder / f"root-{self.uid}"
        (self._root / "dev").mkdir(parents=True, exist_ok=True)
        self._out = folder / f"{self.uid}.log"
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(app)],
                env={**environ, contract.ENV_ROOT: str(self._root)},
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd="/",
            )

    def wait(self, seconds: float = 60.0, *, is_promise: bool = False) -> Report:
        """Wait for its end; check that report and exit code agree, and return the report.

        Parameters
        ----------
        is_promise
            The time is what is tested: a busy machine extends it no further.
        """
        code = self.process.wait(seconds * (1 if is_promise else cluster.slowness()))
        text = (self._root / contract.TERMINATION_LOG.lstrip("/")).read_text()
        report = Report.from_json(text)
        is_finding = self._is_preflight and report.outcome not in contract.RETRIABLE
        assert code == (0 if is_finding else contract.EXIT_CODES[report.outcome]), (code, text, self.log)
        assert report.outcome.value != "InternalError" or "wrong" in report.reason.lower(), (text, self.log)
        return report

    def peak_memory(self) -> int:
        """Wait for its end; return its peak memory in KiB, which only Linux reports."""
        peak = 0
        while self.process.poll() is None:
            try:
                status = Path(f"/proc/{self.process.pid}/status").read_text()
            except OSError:
                break
            peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
            time.sleep(0.01)
        return peak

    @property
    def log(self) -> str:
        """All that it wrote."""
        return self._out.read_text()

    def events(self) -> list[dict[str, Any]]:
        """Return its log as objects; anything else in it fails."""
        return [json.loads(line) for line in self.log.splitlines()]


def asked(value: str = "", *, scheduled: float | None = None, requested: float | None = None) -> dict[str, str]:
    """Return the environment of a pod that no schedule has started: a person, or catching up, did."""
    times = {contract.ENV_SCHEDULED_TIME: scheduled, contract.ENV_REQUESTED_TIME: requested}
    moments = {name: rfc3339(time.time() if at is None else at) for name, at in times.items()}
    return {contract.ENV_JOB: "nightly-by-somebody", **moments, **({contract.ENV_TRIGGER: value} if value else {})}


class Cron:
    """One GraphCron: makes pods for its occurrences."""

    def __init__(self, app: Path, folder: Path, url: str) -> None:
        self.uid = str(uuid.uuid4())
        self.minute = int(time.time()) // 60
        self.url = url
        self._app, self._folder = app, folder
        self.pods: list[Pod] = []

    def pod(self, minutes_ago: int = 0, env: dict[str, str] | None = None, pod_uid: str = "", **request: Any) -> Pod:
        """Start a pod for the occurrence that was due when the test began, or some minutes before."""
        values = {
            "url": self.url,
            "assistant": "agent",
            "input": {"messages": []},
            "startingDeadlineSeconds": 600,
            **request,
        }
        environ = {
            contract.ENV_REQUEST: Request(**values).to_json(),
            contract.ENV_NAMESPACE: "agents",
            contract.ENV_NAME: "nightly",
            contract.ENV_UID: self.uid,
            contract.ENV_JOB: f"nightly-{self.minute - minutes_ago}",
            contract.ENV_POD_UID: pod_uid or str(uuid.uuid4()),
            contract.ENV_GRACE: str(GRACE),
            **(env or {}),
        }
        pod = Pod(self._app, self._folder, environ)
        self.pods.append(pod)
        return pod

    def next_occurrence(self) -> None:
        """Let the following pods be of the next occurrence, which is due later than now.

        If it had been due during an earlier run, `Forbid` would skip it.
        """
        self.minute = max(self.minute, int(time.time()) // 60) + 1

    def kill(self) -> None:
        """End what still runs."""
        for pod in self.pods:
            pod.process.kill()
            pod.process.wait()


@contextmanager
def serving(folder: Path, command: list[str], url: str, health: str, **environ: str) -> Iterator[str]:
    """Run a LangGraph server, and yield its URL as soon as it is healthy."""
    plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    log = folder / f"server-{urlsplit(url).port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env={**plain, **QUIET, **environ}, cwd=folder, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        wait_for("server", lambda: process.poll() is not None or _is_healthy(url, health), seconds=120)
        assert process.poll() is None, log.read_text()[-3000:]
        yield url
    finally:
        process.kill()
        process.wait()


def serve(
    folder: Path, port: int | None = None, python: str = sys.executable, **environ: str
) -> AbstractContextManager[str]:
    """Run the sample server."""
    port = port or free_port()
    environ = {"PORT": str(port), "N_JOBS_PER_WORKER": "50", **environ}
    return serving(folder, [python, str(SAMPLE / "serve.py")], f"http://127.0.0.1:{port}", "/ok", **environ)


def _is_healthy(url: str, health: str) -> bool:
    try:
        return Api(url).ask("GET", health)[0] == 200
    except (OSError, ValueError):  # no JSON while it starts
        return False
