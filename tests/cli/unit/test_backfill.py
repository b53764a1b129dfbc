"""``backfill``, in front of a cluster that is a dictionary: which GraphRuns it creates, and what it says of them."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron.api.v1alpha1 import run_problems
from graphcron.cli import verbs
from graphcron.cli.app import CliError, main
from graphcron.cli.backfill import execution, plan
from graphcron.cli.backfill.plan import name_of
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.clients.kubectl_errors import AlreadyExistsError
from graphcron.cli.clients.langgraph import LangGraph
from graphcron.schedule.times import zone_for

if TYPE_CHECKING:
    from collections.abc import Callable

LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


@dataclass
class FakeCluster:
    """A cluster with one GraphCron, whose runs end when they have been looked at."""

    graphcron: dict[str, Any]
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    servers: list[dict[str, Any]] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)
    """How runs end that do not succeed."""
    created: list[dict[str, Any]] = field(default_factory=list)
    most_active: int = 0
    looks: dict[str, int] = field(default_factory=dict)
    on_look: Callable[[], None] = lambda: None

    def call(self, verb: str, *arguments: str, stdin: str | None = None) -> str:
        """Stand for ``Kubectl.run``."""
        if verb == "create":
            return json.dumps(self._create(json.loads(stdin or "")))
        kind, name, *_ = arguments
        if kind.startswith("graphcrons"):
            return json.dumps(self.graphcron)
        if kind.startswith("graphservers"):
            return json.dumps({"items": self.servers})
        if name.startswith("-"):
            return json.dumps({"items": list(self.runs.values())})
        return self._look(name)

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        assert run_problems(body) == []
        name = body["metadata"]["name"]
        if name in self.runs:
            raise AlreadyExistsError(f'graphruns.graphcron.dev "{name}" already exists')
        self.runs[name] = body
        self.created.append(body)
        self.most_active = max(self.most_active, sum("outcome" not in _status(each) for each in self.runs.values()))
        return body

    def _look(self, name: str) -> str:
        self.on_look()
        self.looks[name] = self.looks.get(name, 0) + 1
        if name in self.runs and self.looks[name] > 1 and "outcome" not in _status(self.runs[name]):
            self.end(name, self.outcomes.get(name, "Succeeded"))
        return json.dumps(self.runs[name]) if name in self.runs else ""

    def end(self, name: str, outcome: str) -> None:
        """Let a run end."""
        condition = "Complete" if outcome in {"Succeeded", "Skipped"} else "Failed"
        self.runs[name]["status"] = {
            "outcome": outcome,
            "durationSeconds": 12,
            "tokens": 1200,
            "conditions": [{"type": condition, "status": "True"}],
        }

    def add(self, name: str, at: str, outcome: str = "", graphcron: str = "hello") -> None:
        """Add a GraphRun that exists before."""
        self.runs[name] = {
            "metadata": {"name": name, "namespace": "agents"},
            "spec": {"graphCronRef": {"name": graphcron}, "scheduledTime": at},
        }
        if outcome:
            self.end(name, outcome)

    @property
    def times(self) -> list[str]:
        """For which times GraphRuns were created."""
        return [each["spec"]["scheduledTime"] for each in self.created]


def _status(graphrun: dict[str, Any]) -> dict[str, Any]:
    return graphrun.get("status", {})


def graphcron(*, status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphCron",
        "metadata": {"name": "hello", "namespace": "agents", "uid": "u"},
        "spec": {"assistant": "agent", "schedule": "0 9 * * *", "input": {}, **spec},
        "status": status or {},
    }


class Program:
    """The program, in front of such a cluster."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.cluster = FakeCluster(graphcron())

    def has(self, **found: Any) -> FakeCluster:
        """Set the GraphCron of the cluster."""
        self.cluster = FakeCluster(graphcron(**found))
        return self.cluster

    def run(self, command: str, code: int = 0) -> tuple[str, str]:
        """Run the program, which must end with that exit code; return what it printed, and its errors."""
        self._monkeypatch.setattr(Kubectl, "run", lambda _, *words, **more: self.cluster.call(*words, **more))
        self._monkeypatch.setattr(sys, "argv", ["graphcron", "backfill", "hello", *command.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        said = self._capsys.readouterr()
        assert (ended.value.code or 0) == code, said
        return said.out, said.err


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    assert verbs  # each verb has added itself
    monkeypatch.setattr(execution, "LOOK_SECONDS", 0)
    return Program(monkeypatch, capsys)


WEEK = "--from 2025-11-03 --to 2025-11-05"
DAYS = ["2025-11-03T09:00:00Z", "2025-11-04T09:00:00Z", "2025-11-05T09:00:00Z"]


def test_each_occurrence_gets_its_graphrun_one_after_the_other(program: Program) -> None:
    out, err = program.run(f"{WEEK} -n agents")
    cluster = program.cluster
    assert cluster.created[0] == {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphRun",
        "metadata": {
            "name": "hello-202511030900",
            "namespace": "agents",
            "labels": {"graphcron.dev/backfill": "2025-11-03--2025-11-05"},
        },
        "spec": {
            "graphCronRef": {"name": "hello"},
            "scheduledTime": "2025-11-03T09:00:00Z",
            "concurrencyPolicy": "Queue",
        },
        "status": _status(cluster.created[0]),
    }
    assert (cluster.times, cluster.most_active) == (DAYS, 1)
    assert out.splitlines() == [
        "Mon 2025-11-03 09:00 +0000  hello-202511030900  Succeeded (12s, 1,200 tokens)",
        "Tue 2025-11-04 09:00 +0000  hello-202511040900  Succeeded (12s, 1,200 tokens)",
        "Wed 2025-11-05 09:00 +0000  hello-202511050900  Succeeded (12s, 1,200 tokens)",
        "3 runs succeeded",
    ]
    assert err == (
        "3 runs of hello to start: tokens and cost are not known, because no recent run has reported its tokens\n"
    )


def test_budget_of_the_graphserver_limits_what_to_expect(program: Program) -> None:
    recent = {"scheduledTime": "2025-11-01T09:00:00Z", "outcome": "Succeeded", "tokens": 900}
    cluster = program.has(serverRef={"name": "shared"}, status={"recentRuns": [recent]})
    assert program.run(f"{WEEK} --dry-run")[1].endswith(" to start: 2,700 tokens (p95 2,700)\n")
    server = {"url": "http://langgraph:8000", "budget": {"maxTokensPerRun": 100}}
    kind = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphServer"}
    cluster.servers = [{**kind, "metadata": {"name": "shared", "namespace": "agents"}, "spec": server}]
    assert program.run(f"{WEEK} --dry-run")[1].endswith(" to start: 300 tokens (p95 300)\n")


@pytest.mark.parametrize(
    ("spec", "range_", "times"),
    [
        (
            {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin"},
            "--from 2025-10-26 --to 2025-10-27",
            ["2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z", "2025-10-27T01:30:00Z"],
        ),
        (
            {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin"},
            "--from 2025-03-29 --to 2025-03-31",
            ["2025-03-29T01:30:00Z", "2025-03-31T00:30:00Z"],
        ),
        (
            {"schedule": "0 0 * * *", "timeZone": "Asia/Kolkata"},
            "--from 2025-11-03 --to 2025-11-03",
            ["2025-11-02T18:30:00Z"],
        ),
        ({"excludes": [{"date": "2025-11-04"}]}, WEEK, [DAYS[0], DAYS[2]]),
        ({"startTime": "2025-11-04T00:00:00Z", "endTime": "2025-11-05T00:00:00Z"}, WEEK, DAYS[1:2]),
        ({"suspend": True}, WEEK, DAYS),
        ({}, "--from 2025-11-03T09:00:00Z --to 2025-11-04T09:00:00Z", DAYS[:2]),
        ({}, "--from 2025-11-03T09:01:00Z --to 2025-11-04T08:59:00Z", []),
        (
            {"timeZone": "Europe/Berlin"},
            "--from 2025-11-03T09:00 --to 2025-11-03T10:00+01:00",
            ["2025-11-03T08:00:00Z"],
        ),
    ],
)
def test_range_is_read_on_the_clock_of_the_schedule(
    program: Program, spec: dict[str, Any], range_: str, times: list[str]
) -> None:
    program.has(**spec)
    _, err = program.run(range_, code=0 if times else 1)
    assert program.cluster.times == times
    assert times or err.startswith("error: no run of hello was due from 2025-11-03T09:01:00Z to ")


def test_h_has_its_value(program: Program) -> None:
    program.has(schedule="H H * * *")
    program.run(WEEK)
    [first, *_] = times = program.cluster.times
    assert {each[10:] for each in times} == {first[10:]}
    assert len(times) == 3


def test_what_is_not_due_yet_does_not_run(program: Program) -> None:
    now = datetime.now(UTC)
    before, after, later = (f"{now + timedelta(days=days):%Y-%m-%d}" for days in (-2, 2, 3))
    program.has(schedule="0 * * * *")
    bodies = list(yaml.safe_load_all(program.run(f"--from {before} --to {after} --dry-run")[0]))
    assert len(bodies) >= 48
    assert max(datetime.fromisoformat(each["spec"]["scheduledTime"]) for each in bodies) <= datetime.now(UTC)
    _, err = program.run(f"--from {after} --to {later}", code=1)
    assert err.startswith("error: no run of hello was due")


def test_some_run_at_a_time(program: Program) -> None:
    program.run(f"{WEEK} --parallel 2")
    assert program.cluster.most_active == 2
    assert {each["spec"]["concurrencyPolicy"] for each in program.cluster.created} == {"Allow"}


def test_dry_run_prints_and_creates_nothing(program: Program) -> None:
    runs = [{"scheduledTime": "2025-11-01T09:00:00Z", "outcome": "Succeeded", "tokens": 100, "cost": "0.5"}]
    program.has(status={"recentRuns": runs}, budget={"maxTokensPerRun": 80})
    out, err = program.run(f"{WEEK} --dry-run")
    assert program.cluster.created == []
    bodies = list(yaml.safe_load_all(out))
    assert [each["metadata"]["name"] for each in bodies] == [f"hello-2025110{day}0900" for day in (3, 4, 5)]
    assert err == "3 runs of hello to start: 240 tokens (p95 240), cost 1.50 (p95 1.50)\n"
    assert json.loads(program.run(f"{WEEK} --dry-run -o json")[0])["items"] == bodies
    assert program.run(f"{WEEK} -o json", code=2)[1].startswith("error: invalid value for --output: is for --dry-run")


@pytest.mark.parametrize(
    ("tty", "answer", "more", "code", "said"),
    [
        (False, "", "", 1, "error: 24 runs need a confirmation; repeat the command with --yes\n"),
        (False, "", " --yes", 0, ""),
        (True, "y", "", 0, "Start 24 runs? [y/N]:"),
        (True, "n", "", 1, "error: stopped; nothing else was changed\n"),
    ],
)
def test_more_than_twenty_need_a_confirmation(
    program: Program, monkeypatch: pytest.MonkeyPatch, *, tty: bool, answer: str, more: str, code: int, said: str
) -> None:
    program.has(schedule="0 * * * *")
    monkeypatch.setattr("sys.stdin", _Stdin(answer, tty=tty))
    _, err = program.run("--from 2025-11-03 --to 2025-11-03" + more, code=code)
    assert said in err
    assert len(program.cluster.created) == (0 if code else 24)


class _Stdin:
    """A terminal, or a file."""

    encoding = "utf-8"

    def __init__(self, answer: str, *, tty: bool) -> None:
        self._answer, self._tty = answer, tty

    def isatty(self) -> bool:
        return self._tty

    def readline(self, *_: int) -> str:
        return f"{self._answer}\n"


def test_second_backfill_keeps_the_graphruns_of_the_first(program: Program) -> None:
    cluster = program.cluster
    cluster.add("hello-202511030900", DAYS[0], "GraphError")
    cluster.add("hello-202511040900", DAYS[1])
    cluster.add("other-202511050900", DAYS[2], "Succeeded", graphcron="other")
    cluster.add("hello-by-hand", DAYS[2], "Succeeded")
    out, err = program.run(WEEK)
    assert cluster.times == [DAYS[2]]
    assert err.splitlines()[:2] == [
        "hello-202511030900 exists and is kept; it ended with GraphError",
        "hello-202511040900 exists and has not ended",
    ]
    assert [line.split()[4] for line in out.splitlines()[:-1]] == ["hello-202511040900", "hello-202511050900"]
    assert out.endswith("\n2 runs succeeded\n")
    assert cluster.most_active == 1


def test_graphrun_that_another_backfill_creates_is_kept(program: Program) -> None:
    cluster = program.cluster
    cluster.on_look = lambda: cluster.add("hello-202511040900", DAYS[1], "Succeeded")
    _, err = program.run(WEEK)
    assert cluster.times == [DAYS[0], DAYS[2]]
    assert "\nhello-202511040900 exists and is kept\n" in err


def test_missing_leaves_out_what_has_succeeded(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def recent(at: str, outcome: str = "Succeeded", **more: Any) -> dict[str, Any]:
        return {"scheduledTime": at, "outcome": outcome, "job": "j", **more}

    day = "2025-11-03T{:02}:00:00Z"
    runs = [recent(day.format(1)), recent(day.format(2), "Timeout"), recent(day.format(3), trigger="x")]
    cluster = program.has(
        schedule="0 0-9 * * *", status={"recentRuns": runs, "active": [{"job": "j", "scheduledTime": day.format(4)}]}
    )
    cluster.add("hello-202511030500", day.format(5), "Succeeded")
    cluster.add("hello-202511030600", day.format(6), "Timeout")
    cluster.add("hello-202511030700", day.format(7))
    monkeypatch.setattr(LangGraph, "succeeded", lambda _, uid: [day.format(8), "", uid])
    out, err = program.run("--from 2025-11-03 --to 2025-11-03 --missing --url http://127.0.0.1:1")
    assert cluster.times == [day.format(hour) for hour in (0, 2, 3, 6, 9)]
    assert cluster.created[3]["metadata"]["name"] == "hello-202511030600-2"
    assert "4 runs succeeded already, or active, left out\n" in err
    assert "may count as missing" in err
    assert out.endswith("\n6 runs succeeded\n")


def test_missing_tells_that_the_server_was_not_asked(program: Program) -> None:
    _, err = program.run(f"{WEEK} --missing")
    assert err.startswith(
        "only the status and the GraphRuns are known, because the server was not asked: the spec has no server.url; "
    )
    assert program.cluster.times == DAYS
    _, err = program.run(f"{WEEK} --missing --url http://127.0.0.1:1", code=1)
    assert err.startswith("error: http://127.0.0.1:1 can't be asked")


def test_missing_leaves_out_what_may_still_start(program: Program) -> None:
    today = f"--from {datetime.now(UTC) - timedelta(minutes=10):%Y-%m-%dT%H:%M:%SZ} --to 2100-01-01 --dry-run"
    program.has(schedule="* * * * *", startingDeadlineSeconds=300)
    every, missing = (list(yaml.safe_load_all(program.run(f"{today}{more}")[0])) for more in ("", " --missing"))
    assert len(every) - len(missing) == 5


def test_run_that_fails_sets_the_exit_code(program: Program) -> None:
    program.cluster.outcomes = {"hello-202511030900": "Skipped", "hello-202511040900": "GraphError"}
    out, err = program.run(f"{WEEK} -n agents", code=1)
    assert [line.split()[5] for line in out.splitlines()] == ["Skipped", "GraphError", "Succeeded"]
    assert err.splitlines()[-1] == (
        "error: 2 of 3 runs did not succeed; graphcron backfill hello --from 2025-11-03 --to 2025-11-05 --missing "
        "-n agents runs them again"
    )


def test_graphrun_that_is_deleted_did_not_succeed(program: Program) -> None:
    cluster = program.cluster
    cluster.on_look = lambda: cluster.runs.pop("hello-202511040900", None) and None
    out, err = program.run(WEEK, code=1)
    assert "hello-202511040900  was deleted\n" in out
    assert "error: 1 of 3 runs did not succeed" in err


def test_interrupt_names_what_continues_and_the_same_command_goes_on(program: Program) -> None:
    def interrupt() -> None:
        if len(program.cluster.created) == 2:
            raise KeyboardInterrupt

    program.cluster.on_look = interrupt
    out, err = program.run(f"{WEEK} --parallel 1 -n agents", code=1)
    assert len(out.splitlines()) == 1
    command = "graphcron backfill hello --from 2025-11-03 --to 2025-11-05 -n agents"
    assert err.splitlines()[-1] == (
        f"error: stopped; hello-202511040900 continues and 1 run did not start; resume with {command}"
    )
    program.cluster.on_look = lambda: None
    out, _ = program.run(command.removeprefix("graphcron backfill hello "))
    assert out.endswith("\n2 runs succeeded\n")
    assert program.cluster.times == DAYS


def test_command_that_goes_on_has_all_options(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("MY_KEY", "key")
    monkeypatch.setattr(LangGraph, "succeeded", lambda *_: [])
    program.cluster.on_look = interrupt
    options = "--missing --parallel 2 --url http://langgraph:8000 --api-key-env MY_KEY --yes --context c"
    _, err = program.run(f"{WEEK} {options}", code=1)
    assert err.endswith(f"; resume with graphcron backfill hello {WEEK} {options}\n")
    assert "stopped; hello-202511030900, hello-202511040900 continue and 1 run did not start; " in err


def test_interrupt_of_a_request_counts_its_graphrun_as_active(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Kubectl, "create", interrupted)
    _, err = program.run(f"{WEEK} --parallel 2", code=1)
    assert "stopped; hello-202511030900 continues and 2 runs did not start; " in err


def test_refusal_names_what_continues(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    create = Kubectl.create

    def refused(kubectl: Kubectl, body: dict[str, Any]) -> dict[str, Any]:
        if body["metadata"]["name"] == "hello-202511040900":
            raise CliError("you may not create graphruns")
        return create(kubectl, body)

    monkeypatch.setattr(Kubectl, "create", refused)
    _, err = program.run(f"{WEEK} --parallel 2", code=1)
    assert "error: you may not create graphruns; hello-202511030900 continues and 2 runs did not start; " in err


def test_operator_that_does_not_run_is_noticed(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "TAKEN_SECONDS", -1)
    _, err = program.run(WEEK, code=1)
    assert "the operator has not taken hello-202511030900 within -1 s; graphcron doctor shows whether it runs" in err


@pytest.mark.parametrize(
    ("range_", "said"),
    [
        ("--from yesterday --to 2025-11-03", "invalid value for --from: 'yesterday' is not a day or time; write 2026"),
        ("--from 2025-11-03 --to 2025-13-03", "invalid value for --to: '2025-13-03' is not a day or time"),
        ("--from 2025-11-03 --to 2025-11-02", "invalid value for --to: is earlier than --from"),
        ("--from 0001-01-01 --to 2025-11-02", "invalid value for --from: '0001-01-01' is not a day or time"),
        ("--from 2025-11-03", "missing option '--to'"),
        (f"{WEEK} --parallel 0", "invalid value for '--parallel'"),
    ],
)
def test_wrong_range_is_one_line(program: Program, range_: str, said: str) -> None:
    _, err = program.run(range_, code=2)
    assert err.startswith(f"error: {said}")
    assert len(err.splitlines()) == 1


def test_too_many_occurrences_are_refused(program: Program) -> None:
    program.has(schedule="* * * * *")
    _, err = program.run("--from 2025-11-01 --to 2025-11-30", code=1)
    assert err == "error: more than 10,000 runs were due in this range; choose a shorter one\n"


def test_day_that_a_zone_skips_is_refused(program: Program) -> None:
    program.has(timeZone="Pacific/Apia")
    _, err = program.run("--from 2011-12-30 --to 2012-01-01", code=2)
    assert "'2011-12-30' is not a day or time" in err


def test_names_fit_and_differ() -> None:
    at = datetime(2025, 11, 3, 9, 0, tzinfo=UTC)
    assert name_of("a" * 39, at) == f"{'a' * 39}-202511030900"
    long = [name_of("a" * 39 + "." + each, at, number) for each in ("a", "b") for number in (1, 2)]
    assert len({*long, name_of("a" * 39, at, 2), name_of("a" * 40, at)}) == 6
    assert max(map(len, long)) <= 52
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", each) for each in long)


@pytest.mark.parametrize(
    ("first", "last", "label"),
    [
        ("2025-11-03", "2025-11-05", "2025-11-03--2025-11-05"),
        ("2025-11-03T09:00:00+01:00", "2025-11-05T09:00", "20251103T080000Z--20251105T080000Z"),
    ],
)
def test_label_is_valid(first: str, last: str, label: str) -> None:
    assert plan.label_of(first, last, zone_for("Europe/Berlin")) == label
    assert LABEL.fullmatch(label)
