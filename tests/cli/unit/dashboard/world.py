"""Objects, and a kubectl that answers lists and watches."""

from __future__ import annotations

import json
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from graphcron.cli.app import CliError
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.dashboard import watches

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    import pytest

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HTML = '</script><script>alert(1)</script><img src=x onerror="alert(1)">'
OUTCOMES = ["Succeeded", "GraphError", "Skipped", "Timeout", "Novel"]

Object = dict[str, Any]


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def finished(number: int, *, count: int = 10) -> list[Object]:
    """Return runs that have ended, the newest first."""
    return [run(number, each) for each in range(count)]


def run(number: int, back: int) -> Object:
    at = (NOW - timedelta(hours=back + 1)).replace(minute=number % 60)
    outcome = OUTCOMES[(number + back) % len(OUTCOMES)]
    found = {"scheduledTime": stamp(at), "outcome": outcome, "job": f"cron-{number}-{29_000_000 - back}"}
    if outcome != "Skipped":
        found |= {"startTime": stamp(at + timedelta(seconds=2)), "durationSeconds": 30.0 + back, "tokens": 100 * back}
    return found


def graphcron(number: int = 0, *, spec: Object | None = None, status: Object | None = None, **metadata: Any) -> Object:
    """Return a GraphCron as the API server has it."""
    ready = {"type": "Ready", "status": "True", "reason": "Reconciled", "message": "", "lastTransitionTime": stamp(NOW)}
    return {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphCron",
        "metadata": {
            "name": f"cron-{number}", "namespace": "agents", "uid": f"uid-{number}", "resourceVersion": "1",
            "creationTimestamp": "2026-11-01T00:00:00Z", "labels": {"team": "a"},
            "annotations": {"note": "secret note"}, **metadata,
        },
        "spec": {
            "assistant": "agent", "schedule": f"{number % 60} * * * *", "input": {"text": "secret input"}, **(spec or {})
        },
        "status": {"conditions": [ready], "recentRuns": finished(number), **(status or {})},
    }  # fmt: skip


def graphrun(name: str, graphcron: str | None, *, status: Object | None = None, **spec: Any) -> Object:
    """Return a GraphRun as the API server has it."""
    reference = {"graphCronRef": {"name": graphcron}} if graphcron else {"assistant": "agent"}
    return {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphRun",
        "metadata": {
            "name": name, "namespace": "agents", "uid": f"uid-{name}", "resourceVersion": "1",
            "creationTimestamp": stamp(NOW),
        },
        "spec": {**reference, "input": {"text": "secret input"}, **spec},
        "status": status or {},
    }  # fmt: skip


COMPLETE: Object = {
    "conditions": [{"type": "Complete", "status": "True"}], "outcome": "Succeeded", "startTime": stamp(NOW),
    "durationSeconds": 3.0, "job": "once-job", "tokens": 7,
}  # fmt: skip


class FakeApi:
    """Lists objects and plays watches; what is asked is kept."""

    def __init__(self, *objects: Object) -> None:
        self.objects = list(objects)
        self.version = 1
        self.asked: list[str] = []
        self.streams: deque[Sequence[Object | Exception]] = deque()
        """Events of each watch of GraphCrons, after which it ends or fails. After the last one, watches fail."""
        self.failures: dict[str, CliError] = {}
        self.answers: dict[str, str] = {}
        """What kubectl prints for a verb other than get --raw."""
        self.stdin = ""

    def install(self, monkeypatch: pytest.MonkeyPatch) -> FakeApi:
        monkeypatch.setattr(Kubectl, "run", lambda _, *words, stdin="": self.run(*words, stdin=stdin))
        monkeypatch.setattr(watches, "lines_of", lambda _, *words: self.lines(*words))
        return self

    def run(self, *words: str, stdin: str | None = "") -> str:
        """Answer as kubectl does."""
        self.asked.append(" ".join(words))
        self.stdin = stdin or ""
        raw = next((each.removeprefix("--raw=") for each in words if each.startswith("--raw=")), "")
        if not raw:
            return self.answers[words[0]]
        plural, query = urlsplit(raw).path.rpartition("/")[2], parse_qs(urlsplit(raw).query)
        if plural in self.failures:
            raise self.failures[plural]
        kind = {"graphcrons": "GraphCron", "graphruns": "GraphRun", "graphservers": "GraphServer"}[plural]
        found = [each for each in self.objects if each["kind"] == kind]
        begin, size = int(query.get("continue", ["0"])[0]), int(query["limit"][0])
        rest = str(begin + size) if begin + size < len(found) else ""
        metadata = {"resourceVersion": str(self.version), "continue": rest}
        return json.dumps({"metadata": metadata, "items": found[begin : begin + size]})

    async def lines(self, *words: str) -> AsyncGenerator[bytes]:
        """Yield the lines of a watch."""
        self.asked.append(" ".join(words))
        for each in self.streams.popleft() if self.streams else [Over()]:
            if isinstance(each, Exception):
                raise each
            yield json.dumps(each).encode()


class Over(Exception):
    """The test has no more events."""


def event(kind: str, body: Object, version: int = 2) -> Object:
    return {"type": kind, "object": {**body, "metadata": {**body["metadata"], "resourceVersion": str(version)}}}
