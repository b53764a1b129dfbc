"""The repository layouts of `examples/gitops`: each object is one that Argo CD, Flux and the API server take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron.api import names
from tests.cluster import ROOT
from tests.gitops.kstatus import kstatus
from tests.gitops.test_states import STATES, body_of

if TYPE_CHECKING:
    from tests.cluster import Cluster

EXAMPLES = ROOT / "examples/gitops"
ARGO_MODULE = ROOT / "hack/cluster/go/argocd"
FLUX_MODULE = Path(__file__).with_name("flux")
FLUX_TYPES = [
    f"paths=github.com/fluxcd/{each}"
    for each in ("helm-controller/api/v2", "kustomize-controller/api/v1", "source-controller/api/v1")
]


def objects_in(folder: str) -> list[dict[str, Any]]:
    """Return the objects in all YAML files below a folder."""
    paths = sorted((EXAMPLES / folder).rglob("*.yaml"))
    found = [body for path in paths for body in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    assert found, folder
    return found


@pytest.fixture(scope="module")
def foreign_crds(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Install Argo CD's and Flux' CustomResourceDefinitions, as their Go modules have them.

    They stay as long as the cluster: a test in another process may be using them when the last one here ends.
    """
    path = tmp_path_factory.mktemp("crds") / "crds.yaml"
    crds = [path.read_text(encoding="utf-8") for path in sorted(argo_crds().glob("*-crd.yaml"))]
    path.write_text("\n---\n".join([*crds, flux_crds()]), encoding="utf-8")
    cluster.kubectl("apply", "--server-side", "-f", str(path))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(path))


def argo_crds() -> Path:
    """Return the folder of Argo CD's CustomResourceDefinitions, of the version whose command line we use."""
    done = go(ARGO_MODULE, "mod", "download", "-json", "github.com/argoproj/argo-cd/v3")
    return Path(json.loads(done)["Dir"]) / "manifests/crds"


def flux_crds() -> str:
    """Make Flux' CustomResourceDefinitions from its types, as Flux itself does."""
    return go(FLUX_MODULE, "tool", "controller-gen", "crd", *FLUX_TYPES, "output:stdout")


def go(folder: Path, *arguments: str) -> str:
    """Run go in a module of ours; return what it printed."""
    environment = {**os.environ, "GOFLAGS": "", "GOWORK": "off", "CGO_ENABLED": "0"}
    command = ["go", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.needs("go")
@pytest.mark.usefixtures("foreign_crds")
@pytest.mark.parametrize("folder", ["argocd", "flux"])
def test_the_api_server_takes_them(cluster: Cluster, namespace: str, folder: str) -> None:
    for body in objects_in(folder):
        if body["kind"] != "Namespace":
            body["metadata"]["namespace"] = namespace
        said = refusal(cluster, body)
        assert said == "", f"{body['kind']} {body['metadata']['name']}: {said}"


@pytest.mark.needs("go")
@pytest.mark.usefixtures("foreign_crds")
@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("Application", "projekt", "default"),
        ("AppProject", "sourceRepos", "all"),
        ("Kustomization", "interval", "often"),
        ("HelmRelease", "chartReference", {}),
        ("OCIRepository", "url", "registry.example.com"),
    ],
)
def test_a_slip_would_be_seen(cluster: Cluster, namespace: str, kind: str, field: str, value: Any) -> None:
    ours = [*objects_in("argocd"), *objects_in("flux")]
    body = next(each for each in ours if each["kind"] == kind)
    body = {**body, "metadata": {"name": "spoilt", "namespace": namespace}, "spec": {**body["spec"], field: value}}
    assert field in refusal(cluster, body)


def refusal(cluster: Cluster, body: Any) -> str:
    """Return what the API server has against an object; empty: nothing."""
    command = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
    done = cluster.kubectl(*command, stdin=yaml.safe_dump(body), check=False)
    return done.stderr if done.returncode else ""


def test_what_the_team_applies_is_taken(cluster: Cluster, namespace: str) -> None:
    built = cluster.kubectl("kustomize", str(EXAMPLES / "agents")).stdout
    bodies = [body for body in yaml.safe_load_all(built) if body["kind"] != "Namespace"]
    assert {body["kind"] for body in bodies} == {names.KIND, names.SERVER_KIND}
    for body in bodies:
        assert body["metadata"].pop("namespace") == "agents"
        cluster.kubectl("apply", "--dry-run=server", "--namespace", namespace, "-f", "-", stdin=yaml.safe_dump(body))


def test_paths_lead_somewhere() -> None:
    argo = [body["spec"]["source"] for body in objects_in("argocd") if body["kind"] == "Application"]
    flux = [body["spec"] for body in objects_in("flux") if body["kind"] == "Kustomization"]
    paths = [each["path"] for each in (*argo, *flux) if "path" in each]
    assert len(paths) == 4
    assert [path for path in paths if not list((EXAMPLES / path).glob("*.yaml"))] == []


def test_the_versions_are_the_charts() -> None:
    chart = yaml.safe_load((ROOT / "charts/graphcron/Chart.yaml").read_text(encoding="utf-8"))["version"]
    argo = [body["spec"]["source"] for body in objects_in("argocd/apps") if body["kind"] == "Application"]
    assert [each["targetRevision"] for each in argo if "chart" in each] == [chart]
    assert [body["spec"]["ref"]["tag"] for body in objects_in("flux") if body["kind"] == "OCIRepository"] == [chart]


def test_the_values_are_the_charts(cluster: Cluster) -> None:
    sources = [body["spec"].get("source", {}) for body in objects_in("argocd/apps")]
    (argo,) = (source["helm"] for source in sources if "helm" in source)
    (flux,) = (body["spec"]["values"] for body in objects_in("flux") if body["kind"] == "HelmRelease")
    assert argo["valuesObject"] == flux
    command = ["helm", "template", "graphcron", str(ROOT / "charts/graphcron"), "--values", "-"]
    done = subprocess.run(
        command, input=yaml.safe_dump(flux), check=False, capture_output=True, text=True, env=cluster.environment
    )
    assert done.returncode == 0, done.stderr
    for image in (flux["image"], flux["runner"]["image"]):
        assert image["repository"] in done.stdout


def test_argo_cds_config_map_is_made_of_the_lua() -> None:
    script = EXAMPLES / "argocd/argocd_cm.py"
    done = subprocess.run([sys.executable, str(script), "--check"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


VERDICTS = {"Healthy": "Current", "Progressing": "InProgress", "Degraded": "Failed"}


@pytest.mark.needs("go")
@pytest.mark.parametrize(
    "state",
    [each for each in STATES if each.get("kind", names.KIND) != names.SERVER_KIND],
    ids=lambda state: state["name"],
)
def test_the_health_checks_for_flux_say_what_argo_cd_says(state: dict[str, Any]) -> None:
    (checks,) = (body["spec"]["healthCheckExprs"] for body in objects_in("flux") if "healthCheckExprs" in str(body))
    # Where there is no status yet, an expression about it says nothing, and Flux waits.
    verdict = VERDICTS[state["argo"]] if "status" in state else "Unknown"
    assert kstatus(body_of(state), checks) == verdict
