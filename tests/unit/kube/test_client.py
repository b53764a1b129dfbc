"""The client of the API server, against an HTTP server that stands in for it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from types import MappingProxyType
from typing import Any

import pytest
import yaml
from aiohttp import web
from kubernetes.aio import client

from graphcron import __version__
from graphcron.api import names
from graphcron.api.event import Event
from graphcron.errors import ClusterError, NameTakenError, SpecError
from graphcron.kube.client import Cluster
from graphcron.kube.connection import open_client, proxy_for
from graphcron.unstructured.bounded_json import as_yaml


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
def test_apply_body_is_json_and_yaml(text):
    sent = as_yaml({"input": text})
    assert json.loads(sent) == {"input": text}
    assert yaml.safe_load(sent) == {"input": text}


class Said:
    """What was asked of the server, and what came of it."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.written: list[Any] = []
        self.gone: list[str] = []
        self.result: Any = None


def ask(
    verb: Callable[[Cluster], Awaitable[Any]],
    status: int = 200,
    *,
    answers: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    **more: Any,
) -> Said:
    """Ask a server that answers everything with this status, and with more in its answer.

    Parameters
    ----------
    answers
        What it answers to a method in place of that; ``status`` in it is the HTTP status.
    """
    said = Said()

    async def answer(request: web.Request) -> web.Response:
        text = await request.text()
        said.requests.append((request.method, request.path_qs, yaml.safe_load(text) if text else None))
        special = answers.get(request.method, more)
        answer = {"message": "so it is", "metadata": {"uid": "u"}, **special}
        return web.json_response(answer, status=int(special.get("status", status)))

    async def run() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        api = client.ApiClient(client.Configuration(host=f"http://127.0.0.1:{port}"))
        cluster = Cluster(api, said.written.append, on_deleted=said.gone.append)
        try:
            said.result = await verb(cluster)
        finally:
            await cluster.close()
            await runner.cleanup()

    asyncio.run(run())
    return said


CRONJOB = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "hello", "namespace": "agents"}}
OWNER = {"apiVersion": names.API_VERSION, "kind": names.KIND, "name": "hello", "uid": "u"}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "hello-1", "namespace": "agents", "ownerReferences": [OWNER]},
}
JOBS = "/apis/batch/v1/namespaces/agents/jobs"
CRONJOBS = "/apis/batch/v1/namespaces/agents/cronjobs"
ITS_PATH = f"{CRONJOBS}/hello"


def owner(kind: str) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "hello", "namespace": "agents", "uid": "u", "resourceVersion": "7"}}


def test_create_job_sends_one_request():
    said = ask(lambda cluster: cluster.create_job(JOB), 201)
    assert [(method, path.split("?")[0], body) for method, path, body in said.requests] == [("POST", JOBS, JOB)]


def refused(status: int, reason: str, *causes: str, **more: Any) -> dict[str, Any]:
    """Return what a refusal by the API server says beside its message."""
    return {"status": status, "reason": reason, "details": {"causes": [{"reason": each} for each in causes]}, **more}


@pytest.mark.parametrize(
    ("jobs", "error"),
    [
        ([{"name": "hello-1", "ownerReferences": [OWNER]}], None),
        (
            [{"name": "hello-1", "ownerReferences": [{**OWNER, "uid": "of a former one"}]}],
            "delete it: kubectl delete job hello-1",
        ),
        ([{"name": "hello-1", "labels": {names.LABEL_UID: "u"}}], "has another owner"),
        ([], "so it is"),
    ],
    ids=["ours", "of another owner", "of nobody", "gone by now"],
)
def test_create_job_existing_needs_the_same_owner(jobs, error):
    answers = {"POST": refused(409, "AlreadyExists"), "GET": {"items": [{"metadata": each} for each in jobs]}}
    with nullcontext() if error is None else pytest.raises(ClusterError, match=error):
        said = ask(lambda cluster: cluster.create_job(JOB), answers=answers)
        assert said.requests[1][:2] == ("GET", f"{JOBS}?fieldSelector=metadata.name%3Dhello-1")


