"""GitHub's workflows: they can't run here, so everything that can be said of them without running is."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from graphcron.cli.doctor.checks import OLDEST
from tests.cluster import ROOT, tool
from tests.workflows import checks

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").iterdir())
MAKEFILE = (ROOT / "Makefile").read_text()
SHA = "3d3c42e5aac5ba805825da76410c181273ba90b1"

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)

GOOD = f"""
name: good
on: push
permissions: {{}}
concurrency:
  group: good
  cancel-in-progress: false
jobs:
  good:
    name: good
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read # to check out
    steps:
      - uses: actions/checkout@{SHA} # v7.0.1
        with:
          persist-credentials: false
      - run: make test
"""


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def step(line: str) -> str:
    return changed("run: make test", f"run: {line}")


def test_each_python_that_is_supported_is_tested() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    jobs = yaml.safe_load((GITHUB / "workflows/test.yaml").read_text())["jobs"]
    tested = jobs["python"]["strategy"]["matrix"]["python"]
    first, last = tested[0], tested[-1].split(".")
    assert wanted == f">={first},<{last[0]}.{int(last[1]) + 1}"
    *others, latest = tested
    words = f"Python {', '.join(others)} or {latest}"
    for page in ("Makefile", "README.md", "CONTRIBUTING.md", "docs/cli.md"):
        assert words in (ROOT / page).read_text(), page


def test_there_are_the_workflows() -> None:
    assert [path.name for path in WORKFLOWS] == ["release.yaml", "security.yaml", "test.yaml"]


# actionlint: syntax, expressions, names of runners, jobs and outputs


def actionlint(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [tool("actionlint"), "-no-color", "-shellcheck=", "-pyflakes=", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


@pytest.mark.needs("go")
@each_workflow
def test_actionlint_finds_nothing(path: Path) -> None:
    done = actionlint(str(path))
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.needs("go")
@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (changed("ubuntu-24.04", "ubuntu-nosuch"), "label"),
        (changed("make test", 'echo "${{ github.nosuch }}"'), 'property "nosuch" is not defined'),
        (changed("    runs-on", "    needs: other\n    runs-on"), "does not exist"),
        (changed("contents: read", "contents: look"), '"look" is invalid'),
    ],
)
def test_actionlint_would_find(bad: str, said: str) -> None:
    assert actionlint("-", stdin=GOOD).returncode == 0
    done = actionlint("-", stdin=bad)
    assert done.returncode == 1
    assert said in done.stdout


# zizmor: what an attacker could make of them


def zizmor(*inputs: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("zizmor")
    command = [program, "--offline", "--pedantic", "--strict-collection", "--no-progress", "--color=never", *inputs]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_zizmor_finds_nothing() -> None:
    done = zizmor(GITHUB)
    assert done.returncode == 0, done.stdout + done.stderr
    for path in (*WORKFLOWS, GITHUB / "dependabot.yml"):
        assert f"completed {path}" in done.stderr


@pytest.mark.parametrize(
    ("bad", "audit"),
    [
        (changed(SHA + " # v7.0.1", "v7"), "unpinned-uses"),
        (changed("        with:\n          persist-credentials: false\n", ""), "artipacked"),
        (changed("permissions: {}", "permissions: write-all"), "excessive-permissions"),
        (changed("on: push", "on: pull_request_target"), "dangerous-triggers"),
        (step('echo "${{ github.head_ref }}"'), "template-injection"),
    ],
)
def test_zizmor_would_find(bad: str, audit: str, tmp_path: Path) -> None:
    workflow = tmp_path / "workflow.yaml"
    workflow.write_text(GOOD)
    assert zizmor(workflow).returncode == 0
    workflow.write_text(bad)
    done = zizmor(workflow)
    assert done.returncode >= 10, (
        done.stderr
    )  # 10 and above tell the gravest finding, less is a failure of zizmor's own
    assert f"[{audit}]" in done.stdout


# Our own checks


@each_workflow
def test_it_keeps_our_rules(path: Path) -> None:
    text = path.read_text()
    assert checks.unpinned(text) == []
    assert checks.unknown_targets(text, MAKEFILE) == []
    assert checks.fetched(text) == []
    assert checks.unbounded(text) == []
    assert checks.hosts(text) == []


def test_an_action_has_one_version() -> None:
    assert checks.differing(path.read_text() for path in WORKFLOWS) == []
    assert checks.differing([GOOD, GOOD.replace(SHA, SHA[::-1])]) == ["actions/checkout"]


def test_the_good_one_keeps_our_rules() -> None:
    assert checks.actions(GOOD) == [f"actions/checkout@{SHA}"]
    assert checks.targets(GOOD) == ["test"]
    assert checks.unpinned(GOOD) == checks.fetched(GOOD) == checks.unbounded(GOOD) == checks.hosts(GOOD) == []


@pytest.mark.parametrize(
    ("bad", "wrong"),
    [
        (changed(f"{SHA} # v7.0.1", "v7"), ["actions/checkout@v7"]),
        (changed(f"{SHA} # v7.0.1", SHA[:12]), [f"actions/checkout@{SHA[:12]}"]),
        (changed(f"{SHA} # v7.0.1", SHA), [f"actions/checkout@{SHA}"]),
        (changed(f"{SHA} # v7.0.1", f"{SHA} # main"), [f"actions/checkout@{SHA}"]),
        (changed("- run: make test", "- {uses: some/action@main}"), ["some/action@main"]),
        (changed("- run: make test", "- uses: docker://alpine:3"), ["docker://alpine:3"]),
    ],
)
def test_an_action_that_can_change_is_found(bad: str, wrong: list[str]) -> None:
    assert checks.unpinned(bad) == wrong


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("make nosuch", ["nosuch"]),
        ('sudo env "PATH=$PATH" make CLUSTER=local nosuch', ["nosuch"]),
        ("make test nosuch && make other", ["nosuch", "other"]),
        ("make test ARGS=-x", []),
    ],
)
def test_an_unknown_target_is_found(line: str, wrong: list[str]) -> None:
    assert checks.unknown_targets(step(line), "test: setup\nsetup:\n") == wrong


@pytest.mark.parametrize(
    "line",
    [
        "curl -sSfL https://example.com/install | sh",
        "pip install zizmor",
        "npx some-tool",
        "go install example.com/tool@latest",
        "docker run alpine:3 true",
    ],
)
def test_a_program_from_anywhere_is_found(line: str) -> None:
    assert checks.fetched(step(line)) == [line]


@pytest.mark.parametrize(
    ("bad", "wrong"),
    [
        (changed("    timeout-minutes: 5\n", ""), ["good"]),
        (changed("permissions: {}", "permissions: read-all"), ["permissions"]),
        (changed("permissions: {}\n", ""), ["permissions"]),
    ],
)
def test_a_job_without_bounds_is_found(bad: str, wrong: list[str]) -> None:
    assert checks.unbounded(bad) == wrong


@pytest.mark.parametrize("host", ["ghcr.io", "docker.io", "registry.gitlab.com"])
def test_a_registry_of_somebody_is_found(host: str) -> None:
    assert checks.hosts(step(f"docker push {host}/team/graphcron")) == [host]
    assert checks.hosts(step("docker push registry.example.com/team/graphcron")) == []


def test_every_supported_kubernetes_is_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "hack/cluster"))
    from localkube.kind import NODE_IMAGES

    jobs = yaml.safe_load((GITHUB / "workflows/test.yaml").read_text())["jobs"]
    tested = list(NODE_IMAGES)
    assert jobs["kubernetes"]["strategy"]["matrix"]["kubernetes"] == tested
    oldest, listed = tested[0], f"{', '.join(tested[:-1])} and {tested[-1]}"
    for page in ("docs/install.md", "SECURITY.md"):
        words = " ".join((ROOT / page).read_text().split())
        assert re.search(rf"Kubernetes (cluster, version )?{re.escape(oldest)} or later", words), page
        assert f"tested on {listed}" in words, page
    chart = yaml.safe_load((ROOT / "charts/graphcron/Chart.yaml").read_text())
    assert chart["kubeVersion"] == f">={oldest}.0-0"
    assert ".".join(map(str, OLDEST)) == oldest


def test_the_gate_waits_for_every_job() -> None:
    jobs = yaml.safe_load((GITHUB / "workflows/test.yaml").read_text())["jobs"]
    others = [name for name in jobs if name != "gate"]
    assert jobs["gate"]["needs"] == others
    assert jobs["gate"]["steps"][0]["run"] == f'test "$RESULTS" = "{" ".join(["success"] * len(others))}"'
