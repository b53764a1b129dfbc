"""Records of occurrences that have succeeded, as the command line reads them from a server."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.cli.app import CliError
from graphcron.cli.clients.langgraph import LangGraph

if TYPE_CHECKING:
    from tests.runner.harness import Api


def record(uid: str, at: str, outcome: str) -> dict[str, Any]:
    return {
        "graphcron/uid": uid,
        "graphcron/scheduled-time": at,
        "graphcron/state": "done",
        "graphcron/outcome": outcome,
    }


def test_real_server_returns_the_records_of_one_graphcron(alone: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    uid = str(uuid.uuid4())
    times = [f"2025-11-0{day}T09:00:00Z" for day in range(1, 6)]
    for at in times:
        alone.get("POST", "/threads", {"metadata": record(uid, at, "Succeeded")})
    alone.get("POST", "/threads", {"metadata": record(uid, "2025-11-06T09:00:00Z", "Timeout")})
    alone.get("POST", "/threads", {"metadata": record(str(uuid.uuid4()), "2025-11-07T09:00:00Z", "Succeeded")})
    server = LangGraph(alone.url)
    assert sorted(server.succeeded(uid, page=2)) == times
    assert sorted(server.succeeded(uid)) == times
    assert server.succeeded(str(uuid.uuid4())) == []


def test_server_without_a_selection_of_fields_is_asked_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    class Answer:
        whole = True

        def __init__(self, status: int, body: bytes) -> None:
            self.status, self.body = status, body

    def ask(_: LangGraph, method: str, path: str, body: dict[str, Any]) -> Answer:
        assert (method, path) == ("POST", "/threads/search")
        asked.append(body)
        if "select" in body:
            return Answer(422, b"{}")
        return Answer(200, b'[{"metadata": {"graphcron/scheduled-time": "2025-11-01T09:00:00Z"}}, {"metadata": 5}]')

    monkeypatch.setattr(LangGraph, "_ask", ask)
    assert LangGraph("http://langgraph:8000").succeeded("u") == ["2025-11-01T09:00:00Z", ""]
    assert [sorted(body) for body in asked] == [
        ["limit", "metadata", "offset", "select", "sort_by", "sort_order"],
        ["limit", "metadata", "offset", "sort_by", "sort_order"],
    ]
    monkeypatch.setattr(LangGraph, "_ask", lambda *_: Answer(200, b"{}"))
    with pytest.raises(CliError, match="answers with no threads"):
        LangGraph("http://langgraph:8000").succeeded("u")
