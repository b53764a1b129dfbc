"""What people ask of a fleet is known to the judge, whatever the API server does meanwhile: a made-up one, no cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest
import urllib3

from tests.chaos.fleet import KINDS, Fleet, Member
from tests.chaos.pods import is_spared

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.crons import Crons

UID = "22222222-2222-2222-2222-222222222222"
LOST = urllib3.exceptions.ProtocolError("connection reset")


class Shaky:
    """An API server that takes each request, and loses some of its answers."""

    namespace = "chaos"

    def __init__(self, *losses: str) -> None:
        self.api = self
        self._losses = list(losses)
        self._objects: dict[str, Any] = {}
        self.cronjobs: list[list[Any]] = []

    def path(self, kind: str, name: str = "") -> str:
        return f"{kind}/{name}".rstrip("/")

    def get(self, kind: str, name: str) -> Any:
        return self._answer("GET", self._objects.get(self.path(kind, name)))

    def items(self, kind: str) -> list[Any]:
        return self._answer("LIST", self.cronjobs.pop(0))

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        if method == "POST":
            path = f"{path}/{body['metadata']['name']}"
            status = 409 if path in self._objects else 201
            self._objects.setdefault(path, {"metadata": {"uid": UID}})
            return self._answer(method, (status, json.dumps(self._objects[path])))
        return self._answer(method, (200 if self._objects.pop(path, None) else 404, "{}"))

    def _answer(self, verb: str, answer: Any) -> Any:
        if verb in self._losses:
            self._losses.remove(verb)
            raise LOST
        return answer

    def fleet(self) -> Fleet:
        fleet = Fleet.__new__(Fleet)
        fleet._crons, fleet._deadline = cast("Crons", self), 60
        return fleet


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.cluster.time.sleep", lambda _: None)


@pytest.mark.parametrize("losses", [(), ("POST",), ("POST", "GET"), ("POST", "POST")], ids=str)
def test_graphrun_whose_answer_is_lost_is_known(losses: tuple[str, ...]):
    member = Member("hello", KINDS[0])
    assert Shaky(*losses).fleet().run(member, "once") == UID
    assert member.graph_runs == {"once": UID}


@pytest.mark.parametrize("losses", [(), ("DELETE",)], ids=str)
@pytest.mark.parametrize("verb", ["drop", "delete"])
def test_deletion_whose_answer_is_lost_is_known(losses: tuple[str, ...], verb: str):
    api, member = Shaky(*losses, "LIST"), Member("hello", KINDS[0], uid=UID, graph_runs={"once": UID})
    api.cronjobs = [[{"metadata": {"ownerReferences": [{"uid": UID}]}}], []]
    delete: Callable[..., None] = getattr(api.fleet(), verb)
    delete(member, *(["once"] if verb == "drop" else []))
    assert member.dropped == ([UID] if verb == "drop" else [])
    assert member.deleted == (verb == "delete")
    assert (0 < member.ended <= member.quiet) == (verb == "delete")


@pytest.mark.parametrize(
    ("name", "spared"),
    [("doomed-0", True), ("doomed-0-d646370f", True), ("doomed-1", False), ("steps-0-8fa53e21", False)],
)
def test_pods_of_a_doomed_graphcron_are_spared_with_those_of_its_graphruns(name: str, spared: bool) -> None:
    """A GraphRun whose pod was killed, and that is deleted before another pod comes, leaves its run on the server."""
    assert is_spared(name, frozenset({"doomed-0"})) is spared
