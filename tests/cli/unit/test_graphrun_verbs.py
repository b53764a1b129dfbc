"""``run``, ``cancel``, ``logs``, ``describe``, ``history`` and ``top`` on GraphRuns, with a stand-in for the cluster."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron.api.v1alpha1 import run_problems
from graphcron.cli import completion
from graphcron.cli.runs import following
from tests.cli.offline.program import manifest
from tests.cli.unit.fake_cluster import NAMESPACE, FakeCluster, graphcron_command
from tests.cli.unit.test_graphruns import graphrun

if TYPE_CHECKING:
    from pathlib import Path

HINT = f"-n {NAMESPACE}"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """Return a cluster with the GraphCron hello."""
    monkeypatch.setattr(following, "LOOK_SECONDS", 0)
    found = FakeCluster(manifest())
    found.install(monkeypatch)
    return found


def run(*arguments: str) -> Any:
    return graphcron_command(*arguments, "--namespace", NAMESPACE)


def ends(cluster: FakeCluster, outcome: str, *, condition: str = "Complete", **status: Any) -> None:
    """Let the operator end a GraphRun: it waits, then has a Job, then is over."""
    seen: list[int] = []

    def on_get(found: dict[str, Any]) -> None:
        if found["kind"] != "GraphRun":
            return
        seen.append(1)
        job = {"job": f"{found['metadata']['name']}-1"}
        waits = {"type": "Reconciling", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
        over = {"type": condition, "status": "True", "reason": outcome, "message": ""}
        states = [{}, {"conditions": [waits]}, {"conditions": [waits]}, job, {"conditions": [over], **job}]
        found["status"] = states[min(len(seen), len(states)) - 1]
        if len(seen) >= len(states):
            found["status"] = {**found["status"], "outcome": outcome, **status}

    cluster.on_get = on_get


def test_a_bare_run_annotates_and_creates_nothing(cluster: FakeCluster):
    done = run("run", "hello")
    assert (done.code, done.err, cluster.created) == (0, "", [])
    assert "graphcron.dev/run-requested-at" in cluster.objects["graphcrons", "hello"]["metadata"]["annotations"]


def test_a_run_with_other_input_creates_a_graphrun(cluster: FakeCluster, tmp_path: Path):
    (tmp_path / "config.json").write_text('{"tags": ["manual"]}')
    done = run(
        *("run", "hello", "--input", '{"city": "Köln"}', "--config", f"@{tmp_path}/config.json"),
        *("--metadata", '{"by": "ann"}', "--scheduled-time", "2026-11-01T08:00:00Z"),
    )
    [body] = cluster.created
    name = body["metadata"]["name"]
    hint = f"graphcron describe graphrun/{name} {HINT}"
    assert done == (0, f"the GraphRun {name} is created; {hint} shows how it ends\n", "")
    assert body["metadata"] == {"name": name, "namespace": NAMESPACE}
    assert name.startswith("hello-")
    assert body["spec"] == {
        "graphCronRef": {"name": "hello"},
        "input": {"city": "Köln"},
        "config": {"tags": ["manual"]},
        "metadata": {"by": "ann"},
        "scheduledTime": "2026-11-01T08:00:00Z",
    }


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_dry_run_prints_the_graphrun_and_asks_nobody(form: str, monkeypatch: pytest.MonkeyPatch):
    FakeCluster().install(monkeypatch)
    done = graphcron_command("run", "hello", "--runtime-context", "{}", "--dry-run", "-o", form)
    body = yaml.safe_load(done.out)
    assert (done.code, done.err, run_problems(body)) == (0, "", [])
    assert body["spec"] == {"graphCronRef": {"name": "hello"}, "context": {}}
    assert list(body["metadata"]) == ["name"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ("--input", "{a: 1}"),
            2,
            "is not valid JSON: a string in double quotes is missing or malformed (line 1, column 2)",
        ),
        (("--input", "1 2"), 2, "is not valid JSON: it has 2 values instead of one (line 1, column 1)"),
        (("--input", ""), 2, "is not valid JSON: it has 0 values instead of one (line 1, column 1)"),
        (("--config", "@/none.json"), 2, "/none.json can't be read: No such file or directory"),
        (("--config", "[]"), 1, "error: spec.config: "),
        (("--config", '{"configurable": {"a": 1}}', "--runtime-context", '{"a": 1}'), 1, "error: spec."),
        (("--scheduled-time", "yesterday"), 1, "error: spec.scheduledTime: "),
        (("--input", "{}", "--dry-run", "--wait"), 2, "starts nothing to wait for"),
        (("--logs", "-o", "json"), 2, "can't be combined with -o"),
    ],
)
def test_what_can_not_be_is_refused_before_anything_is_created(
    cluster: FakeCluster, words: tuple[str, ...], code: int, said: str
):
    done = run("run", "hello", *words)
    assert (done.code, done.out, cluster.created) == (code, "", [])
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_the_place_in_a_file_is_named(cluster: FakeCluster, tmp_path: Path):
    (tmp_path / "in.json").write_text('{\n  "a": 1,\n}\n')
    done = run("run", "hello", "--input", f"@{tmp_path}/in.json")
    assert f"(line 3, column 1 of {tmp_path}/in.json)" in done.err


def test_a_graphcron_that_does_not_exist_gets_no_graphrun(cluster: FakeCluster):
    done = run("run", "helo", "--input", "{}")
    assert (done.code, cluster.created) == (1, [])
    assert "did you mean hello?" in done.err


def test_who_may_not_create_graphruns_is_told_which_role_may(cluster: FakeCluster):
    cluster.forbidden.add(("create", "graphruns"))
    done = run("run", "hello", "--input", "{}")
    said = f"ann may not create graphruns in the namespace {NAMESPACE}; ask for the ClusterRole graphcron-run there"
    assert (done.code, done.err) == (1, f"error: {said}\n")


@pytest.mark.parametrize(
    ("outcome", "condition", "code"),
    [
        ("Succeeded", "Complete", 0),
        ("Interrupted", "Complete", 3),
        ("Skipped", "Complete", 1),
        ("Timeout", "Failed", 1),
    ],
)
def test_waiting_ends_with_the_outcome(cluster: FakeCluster, outcome: str, condition: str, code: int):
    ends(cluster, outcome, condition=condition, durationSeconds=1.5, tokens=1234)
    done = run("run", "hello", "--input", "{}", "--wait")
    name = cluster.created[0]["metadata"]["name"]
    waits, *last = (done.err + done.out).splitlines()
    assert waits == f"the GraphRun {name} waits: exceeded quota"
    assert done.code == code
    if code:
        more = f"graphcron describe graphrun/{name} {HINT} shows more"
        assert last == [f"error: the GraphRun {name} ended with {outcome}; {more}"]
    else:
        assert last == [f"the GraphRun {name} succeeded (1.5s, 1,234 tokens)"]


def test_waiting_prints_the_entry_and_the_log(cluster: FakeCluster):
    ends(cluster, "Succeeded", runId="r")
    name = yaml.safe_load(run("run", "hello", "--input", "{}", "--dry-run").out)["metadata"]["name"]
    done = run("run", "hello", "--input", "{}", "-o", "json")
    name = cluster.created[0]["metadata"]["name"]
    entry = {"scheduledTime": "2026-11-22T12:00:00Z", "graphRun": name, "outcome": "Succeeded", "job": f"{name}-1"}
    assert json.loads(done.out) == {**entry, "runId": "r"}
    assert (
        run("run", "hello", "--input", "{}", "-o", "name").out == f"graphrun/{cluster.created[1]['metadata']['name']}\n"
    )


def test_a_graphrun_that_is_deleted_meanwhile_is_told(cluster: FakeCluster):
    cluster.on_get = lambda found: cluster.objects.pop(("graphruns", found["metadata"]["name"]), None)
    done = run("run", "hello", "--input", "{}", "--wait")
    name = cluster.created[0]["metadata"]["name"]
    assert (done.code, done.err) == (
        1,
        f"error: the GraphRun {name} was deleted, and its run was cancelled with it\n",
    )


def test_a_graphrun_that_no_operator_sees_is_told(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(following, "TAKEN_SECONDS", 0)
    done = run("run", "hello", "--input", "{}", "--wait")
    assert done.err.startswith(
        "error: the operator has not taken the request within 0 s; graphcron describe graphrun/hello-"
    )


def test_a_time_limit_names_the_command_that_cancels(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(following.time, "monotonic", iter(range(0, 1000, 10)).__next__)
    ends(cluster, "Succeeded")
    done = run("run", "hello", "--input", "{}", "--wait", "--timeout", "5s")
    name = cluster.created[0]["metadata"]["name"]
    cancel = f"graphcron cancel graphrun/{name} {HINT}"
    assert done.err == f"error: the GraphRun {name} has not ended in time, and continues; {cancel} ends it\n"


def job(name: str, uid: str) -> dict[str, Any]:
    return {"kind": "Job", "apiVersion": "batch/v1", "metadata": {"name": name, "labels": {"graphcron.dev/uid": uid}}}


@pytest.mark.parametrize("name", ["graphrun/once", "graphruns/once", "grun/once", "graphrun.graphcron.dev/once"])
def test_cancelling_deletes_the_job_and_keeps_the_graphrun(cluster: FakeCluster, name: str):
    cluster.put(graphrun(job="once-1"))
    cluster.put(job("once-1", "once-uid"))
    done = run("cancel", name)
    assert done == (0, "once-1 is deleted; its pod cancels the run on the server\n", "")
    assert cluster.deleted == [("jobs", "once-1")]


def test_cancelling_deletes_a_graphrun_without_a_job_or_without_the_right(cluster: FakeCluster):
    cluster.put(graphrun())
    assert run("cancel", "graphrun/once").out == "graphrun/once is deleted; it had no Job yet\n"
    cluster.put(graphrun("two", job="two-1"))
    cluster.forbidden.add(("delete", "jobs"))
    said = "graphrun/two is deleted; its Job two-1 ends, and its pod cancels the run on the server\n"
    assert run("cancel", "graphrun/two").out == said
    assert cluster.deleted == [("graphruns", "once"), ("graphruns", "two")]


def test_a_finished_graphrun_is_kept(cluster: FakeCluster):
    cluster.put(graphrun(job="once-1", conditions={"Failed": "Timeout"}))
    assert run("cancel", "graphrun/once").out == "graphrun/once has no active run\n"
    assert cluster.deleted == []


def test_cancelling_a_graphcron_cancels_its_graphruns(cluster: FakeCluster):
    cluster.put(job("hello-1", "hello-uid"))
    cluster.put(graphrun(job="once-1"))
    cluster.put(graphrun("over", job="over-1", conditions={"Complete": "Succeeded"}))
    cluster.put(graphrun("other", spec={"graphCronRef": {"name": "other"}}, job="other-1"))
    assert run("cancel", "hello", "--run", "graphrun/once").out.startswith("once-1 is deleted;")
    assert run("cancel", "hello", "--run", "other-1").err == (
        "error: hello has no active run with the Job other-1; active are hello-1\n"
    )
    assert cluster.deleted == [("jobs", "once-1")]
    assert [line.split()[0] for line in run("cancel", "hello").out.splitlines()] == ["hello-1", "once-1"]
    cluster.deleted.clear()
    cluster.put(job("hello-1", "hello-uid"))
    assert run("cancel", "hello", "-o", "name").out == "job.batch/hello-1\ngraphrun.graphcron.dev/once\n"


def pod(name: str, owner: str, uid: str, minute: int) -> dict[str, Any]:
    labels = {"batch.kubernetes.io/job-name": owner, "graphcron.dev/uid": uid, "graphcron.dev/purpose": "run"}
    status = {"containerStatuses": [{"name": "runner", "state": {"terminated": {}}}]}
    metadata = {"name": name, "labels": labels, "creationTimestamp": f"2026-11-22T12:{minute:02}:00Z"}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "status": status}


def test_logs_of_a_graphrun_and_of_its_graphcron(cluster: FakeCluster):
    recent = [
        {
            "scheduledTime": "2026-11-22T12:00:00Z",
            "graphRun": "once",
            "job": "once-1",
            "runId": "r",
            "outcome": "Succeeded",
        }
    ]
    cluster.put({**manifest(), "status": {"recentRuns": recent}})
    cluster.put(graphrun(job="once-1", runId="r", conditions={"Complete": "Succeeded"}))
    cluster.put(pod("a", "hello-1", "hello-uid", 0))
    cluster.put(pod("b", "once-1", "once-uid", 1))
    cluster.logs = {"a": "of the schedule\n", "b": "of the GraphRun\n"}
    assert run("logs", "graphrun/once").out == "of the GraphRun\n"
    assert run("logs", "graphrun/once", "--run", "r").out == "of the GraphRun\n"
    assert run("logs", "hello").out == "of the GraphRun\n"
    for which in ("graphrun/once", "once-1", "r"):
        assert run("logs", "hello", "--run", which).out == "of the GraphRun\n", which
    assert run("logs", "hello", "--run", "hello-1").out == "of the schedule\n"
    cluster.put(graphrun("late"))
    assert run("logs", "graphrun/late").err.startswith("error: graphrun/late has no pod; ")
    said = run("logs", "graphrun/late", "--answer").err
    assert (
        said
        == f"error: graphrun/late has no such run that has ended; graphcron history graphrun/late -o wide {HINT} lists them\n"
    )


def test_history_marks_the_runs_of_graphruns(cluster: FakeCluster):
    recent = [
        {"scheduledTime": "2026-11-22T12:00:00Z", "outcome": "Succeeded", "job": "hello-1"},
        {"scheduledTime": "2026-11-22T11:00:00Z", "graphRun": "once", "outcome": "Timeout", "job": "once-1"},
    ]
    cluster.put({**manifest(), "status": {"recentRuns": recent}})
    over = {"Complete": "Succeeded"}
    cluster.put(graphrun(outcome="Timeout", conditions={"Failed": "Timeout"}, job="once-1"))
    past = {"graphCronRef": {"name": "hello"}, "scheduledTime": "2026-11-01T00:00:00Z"}
    cluster.put(graphrun("older", spec=past, outcome="Succeeded", conditions=over, job="older-1"))
    cluster.put(graphrun("active"))
    rows = [line.split() for line in run("history", "hello").out.splitlines()[1:]]
    assert [(row[4], row[-2], row[-1]) for row in rows] == [
        ("Succeeded", "schedule", "hello-1"),
        ("Timeout", "graphrun/once", "once-1"),
        ("Succeeded", "graphrun/older", "older-1"),
    ]
    assert json.loads(run("history", "hello", "-o", "json").out)[:2] == recent
    cluster.put(graphrun("alone", spec={"assistant": "agent"}, outcome="Succeeded", conditions=over, job="alone-1"))
    cluster.put(graphrun("left", spec={"graphCronRef": {"name": "gone"}}, outcome="Cancelled", conditions=over))
    everything = json.loads(run("history", "-o", "json").out)
    assert [(each["name"], each.get("graphRun")) for each in everything] == [
        ("hello", None),
        ("hello", "once"),
        ("graphrun/alone", "alone"),
        ("gone", "left"),
        ("hello", "older"),
    ]
    [one] = json.loads(run("history", "graphrun/alone", "-o", "json").out)
    assert one == {
        "scheduledTime": "2026-11-22T11:00:00Z",
        "graphRun": "alone",
        "outcome": "Succeeded",
        "job": "alone-1",
    }
    assert run("history", "graphrun/active").err == "no run of graphrun/active has ended yet\n"
    assert run("history", "graphrun/alone", "-l", "a=b").code == 2


def test_history_works_without_the_right_to_see_graphruns(cluster: FakeCluster):
    cluster.forbidden.add(("list", "graphruns"))
    assert run("history").err == "no run has ended yet\n"
    assert run("describe", "hello").code == 0
    assert run("cancel", "hello").out == "hello has no active run\n"


def test_top_counts_each_run_once(cluster: FakeCluster):
    began = {"startTime": "2999-01-01T00:00:00Z"}
    recent = [{"scheduledTime": "2999-01-01T00:00:00Z", "graphRun": "once", "outcome": "Succeeded", "tokens": 5}]
    cluster.put({**manifest(), "status": {"recentRuns": recent}})
    over = {"Complete": "Succeeded"}
    cluster.put(graphrun(outcome="Succeeded", tokens=5, conditions=over, **began))
    past = {"graphCronRef": {"name": "hello"}, "scheduledTime": "2026-11-01T00:00:00Z"}
    cluster.put(graphrun("older", spec=past, outcome="Succeeded", tokens=7, conditions=over, **began))
    cluster.put(graphrun("long-ago", spec=past, outcome="Succeeded", tokens=1000, conditions=over))
    for name in ("alone", "also"):
        alone = {"assistant": "agent"}
        cluster.put(graphrun(name, spec=alone, outcome="Succeeded", tokens=3, conditions=over, **began))
    used = {each["name"]: each["tokens"] for each in json.loads(run("top", "-o", "json").out)}
    assert used == {"hello": 12, "graphrun/*": 6}
    assert run("top", "-o", "name").out == "graphcrons.graphcron.dev/hello\n"


def test_describe_shows_a_graphrun(cluster: FakeCluster):
    spec = {"graphCronRef": {"name": "hello"}, "input": {}, "scheduledTime": "2026-11-01T08:00:00Z"}
    status = {"outcome": "Skipped", "reason": "BudgetExceeded", "message": "It is\nused up.", "job": "once-1"}
    cluster.put(graphrun(spec=spec, conditions={"Complete": "Skipped"}, tokens=1234, **status))
    lines = run("describe", "graphrun/once").out.splitlines()
    assert {
        "Name:       once",
        "GraphCron:  hello",
        "Replaces:   input",
        "Tokens:     1,234",
        "Job:        once-1",
    } <= set(lines)
    assert "Outcome:    Skipped, BudgetExceeded" in lines
    assert ["Complete", "True", "Skipped", "Skipped."] in [line.split() for line in lines]
    assert json.loads(run("describe", "graphrun/once", "-o", "json").out)["kind"] == "GraphRun"
    assert run("describe", "graphrun/once", "-o", "name").out == "graphrun.graphcron.dev/once\n"
    cluster.put(graphrun("alone", spec={"assistant": "agent", "server": {"url": "http://a"}}))
    assert "Server:     http://a" in run("describe", "graphrun/alone").out


def test_describe_shows_the_graphruns_of_a_graphcron(cluster: FakeCluster):
    active = [{"job": "once-1", "graphRun": "once", "scheduledTime": "2026-11-22T12:00:00Z"}]
    cluster.put({**manifest(), "status": {"active": active}})
    cluster.put(graphrun(job="once-1"))
    cluster.put(graphrun("quota", conditions={"Reconciling": "FailedCreate"}))
    cluster.put(graphrun("new"))
    lines = [line.split() for line in run("describe", "hello").out.splitlines()]
    waiting = lines[lines.index(["Waiting", "GraphRuns"]) + 2 :][:2]
    assert [line[0] for line in waiting] == ["graphrun/quota", "graphrun/new"]
    assert waiting[0][2:] == ["FailedCreate", "FailedCreate."]
    assert any(line[-2:] == ["graphrun/once", "once-1"] for line in lines)


@pytest.mark.parametrize("verb", ["run", "suspend", "list", "export"])
def test_verbs_for_graphcrons_refuse_graphruns(cluster: FakeCluster, verb: str):
    done = run(verb, "grun/once")
    assert (done.code, done.out) == (2, "")
    assert "grun/once is a GraphRun, and this verb takes GraphCrons" in done.err


def test_a_graphrun_that_does_not_exist_is_told(cluster: FakeCluster):
    cluster.put(graphrun())
    for verb in ("describe", "cancel", "logs", "history"):
        done = run(verb, "graphrun/onse")
        assert (done.code, done.out) == (1, "")
        assert f"there is no GraphRun onse in the namespace {NAMESPACE}; did you mean once?" in done.err


def test_a_pod_that_can_not_start_is_told_while_waiting(cluster: FakeCluster):
    waits = {"type": "Reconciling", "status": "True", "reason": "PodCannotStart", "message": "no such image"}
    states = [{"conditions": [waits], "job": "j"}, {"conditions": [{"type": "Complete", "status": "True"}], "job": "j"}]

    def on_get(found: dict[str, Any]) -> None:
        if found["kind"] == "GraphRun":
            found["status"] = states.pop(0)

    cluster.on_get = on_get
    done = run("run", "hello", "--input", "{}", "--wait")
    assert done.err.splitlines()[0].endswith(" waits: no such image")


def test_names_of_graphruns_are_completed(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    cluster.put(graphrun())
    for name in ("_GRAPHCRON_COMPLETE", "_TYPER_COMPLETE_FISH_ACTION", "_TYPER_COMPLETE_ARGS"):
        monkeypatch.setenv(name, "")  # completion sets them
    offered = {}
    for word in ("", "graphrun/", "graphrun/on", "graphrun/x"):
        monkeypatch.setattr(sys, "argv", ["kubectl_complete-graphcron", "describe", word])
        completion.main()
        offered[word] = capsys.readouterr().out.split()[:-1]
    once = ["graphrun/once"]
    assert offered == {"": ["hello"], "graphrun/": once, "graphrun/on": once, "graphrun/x": []}
