"""What the chart makes is valid in each supported Kubernetes, by kubeconform and Kubernetes' own schemas."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chart.conftest import EVERYTHING
from tests.cluster import ROOT, tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chart.conftest import Manifest

VERSIONS = ("1.33.0", "1.34.0", "1.35.0", "1.36.0")
NOT_KUBERNETES = ("ServiceMonitor", "PrometheusRule")
"""Kinds of others, whose schemas are not at hand."""

LISTED: Manifest = {"watchNamespaces": ["team-a"], "crds": {"enabled": False}}
VALUES = {"defaults": {}, "everything": EVERYTHING, "listed": LISTED}


@dataclass(frozen=True)
class Kubernetes:
    """A version of Kubernetes, and the folder with the schemas of its kinds and ours."""

    version: str
    schemas: Path

    def judge(self, manifests: str) -> list[dict[str, Any]]:
        """Return what kubeconform says of each object."""
        location = f"{self.schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
        options = ["-kubernetes-version", self.version, "-schema-location", location, "-skip", ",".join(NOT_KUBERNETES)]
        command = [tool("kubeconform"), "-strict", "-verbose", "-output", "json", *options, "-"]
        done = subprocess.run(command, input=manifests, capture_output=True, text=True, check=False)
        return json.loads(done.stdout)["resources"]


@pytest.fixture(scope="session", params=[pytest.param(each, marks=pytest.mark.needs("go")) for each in VERSIONS])
def kubernetes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kubernetes:
    folder = tmp_path_factory.mktemp("schemas")
    _write_kubernetes(folder, request.param)
    _write_ours(folder)
    return Kubernetes(request.param, folder)


def _write_kubernetes(folder: Path, version: str) -> None:
    """Write Kubernetes' schemas so that they refer to each other as files, and to no site."""
    package = find_spec("kubernetes_validate")
    assert package, "kubernetes-validate, which holds Kubernetes' schemas, is not installed: run `make setup`"
    assert package.origin
    for file in (Path(package.origin).parent / f"kubernetes-json-schema/v{version}-local-strict").iterdir():
        text = file.read_text(encoding="utf-8").replace('"$id": "https://kubernetes.io', '"x-id": "')
        (folder / file.name).write_text(
            text.replace('"/api/_definitions.json#', '"_definitions.json#'), encoding="utf-8"
        )


def _write_ours(folder: Path) -> None:
    for file in (ROOT / "crds").glob("*.yaml"):
        spec: Any = yaml.safe_load(file.read_text(encoding="utf-8"))["spec"]
        for version in spec["versions"]:
            name = f"{spec['names']['singular']}-{spec['group'].partition('.')[0]}-{version['name']}.json"
            schema = _closed(version["schema"]["openAPIV3Schema"])
            (folder / name).write_text(json.dumps(schema), encoding="utf-8")


def _closed(schema: Any, name: str = "") -> Any:
    """Return a schema that takes no unknown members, as the API server's strict validation."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value, key) for key, value in schema.items()}
    if "properties" in schema and name not in {"properties", "metadata"} and "type" in schema:
        free = schema.get("x-kubernetes-preserve-unknown-fields", False)
        closed.setdefault("additionalProperties", free)
    return closed


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_it_is_valid(template: Callable[..., str], kubernetes: Kubernetes, values: Manifest):
    text = template(values, "--kube-version", kubernetes.version)

    judged = kubernetes.judge(text)
    assert len(judged) == sum(1 for each in yaml.safe_load_all(text) if each)
    assert [each for each in judged if each["status"] not in {"statusValid", "statusSkipped"}] == []
    skipped = {each["kind"] for each in judged if each["status"] == "statusSkipped"}
    assert skipped == (set(NOT_KUBERNETES) if values is EVERYTHING else set())


def test_the_static_manifests_are_valid(kubernetes: Kubernetes):
    judged = kubernetes.judge((ROOT / "charts/static/install.yaml").read_text(encoding="utf-8"))
    assert [each for each in judged if each["status"] != "statusValid"] == []
    assert judged


@pytest.mark.parametrize(
    ("slip", "status"),
    [
        ({"apiVersion": "v1", "kind": "Service", "spec": {"portz": []}}, "statusInvalid"),
        ({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": "two"}}, "statusInvalid"),
        ({"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphCron", "spec": {"cron": "x"}}, "statusInvalid"),
        ({"apiVersion": "example.com/v1", "kind": "Unknown"}, "statusError"),
    ],
    ids=["unknown field", "wrong type", "ours", "unknown kind"],
)
def test_a_slip_is_found(kubernetes: Kubernetes, slip: Manifest, status: str):
    (judged,) = kubernetes.judge(yaml.safe_dump(slip | {"metadata": {"name": "a"}}))
    assert judged["status"] == status


def test_an_old_kubernetes_is_refused(helm: Any):
    done = helm("template", "graphcron", str(ROOT / "charts/graphcron"), "--kube-version", "1.32.0", values={})
    assert done.returncode != 0
    assert "kubeVersion" in done.stderr
