"""The values: each has its place in the model, and Helm refuses what the model does not know, by name."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chart.conftest import CHART, EVERYTHING, Manifest
from tests.cluster import ROOT

if TYPE_CHECKING:
    from tests.chart.conftest import Helm

sys.path.insert(0, str(ROOT / "hack/chart"))

from values import Values, schema

DEFAULTS: Manifest = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))


def test_the_values_and_the_model_have_the_same_keys():
    Values.model_validate(DEFAULTS)  # no field has a default, and none that is unknown is taken


def test_everything_sets_every_value():
    Values.model_validate(EVERYTHING)


def test_everything_is_no_default_but_for_switches():
    same = {path for path, value in _leaves(DEFAULTS).items() if _leaves(EVERYTHING).get(path) == value}
    switches = {"crds.enabled", "leaderElection.enabled", "admissionPolicy.enabled", "serviceAccount.create"}
    assert same <= switches | {"image.digest", *(f"rbac.{name}" for name in DEFAULTS["rbac"])}


def _leaves(values: Any, at: str = "") -> dict[str, Any]:
    if not isinstance(values, dict) or not values:
        return {at: values}
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _leaves(value, f"{at}.{key}".lstrip("."))
    return found


def test_each_value_is_commented():
    text = (CHART / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ")]
    told = {cells[1].strip(): cells[4].strip() for cells in rows if cells[1].strip() != "Key"}
    assert {path.partition(".")[0] for path in told} == set(DEFAULTS)
    assert [path for path, comment in told.items() if not comment] == []


@pytest.mark.parametrize(
    ("values", "where", "what"),
    [
        ({"crds": {"install": True}}, "/crds", "'install'"),
        ({"replicaCount": 2}, "", "'replicaCount'"),
        ({"replicas": "2"}, "/replicas", "integer"),
        ({"nameOverride": "my_crons"}, "/nameOverride", "pattern"),
        ({"fullnameOverride": "a" * 53}, "/fullnameOverride", "52"),
        ({"namespaceOverride": "a.b"}, "/namespaceOverride", "pattern"),
        ({"global": {"imageRegistry": 5}}, "/global/imageRegistry", "string"),
        ({"runner": {"tolerations": {}}}, "/runner/tolerations", "array"),
        ({"server": {"url": "langgraph:8000"}}, "/server/url", "pattern"),
        ({"server": {"uiUrl": "javascript:alert(1)"}}, "/server/uiUrl", "pattern"),
        ({"server": {"uiUrl": "https://ui.example.com/{run_id}"}}, "/server/uiUrl", "pattern"),
        ({"allowedServers": ["https://example.com/*"]}, "/allowedServers/0", "pattern"),
        ({"runner": {"allowedLabels": ["a b"]}}, "/runner/allowedLabels/0", "pattern"),
        ({"runner": {"allowedAnnotations": ["=a"]}}, "/runner/allowedAnnotations/0", "pattern"),
        ({"runner": {"allowedServiceAccounts": ["a=b"]}}, "/runner/allowedServiceAccounts/0", "pattern"),
        ({"image": {"digest": "latest"}}, "/image/digest", "pattern"),
        ({"log": {"level": "loud"}}, "/log/level", "'debug'"),
        ({"serviceMonitor": {"renderMode": "sometimes"}}, "/serviceMonitor/renderMode", "'skipIfMissing'"),
        ({"prices": {"*": {"input": 2.5, "output": "10"}}}, "/prices/*/input", "string"),
        ({"leaderElection": {"leaseSeconds": 5}}, "/leaderElection/leaseSeconds", "10"),
    ],
    ids=str,
)
def test_helm_refuses_by_the_fields_name(helm: Helm, values: Manifest, where: str, what: str):
    done = helm("template", "graphcron", str(CHART), values=values)
    assert done.returncode != 0
    (line,) = (line for line in done.stderr.splitlines() if f"at '{where}'" in line)
    assert what in line


LISTED = ["https://langgraph.example.com"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"allowedServers": [*LISTED, "http://langgraph:8000"]}, "http://langgraph:8000 is relative: without a dot"),
        ({"allowedServers": ["http://langgraph-*:8000"]}, "http://langgraph-*:8000 is relative: without a dot"),
        ({"allowedServers": ["http://*"]}, "http://* is relative: without a dot"),
        (
            {"allowedServers": LISTED, "server": {"url": "http://langgraph"}},
            "http://langgraph is relative: without a dot",
        ),
        ({"runner": {"allowedLabels": ["team"]}}, "runner.allowedLabels is set, but allowedServers is empty"),
        ({"runner": {"allowedAnnotations": ["a=b"]}}, "runner.allowedAnnotations is set, but allowedServers is empty"),
        (
            {"runner": {"allowedServiceAccounts": ["a"]}},
            "runner.allowedServiceAccounts is set, but allowedServers is empty",
        ),
    ],
    ids=str,
)
def test_helm_refuses_a_list_that_would_not_hold(helm: Helm, values: Manifest, words: str):
    done = helm("template", "graphcron", str(CHART), values=values)
    assert done.returncode != 0
    assert words in done.stderr


@pytest.mark.parametrize(
    "values",
    [
        {"global": {"anything": 1}},
        {"global": {"imageRegistry": None, "imagePullSecrets": None}},
        {"resources": {"limits": None}},
        {"dashboard": {"labels": {"grafana_dashboard": None}}},
        {"allowedServers": ["http://*.svc", "http://[::1]:80/"], "server": {"url": "http://10.0.0.1"}},
        {"server": {"url": "http://langgraph:8000"}},
    ],
    ids=[
        "a part of another chart",
        "no globals",
        "no limits",
        "no label",
        "absolute servers",
        "a relative server for all",
    ],
)
def test_helm_takes(helm: Helm, values: Manifest):
    assert helm("template", "graphcron", str(CHART), values=values).returncode == 0


def test_the_schema_is_the_models():
    made = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert made == schema(), "run `make generate`"
