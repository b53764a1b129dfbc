"""Commands that verbs name can be typed as they stand: they carry the namespace and the cluster that were given."""

from __future__ import annotations

import ast
import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer.main

from graphcron.api import crd
from graphcron.cli import verbs
from graphcron.cli.app import app
from graphcron.cli.clients.kubectl import HERE, Kubectl
from graphcron.cli.doctor import checks
from tests.cli.imports.test_checks import deployment, graphcron
from tests.cli.offline.program import NOWHERE, manifest, run, text
from tests.cluster import ROOT

GIVEN = ("-n", "agents", "--context", "a b", "--kubeconfig", "k")
THERE = Kubectl(namespace="agents", context="a b", kubeconfig="k")
PLACE, CLUSTER = shlex.join(GIVEN), shlex.join(GIVEN[2:])

SOURCES = sorted((ROOT / "operator/graphcron/cli").rglob("*.py"))


def test_what_was_given_is_carried_and_nothing_else():
    assert HERE.hint("graphcron", "describe", "hello") == "graphcron describe hello"
    assert THERE.hint("graphcron", "describe", "hello") == f"graphcron describe hello {PLACE}"
    assert THERE.at(None).hint("kubectl", "get", "namespaces") == f"kubectl get namespaces {CLUSTER}"
    everywhere = Kubectl(everywhere=True, context="c")
    assert everywhere.at("agents").hint("graphcron", "list") == "graphcron list -n agents --context c"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", "hello"), "a run of hello is requested; graphcron history hello {} shows how it ends\n"),
        (("suspend", "hello"), "hello is suspended; active runs continue (graphcron cancel hello {} ends them)\n"),
        (("logs", "hello", "--answer"), "; graphcron history hello -o wide {} lists them\n"),
        (
            ("next", "hello"),
            "it is suspended: none of these runs starts; graphcron resume hello {} ends the suspension\n",
        ),
    ],
)
def test_verbs_name_the_place_that_they_were_given(tmp_path: Path, words: tuple[str, ...], told: str):
    found = tmp_path / "found"
    found.write_text(json.dumps(manifest(namespace="agents", suspend=True)))
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\nexec cat {found}\n")
    kubectl.chmod(0o755)
    done = run(*words, *GIVEN, environment={**NOWHERE, "KUBECTL": str(kubectl)})
    assert told.format(PLACE) in done.stdout + done.stderr


def test_a_file_names_its_own_namespace():
    stdin = text(manifest(suspend=True), manifest("other", namespace="b", suspend=True))
    said = run("next", "-f", "-", *GIVEN, stdin=stdin).stdout
    assert f"; graphcron resume hello {PLACE} ends the suspension\n" in said
    assert f"; graphcron resume other -n b {CLUSTER} ends the suspension\n" in said


def test_doctor_names_the_cluster_and_the_namespace_of_each():
    operator, now = deployment(available=False, LEASE_NAME="lease"), datetime(2026, 11, 22, tzinfo=UTC)
    (down,) = checks.of_operator([operator], "0.1.0", kubectl=THERE)
    assert down.remedy.endswith(f"=operator -n graphcron-system {CLUSTER}")
    leader = checks.of_leader(operator, None, now=now, kubectl=THERE)
    assert leader.remedy == f"kubectl logs deployment/graphcron -n graphcron-system {CLUSTER}"
    (bad,) = checks.of_graphcrons([graphcron("bad", Ready=("False", "InvalidSpec"))], kubectl=THERE)
    assert bad.remedy == f"graphcron describe bad -n agents {CLUSTER}"
    ours = crd.crds()[0]
    assert checks.of_crd("x", ours, ours, kubectl=THERE).remedy == f"kubectl describe crd x {CLUSTER}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_command_is_written_out_by_hand(path: Path):
    """They come from ``Kubectl.hint``; docstrings and what is only told of a verb are no commands."""
    assert verbs  # each verb has added itself
    ours = "|".join(typer.main.get_command(app).commands)
    command = re.compile(rf"\b(?:graphcron (?:{ours})|kubectl (?:get|describe|logs|delete|config|apply))\b")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    texts = [each for each in ast.walk(tree) if isinstance(each, ast.Constant) and id(each) not in docstrings]
    assert [found for each in texts if isinstance(each.value, str) for found in command.findall(each.value)] == []
