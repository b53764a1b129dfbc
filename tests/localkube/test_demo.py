"""`make demo` and its like, up to the point where a real cluster is needed."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.localkube.machine import Machine
from tests.localkube.programs import install

ROOT = Path(__file__).resolve().parents[2]
IMAGES = [f"graphcron/{name}:dev" for name in ("operator", "runner", "langgraph-server")]
END = "that is all that this kubectl can do"


def demo(machine: Machine, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "hack/demo"), "up", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=machine.environment)


def server_of(machine: Machine) -> Any:
    """Return the container of the LangGraph server that was applied."""
    objects = [each for each in yaml.safe_load_all(machine.world["applied"]) if each and each["kind"] == "Deployment"]
    return objects[0]["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize(
    ("context", "load"),
    [
        (None, "load docker-image"),
        ("kind-dev", "load docker-image"),
        ("k3d-dev", "image import"),
        ("minikube", "image load"),
        ("docker-desktop", None),
    ],
)
def test_the_demo_builds_and_loads_its_images_and_pulls_none(
    machine: Machine, context: str | None, load: str | None
) -> None:
    install(machine.bin, "docker", "kind", "kubectl", "helm", "minikube", "k3d")
    machine.world["context"] = context or ""
    done = demo(machine, *(("--provider", "current") if context else ()))
    assert END in done.stderr
    assert machine.world["images"] == IMAGES
    calls = [" ".join(call) for call in machine.world["calls"]]
    assert [image for image in IMAGES if load and any(load in call and image in call for call in calls)] == (
        IMAGES if load else []
    )
    values = yaml.safe_load(machine.world["values"])
    assert [each["image"]["pullPolicy"] for each in (values, values["runner"])] == ["Never", "Never"]
    assert server_of(machine)["imagePullPolicy"] == "Never"


def test_a_cluster_that_takes_no_images_is_told_before_anything_is_built(machine: Machine) -> None:
    machine.world["context"] = "prod"
    done = demo(machine, "--provider", "current")
    assert done.returncode == 1
    assert "try again with REGISTRY=" in done.stderr
    assert machine.world["images"] == []
    assert machine.world["applied"] == ""


def test_with_a_registry_nothing_is_built_and_its_images_are_pulled(machine: Machine) -> None:
    machine.world["context"] = "prod"
    done = demo(machine, "--provider", "current", "--registry", "registry.example.com/team")
    assert END in done.stderr
    assert machine.world["images"] == []
    values = yaml.safe_load(machine.world["values"])
    assert (values["image"]["repository"], values["image"]["pullPolicy"]) == (
        "registry.example.com/team/operator",
        "IfNotPresent",
    )
    assert server_of(machine)["image"] == "registry.example.com/team/langgraph-server:dev"


def test_make_passes_the_registry_on() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "demo", "REGISTRY=registry.example.com/team"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "hack/demo up --registry registry.example.com/team" in done.stdout


HELM = {
    "v4.0.1": ["--take-ownership", "--force-conflicts", "--server-side=true"],
    "v3.17.0": ["--take-ownership"],
    "v3.19.2": ["--take-ownership"],
}


@pytest.mark.parametrize("version", HELM)
def test_helm_is_given_the_options_that_it_knows(version: str) -> None:
    import installing

    assert installing.upgrade_options(version + "\n") == HELM[version]


def test_a_helm_that_is_too_old_is_told() -> None:
    import installing

    with pytest.raises(installing.InstallError, match=r"Helm v3.16.4 is too old: install Helm 3.17 or later"):
        installing.upgrade_options("v3.16.4")


# The Makefile on macOS, whose make 3.81 knows no .SHELLFLAGS


def recipes() -> list[str]:
    """Return the recipes' lines, each with those that continue it."""
    text = (ROOT / "Makefile").read_text().replace("\\\n", "")
    return [line.strip().lstrip("@") for line in text.splitlines() if line.startswith("\t")]


def test_recipes_end_with_their_first_failure_in_any_make() -> None:
    several = [line for line in recipes() if re.search(r"; (?!exit 1; \})", re.sub(r"\|\| \{.*?\}|'[^']*'", "", line))]
    assert several
    assert [line for line in several if not line.startswith("set -e")] == []
    pipes = [line for line in recipes() if re.search(r"(?<!\|)\|(?!\|)", re.sub(r"'[^']*'", "", line))]
    assert [line for line in pipes if not line.startswith("set -e -o pipefail")] == []


def test_help_uses_no_gnu_extension() -> None:
    assert not [line for line in recipes() if re.search(r"\bsed -E|\bexpand\b|\\t", line)]
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.search(r"^demo +Bring up a cluster", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("state", [{}, {"provider": "local"}], ids=["no record", "a record"])
def test_down_reads_no_procfs_on_macos(
    state: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from localkube import addresses, cgroups, cli, processes
    from localkube.paths import Cluster

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "darwin")
    for module, name in ((processes, "kill"), (cgroups, "remove"), (addresses, "detach")):
        monkeypatch.setattr(module, name, lambda *_: pytest.fail("this is Linux'"))
    cluster = Cluster("dev")
    if state:
        cluster.state.mkdir(parents=True)
        cluster.record.write_text(json.dumps(state))
    assert cli.main(["down", "--name", "dev"]) == 0
    assert not cluster.state.exists()


@pytest.mark.parametrize("node", [False, True], ids=["without Node.js", "with Node.js"])
def test_the_tests_install_node_modules_only_where_npm_is(node: bool, tmp_path: Path) -> None:
    for name in ("make", "bash"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    if node:
        (tmp_path / "npm").write_text("#!/bin/sh\n")
        (tmp_path / "npm").chmod(0o755)
    command = ["make", "--dry-run", "--always-make", "test", "PYTHON=nosuch"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
    )
    assert "hack/test" in done.stdout
    assert ("npm ci" in done.stdout) is node
