"""The relist: the cache sync, and missed deletions."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from graphcron.api import names
from graphcron.api.v1alpha1 import RecentRun
from graphcron.cache.store import Key
from graphcron.controller import handlers
from graphcron.controller.manager import Manager
from graphcron.controller.relist import Relist
from graphcron.errors import ClusterError
from graphcron.kube.listing import Listed
from graphcron.metrics import Metrics
from graphcron.settings import Settings
from tests.unit.cache.test_store import HELLO, SERVER, body, child
from tests.unit.kube.test_client import ask

KINDS = ["graphcrons", "graphruns", "graphservers", "cronjobs", "jobs", "pods"]


class Lists:
    """An API server whose lists are what a test says; ``None`` is one that fails."""

    def __init__(self, *answers: dict[str, int] | None, version: int = 100) -> None:
        self._answers = list(answers)
        self._version = version
        self.asked = 0

    async def list_metadata(self, *_: object) -> Listed:
        self.asked += 1
        answer = self._answers[min(self.asked, len(self._answers)) - 1]
        if answer is None:
            raise ClusterError("no answer")
        return Listed(answer, self._version)


def manager_with(lists: Lists, **settings: Any) -> Manager:
    manager = Manager(Settings(**settings))
    manager.relist = Relist(lists, manager.store, manager.expectations, manager.settings, manager._remove)
    return manager


def show(manager: Manager, found: Any, event_type: str | None = "ADDED") -> None:
    asyncio.run(handlers.handle_event({"type": event_type, "object": found}, manager))


def queued(manager: Manager) -> set[Key]:
    """Return the queued keys, and empty the queue."""
    found = {*manager.queue._waiting, *manager.queue._low_priority}
    manager.queue._waiting.clear()
    manager.queue._low_priority.clear()
    return found


def full(lists: Lists, **settings: Any) -> Manager:
    """Return a manager with an object of each kind in its store, and an empty queue."""
    manager = manager_with(lists, **settings)
    show(manager, body())
    show(manager, body(names.SERVER_KIND, "shared", "s"))
    show(manager, child("CronJob", "hello", "c"))
    show(manager, child("Job", "hello-1", "j"))
    show(manager, child("Pod", "hello-1-x", "p"))
    queued(manager)
    return manager


ALL = dict.fromkeys("uscjp", 1)


@pytest.mark.parametrize(
    ("uid", "who"),
    [("u", HELLO), ("s", SERVER), ("c", HELLO), ("j", HELLO), ("p", HELLO)],
    ids=[each for each in KINDS if each != names.RUN_PLURAL],
)
def test_relist_object_not_listed_removed_and_enqueued(uid, who):
    manager = full(Lists({each: 1 for each in ALL if each != uid}))
    assert manager.expectations.known() == set(ALL)
    asyncio.run(manager.relist.compare())
    assert manager.expectations.known() == set(ALL) - {uid}
    assert queued(manager) == {who}


def test_relist_complete_store_unchanged():
    manager = full(Lists(ALL | {"not shown yet": 5}))
    asyncio.run(manager.relist.compare())
    assert queued(manager) == set()
    assert manager.expectations.known() == set(ALL)


def test_relist_object_created_meanwhile_kept():
    manager = full(Lists(ALL))

    class Slow(Lists):
        async def list_metadata(self, *_: object) -> Listed:
            manager.expectations.observe(body(uid="new", version=101), deleted=False)
            return await super().list_metadata()

    manager.relist._cluster = Slow(ALL)
    asyncio.run(manager.relist.compare())
    assert "new" in manager.expectations.known()


def test_relist_stale_event_after_removal_ignored():
    manager = full(Lists({}, version=100))
    asyncio.run(manager.relist.compare())
    queued(manager)
    late = body(version=99, spec={"schedule": "0 8 * * *"})
    show(manager, late, "MODIFIED")
    assert manager.store.body(HELLO) is None
    assert queued(manager) == set()
    show(manager, body(version=101), "ADDED")
    assert manager.store.body(HELLO) is not None


def test_relist_successor_of_the_same_name_kept():
    manager = full(Lists(ALL | {"successor": 50}))
    show(manager, body(uid="successor", version=50), None)
    del manager.relist._cluster._answers[0]["u"]
    asyncio.run(manager.relist.compare())
    assert manager.store.body(HELLO)["metadata"]["uid"] == "successor"
    assert HELLO in queued(manager)


def test_relist_removed_graphcron_leaves_the_metrics():
    manager = full(Lists({}))
    metrics = Metrics("1", queued=lambda: 0, graphcrons=manager.store.graphcrons)
    run = RecentRun(scheduled_time=datetime.now(UTC), outcome="Succeeded", duration_seconds=1.0)
    metrics.count_runs(("agents", "hello"), [], [run])
    assert b'name="hello"' in metrics.text()
    asyncio.run(manager.relist.compare())
    assert b'name="hello"' not in metrics.text()


# --- when


def run_for(manager: Manager, until: Callable[[], bool]) -> None:
    async def run() -> None:
        task = asyncio.create_task(manager.relist.run())
        async with asyncio.timeout(5):
            while not until():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(run())


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr("graphcron.controller.relist.SETTLE_SECONDS", 0.05)
    monkeypatch.setattr("graphcron.controller.relist.RETRY_SECONDS", 0.01)


def test_relist_runs_once_after_initial_events(hasty):
    manager = full(lists := Lists(ALL))

    async def run() -> int:
        task = asyncio.create_task(manager.relist.run())
        await asyncio.sleep(0.02)
        before = lists.asked
        for _ in range(10):
            await handlers.handle_event({"type": None, "object": body()}, manager)
            await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            while not lists.asked:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        task.cancel()
        return before

    assert asyncio.run(run()) == 0
    assert lists.asked == 1


def test_relist_runs_after_each_resync_period():
    manager = full(lists := Lists(ALL), resync_seconds=0.05)
    run_for(manager, lambda: lists.asked >= 3)


def test_relist_failed_list_retried(hasty):
    manager = full(lists := Lists(None, None, {}))
    manager.relist._requested.set()
    run_for(manager_asked(manager), lambda: lists.asked >= 3 and not manager.expectations.known())


def manager_asked(manager: Manager) -> Manager:
    """Have a comparison asked for as soon as it runs."""
    original = manager.relist.run

    async def run() -> None:
        asyncio.get_running_loop().call_later(0.02, manager.relist.request)
        await original()

    manager.relist.run = run
    return manager


@pytest.mark.parametrize(("there", "overdue"), [(True, ["u"]), (False, [])], ids=["there", "gone"])
def test_overdue_write_object_exists_fails_probe(there, overdue):
    """A late write is looked up, and fails the probe only if its object exists."""
    manager = full(lists := Lists(ALL if there else {}), expectations_timeout_seconds=0.4)
    manager.expectations.expect_write(body(version=2), now=datetime.now(UTC))
    run_for(manager, lambda: lists.asked > 0)
    assert manager.expectations.overdue(now=datetime.now(UTC) + timedelta(seconds=1)) == overdue
    assert lists.asked == 1


def test_relist_missing_for_a_resync_period_logged(caplog):
    manager = full(lists := Lists(ALL | {"unseen": 7}), resync_seconds=0.02)
    run_for(manager, lambda: lists.asked >= 3)
    assert "1 objects have been missing in the cache for a resync period: unseen" in caplog.text


@pytest.mark.parametrize(
    ("event", "there", "warned"),
    [(None, False, True), ("DELETED", False, False), ("ADDED", True, False)],
    ids=["missed", "shown late", "has the label again"],
)
def test_relist_waits_for_a_late_event(event, there, warned, caplog, monkeypatch):
    monkeypatch.setattr("graphcron.controller.relist.CATCH_UP_SECONDS", 0.1)
    manager = full(Lists(dict.fromkeys("uscp", 1)))

    async def compare() -> None:
        comparing = asyncio.create_task(manager.relist.compare())
        await asyncio.sleep(0.02)
        job = child("Job", "hello-1", "j")
        job["metadata"]["resourceVersion"] = "200"
        if event:
            await handlers.handle_event({"type": event, "object": job}, manager)
        await comparing

    asyncio.run(compare())
    assert bool(manager.store.jobs(HELLO, "u")) is there
    assert ("missed the deletion of 1 objects" in caplog.text) is warned


# --- the start


def test_cache_sync_waits_for_existing_objects_only(monkeypatch):
    monkeypatch.setattr("graphcron.controller.relist.RELIST_SECONDS", 0.05)
    monkeypatch.setattr("graphcron.controller.relist.POLL_SECONDS", 0.01)
    manager = manager_with(lists := Lists({"deleted meanwhile": 1}, {"there": 2}))

    async def sync() -> tuple[bool, bool]:
        synced = asyncio.create_task(manager.relist.wait_for_cache_sync())
        async with asyncio.timeout(5):
            while lists.asked < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            before = synced.done()
            manager.expectations.observe(body(uid="there", version=3), deleted=False)
            await synced
        return before, synced.done()

    assert asyncio.run(sync()) == (False, True)


def test_event_namespace_not_served_ignored():
    manager = manager_with(Lists(), namespaces=("team-*", "!team-b"))
    for namespace in ("team-b", "other"):
        found = body(uid=namespace)
        show(manager, {**found, "metadata": {**found["metadata"], "namespace": namespace}})
    assert not queued(manager)
    assert not [*manager.store.graphcrons()]
    found = body()
    show(manager, {**found, "metadata": {**found["metadata"], "namespace": "team-a"}})
    assert queued(manager) == {HELLO._replace(namespace="team-a")}


# --- what is listed


def page(*uids: str, version: int = 9, following: str = "") -> dict[str, Any]:
    items = [{"metadata": body(uid=uid)["metadata"]} for uid in uids]
    return {"metadata": {"continue": following, "resourceVersion": str(version)}, "items": items}


def test_all_kinds_are_listed_as_metadata():
    said = ask(lambda cluster: cluster.list_metadata((), lambda _: True), **page("a", "b"))
    asked = [path.split("?")[0] for _, path, _ in said.requests]
    assert [path.rpartition("/")[2] for path in asked] == KINDS
    assert said.result == Listed({"a": 1, "b": 1}, 9)


def test_relist_named_namespaces_each_listed():
    """Each named namespace is listed; a resource that is not served does not count."""
    said = ask(
        lambda cluster: cluster.list_metadata(("agents", "more"), lambda each: each != "agents"), **page("a", "b")
    )
    assert sum("/namespaces/agents/" in path for _, path, _ in said.requests) == len(KINDS)
    assert sum("/namespaces/more/" in path for _, path, _ in said.requests) == len(KINDS)
    assert said.result == Listed({}, 9)


# --- a write that finds its object gone


OWNER = {"kind": names.KIND, "metadata": body(version=7)["metadata"]}


@pytest.mark.parametrize(
    ("items", "there", "gone"),
    [
        ([OWNER], True, []),
        ([], False, ["u"]),
        ([{"metadata": OWNER["metadata"] | {"uid": "successor"}}], False, ["u"]),
        ([{"metadata": OWNER["metadata"] | {"deletionTimestamp": "2026-11-23T00:00:00Z"}}], False, []),
    ],
    ids=["there", "gone", "a successor", "about to go"],
)
def test_exists_compares_the_uid(items, there, gone):
    said = ask(lambda cluster: cluster.exists(OWNER), metadata={"resourceVersion": "9"}, items=items)
    ((method, path, _),) = said.requests
    assert (method, path.split("?")[0]) == ("GET", "/apis/graphcron.dev/v1alpha1/namespaces/agents/graphcrons")
    assert "fieldSelector=metadata.name%3Dhello" in path
    assert (said.result, said.gone) == (there, gone)


MANIFEST = {"metadata": {"name": "hello", "namespace": "agents"}}
WRITES: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "status": lambda cluster: cluster.update_status(OWNER, {}),
    "apply": lambda cluster: cluster.apply_cronjob(MANIFEST, uid="c"),
    "suspend": lambda cluster: cluster.suspend_cronjob("agents", "hello", uid="c"),
    "delete": lambda cluster: cluster.delete_cronjob("agents", "hello", uid="c"),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    ("status", "there", "is_gone"),
    [(404, "", True), (409, "successor", True), (409, "its own", False), (200, "its own", False)],
    ids=["gone", "a successor", "a conflict", "well"],
)
def test_write_to_a_deleted_object_reports_the_deletion(write, status, there, is_gone):
    uid = "u" if write == "status" else "c"
    found = {"uid": uid if there == "its own" else there}
    answers = {method: {"status": status, "metadata": found} for method in ("PUT", "PATCH", "DELETE")}

    async def call(cluster: Any) -> None:
        with suppress(ClusterError):
            await WRITES[write](cluster)

    said = ask(call, answers=answers | {"GET": {"metadata": found, "items": [{"metadata": found}]}})
    assert said.gone == ([uid] if is_gone else [])


def test_relist_duration_of_ten_thousand_graphcrons(capsys):
    """Print what the comparison takes beside the list, of 10,000 GraphCrons with a CronJob and three Jobs each."""
    uids = [f"{kind}-{number}" for kind in ("cron", "cronjob", "job-1", "job-2", "job-3") for number in range(10_000)]
    manager = manager_with(Lists(dict.fromkeys(uids[:-1], 1)))
    for uid in uids:
        manager.expectations.observe(body(uid=uid), deleted=False)
    began = time.perf_counter()
    asyncio.run(manager.relist.compare())
    took = time.perf_counter() - began
    with capsys.disabled():
        print(f"\na comparison of {len(uids)} objects: {took * 1000:.0f} ms")
    assert manager.expectations.known() == {*uids[:-1]}
