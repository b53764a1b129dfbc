"""The informer cache: objects under the right keys, and whether it is synced."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from graphcron.api import names
from graphcron.cache.expectations import Expectations
from graphcron.cache.store import Key, Store
from graphcron.settings import Settings

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HELLO = Key("agents", "hello")
SERVER = Key("agents", "shared", names.SERVER_KIND)
WAITING = {
    "phase": "Pending",
    "containerStatuses": [{"name": "runner", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
}


@pytest.fixture
def store() -> Store:
    return Store(Expectations(timedelta(seconds=60)))


def body(kind: str = names.KIND, name: str = "hello", uid: str = "u", version: int = 1, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "agents", "uid": uid, "resourceVersion": str(version)}
    return {"kind": kind, "metadata": metadata, **more}


def child(kind: str, name: str, uid: str, *, of: str = "u", namespace: str = "agents", **labels: str) -> dict[str, Any]:
    """Return an object with our labels; `of` is the UID of its owner, a GraphCron, CronJob or Job by what it begins with."""
    found = body(kind, name, uid)
    ours = of.startswith(("u", "s"))
    reference = {
        "uid": of,
        "apiVersion": names.API_VERSION if ours else "batch/v1",
        "controller": kind != "Job" or not ours,
    }
    found["metadata"] |= {
        "namespace": namespace,
        "creationTimestamp": "2026-11-23T00:00:00Z",
        "labels": {names.LABEL_NAME: "hello", names.LABEL_UID: "u", **labels},
        "ownerReferences": [reference] if of else [],
    }
    return found


def known(store: Store) -> tuple[list[str], list[str]]:
    """Return the names of the Jobs and pods of the GraphCron."""
    return [each.name for each in store.jobs(HELLO, "u")], [each.name for each in store.pods(HELLO, "u")]


CHILDREN = [
    child("CronJob", "hello", "c"),
    child("Job", "hello-1", "j", of="c"),
    child("Pod", "hello-1-x", "p", of="j"),
]


def test_store_graphcron_kept_without_server_fields_until_deleted(store):
    """The store keeps a GraphCron without fields that only the API server needs, until it is deleted."""
    made = body(spec={"schedule": "0 8 * * *", "input": {"text": "ünïcode ☃"}})
    made["metadata"]["managedFields"] = [{"manager": "x"}]
    assert list(store.update(made, deleted=False)) == [HELLO]
    kept = store.body(HELLO)
    assert kept["spec"] == made["spec"]
    assert "managedFields" not in kept["metadata"]
    assert [each["metadata"]["uid"] for each in store.graphcrons()] == ["u"]
    assert list(store.update(made, deleted=True)) == [HELLO]
    assert store.body(HELLO) is None
    assert list(store.graphcrons()) == []


def test_store_unread_metadata_dropped(store):
    made = body()
    many = {f"key-{number}": "x" * 60 for number in range(10_000)}
    request = {names.ANNOTATION_RUN_REQUESTED: "now"}
    made["metadata"] |= {"labels": many, "finalizers": list(many), "annotations": {**many, **request}}
    store.update(made, deleted=False)
    assert store.body(HELLO)["metadata"] == {**body()["metadata"], "annotations": request}


def test_store_deletion_keeps_a_successor_of_the_same_name(store):
    store.update(body(uid="old"), deleted=False)
    store.update(body(uid="new"), deleted=False)
    store.update(body(uid="old"), deleted=True)
    assert store.body(HELLO)["metadata"]["uid"] == "new"


def test_store_pending_write_takes_precedence():
    expectations = Expectations(timedelta(seconds=60))
    store = Store(expectations)
    store.update(body(), deleted=False)
    written = body(version=2, status={"observedGeneration": 1})
    expectations.expect_write(written, now=NOW)
    assert store.body(HELLO) == written
    expectations.observe(written, deleted=False)
    assert "status" not in store.body(HELLO)


def test_store_graphserver_changed_requeues_its_graphcrons_only(store):
    """GraphCrons are reconciled with the GraphServer that they name, and no longer when they name another."""
    server = body(names.SERVER_KIND, "shared", "s")
    store.update(body(spec={"serverRef": {"name": "shared"}}), deleted=False)
    assert list(store.update(server, deleted=False)) == [SERVER, HELLO]
    store.update(body(version=2, spec={"serverRef": {"name": "other"}}), deleted=False)
    assert list(store.update(server, deleted=True)) == [SERVER]


def test_store_cronjob_indexed_by_label_and_name(store):
    assert set(store.update(child("CronJob", "hello-2", "c"), deleted=False)) == {HELLO, Key("agents", "hello-2")}
    stranger = child("CronJob", "hello", "d", **{names.LABEL_NAME: ""})
    assert list(store.update(stranger, deleted=False)) == [HELLO]
    assert {each.uid for each in store.cronjobs(HELLO)} == {"c", "d"}
    store.update(child("CronJob", "hello-2", "c"), deleted=True)
    assert [each.uid for each in store.cronjobs(HELLO)] == ["d"]


def test_store_cronjob_made_job_kept_without_requeue(store):
    """The store keeps that a CronJob made a Job, and does not enqueue for it, since the Job follows."""
    store.update(child("CronJob", "hello", "c"), deleted=False)
    due = {"lastScheduleTime": "2026-11-23T00:00:00Z"}
    assert not list(store.update(child("CronJob", "hello", "c") | {"status": due}, deleted=False))
    assert [each.last_schedule_time for each in store.cronjobs(HELLO)] == [NOW]


def test_store_job_unread_change_returns_no_keys(store):
    found = child("Job", "hello-1", "x")
    assert list(store.update(found, deleted=False)) == [HELLO]
    found["metadata"]["annotations"] = {"somebody": "else"}
    assert not list(store.update(found, deleted=False))
    assert known(store) == (["hello-1"], [])
    assert list(store.update(found, deleted=True)) == [HELLO]
    assert known(store) == ([], [])


def test_store_new_silent_pod_returns_no_keys(store):
    store.update(child("Job", "hello-1", "j"), deleted=False)
    found = child("Pod", "hello-1-x", "x", of="j")
    assert not list(store.update(found, deleted=False))
    assert known(store) == (["hello-1"], ["hello-1-x"])
    assert list(store.update(found | {"status": WAITING}, deleted=False)) == [HELLO]
    assert list(store.update(found, deleted=False)) == [HELLO]  # it waits no longer
    assert list(store.update(found | {"status": {"phase": "Failed"}}, deleted=False)) == [HELLO]


@pytest.mark.parametrize("order", list(itertools.permutations(CHILDREN)))
def test_store_children_in_any_order(store, order):
    for each in order:
        store.update(each, deleted=False)
    assert known(store) == (["hello-1"], ["hello-1-x"])


@pytest.mark.parametrize(
    ("job", "pod"),
    [
        ({"namespace": "elsewhere"}, {"namespace": "elsewhere"}),
        ({"namespace": "elsewhere", "of": "u"}, {"namespace": "elsewhere"}),
        ({"of": ""}, {"of": ""}),
        ({"of": ""}, {}),
        ({"of": "of-an-older-one"}, {}),
        ({"of": "another"}, {"of": "another"}),
    ],
    ids=[
        "of-another-namespace",
        "that-name-the-graphcron",
        "with-labels-alone",
        "of-such-a-job",
        "of-one-gone",
        "of-others",
    ],
)
def test_store_children_of_other_owners_ignored(store, job, pod):
    store.update(child("CronJob", "hello", "c"), deleted=False)
    store.update(child("CronJob", "theirs", "another", of="of-someone"), deleted=False)
    store.update(child("Job", "hello-1", "j", **{"of": "c", **job}), deleted=False)
    store.update(child("Pod", "hello-1-x", "p", **{"of": "j", **pod}), deleted=False)
    assert known(store) == ([], [])
    assert not list(store.preflights())


def test_store_jobs_of_another_namespace_ignored(store):
    store.update(child("CronJob", "hello", "c", namespace="elsewhere"), deleted=False)
    store.update(child("Job", "hello-1", "j", of="c", namespace="elsewhere"), deleted=False)
    store.update(child("Job", "hello-2", "k", of="c"), deleted=False)
    assert known(store) == ([], [])


@pytest.mark.parametrize("is_missed", [False, True])
def test_store_children_adopted_when_their_owner_is_deleted(store, is_missed):
    for each in CHILDREN:
        store.update(each, deleted=False)
    for each, its_child in itertools.pairwise(CHILDREN):
        if is_missed:
            store.remove(each["metadata"]["uid"])
        else:
            store.update(each, deleted=True)
        store.update(its_child | {"status": {"phase": "Failed"}}, deleted=False)
    assert known(store) == ([], ["hello-1-x"])
    assert store.pods(HELLO, "u")[0].failed
    for each in CHILDREN[1:]:
        store.update(each, deleted=True)
    assert known(store) == ([], [])


def test_store_children_of_a_foreign_job_not_adopted(store):
    stranger = child("Job", "hello-1", "j", of="")
    store.update(stranger, deleted=False)
    store.update(child("Pod", "hello-1-x", "p", of="j"), deleted=False)
    store.update(stranger, deleted=True)
    assert known(store) == ([], [])


def test_store_preflight_returns_both_kinds_of_keys(store):
    found = child("Job", "hello-look", "x", **{names.LABEL_PURPOSE: "preflight"})
    assert set(store.update(found, deleted=False)) == {HELLO, Key("agents", "hello", names.SERVER_KIND)}


def test_store_missing_needs_the_version_or_a_later_one():
    expectations = Expectations(timedelta(seconds=60))
    store = Store(expectations)
    for uid, version in {"older": 4, "same": 5, "later": 6}.items():
        expectations.observe(body(uid=uid, version=version), deleted=False)
    expectations.observe(body(uid="gone", version=7), deleted=True)
    listed = dict.fromkeys(["older", "same", "later", "gone", "unseen"], 5)
    assert store.missing(listed) == {"older": 5, "gone": 5, "unseen": 5}


def test_store_remove_returns_the_keys_to_reconcile(store):
    cron, server = body(spec={"serverRef": {"name": "shared"}}), body(names.SERVER_KIND, "shared", "s")
    for each in (cron, server):
        store.update(each, deleted=False)
    store.update(child("CronJob", "hello-2", "c"), deleted=False)
    store.update(child("Job", "hello-1", "j"), deleted=False)
    store.update(child("Pod", "hello-1-x", "p", of="j"), deleted=False)
    probe = {names.LABEL_NAME: "shared", names.LABEL_UID: "s", names.LABEL_PURPOSE: "preflight"}
    store.update(child("Job", "shared-1", "q", of="s", **probe), deleted=False)
    assert set(store.remove("p")) == {HELLO}
    assert set(store.remove("j")) == {HELLO}
    assert set(store.remove("q")) == {SERVER}
    assert set(store.remove("c")) == {HELLO, Key("agents", "hello-2")}
    assert set(store.remove("s")) == {SERVER, HELLO}
    assert set(store.remove("u")) == {HELLO}
    assert not set(store.remove("u"))
    assert (store.body(HELLO), store.body(SERVER), *known(store), store.jobs(SERVER, "s")) == (
        None, None, [], [], [],
    )  # fmt: skip
    assert store.cronjobs(HELLO) == []


def test_store_remove_drops_the_pending_write():
    expectations = Expectations(timedelta(seconds=60))
    store = Store(expectations)
    store.update(body(), deleted=False)
    expectations.expect_write(body(version=2), now=NOW)
    store.remove("u", 3)
    assert expectations.known() == set()
    assert store.body(HELLO) is None


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
