"""What kopf reads over our session: watches and lists of any depth, as its own client decodes them."""

import asyncio
import json
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import kopf
import pytest
from aiohttp import web
from kopf._cogs.clients.api import iter_jsonlines
from pydantic_core import to_json

from graphcron.api import names
from graphcron.api.oversized import SPEC_BYTES, bounded
from graphcron.api.v1alpha1 import parse
from graphcron.cache.expectations import Expectations
from graphcron.cache.store import Store
from graphcron.controller import handlers
from graphcron.errors import SpecError
from graphcron.kube.connection import bounded_list, open_session
from graphcron.unstructured.bounded_json import LEFT_OUT
from tests.unit.unstructured.test_bounded_json import depth_of, nested

EVENTS = [
    {"type": "ADDED", "object": {"metadata": {"name": "first"}, "spec": {"input": "ü☃\n"}}},
    {"type": "ADDED", "object": {"metadata": {"name": "deep"}, "spec": {"input": "DEEP"}, "status": {"x": 1}}},
    {"type": "MODIFIED", "object": {"metadata": {"name": "last"}, "spec": {"input": ["[{" * 100] * 100}}},
]


async def _answers(body: bytes, size: int) -> AsyncIterator[tuple[Any, list[Any]]]:
    """Yield what a list and a watch with that body are decoded to, the body coming in pieces of that size."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for begin in range(0, len(body), size):
            await response.write(body[begin : begin + size])
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    session = open_session(ssl.create_default_context(), {}, proxy=None)
    try:
        async with await session.get(url) as response:
            listed = await response.json() if body.count(b"\n") == 0 else None
            watched = [json.loads(line.decode()) async for line in iter_jsonlines(response.content)]
        yield listed, watched
    finally:
        await session.close()
        await runner.cleanup()


def answers(body: bytes, size: int) -> tuple[Any, list[Any]]:
    async def only() -> tuple[Any, list[Any]]:
        async for found in _answers(body, size):
            return found
        raise AssertionError

    return asyncio.run(only())


@pytest.mark.parametrize("size", [7, 1000, 10_000_000])
@pytest.mark.parametrize("levels", [300, 1500, 10_000])
@pytest.mark.parametrize("end", ["\n", ""])
def test_a_watch_with_a_deep_object_shows_all_objects(levels, size, end):
    lines = "\n".join(json.dumps(each, separators=(",", ":")) for each in EVENTS) + end
    watched = answers(lines.replace('"DEEP"', nested(levels, "both")).encode(), max(size, levels // 50))[1]
    assert [watched[0], watched[2]] == [EVENTS[0], EVENTS[2]]
    assert watched[1]["object"]["metadata"] == {"name": "deep"}
    assert watched[1]["object"]["status"] == {"x": 1}
    assert 90 < depth_of(watched[1]["object"]["spec"]["input"]) < 100


def test_a_watch_of_shallow_objects_shows_them_as_they_are():
    body = b"".join(json.dumps(each).encode() + b"\n" for each in EVENTS * 50)
    assert answers(body, 4096)[1] == EVENTS * 50


@pytest.mark.parametrize("levels", [300, 1500, 10_000])
def test_a_list_with_a_deep_object_shows_all_objects(levels):
    body = json.dumps({"items": [{"a": 1}, {"spec": "DEEP", "status": {}}, {"b": 2}], "metadata": {}})
    listed = answers(body.replace('"DEEP"', nested(levels)).encode(), 10_000)[0]
    assert [listed["items"][0], listed["items"][2], listed["metadata"]] == [{"a": 1}, {"b": 2}, {}]
    assert LEFT_OUT in json.dumps(listed["items"][1]["spec"])


def large(value: Any, number: int = 0) -> dict[str, Any]:
    metadata = {"name": f"hello-{number}", "namespace": "a", "uid": f"u{number}", "resourceVersion": "1"}
    spec = {"assistant": "a", "schedule": "@daily", "suspend": True, "input": value}
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, "spec": spec, "status": {"a": 1}}


@pytest.mark.parametrize("value", ["x" * 1_400_000, "ü" * 700_000, [[]] * 100_000, {"a": [{"": "\\"}] * 30_000}])
def test_oversized_spec_only_size_and_flags_kept(value):
    bodies = [large(value), large("small", 1), large(value, 2)]
    stub = {"spec": {"suspend": True}, SPEC_BYTES: len(to_json(bodies[0]["spec"]))}
    expected = [{**bodies[0], **stub}, bodies[1], {**bodies[2], **stub}]
    text = json.dumps({"metadata": {"continue": "x"}, "items": bodies}, separators=(",", ":"), ensure_ascii=False)
    assert answers(text.encode(), 60_000)[0] == {"metadata": {"continue": "x"}, "items": expected}
    events = [{"type": "ADDED", "object": each} for each in bodies]
    text = "\n".join(json.dumps(each, separators=(",", ":"), ensure_ascii=False) for each in events) + "\n"
    assert answers(text.encode(), 60_000)[1] == [{"type": "ADDED", "object": each} for each in expected]
    with pytest.raises(SpecError, match=r"spec: is .* bytes, and at most 262,144 are read; store the input in"):
        parse(expected[0])


def traced(call: Callable[[], Any]) -> tuple[Any, int, int]:
    """Return what a call returns, how much memory that takes, and how much the call took at most."""
    tracemalloc.start()
    try:
        return (call(), *tracemalloc.get_traced_memory())
    finally:
        tracemalloc.stop()


def test_the_objects_of_a_list_are_not_decoded_all_at_once():
    text = json.dumps({"items": [large([[]] * 100_000)] * 5}).encode()
    _, _, all_at_once = traced(lambda: json.loads(text))
    bounded_text, _, peak = traced(lambda: asyncio.run(bounded_list(text)))
    assert len(json.loads(bounded_text)["items"]) == 5
    assert peak < all_at_once / 3


def test_of_many_large_objects_little_is_kept():
    def keep() -> tuple[Store, Expectations]:
        store, expectations = Store(Expectations(timedelta(seconds=60))), Expectations(timedelta(seconds=60))
        for number in range(50):
            body = bounded(large("x" * 1_000_000, number))
            store.update(body, deleted=False)
            expectations.expect_write(body, now=datetime.now(UTC))
        return store, expectations

    assert traced(keep)[1] < 50 * 5_000


def test_login_same_credentials_same_session():
    """kopf recognises refused credentials by their session."""

    async def log_in() -> None:
        first, again, other = (
            handlers._session(kopf.ConnectionInfo(server="https://kubernetes", token=token, priority=20))
            for token in ("a", "a", "b")
        )
        assert first is again
        assert first != other
        assert first.aiohttp_session.headers["Authorization"] == "Bearer a"
        assert (first.server, first.priority) == ("https://kubernetes", 20)
        await first.aiohttp_session.close()
        await other.aiohttp_session.close()

    asyncio.run(log_in())


@pytest.mark.parametrize(
    ("server", "proxy"), [("https://api.example.com", "http://proxy:3128"), ("https://10.1.2.3", None)]
)
def test_watch_session_follows_proxy_variables(server, proxy, monkeypatch):
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8")

    async def log_in() -> None:
        session = handlers._session(kopf.ConnectionInfo(server=server, token=f"proxied-{server}")).aiohttp_session
        assert session._default_proxy == proxy
        await session.close()

    asyncio.run(log_in())
