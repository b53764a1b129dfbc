"""Actions are the commands of kubectl that they show, and nothing else."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
import typer.main

from graphcron.cli import verbs
from graphcron.cli.app import CliError, app
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.dashboard import processes
from graphcron.cli.dashboard.commands import Command, command_for, preview_of, rights_in
from graphcron.cli.dashboard.details import log_of, object_details
from tests.cli.unit.dashboard.world import FakeApi

THERE = Kubectl(namespace="other", context="a b", kubeconfig="k")
PLACE = {"namespace": "agents", "name": "cron-0"}
CLUSTER = "-n agents --context 'a b' --kubeconfig k"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"verb": "run"}, "run cron-0"),
        ({"verb": "run", "input": '{"a": "@b c"}'}, "run cron-0 '--input={\"a\": \"@b c\"}'"),
        ({"verb": "suspend"}, "suspend cron-0"),
        ({"verb": "resume"}, "resume cron-0"),
        ({"verb": "cancel"}, "cancel cron-0"),
        ({"verb": "cancel", "run": "cron-0-29"}, "cancel cron-0 --run=cron-0-29"),
        ({"verb": "cancel", "name": "graphrun/once"}, "cancel graphrun/once"),
        (
            {"verb": "backfill", "from": "2026-11-01", "to": "2026-11-02T08:30:00+01:00", "missing": True, "parallel": 3},
            "backfill cron-0 --from=2026-11-01 --to=2026-11-02T08:30:00+01:00 --missing --parallel=3 --yes",
        ),
    ],
)  # fmt: skip
def test_an_action_is_a_command(body: dict[str, Any], text: str):
    assert verbs  # each verb has added itself
    found = command_for({**PLACE, **body}, THERE)
    assert found.text == f"kubectl graphcron {text} {CLUSTER}"
    assert found.argv == (sys.executable, "-m", "graphcron.cli", *found.words)
    verb, *rest = found.words
    command: Any = typer.main.get_command(app)
    command.commands[verb].make_context(verb, list(rest))  # the program accepts it


@pytest.mark.parametrize(
    "body",
    [
        {"verb": "create"},
        {"verb": "export"},
        {"verb": None},
        {"verb": "run", "name": "--input=@/etc/passwd"},
        {"verb": "run", "name": "-A"},
        {"verb": "run", "name": "a b"},
        {"verb": "run", "name": "a\n"},
        {"verb": "run", "name": "graphrun/once"},
        {"verb": "run", "namespace": "-x"},
        {"verb": "run", "namespace": ""},
        {"verb": "run", "input": "@/etc/passwd"},
        {"verb": "run", "input": "@-"},
        {"verb": "run", "input": '{"a": NaN}'},
        {"verb": "run", "input": 7},
        {"verb": "run", "input": '"\\ud800"'},
        {"verb": "run", "input": f'"{"x" * 200_000}"'},  # longer than an argument may be
        {"verb": "cancel", "run": "--help"},
        {"verb": "backfill"},
        {"verb": "backfill", "from": "2026-11-01", "to": "-y"},
        {"verb": "backfill", "from": "2026-11-01", "to": "2026-11-02", "parallel": 21},
        {"verb": "backfill", "from": "2026-11-01", "to": "2026-11-02", "parallel": "1 --url=http://evil"},
    ],
)
def test_options_and_files_cannot_be_smuggled_in(body: dict[str, Any]):
    with pytest.raises(CliError):
        command_for({**PLACE, **body}, THERE)


def test_a_backfill_has_a_dry_run():
    found = command_for({**PLACE, "verb": "backfill", "from": "2026-11-01", "to": "2026-11-02"}, THERE)
    preview = preview_of(found)
    assert preview is not None
    assert preview.words[-2:] == ("--dry-run", "--output=name")
    assert preview_of(command_for({**PLACE, "verb": "run"}, THERE)) is None


def test_the_api_server_tells_what_the_user_may(monkeypatch: pytest.MonkeyPatch):
    api = FakeApi().install(monkeypatch)
    verdicts = [True, False, False, True]  # patch graphcrons, create graphruns, delete jobs, delete graphruns
    api.answers["create"] = "\n".join(json.dumps({"status": {"allowed": each}}, indent=1) for each in verdicts)
    found = rights_in("agents", THERE)
    assert {action for action, right in found.items() if right["allowed"]} == {"run", "suspend", "resume", "cancel"}
    assert found["backfill"]["reason"] == "you may not create graphruns.graphcron.dev in the namespace agents"
    asked = json.loads(api.stdin)["items"]
    assert {each["spec"]["resourceAttributes"]["namespace"] for each in asked} == {"agents"}
    with pytest.raises(CliError):
        rights_in("--as=admin", THERE)


def test_details_are_read_on_demand(monkeypatch: pytest.MonkeyPatch):
    api = FakeApi().install(monkeypatch)
    api.answers["get"] = json.dumps({"items": [
        {"lastTimestamp": "2026-11-22T11:00:00Z", "reason": "Old", "message": "m", "type": "Normal"},
        {"eventTime": "2026-11-22T12:00:00.000000Z", "reason": "New"}, {"lastTimestamp": 7},
    ]})  # fmt: skip
    found = object_details(THERE, kind="graphcron", namespace="agents", name="cron-0")
    assert [each["reason"] for each in found["events"]] == ["New", "Old", ""]
    assert api.asked[0] == "get graphcrons.graphcron.dev cron-0 --output=yaml --namespace agents"
    for wrong in ({"kind": "secret"}, {"name": "--as=x"}, {"namespace": "-A"}):
        with pytest.raises(CliError):
            object_details(THERE, **{"kind": "graphcron", "namespace": "agents", "name": "cron-0", **wrong})
    with pytest.raises(CliError):
        log_of(THERE, namespace="agents", job="a,b!=c")


def test_a_pod_whose_log_is_lost_leaves_the_logs_of_the_others(monkeypatch: pytest.MonkeyPatch):
    pods = [
        {
            "metadata": {"name": name, "namespace": "agents", "creationTimestamp": f"2026-11-22T11:0{at}:00Z"},
            "status": {"containerStatuses": [{"name": "runner", "state": {"terminated": {}}}]},
        }
        for at, name in enumerate(("lost", "other"))
    ]

    def run(_: Kubectl, verb: str, *words: str) -> str:
        if verb == "get":
            return json.dumps({"items": pods})
        if words[0] == "lost":
            raise CliError("no such host")
        return "its log\n"

    monkeypatch.setattr(Kubectl, "run", run)
    lines = log_of(THERE, namespace="agents", job="a").splitlines()
    assert lines == ["the log of the pod lost can't be read: no such host", "its log"]


def test_a_command_that_takes_long_continues(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(processes, "WAIT_SECONDS", 0.05)

    class Program(Command):
        @property
        def argv(self) -> tuple[str, ...]:
            return (sys.executable, "-c", *self.words)

    async def check() -> None:
        running = processes.Processes()
        waits = Program(("import time; print('begun', flush=True); time.sleep(100)",), "")
        found = await running.run(waits)
        assert found["code"] is None
        assert found["output"].endswith(processes.CONTINUES)
        await running.close()
        assert not running._tasks
        monkeypatch.setattr(processes, "WAIT_SECONDS", 30.0)
        fails = await running.run(Program(("import sys; print('no'); sys.exit(3)",), ""))
        assert fails == {"code": 3, "output": "no\n"}

    asyncio.run(check())
