"""What tables show, and what verbs decide: values in, text out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from graphcron.api import names
from graphcron.api.v1alpha1 import History
from graphcron.cli.app import CliError
from graphcron.cli.files import manifests
from graphcron.cli.options import Output
from graphcron.cli.printing import columns, output
from graphcron.cli.runs import following
from graphcron.cli.verbs import cancel, export, list_, logs, run, top

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def graphcron(name: str = "hello", *, status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    found = {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphCron",
        "metadata": {"name": name, "namespace": "agents", "creationTimestamp": "2026-11-19T12:00:00Z"},
        "spec": {"assistant": "agent", "schedule": "0 9 * * *", **spec},
    }
    return found | ({"status": status} if status is not None else {})


def ended(hours: float, outcome: str = "Succeeded", **more: Any) -> dict[str, Any]:
    """Return a run that was due so many hours ago."""
    return {"scheduledTime": (NOW - timedelta(hours=hours)).isoformat(), "outcome": outcome, **more}


def condition(kind: str, status: str, reason: str = "Why") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": "A sentence."}


def shown(columns: tuple[output.Column, ...], of: dict[str, Any]) -> dict[str, str]:
    return {column.title: column.text(of) for column in columns}


def test_a_row_of_the_list():
    row = shown(
        columns.graphcron_columns(now=NOW, everywhere=True),
        graphcron(
            timeZone="Europe/Berlin",
            thread={"per": "week"},
            serverRef={"name": "main"},
            status={
                "conditions": [condition("Ready", "True", "Suspended")],
                "active": [{"job": "hello-1"}],
                "nextScheduleTime": "2026-11-22T17:00:00Z",
                "recentRuns": [ended(3, tokens=12345, tokensAtLeast=True, cost="0.5"), ended(4, "GraphError")],
            },
        ),
    )
    assert row == {
        "namespace": "agents",
        "name": "hello",
        "schedule": "0 9 * * *",
        "zone": "Europe/Berlin",
        "ready": "True",
        "state": "Suspended",
        "active": "1",
        "last": "Succeeded",
        "ago": "3h",
        "next": "in 5h",
        "age": "3d",
        "assistant": "agent",
        "thread": "one per week",
        "server": "GraphServer main",
        "tokens": "≥12,345",
        "cost": "≥0.5",
    }


def test_a_graphcron_that_the_operator_has_not_seen_has_a_row():
    row = shown(columns.graphcron_columns(now=NOW, everywhere=False), graphcron(schedules=["0 9 * * *", "0 17 * * *"]))
    assert "namespace" not in row
    assert row["schedule"] == "0 9 * * *, 0 17 * * *"
    assert row["zone"] == "Etc/UTC"
    assert {row[title] for title in ("ready", "state", "active", "last", "ago", "next", "tokens")} == {""}


def test_expected_state_has_no_remark():
    found = graphcron(status={"conditions": [condition("Ready", "True", "Reconciled")]})
    assert shown(columns.graphcron_columns(now=NOW, everywhere=False), found)["state"] == ""


@pytest.mark.parametrize(
    ("by", "order"),
    [("name", ["a", "b", "c"]), ("next", ["c", "a", "b"]), ("last", ["b", "a", "c"])],
)
def test_the_list_is_sorted(by: str, order: list[str]):
    found = [
        graphcron("c", status={"nextScheduleTime": "2026-11-23T00:00:00Z"}),
        graphcron("b", status={"recentRuns": [ended(1)]}),
        graphcron("a", status={"nextScheduleTime": "2026-11-24T00:00:00Z", "recentRuns": [ended(2)]}),
    ]
    assert [each["metadata"]["name"] for each in columns.in_order(found, by)] == order


@pytest.mark.parametrize(
    ("ready", "target", "state"),
    [
        (("True", "Reconciled"), ("False", "AssistantNotFound"), "AssistantNotFound"),
        (("True", "Suspended"), ("False", "ServerUnreachable"), "Suspended, ServerUnreachable"),
        (("True", "Paused"), ("True", "Resolved"), "Paused"),
        (("True", "Reconciled"), ("Unknown", "Checking"), ""),
        (("True", "Suspended"), ("Unknown", "FailedCreate"), "Suspended, FailedCreate"),
        (("False", "InvalidSpec"), ("False", "AssistantNotFound"), "InvalidSpec"),
    ],
)
def test_the_state_says_what_is_wrong_with_the_target(
    ready: tuple[str, str], target: tuple[str, str], state: str
) -> None:
    conditions = [condition("TargetResolved", *target), condition("Ready", *ready)]
    listed = columns.graphcron_columns(now=NOW, everywhere=False)
    assert shown(listed, graphcron(status={"conditions": conditions}))["state"] == state


def test_unsuccessful_run_shows_its_server_ids():
    ids = {"threadId": "t1", "runId": "r1"}
    failed = [ended(1, "Skipped"), ended(2, "GraphError", **ids), ended(3)]
    assert columns.failed_run(graphcron(status={"recentRuns": failed})) == [("Thread", "t1"), ("Run", "r1")]
    assert columns.failed_run(graphcron(status={"recentRuns": [ended(1, **ids), *failed]})) == []
    assert columns.failed_run(graphcron(status={"recentRuns": [ended(1, "ServerUnreachable"), *failed]})) == []
    assert columns.failed_run(graphcron()) == []


def test_a_row_of_the_history():
    listed = columns.run_columns("Europe/Berlin")
    row = shown(listed, ended(24, durationSeconds=75.4, tokens=0, job="hello-1", trigger="now"))
    assert row["due"] == "Sat 2026-11-21 13:00 +0100"
    assert (row["duration"], row["tokens"], row["cost"], row["by"]) == ("75s", "0", "", "request")
    skipped = shown(listed, ended(1, "Skipped", reason="BudgetExceeded", count=5))
    assert (skipped["reason"], skipped["duration"], skipped["by"]) == ("BudgetExceeded ×5", "", "schedule")
    assert columns.duration_of({"durationSeconds": 1.26}) == "1.3s"


def test_link_to_the_run_is_shown():
    link = "https://ui.example.com/r1"
    found = graphcron(status={"recentRuns": [ended(1, "Skipped"), ended(2, url=link), ended(3, url="https://x")]})
    assert dict(columns.facts(found))["Last run"] == link
    assert shown(columns.run_columns("Etc/UTC"), ended(2, url=link))["link"] == link
    assert "Last run" not in dict(columns.facts(graphcron(status={"recentRuns": [ended(1)]})))


def test_facts_say_what_an_h_became():
    facts = dict(columns.facts(graphcron(schedule="H 9 * * *", status={"schedules": ["47 9 * * *"], "missedRuns": 2})))
    assert facts["Schedule"] == "H 9 * * * (47 9 * * *)"
    assert facts["In words"] == "At 09:47"
    assert facts["Missed"] == "2"
    assert "In words" not in dict(columns.facts(graphcron(schedule="H/15 * * * *")))
    assert dict(columns.facts(graphcron(schedule="0 9 * * THU")))["In words"] == "At 09:00, only on Thursday"
    assert facts["Thread"] == "a fresh one for each run"
    assert facts["Server"] == "the operator's default"


def test_next_times_stand_in_the_crons_zone():
    found = graphcron(timeZone="Europe/Berlin", status={"nextScheduleTimes": ["2026-11-23T08:00:00Z"]})
    ((there, here, until),) = columns.next_rows(found, now=NOW)
    assert there == "Mon 2026-11-23 09:00 +0100"
    assert here
    assert until == "in 20h"


def test_a_budget_is_told_against_its_limits():
    budget = {"maxTokens": 2000, "maxCost": "12.50", "window": "day", "maxTokensPerRun": 1500}
    used = {"tokens": 500, "cost": "1.25", "windowEnd": "2026-11-23T00:00:00Z"}
    assert columns.budget_lines(graphcron(budget=budget, status={"budget": used})) == [
        "500 tokens of 2,000 (25%)",
        "cost 1.25 of 12.50 (10%)",
        "the window ends Mon 2026-11-23 00:00 +0000",
        "a run may use 1,500 tokens",
    ]
    assert columns.budget_lines(graphcron(budget={})) == ["0 tokens"]
    assert columns.budget_lines(graphcron()) == []


def test_usage_is_summed_within_the_time():
    recent = [
        ended(1, tokens=100, cost="0.10"),
        ended(2, "GraphError", tokens=50, cost="0.05", tokensAtLeast=True),
        ended(3, "Skipped", count=4),
        ended(30, tokens=1000, cost="1"),
    ]
    used = top.usage(graphcron(status={"recentRuns": recent}), recent, begin=NOW - timedelta(hours=24))
    assert used == {
        "namespace": "agents",
        "name": "hello",
        "runs": 2,
        "succeeded": 1,
        "skipped": 4,
        "tokens": 150,
        "cost": "0.15",
        "tokensAtLeast": True,
        "incomplete": False,
    }
    other = top.usage(graphcron("other", status={}), [], begin=NOW)
    assert "cost" not in other
    assert top.total([used, other]) == used | {"namespace": "", "name": "total"}


@pytest.mark.parametrize(("hours", "incomplete"), [(24, True), (1.5, False)])
def test_usage_tells_where_the_history_may_not_reach(hours: float, incomplete: bool):
    found = graphcron(history={"runs": 2}, status={"recentRuns": [ended(1, tokens=3), ended(2)]})
    used = top.usage(found, columns.runs_of(found), begin=NOW - timedelta(hours=hours))
    assert used["incomplete"] is incomplete
    row = shown(columns.usage_columns(everywhere=False), used)
    assert (row["runs"], row["tokens"]) == (("2+", "3+") if incomplete else ("1", "3"))


def test_the_history_is_as_long_by_default_as_the_model_says():
    assert History().runs == top.DEFAULT_RUNS


def job(name: str, *conditions: dict[str, str], created: str = "2026-11-22T12:00:00Z", **metadata: Any):
    return {"metadata": {"name": name, "creationTimestamp": created, **metadata}, "status": {"conditions": conditions}}


def test_active_jobs():
    preflight = {"graphcron.dev/purpose": "preflight"}
    jobs = [
        job("second", created="2026-11-22T12:05:00Z"),
        job("first", {"type": "SuccessCriteriaMet", "status": "True"}, {"type": "Failed", "status": "False"}),
        job("done", {"type": "Complete", "status": "True"}),
        job("failed", {"type": "Failed", "status": "True"}),
        job("going", deletionTimestamp="2026-11-22T12:01:00Z"),
        job("look", labels=preflight),
    ]
    assert [job["metadata"]["name"] for job in cancel.active(jobs)] == ["first", "second"]
    both = [{"metadata": {"name": name}} for name in "ab"]
    assert cancel.chosen(both, name="hello", run=None) == both
    assert cancel.chosen(both, name="hello", run="b") == both[1:]
    with pytest.raises(CliError, match="hello has no active run with the Job c; active are a, b"):
        cancel.chosen(both, name="hello", run="c")
    with pytest.raises(CliError, match="no run is active"):
        cancel.chosen([], name="hello", run="c")


def pod_of(name: str, of: str, created: str, **labels: str) -> dict[str, Any]:
    job_name = {"batch.kubernetes.io/job-name": of}
    return {"metadata": {"name": name, "creationTimestamp": created, "labels": job_name | labels}}


def test_pods_whose_log_is_meant():
    pods = logs.pods_of_runs(
        [
            pod_of("c", "job-2", "2026-11-22T12:02:00Z"),
            pod_of("a", "job-1", "2026-11-22T12:00:00Z"),
            pod_of("b", "job-3", "2026-11-22T12:03:00Z", **{"graphcron.dev/purpose": "preflight"}),
        ]
    )
    found = graphcron(
        status={"recentRuns": [ended(1, runId="run-1", job="job-1"), ended(2, runId="run-0", job="gone")]}
    )
    assert [each["metadata"]["name"] for each in pods] == ["a", "c"]
    assert logs.job_of(found, pods, logs.LATEST) == "job-2"
    assert logs.job_of(found, pods, "run-1") == "job-1"
    assert logs.job_of(found, pods, "job-1") == "job-1"
    with pytest.raises(CliError, match="hello has no pod of run run-0"):
        logs.job_of(found, pods, "run-0")
    with pytest.raises(CliError, match="hello has no pod;"):
        logs.job_of(found, [], logs.LATEST)


def test_the_run_whose_answer_is_meant():
    skipped, first, second = ended(1, "Skipped"), ended(2, runId="r2", job="j2"), ended(3, runId="r1", job="j1")
    found = graphcron(status={"recentRuns": [skipped, first, second]})
    assert logs.ended_run(found, logs.LATEST) == first
    assert logs.ended_run(found, "r1") == logs.ended_run(found, "j1") == second
    with pytest.raises(CliError, match="hello has no such run"):
        logs.ended_run(found, "r3")
    assert logs.server_of(graphcron(server={"url": "http://langgraph"})) == "http://langgraph"
    with pytest.raises(CliError, match="--url"):
        logs.server_of(graphcron())


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("hi", "hi"),
        ([{"type": "text", "text": "a"}, {"type": "image"}, "b"], "a\nb"),
        (None, ""),
    ],
)
def test_the_last_message(content: Any, text: str):
    state = {"values": {"messages": [{"content": "question"}, {"content": content}]}}
    assert logs.answer_in(state) == text


@pytest.mark.parametrize(
    "values", [None, [1], {}, {"report": "é", "n": 1}, {"messages": []}, {"messages": "hi"}, {"messages": ["hi"]}]
)
def test_of_a_state_without_messages_all_is_told(values: Any):
    told = logs.answer_in({"values": values, "next": []})
    assert json.loads(told) == values
    assert "\\u" not in told


def test_what_is_no_state_has_no_answer():
    with pytest.raises(CliError, match="left no state"):
        logs.answer_in({"detail": "x"})


@pytest.mark.parametrize(("state", "has_log"), [("waiting", False), ("running", True), ("terminated", True)])
def test_a_pod_has_a_log_once_its_container_has_started(state: str, has_log: bool):
    others = [{"name": "mesh", "state": {"running": {}}}]
    of_ours = {"name": names.CONTAINER, "state": {state: {}}}
    assert logs.started({"status": {"containerStatuses": [*others, of_ours]}}) is has_log
    assert not logs.started({"status": {"containerStatuses": others}})
    assert not logs.started({})


def test_the_run_that_was_asked_for_is_found():
    found = graphcron(status={"recentRuns": [ended(1, job="b"), ended(2, trigger="mine"), ended(3, trigger="theirs")]})
    assert following.told(found, "mine", None) == ended(2, trigger="mine")
    assert following.told(found, "new", "b") == ended(1, job="b")
    assert following.told(found, "new", None) is None
    assert following.told(graphcron(), "new", "b") is None
    jobs = [job("a"), job("b", annotations={"graphcron.dev/trigger": "mine"})]
    assert following.job_of(jobs, "mine") == "b"
    assert following.job_of(jobs, "new") is None


def test_the_end_of_a_run_in_words():
    assert run.sentence(ended(1, "Timeout")) == "Timeout"
    assert (
        run.sentence(ended(1, "GraphError", reason="KeyError", message="It\nraised."))
        == "GraphError, KeyError: It raised"
    )


def test_what_is_exported_is_what_a_person_wrote():
    found = graphcron(status={"schedule": "0 9 * * *"})
    found["metadata"] |= {
        "uid": "1",
        "resourceVersion": "7",
        "generation": 2,
        "labels": {"team": "a"},
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "graphcron.dev/run-requested-at": "x",
        },
    }
    manifest = export.manifest_of(found)
    assert manifest["metadata"] == {"name": "hello", "namespace": "agents", "labels": {"team": "a"}}
    assert list(manifest) == ["apiVersion", "kind", "metadata", "spec"]
    assert found["metadata"]["annotations"], "what was given is left as it is"


def test_yaml_as_people_write_it():
    value = {"b": "two\nlines\n", "a": ["30 8 * * *", "é", "2026-12-25"]}
    text = manifests.written(value)
    assert text.startswith("b: |\n  two\n  lines\na:\n- ")
    assert "é" in text
    assert yaml.safe_load(text) == value


def test_events_of_a_watch():
    metadata = {"name": "hello", "managedFields": [{"manager": "me"}]}
    lines = [json.dumps({"type": kind, "object": {"metadata": metadata}}) for kind in ("ADDED", "DELETED")]
    found = {"metadata": {"name": "hello"}}
    assert list(list_.changes(lines)) == [("ADDED", found), ("DELETED", found)]


def test_a_table_is_cut_nowhere_and_means_no_markup(capsys: pytest.CaptureFixture[str]):
    long = "x" * 300
    columns = (
        output.Column("name", lambda each: each["name"]),
        output.Column("last", lambda each: each["last"], outcome=True),
        output.Column("more", lambda each: each["more"], wide=True),
    )
    objects = [{"name": "[bold]a[/bold]", "last": "Succeeded", "more": long}]
    output.show(objects, columns, Output.WIDE)
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["NAME", "LAST", "MORE"]
    assert row.split() == ["[bold]a[/bold]", "Succeeded", long]
    assert row.index("Succeeded") == header.index("LAST")
    output.show(objects, columns, Output.TABLE)
    assert long not in capsys.readouterr().out


def test_a_row_below_stands_in_line(capsys: pytest.CaptureFixture[str]):
    output.table(["name", "last"], [["a", "b"]], below=[[output.Cell("longer", "green"), "x"]])
    (row,) = capsys.readouterr().out.splitlines()
    assert row == "a        b"


def test_a_terminal_that_is_narrow_cuts_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    output.table(["name", "last"], [["a" * 30, output.Cell("GraphError", "red")]])
    text = capsys.readouterr().out
    assert "a" * 30 in text
    assert "\x1b[31mGraphError\x1b[0m" in text
