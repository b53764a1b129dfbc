"""The room that talks to the API server, as far as another HTTP server can stand in for that one."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import yaml
from aiohttp import web
from kubernetes.aio import client

from graphcron import names
from graphcron.connection import open_client, proxy_for
from graphcron.errors import ClusterError, ConflictError, SpecError
from graphcron.events import Event
from graphcron.kube import Cluster, as_yaml


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "🕰 outside the basic plane",  # JSON's pair of surrogates is no YAML
        "next\u0085line, separators\u2028and\u2029",  # YAML folds these
        "delete\x7f, C1\x9f, mark\ufeff",  # YAML refuses these
        'tab\t, newline\n, quote", backslash\\, \\u0041',
    ],
)
def test_what_is_sent_for_server_side_apply_is_json_and_yaml_alike(text):
    sent = as_yaml({"input": text})
    assert json.loads(sent) == {"input": text}
    assert yaml.safe_load(sent) == {"input": text}


class Said:
    """What was asked of the server, and what came of it."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.written: list[Any] = []
        self.result: Any = None


def ask(verb: Callable[[Cluster], Awaitable[Any]], status: int = 200, **more: Any) -> Said:
    """Ask a server that answers everything with this status, and with more in its answer."""
    said = Said()

    async def answer(request: web.Request) -> web.Response:
        text = await request.text()
        said.requests.append((request.method, request.path_qs, yaml.safe_load(text) if text else None))
        return web.json_response({"message": "so it is", "metadata": {"uid": "u"}, **more}, status=status)

    async def run() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        cluster = Cluster(client.ApiClient(client.Configuration(host=f"http://127.0.0.1:{port}")), said.written.append)
        try:
            said.result = await verb(cluster)
        finally:
            await cluster.close()
            await runner.cleanup()

    asyncio.run(run())
    return said


CRONJOB = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "hello", "namespace": "agents"}}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "hello-1", "namespace": "agents"}}
JOBS = "/apis/batch/v1/namespaces/agents/jobs"
ITS_PATH = "/apis/batch/v1/namespaces/agents/cronjobs/hello"


def owner(kind: str) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "hello", "namespace": "agents", "uid": "u", "resourceVersion": "7"}}


@pytest.mark.parametrize("status", [201, 409])
def test_a_job_is_made_once_and_one_of_that_name_is_left_as_it_is(status):
    said = ask(lambda cluster: cluster.create_job(JOB), status)
    assert [(method, path.split("?")[0], body) for method, path, body in said.requests] == [("POST", JOBS, JOB)]


@pytest.mark.parametrize(("status", "error"), [(422, SpecError), (403, ClusterError), (500, ClusterError)])
def test_a_job_that_is_not_taken_is_an_error(status, error):
    with pytest.raises(error, match="so it is"):
        ask(lambda cluster: cluster.create_job(JOB), status)


@pytest.mark.parametrize("status", [200, 404, 409])
def test_a_cronjob_is_removed_by_its_uid_with_its_jobs(status):
    said = ask(lambda cluster: cluster.delete_cronjob("agents", "hello", uid="c"), status)
    body = {"preconditions": {"uid": "c"}, "propagationPolicy": "Background"}
    assert said.requests == [("DELETE", ITS_PATH, body)]


@pytest.mark.parametrize(("status", "written"), [(200, 1), (404, 0), (409, 0)])
def test_a_cronjob_that_is_suspended_begins_anew_afterwards(status, written):
    said = ask(lambda cluster: cluster.suspend_cronjob("agents", "hello", uid="c"), status)
    ((method, _, body),) = said.requests
    forgotten = {"graphcron.dev/schedule-key": None}
    assert (method, body) == ("PATCH", {"metadata": {"uid": "c", "annotations": forgotten}, "spec": {"suspend": True}})
    assert len(said.written) == written


def test_a_cronjob_that_cannot_be_removed_is_an_error():
    with pytest.raises(ClusterError):
        ask(lambda cluster: cluster.delete_cronjob("agents", "hello", uid="c"), 500)


@pytest.mark.parametrize(("uid", "force"), [(None, "false"), ("c", "true")])
def test_a_cronjob_is_applied_by_its_uid_or_made(uid, force):
    said = ask(lambda cluster: cluster.apply_cronjob(CRONJOB, uid=uid))
    ((method, path, body),) = said.requests
    assert (method, path) == ("PATCH", f"{ITS_PATH}?fieldManager=graphcron&force={force}")
    assert body["metadata"].get("uid") == uid
    assert said.written == [said.result]


