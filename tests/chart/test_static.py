"""What is installed without Helm: one file, and a kustomize base that makes the same."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import yaml

from tests.cluster import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.chart.conftest import Manifest

STATIC = ROOT / "charts/static"


def _key(manifest: Manifest) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace", ""), metadata["name"]


def _by_key(text: str) -> dict[tuple[str, str, str], Manifest]:
    objects = list(yaml.safe_load_all(text))
    by_key = {_key(each): each for each in objects}
    assert len(by_key) == len(objects)
    return by_key


def _install() -> dict[tuple[str, str, str], Manifest]:
    return _by_key((STATIC / "install.yaml").read_text(encoding="utf-8"))


def test_the_base_makes_what_the_file_holds(tools: Path):
    command = [str(tools / "kubectl"), "kustomize", str(STATIC / "base")]
    built = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert _by_key(built) == _install()


def test_an_overlay_moves_it_as_a_whole(tools: Path, tmp_path: Path):
    base = tmp_path / "base"
    base.symlink_to(STATIC / "base")
    overlay = {
        "resources": ["base"],
        "namespace": "elsewhere",
        "images": [{"name": "graphcron/operator", "newName": "registry.example.com/operator", "newTag": "1"}],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    command = [str(tools / "kubectl"), "kustomize", str(tmp_path)]
    built = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "graphcron-system" not in built
    deployment: Any = _by_key(built)["Deployment", "elsewhere", "graphcron"]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example.com/operator:1"


def test_it_is_what_the_chart_makes_in_a_restricted_namespace(render: Callable[..., list[Manifest]]):
    install, chart = _install(), {_key(each): each for each in render({})}

    namespace = install.pop(("Namespace", "", "graphcron-system"))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert install.keys() == chart.keys()
    parts = ("spec", "rules", "subjects", "roleRef", "data")
    for key, each in install.items():
        assert {part: each.get(part) for part in parts} == {part: chart[key].get(part) for part in parts}


def test_nothing_in_it_says_helm():
    for each in _install().values():
        named = {**each["metadata"].get("labels", {}), **each["metadata"].get("annotations", {})}
        assert "helm" not in str(named).lower(), _key(each)
