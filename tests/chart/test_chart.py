"""The Helm chart: what it makes, and what reaches the operator. What each value does is told in charts/graphcron/tests."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron.settings import Settings, from_arguments, from_environment
from tests.chart.conftest import CHART, EVERYTHING, NAMESPACE, Manifest
from tests.cluster import ROOT, tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chart.conftest import Helm

    Render = Callable[..., list[Manifest]]

CRDS = ("graphcrons.graphcron.dev", "graphruns.graphcron.dev", "graphservers.graphcron.dev")
LISTED: Manifest = {"watchNamespaces": ["team-a", "team-b"], "crds": {"enabled": False}}


def the(objects: list[Manifest], kind: str, name: str | None = None) -> Manifest:
    (found,) = (each for each in objects if each["kind"] == kind and name in {None, each["metadata"]["name"]})
    return found


def container_of(objects: list[Manifest]) -> Manifest:
    return the(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]


def environment_of(objects: list[Manifest]) -> dict[str, str]:
    """Return the operator's variables, as its container would see them."""
    environment: dict[str, str] = {}
    for each in container_of(objects)["env"]:
        # The kubelet expands "$(NAME)" of the variables that stand before, and takes "$$" for "$".
        value = re.sub(
            r"\$\$|\$\((\w+)\)",
            lambda match: environment.get(match[1], match[0]) if match[1] else "$",
            _value(objects, each),
        )
        environment[each["name"]] = value
    return environment


def _value(objects: list[Manifest], variable: Manifest) -> str:
    if "value" in variable:
        return variable["value"]
    source = variable["valueFrom"]
    if source == {"fieldRef": {"fieldPath": "metadata.namespace"}}:
        return the(objects, "Deployment")["metadata"]["namespace"]
    reference = source["configMapKeyRef"]
    return the(objects, "ConfigMap", reference["name"])["data"][reference["key"]]


def settings_of(objects: list[Manifest]) -> Settings:
    arguments = from_arguments(container_of(objects).get("args", []))
    return from_environment(environment_of(objects) | arguments)


@pytest.mark.needs("go")
def test_the_suites_of_helm_unittest_pass():
    done = subprocess.run([tool("helm-unittest"), "--strict", str(CHART)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    suites = len(list((CHART / "tests").glob("*_test.yaml")))
    assert re.search(rf"Test Suites: +{suites} passed, {suites} total", done.stdout)


@pytest.mark.parametrize("values", [{}, EVERYTHING, LISTED], ids=["defaults", "everything", "listed"])
def test_lint_finds_nothing(helm: Helm, values: Manifest):
    done = helm("lint", "--strict", str(CHART), values=values)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 chart(s) failed" in done.stdout


def test_it_makes_these_objects_and_no_others(render: Render):
    assert sorted((each["kind"], each["metadata"]["name"]) for each in render({})) == [
        ("ClusterRole", "graphcron"),
        ("ClusterRole", "graphcron-edit"),
        ("ClusterRole", "graphcron-run"),
        ("ClusterRole", "graphcron-view"),
        ("ClusterRoleBinding", "graphcron"),
        *(("CustomResourceDefinition", name) for name in CRDS),
        ("Deployment", "graphcron"),
        ("Role", "graphcron-leader"),
        ("RoleBinding", "graphcron-leader"),
        ("Service", "graphcron-metrics"),
        ("ServiceAccount", "graphcron"),
        ("ValidatingAdmissionPolicy", "graphcron-run"),
        ("ValidatingAdmissionPolicyBinding", "graphcron-run"),
    ]


def test_a_release_for_listed_namespaces_makes_nothing_outside_of_them(render: Render):
    objects = render(LISTED)

    assert {each["metadata"].get("namespace") for each in objects} == {NAMESPACE, "team-a", "team-b"}


def test_no_object_is_in_another_namespace_than_the_one_given(render: Render, template: Callable[..., str]):
    values = {"namespaceOverride": "platform", "dashboard": {"enabled": True}, "prices": EVERYTHING["prices"]}
    values |= {each: {"enabled": True} for each in ("networkPolicy", "podDisruptionBudget")}
    objects = [each for each in yaml.safe_load_all(template(values)) if each]

    assert {each["metadata"].get("namespace") for each in objects} == {None, "platform"}
    subjects = [subject for each in objects for subject in each.get("subjects", [])]
    assert {each["namespace"] for each in subjects} == {"platform"}


@pytest.mark.parametrize(
    ("values", "name", "label"),
    [
        ({}, "nightly-graphcron", "graphcron"),
        ({"nameOverride": "crons"}, "nightly-crons", "crons"),
        ({"nameOverride": "night"}, "nightly", "night"),
        ({"fullnameOverride": "agents"}, "agents", "graphcron"),
        ({"fullnameOverride": "agents", "nameOverride": "crons"}, "agents", "crons"),
    ],
    ids=str,
)
def test_names_can_be_given(render: Render, values: Manifest, name: str, label: str):
    objects = render(values, release="nightly")
    deployment = the(objects, "Deployment")

    assert deployment["metadata"]["name"] == name
    assert deployment["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] == label
    assert the(objects, "Service")["spec"]["selector"]["app.kubernetes.io/name"] == label
    ours = [each for each in objects if each["kind"] != "CustomResourceDefinition"]
    assert all(each["metadata"]["name"].startswith(name) for each in ours)


@pytest.mark.parametrize("values", [{}, EVERYTHING, LISTED], ids=["defaults", "everything", "listed"])
def test_everything_is_labelled_as_helms(render: Render, values: Manifest):
    extra = [("GraphCron", "extra"), ("GraphServer", "graphcron")]
    for each in render(values):
        if (each["kind"], each["metadata"]["name"]) not in extra:
            labels = each["metadata"]["labels"]
            assert labels["app.kubernetes.io/managed-by"] == "Helm"
            assert labels["app.kubernetes.io/name"] == values.get("nameOverride", "graphcron")
            assert labels.items() >= values.get("commonLabels", {}).items()


@pytest.mark.parametrize("values", [{}, EVERYTHING, LISTED], ids=["defaults", "everything", "listed"])
def test_the_rights_are_the_operators(render: Render, values: Manifest):
    objects = render(values, release="nightly")
    home = values.get("namespaceOverride", NAMESPACE)

    account = the(objects, "ServiceAccount")["metadata"]
    bindings = [each for each in objects if each["kind"].endswith("RoleBinding")]
    roles = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in objects}
    assert bindings
    for binding in bindings:
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account["name"], "namespace": home}]
        role = binding["roleRef"]
        assert (role["kind"], binding["metadata"].get("namespace"), role["name"]) in roles
    pod = the(objects, "Deployment")["spec"]["template"]["spec"]
    assert (account["namespace"], pod["serviceAccountName"]) == (home, account["name"])


