"""What there is to look at: ``list``, ``describe``, ``history``, ``top``, ``export``."""

from __future__ import annotations

import json
from itertools import takewhile
from typing import TYPE_CHECKING

import yaml

from graphcron import __version__
from tests.e2e.crons import QUESTION

if TYPE_CHECKING:
    from tests.cli.verbs.conftest import Program
    from tests.e2e.crons import Crons


def test_describe_history_and_top_tell_of_a_run(crons: Crons, program: Program):
    crons.make(input=QUESTION, timeZone="Europe/Berlin", budget={"maxTokens": 1000000, "window": "day"})
    job = crons.start()
    told = crons.told(job)
    assert told["outcome"] == "Succeeded"

    page = program.run("describe", "hello")
    lines = page.splitlines()
    assert "Schedule:   0 0 29 2 *" in lines
    assert "Zone:       Europe/Berlin" in lines
    next_times = lines[lines.index("Next times") + 1 :][:6]
    assert next_times[0].split() == ["Europe/Berlin", "YOUR", "TIME", "IN"]
    assert all(line.startswith("Tue 2028-02-29 00:00 +0100") for line in next_times[1:2])
    assert len(next_times[1:]) == len(crons.status()["nextScheduleTimes"])
    assert " of 1,000,000 (" in page
    (row,) = [line for line in lines if job in line]
    assert {"Succeeded", "schedule", job} <= set(row.split())

    (run,) = json.loads(program.run("history", "hello", "-o", "json"))
    assert run == told
    assert told["runId"] in program.run("history", "hello", "-o", "wide")
    assert program.run("history", "hello", "-o", "name") == f"job.batch/{job}\n"

    (same,) = json.loads(program.run("history", "-o", "json"))
    assert same == {"namespace": crons.namespace, "name": "hello", **told}
    everywhere = program.run("history", "-A").splitlines()
    assert everywhere[0].split()[:3] == ["NAMESPACE", "NAME", "DUE"]
    assert [crons.namespace, "hello"] in [row.split()[:2] for row in everywhere]

    (used,) = json.loads(program.run("top", "-o", "json"))
    assert (used["name"], used["runs"], used["succeeded"], used["tokens"]) == ("hello", 1, 1, told["tokens"])
    assert "is not a length of time" in program.run("top", "--since", "yesterday", code=2)


def test_a_target_that_is_not_there_is_seen(crons: Crons, program: Program):
    crons.make("right", preflight=True, input={})
    crons.make("wrong", preflight=True, input={}, assistant="nobody")
    reason = crons.wait_target("wrong")["reason"]
    assert (reason, crons.wait_target("right")["reason"]) == ("AssistantNotFound", "Resolved")
    _, right, wrong = [row.split() for row in program.run("list").splitlines()]
    assert right[right.index("True") + 1] != reason
    assert wrong[wrong.index("True") + 1] == reason
    # All conditions are there, also those that are as they should be.
    page = program.run("describe", "right").splitlines()
    first = page.index("Conditions") + 2
    told = [line.split()[:3] for line in page[first : page.index("", first)]]
    conditions = crons.status("right")["conditions"]
    assert told == [[each["type"], each["status"], each["reason"]] for each in conditions]
    assert ["TargetResolved", "True", "Resolved"] in told


def test_list_sorts_and_prints_as_asked(crons: Crons, program: Program):
    crons.make("soon", schedule="0 0 1 * *")
    crons.make("later", schedule="0 0 1 1 *", suspend=True, ready_reason="Suspended")
    crons.make("apart", schedule="0 0 29 2 *")
    rows = program.run("list").splitlines()
    assert rows[0].split() == ["NAME", "SCHEDULE", "ZONE", "READY", "STATE", "ACTIVE", "LAST", "AGO", "NEXT", "AGE"]
    assert [row.split()[0] for row in rows[1:]] == ["apart", "later", "soon"]
    assert "Suspended" in rows[2]
    assert program.run("list", "--sort", "next", "-o", "name").split() == [
        f"graphcron.graphcron.dev/{name}" for name in ("soon", "apart", "later")
    ]
    assert [each["metadata"]["name"] for each in yaml.safe_load(program.run("list", "-o", "yaml"))["items"]] == [
        "apart",
        "later",
        "soon",
    ]
    everywhere = program.run("list", "-A", "-o", "wide")
    assert everywhere.splitlines()[0].split()[0] == "NAMESPACE"
    assert len([row for row in everywhere.splitlines() if row.split()[0] == crons.namespace]) == 3


def test_list_takes_names_and_labels(crons: Crons, program: Program):
    for name in ("one", "two", "three"):
        crons.make(name)
    crons.cluster.kubectl("label", "graphcron", "one", "two", "team=a", "--namespace", crons.namespace)
    names = [f"graphcron.graphcron.dev/{name}" for name in ("one", "two")]
    assert program.run("list", "one", "two", "-o", "name").split() == names
    assert program.run("list", "-l", "team=a", "-o", "name").split() == names
    assert program.typed(f"graphcron -n {crons.namespace} list -l team=a -o name").split() == names
    assert [each["name"] for each in json.loads(program.run("top", "-l", "team=a", "-o", "json"))] == ["one", "two"]
    assert program.run("list", "-l", "team=b") == ""


def test_version_tells_that_of_the_operator(crons: Crons, program: Program):
    versions = json.loads(program.typed("graphcron version -o json"))
    assert versions["client"] == __version__
    assert {"namespace": "graphcron-system", "name": "graphcron", "version": __version__} in versions["operators"]


def test_list_watches(crons: Crons, program: Program):
    crons.make()
    with program.started("list", "--watch") as watching:
        rows = [watching.stdout.readline() for _ in range(2)]
        assert "Suspended" not in rows[1]
        crons.apply(suspend=True)
        rows += takewhile(lambda row: "Suspended" not in row, iter(watching.stdout.readline, ""))
        crons.cluster.kubectl("delete", "gcron", "hello", "--namespace", crons.namespace)
        rows += takewhile(lambda row: row != "hello is deleted\n", iter(watching.stdout.readline, ""))
        assert watching.poll() is None, "it watches on"
    assert [row.split()[0] for row in rows] == ["NAME", *["hello"] * (len(rows) - 1)]
    assert {row.index("0 0 29") for row in rows[1:]} == {rows[0].index("SCHEDULE")}


def test_what_is_exported_can_be_applied_again(crons: Crons, program: Program):
    text = "two\nlines"
    crons.make(input={"messages": [{"role": "user", "content": text}]})
    crons.ask("graphcron.dev/run-requested-at", "2026-01-01")
    crons.ask("example.com/owner", "me")
    crons.make("other")
    both = list(yaml.safe_load_all(program.run("export")))
    assert [each["metadata"]["name"] for each in both] == ["hello", "other"]
    (one,) = yaml.safe_load_all(program.run("export", "hello"))
    spec = crons.get("graphcrons", "hello")["spec"]
    assert one == {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphCron",
        "metadata": {"name": "hello", "namespace": crons.namespace, "annotations": {"example.com/owner": "me"}},
        "spec": spec,
    }
    generation = crons.get("graphcrons", "hello")["metadata"]["generation"]
    crons.cluster.apply(one, namespace=crons.namespace)
    assert crons.get("graphcrons", "hello")["metadata"]["generation"] == generation
