"""What the watches have shown: kept under the right keys, told of once, and complete or not."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from graphcron import names
from graphcron.echoes import Echoes
from graphcron.operation import Operation
from graphcron.reconcile import Key
from graphcron.settings import Settings
from graphcron.shown import Shown
from tests.unit.test_kube import ask

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HELLO = Key("agents", "hello")
SERVER = Key("agents", "shared", names.SERVER_KIND)
WAITING = {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]}


@pytest.fixture
def shown() -> Shown:
    return Shown(Echoes(timedelta(seconds=60)))


def body(kind: str = names.KIND, name: str = "hello", uid: str = "u", version: int = 1, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "agents", "uid": uid, "resourceVersion": str(version)}
    return {"kind": kind, "metadata": metadata, **more}


def child(kind: str, name: str, uid: str, **labels: str) -> dict[str, Any]:
    found = body(kind, name, uid)
    found["metadata"] |= {
        "creationTimestamp": "2026-11-23T00:00:00Z",
        "labels": {names.LABEL_NAME: "hello", names.LABEL_UID: "u", **labels},
    }
    return found


def test_a_graphcron_is_kept_without_what_only_the_api_server_needs_until_it_is_gone(shown):
    made = body(spec={"schedule": "0 8 * * *", "input": {"text": "ünïcode ☃"}})
    made["metadata"]["managedFields"] = [{"manager": "x"}]
    assert list(shown.owner(made, gone=False)) == [HELLO]
    kept = shown.body(HELLO)
    assert kept["spec"] == made["spec"]
    assert "managedFields" not in kept["metadata"]
    assert [each["metadata"]["uid"] for each in shown.graphcrons()] == ["u"]
    assert list(shown.owner(made, gone=True)) == [HELLO]
    assert shown.body(HELLO) is None
    assert list(shown.graphcrons()) == []


def test_the_end_of_an_old_one_is_not_that_of_its_successor(shown):
    shown.owner(body(uid="old"), gone=False)
    shown.owner(body(uid="new"), gone=False)
    shown.owner(body(uid="old"), gone=True)
    assert shown.body(HELLO)["metadata"]["uid"] == "new"


def test_what_we_wrote_counts_until_a_watch_shows_it():
    echoes = Echoes(timedelta(seconds=60))
    shown = Shown(echoes)
    shown.owner(body(), gone=False)
    written = body(version=2, status={"observedGeneration": 1})
    echoes.expect(written, now=NOW)
    assert shown.body(HELLO) == written
    echoes.heard(written, gone=False)
    assert "status" not in shown.body(HELLO)


def test_those_that_name_a_graphserver_look_with_it_and_no_longer_when_they_name_another(shown):
    server = body(names.SERVER_KIND, "shared", "s")
    shown.owner(body(spec={"serverRef": {"name": "shared"}}), gone=False)
    assert list(shown.owner(server, gone=False)) == [SERVER, HELLO]
    shown.owner(body(version=2, spec={"serverRef": {"name": "other"}}), gone=False)
    assert list(shown.owner(server, gone=True)) == [SERVER]


def test_a_cronjob_is_known_by_its_label_and_by_its_name(shown):
    assert set(shown.cronjob(child("CronJob", "hello-2", "c"), gone=False)) == {HELLO, Key("agents", "hello-2")}
    stranger = child("CronJob", "hello", "d", **{names.LABEL_NAME: ""})
    assert list(shown.cronjob(stranger, gone=False)) == [HELLO]
    assert {each.uid for each in shown.cronjobs(HELLO)} == {"c", "d"}
    shown.cronjob(child("CronJob", "hello-2", "c"), gone=True)
    assert [each.uid for each in shown.cronjobs(HELLO)] == ["d"]


def test_that_a_cronjob_has_made_a_job_is_kept_and_is_no_news_since_the_job_comes(shown):
    shown.cronjob(child("CronJob", "hello", "c"), gone=False)
    due = {"lastScheduleTime": "2026-11-23T00:00:00Z"}
    assert not list(shown.cronjob(child("CronJob", "hello", "c") | {"status": due}, gone=False))
    assert [each.last_schedule_time for each in shown.cronjobs(HELLO)] == [NOW]


@pytest.mark.parametrize("kind", ["job", "pod"])
def test_children_are_kept_for_their_owner_and_only_what_matters_is_told(shown, kind):
    keep, of = getattr(shown, kind), getattr(shown, f"{kind}s")
    found = child(kind, "hello-1", "x") | {"status": WAITING}
    assert list(keep(found, gone=False)) == [HELLO]
    found["metadata"]["annotations"] = {"somebody": "else"}
    assert not list(keep(found, gone=False))
    assert [each.name for each in of("u")] == ["hello-1"]
    assert list(keep(found, gone=True)) == [HELLO]
    assert of("u") == []


def test_a_new_pod_is_kept_and_is_no_news_until_it_tells_something(shown):
    found = child("Pod", "hello-1-x", "x")
    assert not list(shown.pod(found, gone=False))
    assert [each.name for each in shown.pods("u")] == ["hello-1-x"]
    assert list(shown.pod(found | {"status": WAITING}, gone=False)) == [HELLO]
    assert list(shown.pod(found, gone=False)) == [HELLO]  # it waits no longer
    assert list(shown.pod(found | {"status": {"phase": "Failed"}}, gone=False)) == [HELLO]


def test_a_preflight_may_be_of_a_graphserver(shown):
    found = child("Job", "hello-look", "x", **{names.LABEL_PURPOSE: "preflight"})
    assert set(shown.job(found, gone=False)) == {HELLO, Key("agents", "hello", names.SERVER_KIND)}


def test_it_lacks_what_no_watch_has_shown_in_that_version_or_later():
    echoes = Echoes(timedelta(seconds=60))
    shown = Shown(echoes)
    for uid, version in {"older": 4, "same": 5, "later": 6}.items():
        echoes.heard(body(uid=uid, version=version), gone=False)
    echoes.heard(body(uid="gone", version=7), gone=True)
    listed = dict.fromkeys(["older", "same", "later", "gone", "unseen"], 5)
    assert shown.lacks(listed) == {"older": 5, "gone": 5, "unseen": 5}


# --- is it complete?


HEADS = {"metadata": {"continue": ""}, "items": [{"metadata": body(uid=uid)["metadata"]} for uid in ("a", "b")]}


def test_the_versions_of_all_kinds_are_asked_for_as_metadata():
    said = ask(lambda cluster: cluster.versions((), lambda _: True), **HEADS)
    asked = [path.split("?")[0] for _, path, _ in said.requests]
    assert [path.rpartition("/")[2] for path in asked] == ["graphservers", "cronjobs", "jobs", "pods"]
    assert said.result == {"a": 1, "b": 1}


def test_of_named_namespaces_each_is_asked_for_and_what_is_not_served_does_not_count():
    said = ask(lambda cluster: cluster.versions(("agents", "more"), lambda each: each != "agents"), **HEADS)
    assert sum("/namespaces/agents/" in path for _, path, _ in said.requests) == 4
    assert sum("/namespaces/more/" in path for _, path, _ in said.requests) == 4
    assert said.result == {}


@pytest.mark.parametrize(
    ("namespaces", "served", "not_served"),
    [
        ((), ["a", "b"], []),
        (("a", "b"), ["a", "b"], ["c", "ab"]),
        (("team-*",), ["team-", "team-x"], ["teams", "x"]),
        (("!kube-*",), ["a"], ["kube-system"]),
        (("team-*", "!*-test"), ["team-x"], ["team-test", "x"]),
    ],
)
def test_which_namespaces_are_served(namespaces, served, not_served):
    settings = Settings(namespaces=namespaces)
    assert all(settings.serves(each) for each in served)
    assert not any(settings.serves(each) for each in not_served)


class Lists:
    """Lists one object until it is deleted, which no watch shows."""

    def __init__(self) -> None:
        self.asked = 0

    async def versions(self, *_: object) -> dict[str, int]:
        self.asked += 1
        return {"deleted meanwhile": 1} if self.asked == 1 else {"there": 2}


def test_work_waits_for_the_watches_and_not_for_what_is_gone(monkeypatch):
    monkeypatch.setattr("graphcron.operation.LIST_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr("graphcron.operation.LOOK_SECONDS", 0.01)

    async def fill() -> tuple[bool, bool]:
        operation, lists = Operation(Settings()), Lists()
        operation._cluster = lists
        filled = asyncio.create_task(operation._fill())
        async with asyncio.timeout(5):
            while lists.asked < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            before = filled.done()
            operation.echoes.heard(body(uid="there", version=3), gone=False)
            await filled
        return before, filled.done()

    assert asyncio.run(fill()) == (False, True)