@pytest.mark.parametrize(
    ("status", "uid", "error"),
    [(409, None, ConflictError), (409, "c", ClusterError), (422, "c", SpecError), (500, None, ClusterError)],
)
def test_a_cronjob_that_is_not_taken_is_an_error(status, uid, error):
    with pytest.raises(error):
        ask(lambda cluster: cluster.apply_cronjob(CRONJOB, uid=uid), status)


@pytest.mark.parametrize(("kind", "plural"), [("GraphCron", "graphcrons"), ("GraphServer", "graphservers")])
@pytest.mark.parametrize(("status", "taken"), [(200, True), (404, False), (409, False)])
def test_a_status_is_written_where_it_belongs(kind, plural, status, taken):
    said = ask(lambda cluster: cluster.patch_status(owner(kind), {"x": 1}), status)
    ((method, path, body),) = said.requests
    place = f"/apis/{names.API_VERSION}/namespaces/agents/{plural}/hello/status"
    assert (method, path.split("?")[0]) == ("PUT", place)
    assert body["metadata"]["resourceVersion"] == "7"  # so that nobody else's is lost
    assert (body["kind"], body["metadata"]["uid"], body["status"]) == (kind, "u", {"x": 1})
    assert (said.result, len(said.written)) == (taken, int(taken))


@pytest.mark.parametrize("kind", ["GraphCron", "GraphServer"])
@pytest.mark.parametrize("status", [201, 403, 404, 409])
def test_an_event_is_posted_and_none_is_worth_an_error(kind, status):
    event = Event(False, "Paused", "x" * 2000, key="k")
    said = ask(lambda cluster: cluster.emit(owner(kind), event, now="2026-11-22T12:00:00Z"), status)
    ((method, _, body),) = said.requests
    assert (method, body["type"], body["involvedObject"]["kind"], len(body["message"])) == (
        "POST",
        "Warning",
        kind,
        1024,
    )


@pytest.mark.parametrize(("status", "found"), [(200, True), (404, False)])
def test_a_cronjob_is_found_or_not(status, found):
    assert bool(ask(lambda cluster: cluster.find_cronjob("agents", "hello"), status).result) is found


@pytest.mark.parametrize(("status", "reachable"), [(200, True), (500, False)])
def test_the_api_server_is_reachable_where_it_answers(status, reachable):
    assert ask(lambda cluster: cluster.is_reachable(), status).result is reachable


@pytest.mark.parametrize(
    ("status", "kinds", "served"),
    [(200, ["graphcrons", "graphservers", "graphcrons/status"], True), (200, ["graphcrons"], False), (404, [], False)],
)
def test_missing_definitions_are_noticed(status, kinds, served):
    said = ask(lambda cluster: cluster.serves_our_kinds(), status, resources=[{"name": name} for name in kinds])
    assert said.requests == [("GET", "/apis/graphcron.dev/v1alpha1", None)]
    assert said.result is served


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "https://10.0.0.1:443", None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "https://10.0.0.1:443", "http://proxy:3128"),
        ({"https_proxy": "http://proxy:3128"}, "https://api.example.com", "http://proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128"}, "https://10.0.0.1:443", None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "10.0.0.1"}, "https://10.0.0.1:443", None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": ".example.com"}, "https://api.example.com", None),
    ],
)
def test_the_proxy_of_the_environment(environment, url, proxy, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy


def test_the_api_server_is_asked_through_the_proxy(tmp_path, monkeypatch):
    """The client's session reads no environment: what it names has to be in its configuration."""
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(KUBECONFIG))
    place = "kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"
    monkeypatch.setattr(place, str(tmp_path / "kubeconfig"))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    asked: list[str] = []

    async def proxy(request: web.Request) -> web.Response:
        asked.append(str(request.url))
        return web.json_response({"resources": []})

    async def ask() -> None:
        runner = web.ServerRunner(web.Server(proxy))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        cluster = Cluster(await open_client(), lambda _: None)
        try:
            await cluster.serves_our_kinds()
        finally:
            await cluster.close()
            await runner.cleanup()

    asyncio.run(ask())
    assert asked == [f"http://cluster.example.com/apis/{names.API_VERSION}"]


KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [{"name": "c", "cluster": {"server": "http://cluster.example.com"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
}
