"""``diff``: what an apply would change, against a real API server, and with a real operator."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.cli.verbs.diff import cronjobs_of, difference, without_noise
from tests.cli.offline.program import manifest, run, text
from tests.cluster import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster import Cluster

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SERVER = {
    "apiVersion": "graphcron.dev/v1alpha1",
    "kind": "GraphServer",
    "metadata": {"name": "shared"},
    "spec": {"url": "http://langgraph:8000"},
}


def live(**spec: Any) -> dict[str, Any]:
    body = manifest(namespace="agents", **spec)
    body["metadata"]["uid"] = "11111111-0000-0000-0000-000000000000"
    return body


def changed(told: str) -> list[str]:
    """Return the lines that come and go."""
    return [line for line in told.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}]


def test_only_what_differs_is_told() -> None:
    assert difference(live(), live()) == ""
    told = difference(live(), live(timeZone="Europe/Berlin"))
    name = "graphcron.dev.v1alpha1.GraphCron.agents.hello"
    head = [f"diff -u -N LIVE/{name} MERGED/{name}", f"--- LIVE/{name}", f"+++ MERGED/{name}"]
    assert told.splitlines()[:3] == head
    assert changed(told) == ["+  timeZone: Europe/Berlin"]
    assert all(line[0] == "+" for line in changed(difference(None, live())))
    assert all(line[0] == "-" for line in changed(difference(live(), None)))


def test_what_the_api_server_makes_is_left_out() -> None:
    body = live()
    for key in ("resourceVersion", "generation", "managedFields", "creationTimestamp"):
        body["metadata"][key] = "x"
    body["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "x", "mine": "y"}
    body["status"] = {"missedRuns": 1}
    expected = manifest(namespace="agents")
    expected["metadata"]["annotations"] = {"mine": "y"}
    assert without_noise(body) == expected


def test_a_request_can_be_read() -> None:
    [made] = cronjobs_of(live(input={"price": "$(A) $$"}), [], [], now=NOW).values()
    environment = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["env"]
    [request] = [each["value"] for each in environment if each["name"] == "GRAPHCRON_REQUEST"]
    assert request["input"] == {"price": "$(A) $$"}
    assert request["url"] == "<the operator's server>"
    assert "annotations" not in made["metadata"]


def test_a_folder_without_any_is_no_answer(tmp_path: Path) -> None:
    done = run("diff", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: there is no GraphCron, GraphRun or GraphServer in these files\n"


def test_of_what_is_not_valid_no_cronjobs_are_expected() -> None:
    assert cronjobs_of(live(schedule="0 9 31 2 *"), [], [], now=NOW) == {}


def _diff(cluster: Cluster, namespace: str, *objects: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return run("diff", "-", "-n", namespace, stdin=text(*objects), environment=cluster.environment)


@pytest.mark.parametrize("mode", ["client-side", "server-side"])
def test_nothing_differs_after_an_apply_and_later_what_was_changed(cluster: Cluster, namespace: str, mode: str) -> None:
    options = ("--server-side",) if mode == "server-side" else ()
    before = manifest(timeZone="Europe/Berlin", input={"count": 1})
    new = _diff(cluster, namespace, before)
    assert new.returncode == 1, new.stderr
    assert "+  schedule: 30 8 * * 1-5" in new.stdout
    assert f"MERGED/batch.v1.CronJob.{namespace}.hello" in new.stdout
    assert cluster.get("graphcron", "hello", "--namespace", namespace) is None

    cluster.kubectl("apply", *options, "--namespace", namespace, "--filename", "-", stdin=text(before))
    same = _diff(cluster, namespace, before)
    assert (same.returncode, same.stdout, same.stderr) == (0, "", "")

    done = _diff(cluster, namespace, manifest(schedule="45 9 * * *", input={"count": 2}))
    assert (done.returncode, done.stderr) == (1, "")
    graphcron, cronjob = done.stdout.split("diff -u -N ")[1:]
    assert sorted(changed(graphcron)) == [
        "+    count: 2",
        "+  schedule: 45 9 * * *",
        "-    count: 1",
        "-  schedule: 30 8 * * 1-5",
        "-  timeZone: Europe/Berlin",
    ]
    assert {"-  schedule: 30 8 * * 1-5", "+  schedule: 45 9 * * *", "+  timeZone: Etc/UTC"} <= set(changed(cronjob))


def test_a_server_that_changes_changes_the_cronjobs_of_those_that_name_it(cluster: Cluster, namespace: str) -> None:
    graphcron = manifest(serverRef={"name": "shared"})
    cluster.apply(SERVER, graphcron, namespace=namespace)
    moved = {**SERVER, "spec": {"url": "http://elsewhere:8000"}}
    done = _diff(cluster, namespace, moved, graphcron)
    server, cronjob = done.stdout.split("diff -u -N ")[1:]
    assert changed(server) == ["-  url: http://langgraph:8000", "+  url: http://elsewhere:8000"]
    assert [line.split() for line in changed(cronjob)] == [
        ["-", "url:", "http://langgraph:8000"],
        ["+", "url:", "http://elsewhere:8000"],
    ]


def test_what_can_not_be_told_is_an_error(cluster: Cluster, namespace: str) -> None:
    wrong = _diff(cluster, namespace, manifest(schedule="0 9 31 2 *"))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("error: -:8:13: spec.schedule: ")
    elsewhere = _diff(cluster, namespace, manifest(namespace="nowhere"))
    assert elsewhere.returncode == 2
    assert '"nowhere" not found' in elsewhere.stderr


def test_a_cronjob_of_somebody_else_is_told(cluster: Cluster, namespace: str) -> None:
    [foreign] = cronjobs_of(live(), [], [], now=NOW).values()
    foreign["metadata"] = {"name": "hello"}
    foreign["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"] = [{"name": "runner", "image": "a"}]
    cluster.apply(foreign, namespace=namespace)
    done = _diff(cluster, namespace, manifest())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: a CronJob named hello exists and does not belong to this GraphCron; rename")
    assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("operator")
def test_what_is_foretold_comes_true(cluster: Cluster, namespace: str) -> None:
    """The operator's own CronJob changes where the diff says so, and nowhere else."""

    def cronjob() -> Any:
        return cluster.get("cronjob", "hello", "--namespace", namespace)

    def spec_of(body: Any) -> dict[str, Any]:
        template = body["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        template["containers"][0]["env"] = []
        return dict(body["spec"])

    server = {"url": "http://langgraph.example.svc:2024"}
    cluster.apply(manifest(server=server, preflight=False), namespace=namespace)
    before = wait_for("CronJob", cronjob)
    after = manifest(server=server, preflight=False, timeoutSeconds=60, history={"failed": 1})
    told = [line.split("+")[1].strip() for line in changed(_diff(cluster, namespace, after).stdout) if line[0] == "+"]
    assert {"activeDeadlineSeconds: 300", "failedJobsHistoryLimit: 1"} <= set(told)

    cluster.apply(after, namespace=namespace)
    changed_one = wait_for(
        "changed CronJob", lambda: (found := cronjob())["spec"]["failedJobsHistoryLimit"] == 1 and found
    )
    expected = spec_of(before)
    expected["failedJobsHistoryLimit"] = 1
    expected["jobTemplate"]["spec"]["activeDeadlineSeconds"] = 300
    assert spec_of(changed_one) == expected
