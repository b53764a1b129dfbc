"""What the watches have shown: kept under the right keys, told of once, and complete or not."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from graphcron.api import names
from graphcron.cache.expectations import Expectations
from graphcron.cache.store import Key, Shown
from graphcron.settings import Settings

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HELLO = Key("agents", "hello")
SERVER = Key("agents", "shared", names.SERVER_KIND)
WAITING = {
    "phase": "Pending",
    "containerStatuses": [{"name": "runner", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
}


@pytest.fixture
def shown() -> Shown:
    return Shown(Expectations(timedelta(seconds=60)))


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


def known(shown: Shown) -> tuple[list[str], list[str]]:
    """Return the names of the Jobs and pods of the GraphCron."""
    return [each.name for each in shown.jobs(HELLO, "u")], [each.name for each in shown.pods(HELLO, "u")]


CHILDREN = [
    ("cronjob", child("CronJob", "hello", "c")),
    ("job", child("Job", "hello-1", "j", of="c")),
    ("pod", child("Pod", "hello-1-x", "p", of="j")),
]


def test_a_graphcron_is_kept_without_what_only_the_api_server_needs_until_it_is_gone(shown):
    made = body(spec={"schedule": "0 8 * * *", "input": {"text": "ünïcode ☃"}})
    made["metadata"]["managedFields"] = [{"manager": "x"}]
    assert list(shown.owner(made, deleted=False)) == [HELLO]
    kept = shown.body(HELLO)
    assert kept["spec"] == made["spec"]
    assert "managedFields" not in kept["metadata"]
    assert [each["metadata"]["uid"] for each in shown.graphcrons()] == ["u"]
    assert list(shown.owner(made, deleted=True)) == [HELLO]
    assert shown.body(HELLO) is None
    assert list(shown.graphcrons()) == []


def test_of_the_metadata_only_what_is_read_is_kept(shown):
    made = body()
    many = {f"key-{number}": "x" * 60 for number in range(10_000)}
    request = {names.ANNOTATION_RUN_REQUESTED: "now"}
    made["metadata"] |= {"labels": many, "finalizers": list(many), "annotations": {**many, **request}}
    shown.owner(made, deleted=False)
    assert shown.body(HELLO)["metadata"] == {**body()["metadata"], "annotations": request}


def test_the_end_of_an_old_one_is_not_that_of_its_successor(shown):
    shown.owner(body(uid="old"), deleted=False)
    shown.owner(body(uid="new"), deleted=False)
    shown.owner(body(uid="old"), deleted=True)
    assert shown.body(HELLO)["metadata"]["uid"] == "new"


def test_what_we_wrote_counts_until_a_watch_shows_it():
    expectations = Expectations(timedelta(seconds=60))
    shown = Shown(expectations)
    shown.owner(body(), deleted=False)
    written = body(version=2, status={"observedGeneration": 1})
    expectations.expect_write(written, now=NOW)
    assert shown.body(HELLO) == written
    expectations.observe(written, deleted=False)
    assert "status" not in shown.body(HELLO)


def test_those_that_name_a_graphserver_look_with_it_and_no_longer_when_they_name_another(shown):
    server = body(names.SERVER_KIND, "shared", "s")
    shown.owner(body(spec={"serverRef": {"name": "shared"}}), deleted=False)
    assert list(shown.owner(server, deleted=False)) == [SERVER, HELLO]
    shown.owner(body(version=2, spec={"serverRef": {"name": "other"}}), deleted=False)
    assert list(shown.owner(server, deleted=True)) == [SERVER]


def test_a_cronjob_is_known_by_its_label_and_by_its_name(shown):
    assert set(shown.cronjob(child("CronJob", "hello-2", "c"), deleted=False)) == {HELLO, Key("agents", "hello-2")}
    stranger = child("CronJob", "hello", "d", **{names.LABEL_NAME: ""})
    assert list(shown.cronjob(stranger, deleted=False)) == [HELLO]
    assert {each.uid for each in shown.cronjobs(HELLO)} == {"c", "d"}
    shown.cronjob(child("CronJob", "hello-2", "c"), deleted=True)
    assert [each.uid for each in shown.cronjobs(HELLO)] == ["d"]


def test_that_a_cronjob_has_made_a_job_is_kept_and_is_no_news_since_the_job_comes(shown):
    shown.cronjob(child("CronJob", "hello", "c"), deleted=False)
    due = {"lastScheduleTime": "2026-11-23T00:00:00Z"}
    assert not list(shown.cronjob(child("CronJob", "hello", "c") | {"status": due}, deleted=False))
    assert [each.last_schedule_time for each in shown.cronjobs(HELLO)] == [NOW]


def test_a_job_is_kept_for_its_owner_and_only_what_matters_is_told(shown):
    found = child("Job", "hello-1", "x")
    assert list(shown.job(found, deleted=False)) == [HELLO]
    found["metadata"]["annotations"] = {"somebody": "else"}
    assert not list(shown.job(found, deleted=False))
    assert known(shown) == (["hello-1"], [])
    assert list(shown.job(found, deleted=True)) == [HELLO]
    assert known(shown) == ([], [])


def test_a_new_pod_is_kept_and_is_no_news_until_it_tells_something(shown):
    shown.job(child("Job", "hello-1", "j"), deleted=False)
    found = child("Pod", "hello-1-x", "x", of="j")
    assert not list(shown.pod(found, deleted=False))
    assert known(shown) == (["hello-1"], ["hello-1-x"])
    assert list(shown.pod(found | {"status": WAITING}, deleted=False)) == [HELLO]
    assert list(shown.pod(found, deleted=False)) == [HELLO]  # it waits no longer
    assert list(shown.pod(found | {"status": {"phase": "Failed"}}, deleted=False)) == [HELLO]


@pytest.mark.parametrize("order", list(itertools.permutations(CHILDREN)))
def test_children_are_known_in_whichever_order_the_watches_show_them(shown, order):
    for kind, each in order:
        getattr(shown, kind)(each, deleted=False)
    assert known(shown) == (["hello-1"], ["hello-1-x"])


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
def test_jobs_and_pods_that_nothing_of_ours_owns_are_ignored(shown, job, pod):
    shown.cronjob(child("CronJob", "hello", "c"), deleted=False)
    shown.cronjob(child("CronJob", "theirs", "another", of="of-someone"), deleted=False)
    shown.job(child("Job", "hello-1", "j", **{"of": "c", **job}), deleted=False)
    shown.pod(child("Pod", "hello-1-x", "p", **{"of": "j", **pod}), deleted=False)
    assert known(shown) == ([], [])
    assert not list(shown.preflights())


def test_jobs_of_a_cronjob_in_another_namespace_are_ignored(shown):
    shown.cronjob(child("CronJob", "hello", "c", namespace="elsewhere"), deleted=False)
    shown.job(child("Job", "hello-1", "j", of="c", namespace="elsewhere"), deleted=False)
    shown.job(child("Job", "hello-2", "k", of="c"), deleted=False)
    assert known(shown) == ([], [])


@pytest.mark.parametrize("is_missed", [False, True])
def test_what_outlives_its_owner_stays_known_with_what_it_tells_then(shown, is_missed):
    for kind, each in CHILDREN:
        getattr(shown, kind)(each, deleted=False)
    for (kind, each), (child_kind, child_body) in itertools.pairwise(CHILDREN):
        if is_missed:
            shown.missed(each["metadata"]["uid"])
        else:
            getattr(shown, kind)(each, deleted=True)
        getattr(shown, child_kind)(child_body | {"status": {"phase": "Failed"}}, deleted=False)
    assert known(shown) == ([], ["hello-1-x"])
    assert shown.pods(HELLO, "u")[0].failed
    for kind, each in CHILDREN[1:]:
        getattr(shown, kind)(each, deleted=True)
    assert known(shown) == ([], [])


def test_a_strangers_job_hands_nothing_over_when_it_goes(shown):
    stranger = child("Job", "hello-1", "j", of="")
    shown.job(stranger, deleted=False)
    shown.pod(child("Pod", "hello-1-x", "p", of="j"), deleted=False)
    shown.job(stranger, deleted=True)
    assert known(shown) == ([], [])


def test_a_preflight_may_be_of_a_graphserver(shown):
    found = child("Job", "hello-look", "x", **{names.LABEL_PURPOSE: "preflight"})
    assert set(shown.job(found, deleted=False)) == {HELLO, Key("agents", "hello", names.SERVER_KIND)}


def test_it_lacks_what_no_watch_has_shown_in_that_version_or_later():
    expectations = Expectations(timedelta(seconds=60))
    shown = Shown(expectations)
    for uid, version in {"older": 4, "same": 5, "later": 6}.items():
        expectations.observe(body(uid=uid, version=version), deleted=False)
    expectations.observe(body(uid="gone", version=7), deleted=True)
    listed = dict.fromkeys(["older", "same", "later", "gone", "unseen"], 5)
    assert shown.lacks(listed) == {"older": 5, "gone": 5, "unseen": 5}


def test_what_is_missed_is_dropped_and_those_look_whom_it_concerns(shown):
    cron, server = body(spec={"serverRef": {"name": "shared"}}), body(names.SERVER_KIND, "shared", "s")
    for each in (cron, server):
        shown.owner(each, deleted=False)
    shown.cronjob(child("CronJob", "hello-2", "c"), deleted=False)
    shown.job(child("Job", "hello-1", "j"), deleted=False)
    shown.pod(child("Pod", "hello-1-x", "p", of="j"), deleted=False)
    probe = {names.LABEL_NAME: "shared", names.LABEL_UID: "s", names.LABEL_PURPOSE: "preflight"}
    shown.job(child("Job", "shared-1", "q", of="s", **probe), deleted=False)
    assert set(shown.missed("p")) == {HELLO}
    assert set(shown.missed("j")) == {HELLO}
    assert set(shown.missed("q")) == {SERVER}
    assert set(shown.missed("c")) == {HELLO, Key("agents", "hello-2")}
    assert set(shown.missed("s")) == {SERVER, HELLO}
    assert set(shown.missed("u")) == {HELLO}
    assert not set(shown.missed("u"))
    assert (shown.body(HELLO), shown.body(SERVER), *known(shown), shown.jobs(SERVER, "s")) == (
        None, None, [], [], [],
    )  # fmt: skip
    assert shown.cronjobs(HELLO) == []


def test_what_was_missed_is_not_waited_for():
    expectations = Expectations(timedelta(seconds=60))
    shown = Shown(expectations)
    shown.owner(body(), deleted=False)
    expectations.expect_write(body(version=2), now=NOW)
    shown.missed("u", 3)
    assert expectations.known() == set()
    assert shown.body(HELLO) is None


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
