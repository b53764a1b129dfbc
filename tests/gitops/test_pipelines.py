"""GraphRuns as steps of pipelines: what the examples create, and when their steps succeed and fail."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron.api.v1alpha1 import run_problems
from graphcron.contract import Outcome
from tests.cluster import ROOT, tool

if TYPE_CHECKING:
    from pathlib import Path

PIPELINES = ROOT / "examples/pipelines"
OUTCOMES = [outcome.value for outcome in Outcome]
NAME = "nightly-report-abc12"

KUBECTL = """\
#!/bin/sh
case "$1" in
  create) shift; while test "$1" != --filename; do shift; done
    if test "$2" = -; then cat; else cat "$2"; fi > created.yaml; echo graphrun.graphcron.dev/one;;
  get) case "$*" in *jsonpath*) printf %s "$OUTCOME";; esac;;
  wait) echo "$*" > waited;;
esac
"""
"""Stands in for kubectl: it keeps what is created, and tells one outcome."""


def text_of(name: str) -> str:
    return (PIPELINES / name).read_text(encoding="utf-8")


def assert_graphrun(text: str) -> Any:
    """Return the GraphRun in a text, which the model takes once the API server has completed its name."""
    body = yaml.safe_load(text)
    body["metadata"].setdefault("name", NAME)
    assert run_problems(body) == []
    return body


def matches(condition: str, outcome: str | None) -> bool:
    """Return whether Argo's executor takes a condition for met: it reads them as requirements of a label selector."""
    (key, values) = re.fullmatch(r"([\w.]+) (?:== (\w+)|in \([\w, ]+\))", condition).groups()  # type: ignore[union-attr]
    assert key == "status.outcome"
    return outcome in ([values] if values else re.findall(r"\w+", condition.partition("(")[2]))


@pytest.mark.parametrize("outcome", [None, *OUTCOMES])
def test_argo_workflow_step_ends_with_the_run_and_fails_unless_it_succeeded(outcome: str | None) -> None:
    (template,) = yaml.safe_load(text_of("argo-workflow.yaml"))["spec"]["templates"]
    step = template["resource"]
    succeeds, fails = matches(step["successCondition"], outcome), matches(step["failureCondition"], outcome)
    assert (succeeds, fails) == (outcome == "Succeeded", outcome not in {None, "Succeeded"})


def test_argo_workflow_step_creates_a_graphrun() -> None:
    workflow = yaml.safe_load(text_of("argo-workflow.yaml"))["spec"]
    manifest = workflow["templates"][0]["resource"]["manifest"]
    for parameter in workflow["arguments"]["parameters"]:
        manifest = manifest.replace(f"{{{{workflow.parameters.{parameter['name']}}}}}", parameter["value"])
    assert assert_graphrun(manifest)["spec"]["scheduledTime"] == "2026-11-02T03:00:00Z"


def run_script(folder: Path, script: str, **environment: str) -> int:
    """Run a step's script with the stand-in for kubectl; return its exit code."""
    program = folder / "kubectl"
    program.write_text(KUBECTL, encoding="utf-8")
    program.chmod(0o755)
    command = ["sh", "-eu", "-c", script]
    path = f"{folder}:/usr/local/bin:/usr/bin:/bin"
    return subprocess.run(command, cwd=folder, env={"PATH": path, **environment}, check=False).returncode


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_tekton_step_creates_a_graphrun_and_fails_unless_it_succeeded(tmp_path: Path, outcome: str) -> None:
    (step,) = yaml.safe_load(text_of("tekton-task.yaml"))["spec"]["steps"]
    result = tmp_path / "result"
    given = {"GRAPHCRON": "nightly-report", "INPUT": '{"messages": []}', "RESULT": str(result), "OUTCOME": outcome}
    assert (run_script(tmp_path, step["script"], **given) == 0) == (outcome == "Succeeded")
    assert given.keys() - {"OUTCOME"} == {each["name"] for each in step["env"]}
    created = assert_graphrun((tmp_path / "created.yaml").read_text(encoding="utf-8"))
    assert created["spec"]["input"] == {"messages": []}
    assert result.read_text(encoding="utf-8") == outcome
    assert "completionTime" in (tmp_path / "waited").read_text(encoding="utf-8")


@pytest.mark.parametrize("outcome", ["Succeeded", "GraphError", "Skipped"])
def test_github_step_creates_a_graphrun_and_fails_unless_it_succeeded(tmp_path: Path, outcome: str) -> None:
    job = yaml.safe_load(text_of("github-actions.yaml"))["jobs"]["report"]
    given = {"DATE": "2026-11-02", "KUBECONFIG_TEXT": "", "RUNNER_TEMP": str(tmp_path), "OUTCOME": outcome}
    assert (run_script(tmp_path, job["steps"][0]["run"], **given) == 0) == (outcome == "Succeeded")
    created = assert_graphrun((tmp_path / "created.yaml").read_text(encoding="utf-8"))
    assert created["spec"]["input"]["messages"][0]["content"] == "Write the report for 2026-11-02."


@pytest.mark.needs("go")
def test_actionlint_finds_nothing_in_the_workflow() -> None:
    command = [tool("actionlint"), "-no-color", "-shellcheck=", "-pyflakes=", str(PIPELINES / "github-actions.yaml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_helm_makes_a_graphrun_of_the_hook(tmp_path: Path) -> None:
    chart = tmp_path / "report"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: report, version: 0.1.0}", encoding="utf-8")
    (chart / "templates/run.yaml").write_text(text_of("helm-hook.yaml"), encoding="utf-8")
    tools = subprocess.run(
        [sys.executable, str(ROOT / "hack/cluster"), "tools"], check=True, capture_output=True, text=True
    ).stdout.strip()
    command = [f"{tools}/helm", "template", "report", str(chart)]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    body = assert_graphrun(made)
    assert body["metadata"]["name"] == "release-check"
    assert body["spec"]["input"]["messages"][0]["content"] == "Check revision 1 of report."
    assert body["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade"


def test_argo_cd_hook_is_a_graphrun() -> None:
    body = assert_graphrun(text_of("argocd-hook.yaml"))
    assert body["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "PostSync"
    assert body["metadata"]["annotations"]["argocd.argoproj.io/hook-delete-policy"] == "BeforeHookCreation"
    # Argo CD completes a generateName with the time, so it would find no earlier GraphRun to delete.
    assert body["metadata"]["name"] == "smoke-test"
