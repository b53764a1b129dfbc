"""Watches of CronJobs, Jobs and Pods, against an HTTP server that stands in for the API server."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio import client

from graphcron.api import names
from graphcron.api.oversized import SPEC_BYTES
from graphcron.clock import SYSTEM_CLOCK
from graphcron.kube.client import Cluster
from graphcron.kube.listing import CHILDREN
from graphcron.kube.watch import Reflector
from tests.unit.unstructured.test_bounded_json import depth_of, nested

CRONJOBS = CHILDREN[0]

Event = tuple[str | None, Any]


def body(name: str, version: int, **more: Any) -> dict[str, Any]:
    return {"kind": "CronJob", "metadata": {"name": name, "resourceVersion": str(version)}, **more}


def page(*bodies: Any, version: int = 5, following: str = "") -> dict[str, Any]:
    """Return a page of a list; its items have no kind, as those of the API server."""
    items = [{key: value for key, value in each.items() if key != "kind"} for each in bodies]
    metadata = {"resourceVersion": str(version), "continue": following}
    return {"kind": "CronJobList", "apiVersion": "batch/v1", "metadata": metadata, "items": items}


def event(kind: str, found: Any) -> dict[str, Any]:
    return {"type": kind, "object": found}


def status(code: int) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "message": f"it is {code}", "reason": "Gone"}


@dataclass
class ApiServer:
    """Answers each list and each watch with the next of its answers; a watch without one stays silent."""

    lists: list[Any]
    watches: list[Any]
    """Of each watch the events that it delivers before it ends, or the Status that rejects it."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """The queries."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert request.path == "/apis/batch/v1/namespaces/agents/cronjobs"
        self.asked.append(dict(request.query))
        if request.query.get("watch") != "true":
            answer = self.lists.pop(0)
            return web.json_response(answer, status=answer.get("code", 200))
        answer = self.watches.pop(0) if self.watches else None
        if isinstance(answer, dict):
            return web.json_response(answer, status=answer["code"])
        response = web.StreamResponse()
        await response.prepare(request)
        if answer is None:
            await asyncio.sleep(60)
        for each in answer or ():
            await response.write(each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n")
        return response


class ImpatientClock(type(SYSTEM_CLOCK)):  # type: ignore[misc]
    """The clock, with short back-off."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 1000)


def delivered(server: ApiServer, until: Callable[[list[Event]], bool], *, silence: float = 60) -> list[Event]:
    """Return what a reflector delivers until a condition holds."""
    events: list[Event] = []

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", server.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        api = client.ApiClient(client.Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}"))
        reflector = Reflector(
            Cluster(api, lambda _: None),
            CRONJOBS,
            "agents",
            lambda kind, found: events.append((kind, found)),
            inactivity_seconds=silence,
            clock=ImpatientClock(),
        )
        watching = asyncio.create_task(reflector.run())
        try:
            async with asyncio.timeout(10):
                while not until(events) and not watching.done():  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await api.close()
            await runner.cleanup()

    asyncio.run(run())
    return events


def heads(events: list[Event]) -> list[tuple[str | None, str]]:
    return [(kind, found["metadata"]["name"]) for kind, found in events]


def test_list_pages_then_changes_delivered():
    first, second = page(body("a", 1), following="more"), page(body("b", 2), version=7)
    server = ApiServer([first, second], [[event("MODIFIED", body("a", 8)), event("DELETED", body("b", 9))]])
    events = delivered(server, lambda events: len(events) == 4)
    assert heads(events) == [(None, "a"), (None, "b"), ("MODIFIED", "a"), ("DELETED", "b")]
    assert events[0][1] == {"apiVersion": "batch/v1", **body("a", 1)}
    assert server.asked[1]["continue"] == "more"
    assert server.asked[2] == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "labelSelector": names.MANAGED_SELECTOR,
    }


@pytest.mark.parametrize(
    "end",
    [[event("BOOKMARK", body("", 9))], [event("ADDED", body("a", 9)), b'{"type": "ADD']],
    ids=["ended by the server", "torn"],
)
def test_ended_watch_continues_at_the_last_version(end):
    server = ApiServer([page()], [end, [event("ADDED", body("last", 10))]])
    delivered(server, lambda events: ("ADDED", "last") in heads(events))
    assert [each.get("resourceVersion") for each in server.asked[:3]] == [None, "5", "9"]


@pytest.mark.parametrize(
    ("end", "again"),
    [
        ([event("ERROR", status(410))], "list"),
        (status(410), "list"),
        (status(504), "list"),
        (status(429), "watch"),
    ],
    ids=["too old, in the watch", "too old", "too new", "too many requests"],
)
def test_rejected_watch_lists_again_unless_it_may_continue(end, again):
    server = ApiServer([page(), page(body("listed", 20), version=20)], [end, [event("ADDED", body("watched", 21))]])
    events = delivered(server, lambda events: ("ADDED", "watched") in heads(events))
    assert ((None, "listed") in heads(events)) is (again == "list")
    assert server.asked[-1 if len(server.asked) < 5 else 3 if again == "list" else 2]["watch"] == "true"


def test_failed_list_retried():
    server = ApiServer([status(500), page(body("a", 1))], [])
    assert heads(delivered(server, bool)) == [(None, "a")]


def test_silent_watch_opened_again():
    server = ApiServer([page()], [None, [event("ADDED", body("a", 9))]])
    assert heads(delivered(server, bool, silence=0.2)) == [("ADDED", "a")]


def test_deep_or_oversized_object_harms_no_other():
    deep = json.dumps(event("ADDED", body("deep", 6, spec="DEEP"))).replace('"DEEP"', nested(5000)).encode() + b"\n"
    large = body("large", 7, spec={"suspend": True, "text": "x" * 1_400_000})
    server = ApiServer([page(large)], [[deep, event("ADDED", large), event("ADDED", body("last", 8))]])
    events = delivered(server, lambda events: len(events) == 4)
    assert heads(events) == [(None, "large"), ("ADDED", "deep"), ("ADDED", "large"), ("ADDED", "last")]
    assert depth_of(events[1][1]["spec"]) < 200
    for _, found in (events[0], events[2]):
        assert found["spec"] == {"suspend": True}
        assert found[SPEC_BYTES] > 1_400_000