@pytest.mark.parametrize("values", [{}, EVERYTHING, LISTED], ids=["defaults", "everything", "listed"])
def test_no_secret_is_the_operators_to_read(render: Render, values: Manifest):
    objects = render(values)

    rules = [rule for each in objects for rule in each.get("rules", [])]
    assert rules
    assert not {resource for rule in rules for resource in rule["resources"]} & {"*", "secrets", "configmaps"}
    assert not {verb for rule in rules for verb in rule["verbs"]} & {"*", "bind", "escalate", "impersonate"}
    assert "secretKeyRef" not in json.dumps(container_of(objects))
    assert "envFrom" not in container_of(objects)


def test_defaults_leave_the_settings_at_theirs(render: Render):
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    objects = render({})

    assert container_of(objects)["image"] == f"graphcron/operator:{version}"
    assert settings_of(objects) == Settings(
        installation=f"{NAMESPACE}/graphcron",
        runner_image=f"graphcron/runner:{version}",
        lease_name="graphcron",
        lease_namespace=NAMESPACE,
    )


def test_every_value_reaches_the_settings(render: Render):
    runner = EVERYTHING["runner"]
    defaults = ("labels", "annotations", "nodeSelector", "tolerations", "affinity")
    defaults += ("priorityClassName", "serviceAccountName")

    assert settings_of(render(EVERYTHING)) == Settings(
        installation="platform/graphcron",
        namespaces=("team-a", "team-?", "!kube-*"),
        server_url="https://example.com/langgraph",
        ui_url="https://ui.example.com/{name}?a=$(HOME)#{runId}",
        api_key_secret_name="langgraph",
        api_key_secret_key="token",
        ca_config_map_name="authority",
        ca_config_map_key="bundle.pem",
        runner_image=f"mirror.example.com/team/runner@{runner['image']['digest']}",
        runner_image_pull_policy="Never",
        runner_image_pull_secrets=("shared", "my-registry", "one", "two"),
        runner_resources=runner["resources"],
        runner_defaults={each: runner[each] for each in defaults},
        allowed_servers=(*EVERYTHING["allowedServers"], "http://nightly-test.platform.svc:8080"),
        allowed_annotations=("sidecar.istio.io/nativeSidecar", "note=a,b"),
        allowed_labels=("team=*",),
        allowed_service_accounts=("runner-*",),
        prices={"sample-model-1": {"input": "2.50", "output": "10"}},
        default_timeout_seconds=86_400,
        max_concurrent_preflights=2,
        lease_name="nightly",
        lease_namespace="platform",
        lease_seconds=30,
        log_level="debug",
        log_format="text",
        resync_seconds=300,
    )


def test_each_variable_is_a_setting(render: Render):
    known = {f"GRAPHCRON_{name.upper()}" for name in Settings.__dataclass_fields__}
    extra = {each["name"] for each in EVERYTHING["extraEnv"]}

    assert set(environment_of(render(EVERYTHING))) - extra <= known


@pytest.mark.parametrize("name", CRDS)
def test_the_crds_are_the_projects(render: Render, name: str):
    assert (CHART / f"files/crds/{name}.yaml").read_text() == (ROOT / f"crds/{name}.yaml").read_text(), (
        "the chart's copy is stale: run `make generate`"
    )
    crd = the(render({}), "CustomResourceDefinition", name)
    original: Any = yaml.safe_load((ROOT / f"crds/{name}.yaml").read_text())
    assert json.dumps(crd["spec"], sort_keys=True) == json.dumps(original["spec"], sort_keys=True)
    assert "status" not in crd


def test_the_package_holds_what_users_need_and_no_more(helm: Helm, tools: Any, tmp_path: Any):
    command = [str(tools / "helm"), "package", str(CHART), "--destination", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    (package,) = tmp_path.iterdir()
    listed = subprocess.run(["tar", "-tzf", str(package)], check=True, capture_output=True, text=True).stdout

    files = {line.removeprefix("graphcron/") for line in listed.splitlines()}
    assert {"README.md", "values.schema.json", "files/alerts.yaml", "files/dashboard.json"} <= files
    assert "templates/tests/pod.yaml" in files
    assert not {name for name in files if name.startswith("tests/") or name.endswith(".gotmpl")}


def test_the_versions_are_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert chart["appVersion"] == chart["version"] == project
