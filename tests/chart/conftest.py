"""Rendering the chart; no cluster is needed for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import ROOT

CHART = ROOT / "charts/graphcron"
NAMESPACE = "graphcron-system"
EVERYTHING: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "everything.yaml").read_text(encoding="utf-8"))

Manifest = dict[str, Any]
Helm = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def tools() -> Path:
    command = [sys.executable, str(ROOT / "hack/cluster"), "tools"]
    return Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


@pytest.fixture(scope="session")
def helm(tools: Path) -> Helm:
    """Run helm on the chart with some values."""

    def run(*words: str, values: Manifest) -> subprocess.CompletedProcess[str]:
        command = [str(tools / "helm"), *words, "--namespace", NAMESPACE, "--values", "-"]
        return subprocess.run(command, input=yaml.safe_dump(values), capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def template(helm: Helm) -> Callable[..., str]:
    """Return what `helm template` makes of some values."""

    def run(values: Manifest, *options: str, release: str = "graphcron") -> str:
        done = helm("template", release, str(CHART), *options, values=values)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def render(template: Callable[..., str]) -> Callable[..., list[Manifest]]:
    """Return the objects that the chart makes of some values, without the hooks."""

    def run(values: Manifest, *options: str, release: str = "graphcron") -> list[Manifest]:
        text = template(values, "--no-hooks", *options, release=release)
        return [each for each in yaml.safe_load_all(text) if each]

    return run
