"""The page follows the cluster, also through interruptions."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.cli.app import CliError
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl
from graphcron.cli.clients.kubectl_errors import ForbiddenError, NotInstalledError
from graphcron.cli.dashboard import watches
from graphcron.cli.dashboard.live import Dashboard
from graphcron.cli.dashboard.store import Store
from graphcron.cli.dashboard.watches import FIRST_DELAY, Watch, lines_of, path_of
from tests.cli.unit.dashboard.world import NOW, FakeApi, Over, event, graphcron, graphrun

if TYPE_CHECKING:
    from pathlib import Path

HERE = Kubectl(namespace="agents")


def follow(api: FakeApi, *, changed: Any = lambda: None) -> tuple[Store, list[str], list[float]]:
    """Follow until the events are over; return the store, the reports, and how long was waited."""
    store, reports, slept = Store(), list[str](), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    watch = Watch(HERE, GRAPHCRONS, store, changed=changed, connected=reports.append, sleep=sleep)
    with suppress(Over):
        asyncio.run(watch.follow())
    store.refresh(now=NOW)
    return store, reports, slept


def names(store: Store) -> list[str]:
    return sorted(json.loads(each.text)["name"] for each in store.cards.values())


def test_a_list_comes_in_parts_and_a_watch_continues_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watches, "PART", 2)
    api = FakeApi(*map(graphcron, range(5))).install(monkeypatch)
    api.streams.append(
        [
            event("ADDED", graphcron(7)),
            event("DELETED", graphcron(3)),
            {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}},
        ]
    )
    store, reports, slept = follow(api)
    assert names(store) == ["cron-0", "cron-1", "cron-2", "cron-4", "cron-7"]
    assert [each.count("continue=") for each in api.asked] == [0, 1, 1, 0, 0]
    assert "resourceVersion=1" in api.asked[3]
    assert "resourceVersion=9" in api.asked[4]  # the first watch has ended
    assert (reports, slept) == (["", ""], [FIRST_DELAY])


def test_after_an_interruption_what_was_deleted_meanwhile_is_gone(monkeypatch: pytest.MonkeyPatch):
    api = FakeApi(graphcron(0), graphcron(1)).install(monkeypatch)

    def vanish() -> None:
        api.objects = [graphcron(1), graphcron(2)]

    api.streams += [[event("MODIFIED", graphcron(0, spec={"suspend": True})), CliError("the cluster can't be reached")]]
    store, reports, slept = follow(api, changed=vanish)
    assert names(store) == ["cron-1", "cron-2"]
    assert reports == ["", "the cluster can't be reached", ""]
    assert slept == [FIRST_DELAY * 2]


@pytest.mark.parametrize(
    "event_of_end",
    [{"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}}, ValueError("half a line")],
    ids=["expired", "half"],
)
def test_a_watch_that_cannot_continue_lists_again(monkeypatch: pytest.MonkeyPatch, event_of_end: Any):
    api = FakeApi(graphcron(0)).install(monkeypatch)
    api.streams += [[event_of_end]]
    store, _, _ = follow(api)
    assert names(store) == ["cron-0"]
    assert ["watch=1" in each for each in api.asked] == [False, True, False, True]


def test_a_cluster_that_does_not_answer_is_asked_less_and_less(monkeypatch: pytest.MonkeyPatch):
    api = FakeApi(graphcron(0)).install(monkeypatch)
    api.failures["graphcrons"] = CliError("refused")

    def recover(seconds: float) -> None:
        if seconds == watches.LONGEST_DELAY:
            api.failures.clear()

    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        recover(seconds)

    watch = Watch(HERE, GRAPHCRONS, Store(), sleep=sleep)
    with suppress(Over):
        asyncio.run(watch.follow())
    assert slept == [1.0, 2.0, 4.0, 8.0, 10.0]


def test_a_kind_that_the_user_may_not_see_is_left_out(monkeypatch: pytest.MonkeyPatch):
    api = FakeApi(graphcron(0)).install(monkeypatch)
    api.failures |= {"graphruns": ForbiddenError("you may not"), "graphservers": NotInstalledError("no such kind")}
    dashboard = Dashboard(HERE, {})
    asyncio.run(dashboard.fill())
    state = json.loads(asyncio.run(dashboard.state()))
    assert (state["refused"], len(state["graphCrons"])) == (["no such kind", "you may not"], 1)
    api.failures["graphcrons"] = ForbiddenError("you may not list graphcrons")
    with pytest.raises(ForbiddenError, match="graphcrons"):
        asyncio.run(Dashboard(HERE, {}).fill())


def test_a_stream_tells_changes_at_once_and_the_connection(monkeypatch: pytest.MonkeyPatch):
    api = FakeApi(graphcron(0)).install(monkeypatch)

    async def check() -> None:
        dashboard = Dashboard(HERE, {}, now=lambda: NOW)
        await dashboard.fill()
        events = dashboard.events(json.loads(await dashboard.state())["version"])
        assert await anext(events) == 'event: status\ndata: {"connected":true,"text":""}\n\n'
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        dashboard.store.put(GRAPHCRONS, graphcron(1))
        dashboard.store.put("graphruns.graphcron.dev", graphrun("alone", None))
        dashboard.wake()
        kind, number, data = (await waiting).strip().split("\n")
        assert (kind, number) == ("event: change", f"id: {dashboard.store.version}")
        found = json.loads(data.removeprefix("data: "))
        assert [each["name"] for each in found["set"]] == ["cron-1"]
        assert [each["name"] for each in found["graphRuns"]["set"]] == ["alone"]
        dashboard._reporter(GRAPHCRONS)("the cluster\ncan't be reached")
        assert (
            await anext(events)
            == 'event: status\ndata: {"connected":false,"text":"the cluster\\ncan\'t be reached"}\n\n'
        )
        await events.aclose()

    asyncio.run(check())
    assert api.asked


def test_paths():
    assert path_of(HERE, GRAPHCRONS) == "/apis/graphcron.dev/v1alpha1/namespaces/agents/graphcrons"
    assert path_of(Kubectl(everywhere=True), GRAPHCRONS) == "/apis/graphcron.dev/v1alpha1/graphcrons"
    assert path_of(Kubectl(namespace="../x?"), GRAPHCRONS).endswith("/namespaces/..%2Fx%3F/graphcrons")


def test_kubectl_ends_with_its_stream_and_its_error_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "kubectl"
    monkeypatch.setenv("KUBECTL", str(program))

    async def first_line() -> str:
        program.write_text(f"#!{sys.executable}\nimport os, time\nprint(os.getpid(), flush=True)\ntime.sleep(100)\n")
        program.chmod(0o755)
        lines = lines_of(HERE, "get")
        line = (await anext(lines)).decode()
        await lines.aclose()
        return line

    async def fail() -> None:
        program.write_text("#!/bin/sh\necho 'The connection to the server x:1 was refused' >&2\nexit 1\n")
        async for _ in lines_of(HERE, "get"):
            pass

    number = int(asyncio.run(first_line()))
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
    with pytest.raises(CliError, match="does not answer"):
        asyncio.run(fail())


def test_a_kubectl_that_cannot_be_run_is_reported_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\n")  # not executable, as during its upgrade
    monkeypatch.setenv("KUBECTL", str(program))
    store, reports = Store(), list[str]()

    async def sleep(_: float) -> None:
        if len(reports) > 1:
            raise Over

    watch = Watch(HERE, GRAPHCRONS, store, connected=reports.append, sleep=sleep)
    watch._version = "1"
    with pytest.raises(Over):
        asyncio.run(watch.follow())
    assert reports[0] == ""
    assert "can't be run (Permission denied)" in reports[1]