@pytest.mark.parametrize("reason", ["Conflict", ""])
def test_create_job_quota_conflict_raises(reason):
    with pytest.raises(ClusterError, match="so it is") as raised:
        ask(lambda cluster: cluster.create_job(JOB), answers={"POST": refused(409, reason)})
    assert (raised.value.status, raised.value.reason) == (409, reason)


@pytest.mark.parametrize("status", [200, 404, 409], ids=["there", "gone", "another one"])
def test_a_graphrun_is_deleted_by_its_uid(status):
    said = ask(lambda cluster: cluster.delete_graphrun("agents", "once", uid="u"), status)
    ((method, path, body),) = said.requests
    assert (method, path) == ("DELETE", f"/apis/{names.API_VERSION}/namespaces/agents/graphruns/once")
    assert body["preconditions"] == {"uid": "u"}


@pytest.mark.parametrize(("uid", "is_there"), [("u", True), ("of another", False)])
def test_has_job_needs_the_owner(uid, is_there):
    items = {"items": [{"metadata": {"name": "hello-1", "ownerReferences": [OWNER]}}]}
    said = ask(lambda cluster: cluster.has_job("agents", "hello-1", owner=uid), answers={"GET": items})
    assert said.result is is_there
    assert [path for _, path, _ in said.requests] == [f"{JOBS}?fieldSelector=metadata.name%3Dhello-1"]


def test_pods_are_listed_by_their_job_and_our_label():
    said = ask(lambda cluster: cluster.list_pods("agents", "hello-1"), answers={"GET": {"items": None}})
    assert said.result == []
    ((_, path, _),) = said.requests
    assert path.startswith("/api/v1/namespaces/agents/pods?labelSelector=")
    assert names.MANAGED_BY in path
    assert path.endswith("hello-1")


@pytest.mark.parametrize(("status", "error"), [(422, SpecError), (403, ClusterError), (500, ClusterError)])
def test_create_job_rejected_raises(status, error):
    with pytest.raises(error, match="so it is"):
        ask(lambda cluster: cluster.create_job(JOB), status)


@pytest.mark.parametrize("status", [200, 404])
def test_a_cronjob_is_removed_by_its_uid_with_its_jobs(status):
    said = ask(lambda cluster: cluster.delete_cronjob("agents", "hello", uid="c"), status)
    body = {"preconditions": {"uid": "c"}, "propagationPolicy": "Background"}
    assert said.requests == [("DELETE", ITS_PATH, body)]


@pytest.mark.parametrize(
    ("found", "is_gone"),
    [({"metadata": {"uid": "c"}}, False), ({"metadata": {"uid": "d"}}, True), (refused(404, "NotFound"), True)],
    ids=["the same", "another of its name", "none"],
)
@pytest.mark.parametrize("verb", ["suspend_cronjob", "delete_cronjob"])
def test_conflict_ends_write_only_if_cronjob_gone(verb, found, is_gone):
    answers = {"PATCH": refused(409, "Conflict"), "DELETE": refused(409, "Conflict"), "GET": found}
    with nullcontext() if is_gone else pytest.raises(ClusterError, match="409"):
        ask(lambda cluster: getattr(cluster, verb)("agents", "hello", uid="c"), answers=answers)


@pytest.mark.parametrize(("status", "written"), [(200, 1), (404, 0)])
def test_suspend_cronjob_resets_the_schedule(status, written):
    said = ask(lambda cluster: cluster.suspend_cronjob("agents", "hello", uid="c"), status)
    ((method, _, body),) = said.requests
    forgotten = {"graphcron.dev/schedule-key": None}
    assert (method, body) == ("PATCH", {"metadata": {"uid": "c", "annotations": forgotten}, "spec": {"suspend": True}})
    assert len(said.written) == written


def test_a_cronjob_that_cannot_be_removed_is_an_error():
    with pytest.raises(ClusterError):
        ask(lambda cluster: cluster.delete_cronjob("agents", "hello", uid="c"), 500)


