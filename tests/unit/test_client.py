"""Objects are found by all names that kubectl knows, without kubectl."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from tests.client import APPLY, Api, Client


def resource(plural: str, kind: str, scope: str, *short: str) -> dict[str, Any]:
    names = {"resource": plural, "singularResource": kind.lower(), "shortNames": list(short)}
    return {**names, "responseKind": {"kind": kind}, "scope": scope}


def group(name: str, version: str, *resources: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "versions": [{"version": version, "resources": list(resources)}]}


ROOTS = {
    "/api": [group("", "v1", resource("pods", "Pod", "Namespaced", "po"), resource("nodes", "Node", "Cluster"))],
    "/apis": [group("graphcron.dev", "v1alpha1", resource("graphcrons", "GraphCron", "Namespaced", "gcron"))],
}


class Answers:
    """An API server that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.lists = ROOTS

    def ask(self, method: str, path: str, body: Any = None, *, headers: dict[str, str]) -> tuple[int, str]:
        self.asked.append(f"{method} {path}")
        assert body is None or headers == APPLY
        return 200, json.dumps({"items": self.lists.get(path, [])})

    def get(self, path: str) -> Any:
        self.asked.append(path)
        return {"items": [{"metadata": {"name": "a"}}]}


@pytest.fixture
def api() -> Answers:
    return Answers()


@pytest.fixture
def client(api: Answers) -> Client:
    return Client(cast("Api", api))


GCRONS = "/apis/graphcron.dev/v1alpha1/namespaces/agents/graphcrons"


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ("gcron hello --namespace agents", f"{GCRONS}/hello"),
        ("-n agents graphcron hello", f"{GCRONS}/hello"),
        ("graphcrons.graphcron.dev hello -nagents", f"{GCRONS}/hello"),
        ("po hello", "/api/v1/namespaces/default/pods/hello"),
        ("node hello --namespace agents", "/api/v1/nodes/hello"),
    ],
)
def test_get_asks_for_one_object(client: Client, api: Answers, arguments: str, path: str):
    assert client.get(*arguments.split())
    assert api.asked[-1] == path


def test_items_lists_kinds_with_selectors(client: Client, api: Answers):
    found = client.items("pods,gcron", "--all-namespaces", "-lapp=a", "--field-selector", "status.phase=Running")
    assert [each["kind"] for each in found] == ["Pod", "GraphCron"]
    query = "labelSelector=app%3Da&fieldSelector=status.phase%3DRunning"
    assert api.asked[-2:] == [f"/api/v1/pods?{query}", f"/apis/graphcron.dev/v1alpha1/graphcrons?{query}"]


def test_apply_is_by_server(client: Client, api: Answers):
    body = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphCron", "metadata": {"name": "hello"}}
    client.apply(body, "agents")
    assert api.asked[-1] == f"PATCH {GCRONS}/hello?fieldManager=kubectl&fieldValidation=Strict"


def test_resource_that_is_new_is_found(client: Client, api: Answers):
    api.lists = {**ROOTS, "/apis": []}
    with pytest.raises(AssertionError, match="knows no resource gcron"):
        client.get("gcron", "hello")
    api.lists = ROOTS
    assert client.get("gcron", "hello")
