"""Watches on the cluster's objects: what was there, as it was seen last, even if it is gone by now."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import urllib3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client import Api

GROUPS = {
    "graphcrons": "apis/graphcron.dev/v1alpha1",
    "graphruns": "apis/graphcron.dev/v1alpha1",
    "cronjobs": "apis/batch/v1",
    "jobs": "apis/batch/v1",
}
KINDS = ("graphcrons", "graphruns", "cronjobs", "jobs", "pods", "events")
PAUSE = 0.5
"""Seconds before a watch that broke is made anew: the API server is restarted now and then."""


class Watcher:
    """Objects of one namespace; a thread for each kind, which outlives outages of the API server."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._pool = api._client.rest_client.pool_manager
        self._api = api
        self._namespace = namespace
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._seen: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
        self._gone: dict[str, float] = {}
        self._stopped: set[str] = set()
        self._threads = [threading.Thread(target=self._follow, args=(kind,), daemon=True) for kind in KINDS]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End; a thread that waits for news ends with the process."""
        self._over.set()

    def objects(self, kind: str) -> list[Any]:
        """Return all objects of a kind that were ever there, as they were seen last."""
        with self._lock:
            return list(self._seen[kind].values())

    def present(self, kind: str) -> list[Any]:
        """Return those that are there still."""
        with self._lock:
            return [each for uid, each in self._seen[kind].items() if uid not in self._gone]

    def gone(self, uid: str) -> float | None:
        """Return when an object was deleted; None: it is there."""
        return self._gone.get(uid)

    def was_stopped(self, pod: str) -> bool:
        """Tell whether a pod was told to stop while it ran: it was deleted or evicted."""
        return pod in self._stopped

    def _follow(self, kind: str) -> None:
        while not self._over.is_set():
            try:
                self._watch(kind, self._list(kind))
            except (AssertionError, ValueError, OSError, urllib3.exceptions.HTTPError):
                self._over.wait(PAUSE)

    def _path(self, kind: str) -> str:
        return f"/{GROUPS.get(kind, 'api/v1')}/namespaces/{self._namespace}/{kind}"

    def _list(self, kind: str) -> str:
        found = self._api.get(self._path(kind))
        items = {each["metadata"]["uid"]: each for each in found["items"]}
        with self._lock:
            missing = self._seen[kind].keys() - items.keys() - self._gone.keys()
        for uid in missing:
            self._note("DELETED", kind, self._seen[kind][uid])
        for each in items.values():
            self._note("ADDED", kind, each)
        return str(found["metadata"]["resourceVersion"])

    def _watch(self, kind: str, version: str) -> None:
        query = f"?watch=1&resourceVersion={version}&timeoutSeconds=60&allowWatchBookmarks=true"
        for change in self._lines(self._path(kind) + query):
            if self._over.is_set() or change["type"] == "ERROR":
                return
            if change["type"] != "BOOKMARK":
                self._note(change["type"], kind, change["object"])

    def _lines(self, path: str) -> Iterator[Any]:
        headers: dict[str, str] = {}
        self._api._client.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
        url = self._api._client.configuration.host + path
        timeout = urllib3.Timeout(connect=5, read=70)
        answer = self._pool.request("GET", url, headers=headers, preload_content=False, timeout=timeout, retries=False)
        try:
            if answer.status != 200:
                return
            for line in answer:
                yield json.loads(line)
        finally:
            answer.close()

    def _note(self, change: str, kind: str, found: Any) -> None:
        uid = found["metadata"]["uid"]
        with self._lock:
            self._seen[kind][uid] = found
            if change == "DELETED":
                self._gone.setdefault(uid, time.time())
            if kind == "pods" and _ran(found) and (change == "DELETED" or found["metadata"].get("deletionTimestamp")):
                self._stopped.add(uid)


def _ran(pod: Any) -> bool:
    """Tell whether a pod had not ended when it was told to stop; one without a word of its end had not."""
    return pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