def test_create_cronjob_sends_one_request():
    said = ask(lambda cluster: cluster.create_cronjob(CRONJOB), 201)
    assert said.requests == [("POST", f"{CRONJOBS}?fieldManager=graphcron", CRONJOB)]
    assert said.written == [said.result]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(409, "AlreadyExists"), NameTakenError),
        (refused(409, "Conflict"), ClusterError),  # such as of a quota
        (refused(422, "Invalid"), SpecError),
        (refused(500, "InternalError"), ClusterError),
    ],
    ids=lambda each: each["reason"] if isinstance(each, dict) else "",
)
def test_create_cronjob_rejected_raises(answer, error):
    with pytest.raises(error) as raised:
        ask(lambda cluster: cluster.create_cronjob(CRONJOB), answers={"POST": answer})
    assert type(raised.value) is error


def test_apply_cronjob_sends_one_request_with_the_uid():
    said = ask(lambda cluster: cluster.apply_cronjob(CRONJOB, uid="c"))
    ((method, path, body),) = said.requests
    assert (method, path) == ("PATCH", f"{ITS_PATH}?fieldManager=graphcron&force=true")
    assert body["metadata"].get("uid") == "c"
    assert said.written == [said.result]


@pytest.mark.parametrize(("status", "error"), [(409, ClusterError), (422, SpecError), (500, ClusterError)])
def test_apply_cronjob_rejected_raises(status, error):
    with pytest.raises(error) as raised:
        ask(lambda cluster: cluster.apply_cronjob(CRONJOB, uid="c"), status)
    assert type(raised.value) is error


POSTED = {"manager": "graphcron", "operation": "Update", "fieldsV1": {"f:spec": {"f:schedule": {}}}}


def test_first_apply_upgrades_the_managed_fields():
    metadata = {"uid": "c", "resourceVersion": "7", "managedFields": [POSTED]}
    said = ask(
        lambda cluster: cluster.apply_cronjob(CRONJOB, uid="c", upgrade=True), answers={"GET": {"metadata": metadata}}
    )
    look, upgrade, apply = said.requests
    assert look[:2] == ("GET", ITS_PATH)
    assert upgrade[:2] == ("PATCH", f"{ITS_PATH}?fieldManager=graphcron")
    assert upgrade[2] == {"metadata": {**metadata, "managedFields": [{**POSTED, "operation": "Apply"}]}}
    assert apply[1] == f"{ITS_PATH}?fieldManager=graphcron&force=true"


@pytest.mark.parametrize(
    "found", [refused(404, "NotFound"), {"metadata": {"uid": "another"}}], ids=["gone", "another of its name"]
)
def test_first_apply_upgrades_no_other_cronjob(found):
    answers = {"GET": found, "PATCH": refused(409, "Conflict")}
    with pytest.raises(ClusterError, match="409"):
        ask(lambda cluster: cluster.apply_cronjob(CRONJOB, uid="c", upgrade=True), answers=answers)


@pytest.mark.parametrize(
    ("kind", "plural"), [("GraphCron", "graphcrons"), ("GraphRun", "graphruns"), ("GraphServer", "graphservers")]
)
def test_a_status_is_written_where_it_belongs(kind, plural):
    said = ask(lambda cluster: cluster.update_status(owner(kind), {"x": 1}))
    ((method, path, body),) = said.requests
    place = f"/apis/{names.API_VERSION}/namespaces/agents/{plural}/hello/status"
    assert (method, path.split("?")[0]) == ("PUT", place)
    assert body["metadata"]["resourceVersion"] == "7"  # so that nobody else's is lost
    assert (body["kind"], body["metadata"]["uid"], body["status"]) == (kind, "u", {"x": 1})
    assert (said.result, len(said.written)) == (True, 1)


@pytest.mark.parametrize("answer", [refused(404, "NotFound"), refused(409, "Conflict")])
@pytest.mark.parametrize("items", [[], [{"metadata": {"uid": "another"}}]], ids=["gone", "made again"])
def test_update_status_deleted_object_returns_false(answer, items):
    answers = {"PUT": answer, "GET": {"status": 200, "items": items}}
    said = ask(lambda cluster: cluster.update_status(owner("GraphCron"), {"x": 1}), answers=answers)
    assert (said.result, said.written, said.gone) == (False, [], ["u"])


