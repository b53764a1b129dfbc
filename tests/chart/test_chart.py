"""The Helm chart, as `helm template` renders it; no cluster is needed."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron.settings import Settings, from_environment
from tests.cluster import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

CHART = ROOT / "charts/graphcron"
CRDS = ("graphcrons.graphcron.dev", "graphservers.graphcron.dev")

EVERYTHING: dict[str, Any] = {
    "image": {"repository": "registry.example.com/graphcron/operator", "tag": "1.2.3", "pullPolicy": "Always"},
    "runner": {
        "image": {"repository": "registry.example.com/graphcron/runner", "tag": "1.2.4"},
        "resources": {"requests": {"cpu": "5m"}, "limits": {"memory": "64Mi"}},
    },
    "server": {
        "url": "https://example.com/langgraph",
        "apiKeySecret": {"name": "langgraph", "key": "token"},
        "caConfigMap": {"name": "authority", "key": "bundle.pem"},
    },
    "watchNamespaces": ["team-a", "!kube-*"],
    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
    "imagePullSecrets": [{"name": "my-registry"}],
    "podAnnotations": {"example.com/note": "yes: really"},
    "crds": {"install": True, "keep": False},
    "prices": {"sample-model-1": {"input": "2.50", "output": "10"}},
}

CRD_KIND = "CustomResourceDefinition"
Objects = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def helm() -> str:
    command = [sys.executable, str(ROOT / "hack/cluster"), "tools"]
    return str(Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()) / "helm")


@pytest.fixture(scope="session")
def render(helm: str) -> Callable[[dict[str, Any]], Objects]:
    def render(values: dict[str, Any], release: str = "graphcron") -> Objects:
        command = [helm, "template", release, str(CHART), "--namespace", "graphcron-system", "--values", "-"]
        done = subprocess.run(command, input=yaml.safe_dump(values), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        objects = [each for each in yaml.safe_load_all(done.stdout) if each]
        by_name = {each["metadata"]["name"] if each["kind"] == CRD_KIND else each["kind"]: each for each in objects}
        assert len(by_name) == len(objects), "two objects of one kind: let this test tell them apart"
        return by_name

    return render


def pod_spec_of(objects: Objects) -> dict[str, Any]:
    return objects["Deployment"]["spec"]["template"]["spec"]


def container_of(objects: Objects) -> dict[str, Any]:
    (container,) = pod_spec_of(objects)["containers"]
    return container


def environment_of(objects: Objects) -> dict[str, str]:
    return {each["name"]: _value(objects, each) for each in container_of(objects)["env"]}


def _value(objects: Objects, variable: dict[str, Any]) -> str:
    if "value" in variable:
        return variable["value"]
    reference, config_map = variable["valueFrom"]["configMapKeyRef"], objects["ConfigMap"]
    assert reference["name"] == config_map["metadata"]["name"]
    return config_map["data"][reference["key"]]


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_lint_finds_nothing(helm: str, values: dict[str, Any]):
    command = [helm, "lint", "--strict", str(CHART), "--values", "-"]
    done = subprocess.run(command, input=yaml.safe_dump(values), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 chart(s) failed" in done.stdout


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_it_makes_these_objects_and_no_others(render, values: dict[str, Any]):
    objects = render(values)

    usual = {*CRDS, "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Deployment"}
    assert set(objects) == usual | ({"ConfigMap"} if values else set())
    for each in objects.values():
        assert each["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
        assert each["metadata"]["labels"]["app.kubernetes.io/name"] == "graphcron"


RIGHTS = {
    ("graphcron.dev", "graphcrons"): {"list", "watch"},
    ("graphcron.dev", "graphservers"): {"list", "watch"},
    ("graphcron.dev", "graphcrons/status"): {"patch"},
    ("graphcron.dev", "graphservers/status"): {"patch"},
    ("batch", "cronjobs"): {"get", "list", "watch", "create", "patch", "delete"},
    ("batch", "jobs"): {"list", "watch", "create"},
    ("", "pods"): {"list", "watch"},
    ("", "events"): {"create"},
    ("apiextensions.k8s.io", "customresourcedefinitions"): {"list", "watch"},
}
NAMESPACES = {("", "namespaces"): {"list", "watch"}}


@pytest.mark.parametrize(
    ("values", "wanted"), [({}, RIGHTS), (EVERYTHING, RIGHTS | NAMESPACES)], ids=["defaults", "everything"]
)
def test_the_rights_are_the_ones_that_are_used(render, values: dict[str, Any], wanted: dict[tuple[str, str], set[str]]):
    rules = render(values)["ClusterRole"]["rules"]

    rights = {
        (group, resource): set(rule["verbs"])
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert rights == wanted
    assert sum(len(rule["apiGroups"]) * len(rule["resources"]) for rule in rules) == len(rights)
    assert all(set(rule) == {"apiGroups", "resources", "verbs"} for rule in rules)


def test_the_rights_are_the_operators(render):
    objects = render({}, release="nightly")

    account = objects["ServiceAccount"]["metadata"]
    binding = objects["ClusterRoleBinding"]
    assert account == {**account, "name": "nightly-graphcron", "namespace": "graphcron-system"}
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    ]
    assert binding["roleRef"]["kind"] == "ClusterRole"
    assert binding["roleRef"]["name"] == objects["ClusterRole"]["metadata"]["name"]
    assert pod_spec_of(objects)["serviceAccountName"] == account["name"]


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_the_pod_is_restricted(render, values: dict[str, Any]):
    objects = render(values)

    pod, container = pod_spec_of(objects), container_of(objects)
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "volumes"} & set(pod)


def test_no_secret_reaches_the_operator(render):
    container = container_of(render(EVERYTHING))

    assert "envFrom" not in container
    assert "volumeMounts" not in container
    sources = [each["valueFrom"] for each in container["env"] if "value" not in each]
    assert all(set(each) == {"configMapKeyRef"} for each in sources)


def test_one_operator_at_a_time(render):
    spec = render({})["Deployment"]["spec"]

    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert "helm.sh/chart" not in spec["selector"]["matchLabels"]


def test_the_probes_ask_where_the_operator_answers(render):
    objects = render({})

    container = container_of(objects)
    (port,) = container["ports"]
    assert str(port["containerPort"]) == environment_of(objects)["GRAPHCRON_HEALTH_PORT"]
    paths = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    assert {probe: container[probe]["httpGet"] for probe in paths} == {
        probe: {"path": path, "port": port["name"]} for probe, path in paths.items()
    }


def test_defaults_leave_the_settings_at_theirs(render):
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    objects = render({})

    assert container_of(objects)["image"] == f"graphcron/operator:{version}"
    assert container_of(objects)["imagePullPolicy"] == "IfNotPresent"
    assert from_environment(environment_of(objects)) == Settings(runner_image=f"graphcron/runner:{version}")


def test_every_value_arrives(render):
    objects = render(EVERYTHING)

    assert from_environment(environment_of(objects)) == Settings(
        namespaces=("team-a", "!kube-*"),
        server_url="https://example.com/langgraph",
        api_key_secret_name="langgraph",
        api_key_secret_key="token",
        ca_config_map_name="authority",
        ca_config_map_key="bundle.pem",
        runner_image="registry.example.com/graphcron/runner:1.2.4",
        runner_resources={"requests": {"cpu": "5m"}, "limits": {"memory": "64Mi"}},
        prices={"sample-model-1": {"input": "2.50", "output": "10"}},
    )
    pod, container = pod_spec_of(objects), container_of(objects)
    assert container["image"] == "registry.example.com/graphcron/operator:1.2.3"
    assert container["imagePullPolicy"] == "Always"
    assert container["resources"] == EVERYTHING["resources"]
    assert pod["imagePullSecrets"] == [{"name": "my-registry"}]
    annotations = objects["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations.items() >= EVERYTHING["podAnnotations"].items()
    assert set(annotations) - set(EVERYTHING["podAnnotations"]) == {"checksum/prices"}


def test_each_variable_is_a_setting(render):
    known = {f"GRAPHCRON_{name.upper()}" for name in Settings.__dataclass_fields__}

    assert set(environment_of(render(EVERYTHING))) <= known


def test_everything_sets_every_value():
    def paths(values: Any, at: str = "") -> set[str]:
        if not isinstance(values, dict) or not values:
            return {at}
        return {path for key, value in values.items() for path in paths(value, f"{at}.{key}")}

    known = paths(yaml.safe_load((CHART / "values.yaml").read_text()))
    given = paths(EVERYTHING)
    assert all(any(path == each or path.startswith(f"{each}.") for each in known) for path in given)
    assert all(any(path == each or path.startswith(f"{each}.") for path in given) for each in known)


@pytest.mark.parametrize("name", CRDS)
def test_the_crds_are_the_projects(render, name: str):
    assert (CHART / f"files/crds/{name}.yaml").read_text() == (ROOT / f"crds/{name}.yaml").read_text(), (
        "the chart's copy is stale: run `make generate`"
    )
    crd, original = render({})[name], yaml.safe_load((ROOT / f"crds/{name}.yaml").read_text())
    assert crd["metadata"]["name"] == original["metadata"]["name"]
    assert json.dumps(crd["spec"], sort_keys=True) == json.dumps(original["spec"], sort_keys=True)
    assert "status" not in crd


@pytest.mark.parametrize("name", CRDS)
def test_the_crds_stay_unless_told_otherwise(render, name: str):
    policy = {"helm.sh/resource-policy": "keep"}

    assert render({})[name]["metadata"]["annotations"] == policy
    assert "annotations" not in render({"crds": {"keep": False}})[name]["metadata"]
    assert name not in render({"crds": {"install": False}})


def test_the_versions_are_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert chart["appVersion"] == chart["version"] == project
