"""The shell completes verbs, options, names, namespaces and contexts: for ``graphcron`` and for kubectl's plugin."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.cluster import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster import Cluster
    from tests.e2e.crons import Crons

FIRST = """
source <(x=$(graphcron --show-completion); echo "$x")
type _graphcron_completion > /dev/null || exit 3
"""


@pytest.fixture
def shell(cluster: Cluster, tmp_path: Path) -> dict[str, str]:
    """Return an environment in which our programs are on the PATH, as an installation puts them there."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    for name, place in scripts.items():
        module, _, function = place.partition(":")
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}\nfrom {module} import {function}\n{function}()\n")
        path.chmod(0o755)
    there = cluster.environment
    return {**there, "PATH": f"{tmp_path}{os.pathsep}{there['PATH']}", "HOME": str(tmp_path)}


def in_bash(script: str, shell: dict[str, str]) -> list[str]:
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=False, env=shell)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def typed(words: str, shell: dict[str, str]) -> list[str]:
    """Return what bash offers for the last of some words."""
    call = f"COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _graphcron_completion graphcron\n"
    return in_bash(FIRST + call + 'printf "%s\\n" "${COMPREPLY[@]}"', shell)


def plugin(shell: dict[str, str], *words: str) -> list[str]:
    """Return what kubectl offers for the last of some words after ``kubectl graphcron``."""
    command = ["kubectl", "__complete", "graphcron", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=shell)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_bash_completes(crons: Crons, shell: dict[str, str]):
    crons.make("hello", suspend=True, ready_reason="Suspended")
    crons.make("other", suspend=True, ready_reason="Suspended")
    here = f"-n {crons.namespace}"
    assert typed("graphcron li", shell) == ["list", "lint"] or typed("graphcron li", shell) == ["lint", "list"]
    assert typed("graphcron list --so", shell) == ["--sort"]
    assert typed("graphcron list --sort ''", shell) == ["name", "next", "last"]
    assert typed(f"graphcron describe {here} ''", shell) == ["hello", "other"]
    assert typed(f"graphcron next {here} o", shell) == ["other"]
    assert typed(f"graphcron {here} describe ''", shell) == ["hello", "other"]
    assert typed("graphcron help li", shell) in (["list", "lint"], ["lint", "list"])
    assert typed(f"graphcron suspend {here} hello ''", shell) == ["other"]
    assert typed(f"graphcron list -n {crons.namespace[:-1]}", shell) == [crons.namespace]
    contexts = crons.cluster.kubectl("config", "get-contexts", "-o", "name").stdout.split()
    assert typed("graphcron list --context ''", shell) == contexts
    assert typed("graphcron describe --kubeconfig /none ''", shell) == []


def test_kubectl_completes_its_plugin(crons: Crons, shell: dict[str, str]):
    crons.make("hello", suspend=True, ready_reason="Suspended")
    verbs = plugin(shell, "")
    assert "list\tList GraphCrons." in verbs
    assert verbs[-1] == ":4"
    assert plugin(shell, "describe", "-n", crons.namespace, "") == ["hello", ":4"]
    assert plugin(shell, "list", "-o", "w") == ["wide", ":4"]
    assert plugin(shell, "lint", "") == [":0"], "files are kubectl's own to complete"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("bash", ".bash_completions/graphcron.sh"),
        ("zsh", ".zfunc/_graphcron"),
        ("fish", ".config/fish/completions/graphcron.fish"),
    ],
)
def test_it_is_installed_for_the_shell_that_asks(shell: dict[str, str], tmp_path: Path, name: str, file: str):
    (tmp_path / "asking").mkdir()
    asking = tmp_path / "asking" / name  # the shell is known by its name
    asking.symlink_to("/bin/bash")
    (tmp_path / ".config/fish").mkdir(parents=True)
    command = [str(asking), "--norc", "-c", "graphcron --install-completion; exit $?"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=shell)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{name} completion installed in {tmp_path / file}")
    assert f"complete_{name} " in (tmp_path / file).read_text()