def test_update_status_not_found_sends_no_further_request():
    answers = {"PUT": refused(404, "NotFound"), "GET": {"status": 500}}
    said = ask(lambda cluster: cluster.update_status(owner("GraphCron"), {"x": 1}), answers=answers)
    assert (said.result, said.written, said.gone) == (False, [], ["u"])


def test_update_status_conflict_raises():
    answers = {"PUT": refused(409, "Conflict"), "GET": {"status": 200, "items": [{"metadata": {"uid": "u"}}]}}
    with pytest.raises(ClusterError, match="409"):
        ask(lambda cluster: cluster.update_status(owner("GraphCron"), {"x": 1}), answers=answers)


EVENT = Event(False, "Paused", "x" * 2000, key="k")


@pytest.mark.parametrize(
    ("answer", "is_told"),
    [
        (refused(201, ""), False),
        (refused(409, "AlreadyExists"), False),
        (refused(404, "NotFound"), False),
        (refused(403, "Forbidden", "NamespaceTerminating"), False),
        (refused(403, "Forbidden"), True),
        (refused(409, "Conflict"), True),
        (refused(500, "InternalError"), True),
    ],
    ids=lambda each: f"{each['status']} {each['reason']}" if isinstance(each, dict) else "",
)
def test_create_event_failure_logged(answer, is_told, caplog):
    ask(
        lambda cluster: cluster.create_event(owner("GraphCron"), EVENT, now="2026-11-22T12:00:00Z"),
        answers={"POST": answer},
    )
    assert [record.levelname for record in caplog.records if "Event Paused" in record.message] == ["WARNING"] * is_told


@pytest.mark.parametrize("kind", ["GraphCron", "GraphServer"])
@pytest.mark.parametrize("status", [201, 503])
def test_an_event_is_about_its_object(kind, status):
    said = ask(lambda cluster: cluster.create_event(owner(kind), EVENT, now="2026-11-22T12:00:00Z"), status)
    ((method, _, body),) = said.requests
    assert (method, body["type"], body["involvedObject"]["kind"], len(body["message"])) == (
        "POST",
        "Warning",
        kind,
        1024,
    )


@pytest.mark.parametrize(("status", "found"), [(200, True), (404, False)])
def test_get_cronjob_missing_is_none(status, found):
    assert bool(ask(lambda cluster: cluster.get_cronjob("agents", "hello"), status).result) is found


@pytest.mark.parametrize(("status", "reachable"), [(200, True), (500, False)])
def test_the_api_server_is_reachable_where_it_answers(status, reachable):
    assert ask(lambda cluster: cluster.is_reachable(), status).result is reachable


@pytest.mark.parametrize(
    ("status", "kinds", "served"),
    [
        (200, ["graphcrons", "graphruns", "graphservers", "graphcrons/status"], True),
        (200, ["graphcrons", "graphservers"], False),
        (404, [], False),
    ],
)
def test_has_crds_needs_all_kinds(status, kinds, served):
    said = ask(lambda cluster: cluster.has_crds(), status, resources=[{"name": name} for name in kinds])
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
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "10.0.0.0/8"}, "https://10.0.0.1:443", None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "10.0.0.0/8"}, "https://11.0.0.1", "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "fd00::/8"}, "https://[fd00::1]:443", None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "10.0.0.1:6443"}, "https://10.0.0.1", "http://proxy:3128"),
        ({"HTTPS_PROXY": "proxy:3128"}, "https://10.0.0.1", "http://proxy:3128"),
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
    asked: list[tuple[str, str]] = []

    async def proxy(request: web.Request) -> web.Response:
        asked.append((str(request.url), request.headers["User-Agent"]))
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
            await cluster.has_crds()
        finally:
            await cluster.close()
            await runner.cleanup()

    asyncio.run(ask())
    assert asked == [(f"http://cluster.example.com/apis/{names.API_VERSION}", f"graphcron/{__version__}")]


KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [{"name": "c", "cluster": {"server": "http://cluster.example.com"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
}
