"""GraphRuns in files: what ``lint``, ``render`` and ``diff`` make of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.cli.app import CliError
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.files.manifests import of_text, paths
from graphcron.cli.verbs import diff
from tests.cli.offline.program import manifest, run, text
from tests.cli.offline.test_lint import found_in

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://langgraph:8000"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def graphrun(name: str | None = "once", *, namespace: str | None = None, **spec: Any) -> dict[str, Any]:
    """Return a GraphRun that refers to the GraphCron hello unless the spec has an assistant."""
    metadata = {"generateName": "once-"} if name is None else {"name": name}
    reference = {} if "assistant" in spec or "graphCronRef" in spec else {"graphCronRef": {"name": "hello"}}
    return {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphRun",
        "metadata": {**metadata, **({"namespace": namespace} if namespace else {})},
        "spec": {**reference, **spec},
    }


@pytest.mark.parametrize(
    "objects",
    [
        [graphrun()],
        [graphrun(None), graphrun(None)],
        [graphrun(assistant="agent", input={})],
        [manifest(), graphrun(input={"a": 1}, config={"tags": ["b"]}, scheduledTime="2026-11-01T08:00:00Z")],
        [manifest(inputFrom={"configMapKeyRef": {"name": "a", "key": "b"}}, input=None), graphrun(input={})][1:],
        [manifest("weekly-digest"), graphrun()],
    ],
    ids=["reference", "generateName", "own fields", "with its GraphCron", "other input", "beside another GraphCron"],
)
def test_lint_accepts(objects: list[dict[str, Any]]) -> None:
    assert found_in(*objects) == []


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        (
            [graphrun(schedule="@daily")],
            "a.yaml:8:13: spec.schedule: is a field of a GraphCron, and a GraphRun runs once; omit it",
        ),
        ([graphrun(thread={"per": "day"})], "spec.thread: is set together with spec.graphCronRef"),
        ([graphrun(graphCronRef={"name": "hello"}, assistant="a")], "spec: must have either graphCronRef or assistant"),
        ([graphrun(inputs={})], "spec.inputs: is an unknown field; did you mean input?"),
        ([graphrun("a" * 53)], "metadata.name: is longer than 52 characters"),
        ([graphrun(), graphrun()], "metadata.name: another GraphRun has the same name, in a.yaml:4"),
        (
            [manifest(context={"a": 1}), graphrun(config={"configurable": {"b": 1}})],
            "spec.config",
        ),
        ([graphrun(assistant="agent", input="x" * 120_000)], "spec"),
        ([{**graphrun(), "kind": "GraphRuns"}], "kind: graphcron.dev has no kind GraphRuns; did you mean GraphRun?"),
    ],
)
def test_lint_rejects(objects: list[dict[str, Any]], said: str) -> None:
    [found] = found_in(*objects)
    assert said in found
    assert "warning" not in found


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        (
            [manifest(), graphrun(graphCronRef={"name": "helo"})],
            "these files have no GraphCron helo; did you mean hello?",
        ),
        (
            [graphrun(scheduledTime="2030-01-01T00:00:00Z")],
            "spec.scheduledTime: is in the future, and a GraphRun starts",
        ),
        ([graphrun(assistant="agent")], "spec.input: is missing, and without one"),
        (
            [graphrun(assistant="agent", input={}, server={"url": "http://localhost"})],
            "spec.server.url: names localhost",
        ),
    ],
)
def test_lint_warns(objects: list[dict[str, Any]], said: str) -> None:
    [found] = found_in(*objects)
    assert "warning: " in found
    assert said in found


def test_an_invalid_graphcron_is_reported_once() -> None:
    [found] = found_in(manifest(schedule="0 9 31 2 *"), graphrun())
    assert "spec.schedule" in found


def test_a_folder_with_graphruns_only_is_read(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(text(graphrun()))
    assert list(paths(str(tmp_path))) == [str(tmp_path / "run.yaml")]
    done = run("lint", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "no problems (1 checked)\n")


def jobs_of(*objects: dict[str, Any]) -> list[dict[str, Any]]:
    done = run("render", "-", "-o", "json", "--server-url", URL, stdin=text(*objects))
    assert (done.returncode, done.stderr) == (0, "")
    return [each for each in json.loads(done.stdout)["items"] if each["kind"] == "Job"]


def environment_of(job: dict[str, Any]) -> dict[str, str]:
    [container] = job["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value", "") for each in container["env"]}


def test_render_prints_graphrun_job_with_graphcron_fields() -> None:
    server = {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphServer",
        "metadata": {"name": "shared"},
        "spec": {"url": URL},
    }
    body = graphrun(input={"a": 1}, scheduledTime="2026-11-01T08:00:00Z")
    [job] = jobs_of(server, manifest(serverRef={"name": "shared"}, config={"tags": ["b"]}), body)
    environment = environment_of(job)
    request = json.loads(environment["GRAPHCRON_REQUEST"])
    assert (request["input"], request["run"]["config"], request["url"]) == ({"a": 1}, {"tags": ["b"]}, URL)
    assert environment["GRAPHCRON_GRAPHRUN"] == "once"
    assert environment["GRAPHCRON_SCHEDULED_TIME"] == "2026-11-01T08:00:00Z"
    assert job["metadata"]["namespace"] == "default"
    assert job["metadata"]["name"].startswith("once-")


def test_render_prints_the_job_of_a_graphrun_with_its_own_fields() -> None:
    [job, other] = jobs_of(graphrun(None, namespace="a", assistant="agent", input={}), graphrun("b", assistant="agent"))
    assert job["metadata"]["name"].startswith("once-xxxxx-")
    assert json.loads(environment_of(job)["GRAPHCRON_REQUEST"])["assistant"] == "agent"
    assert (job["metadata"]["namespace"], other["metadata"]["namespace"]) == ("a", "default")
    done = run("render", "-", "-o", "table", "--server-url", URL, stdin=text(manifest(), graphrun()))
    assert [line.split()[0].partition("-")[0] for line in done.stdout.splitlines()] == ["NAME", "hello", "once"]


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        (
            [graphrun()],
            "error: -:7:11: spec.graphCronRef.name: the GraphCron hello is not in the files; add its file",
        ),
        (
            [manifest(namespace="a"), graphrun(namespace="b")],
            ": spec.graphCronRef.name: the GraphCron hello is not in the files; add its file",
        ),
        ([graphrun(schedule="@daily")], "spec.schedule: is a field of a GraphCron"),
        ([manifest(context={"a": 1}), graphrun(config={"configurable": {"b": 1}})], "spec.config"),
    ],
)
def test_render_names_the_place_of_an_error(objects: list[dict[str, Any]], said: str) -> None:
    done = run("render", "-", "--server-url", URL, stdin=text(*objects))
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


def test_a_namespace_that_is_named_is_the_same_as_the_default() -> None:
    [_] = jobs_of(manifest(namespace="default"), graphrun())


def differences(monkeypatch: pytest.MonkeyPatch, body: dict[str, Any], live: dict[str, Any] | None) -> list[str]:
    monkeypatch.setattr(Kubectl, "find", lambda *_: live)
    applied = {**body, "metadata": {**body["metadata"], "namespace": "agents"}}
    monkeypatch.setattr(Kubectl, "run", lambda *_, **__: json.dumps(applied))
    manifests = list(of_text(text(body), "a.yaml"))
    return [each for each in diff.changes(manifests, Kubectl(namespace="agents"), now=NOW) if each]


def test_diff_shows_a_new_graphrun(monkeypatch: pytest.MonkeyPatch) -> None:
    [shown] = differences(monkeypatch, graphrun(input={"a": 1}), None)
    assert shown.startswith("diff -u -N LIVE/graphcron.dev.v1alpha1.GraphRun.agents.once ")
    assert "+    name: hello" in shown


def test_diff_shows_nothing_for_the_same_graphrun(monkeypatch: pytest.MonkeyPatch) -> None:
    live = graphrun(input={"a": 1}, namespace="agents")
    live = {**live, "metadata": {**live["metadata"], "uid": "u", "generation": 1}, "status": {"outcome": "Succeeded"}}
    assert differences(monkeypatch, graphrun(input={"a": 1}), live) == []


def test_diff_rejects_a_generated_name_and_an_invalid_graphrun(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CliError, match=r"^a.yaml: metadata.generateName: is only for kubectl create"):
        differences(monkeypatch, graphrun(None), None)
    with pytest.raises(CliError, match=r"^a.yaml:.*spec.schedule: is a field of a GraphCron"):
        differences(monkeypatch, graphrun(schedule="@daily"), None)


def test_export_and_next_leave_graphruns_alone() -> None:
    done = run("next", "-f", "-", stdin=text(graphrun()))
    assert (done.returncode, done.stderr) == (1, "error: -: there is no GraphCron in it\n")
