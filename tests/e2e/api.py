"""LangGraph servers in the cluster, behind the API server's Service proxy: plain requests, plain JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.cluster import wait_for

if TYPE_CHECKING:
    from tests.client import Api

LIVE = ("pending", "running")
"""Statuses of a run that is not over."""


class LangGraph:
    """A LangGraph server in the cluster, asked past the runner.

    Parameters
    ----------
    api
        The way to it.
    namespace
        Where its Service ``langgraph`` is.
    key
        What it asks for as ``x-api-key``.
    """

    def __init__(self, api: Api, namespace: str, key: str = "") -> None:
        self.url = f"http://langgraph.{namespace}.svc:2024"
        """Where pods find it."""
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/services/langgraph:2024/proxy"
        self._headers = {"x-api-key": key} if key else {}

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Send a request; return status and JSON."""
        status, text = self._api.ask(method, self._path + path, body, headers=self._headers)
        return status, json.loads(text) if text.strip() else None

    def get(self, path: str) -> Any:
        """GET JSON; None where the server has no such thing."""
        status, value = self.ask("GET", path)
        assert status in (200, 404), (path, status, value)
        return value if status == 200 else None

    def post(self, path: str, body: Any = None) -> Any:
        """POST JSON; it must be taken."""
        status, value = self.ask("POST", path, body)
        assert 200 <= status < 300, (path, status, value)
        return value

    def finish(self, thread: str, body: Any) -> None:
        """Start a run and wait for its end; it is asked for, since proxies may cut a request that waits."""
        run = self.post(f"/threads/{thread}/runs", body)["run_id"]
        wait_for("end of the run", lambda: self.run(thread, run)["status"] not in LIVE)

    def thread(self, thread: str) -> Any:
        """Return a thread; None where there is none."""
        return self.get(f"/threads/{thread}")

    def values(self, thread: str) -> Any:
        """Return the values of a thread's state."""
        return self.get(f"/threads/{thread}/state")["values"]

    def threads(self, uid: str = "", **metadata: str) -> list[Any]:
        """List the threads that carry a GraphCron's UID, or other metadata."""
        metadata |= {"graphcron/uid": uid} if uid else {}
        return list(self.post("/threads/search", {"metadata": metadata, "limit": 1000}))

    def runs(self, thread: str) -> list[Any]:
        """List the runs of a thread, the oldest first; none where there is no such thread."""
        return list(reversed(self.get(f"/threads/{thread}/runs?limit=1000") or []))

    def runs_of(self, uid: str, *, thread: str = "") -> list[Any]:
        """List the runs that carry a GraphCron's UID, on its own threads and on the user's, the oldest first."""
        threads = {each["thread_id"] for each in self.threads(uid)} | ({thread} if thread else set())
        runs = [run for each in threads for run in self.runs(each) if run["metadata"].get("graphcron/uid") == uid]
        return sorted(runs, key=lambda run: run["created_at"])

    def live_runs_of(self, uid: str) -> list[Any]:
        """List those that are not over."""
        return [run for run in self.runs_of(uid) if run["status"] in LIVE]

    def run(self, thread: str, run: str) -> Any:
        """Return a run; None where there is none."""
        return self.get(f"/threads/{thread}/runs/{run}")

    def steps(self, thread: str, phase: str) -> list[int]:
        """Return which steps of the graph ``steps`` have started or finished, as often as they have."""
        query = {"namespace_prefix": ["steps", thread], "limit": 1000}
        items = self.post("/store/items/search", query)["items"]
        return sorted(item["value"]["step"] for item in items if item["value"]["phase"] == phase)
