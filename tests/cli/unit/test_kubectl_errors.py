"""What kubectl says where it refuses, in its own words; those of a live cluster are in ``verbs/test_refusals``."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest

from graphcron.cli.app import CliError
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.clients.kubectl_errors import (
    AlreadyExistsError,
    ForbiddenError,
    NotFoundError,
    NotInstalledError,
    kubectl_error,
)
from graphcron.cli.verbs import list_

if TYPE_CHECKING:
    from pathlib import Path

FORBIDDEN = 'Error from server (Forbidden): {} is forbidden: User "ann" cannot {} resource "{}" in API group "{}" {}'

CONTEXTS = "kubectl config get-contexts"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'E1123 00:00:00 1 memcache.go:265] x\nerror: the server doesn\'t have a resource type "graphcrons"\n',
            "GraphCron is not installed in the cluster; install it with its chart, or choose another cluster with ",
        ),
        (
            "error: You must be logged in to the server (Unauthorized)",
            "you are not logged in to the cluster; log in again, or choose another cluster",
        ),
        (
            "Unable to connect to the server: net/http: TLS handshake timeout",
            "the cluster can't be reached: net/http: TLS handshake timeout; choose another cluster",
        ),
        ('error: context "x" does not exist', "the kubeconfig has no context x; kubectl config get-contexts lists"),
        ("error: cannot locate context x", "the kubeconfig has no context x; kubectl config get-contexts lists"),
        (
            FORBIDDEN.format("jobs.batch", "delete", "jobs", "batch", 'in the namespace "a"'),
            "ann may not delete jobs in the namespace a; ask for the ClusterRole edit there",
        ),
        (
            FORBIDDEN.format("graphcrons", "list", "graphcrons", "graphcron.dev", "at the cluster scope"),
            "ann may not list graphcrons in the whole cluster; leave out -A, or ask for the right to",
        ),
        (
            'error: the server doesn\'t have a resource type "graphruns"',
            "the cluster has no kind GraphRun; install the chart of this program's release, or choose another ",
        ),
        (
            'error: resource mapping not found: no matches for kind "GraphRun"\nensure CRDs are installed first\n',
            "the cluster has no kind GraphRun; install the chart of this program's release, or choose another ",
        ),
        (
            FORBIDDEN.format("graphruns", "create", "graphruns", "graphcron.dev", 'in the namespace "a"'),
            "ann may not create graphruns in the namespace a; ask for the ClusterRole graphcron-run there",
        ),
        (
            FORBIDDEN.format("graphruns", "list", "graphruns", "graphcron.dev", 'in the namespace "a"'),
            "ann may not list graphruns in the namespace a; ask for the ClusterRole view there",
        ),
        (
            'Error from server (Forbidden): pods "a" is forbidden: exceeded quota: b',
            'pods "a" is forbidden: exceeded quota: b',
        ),
        (
            'The GraphCron "a" is invalid: \n* spec.x: Too long\n* spec.y: Required\n* <nil>: Invalid value: null: some',
            'The GraphCron "a" is invalid: spec.x: Too long; spec.y: Required',
        ),
        ("W1123 old\nWarning: old\nError from server: no leader", "no leader"),
        ("", "kubectl get failed, and said nothing"),
    ],
)
def test_the_line_says_what_to_do(text: str, said: str) -> None:
    assert str(kubectl_error(text, verb="get", contexts=CONTEXTS)).startswith(said)


def test_the_contexts_are_those_of_the_kubeconfig_that_was_asked() -> None:
    said = str(kubectl_error('error: context "x" does not exist', verb="get", contexts="kubectl --kubeconfig k"))
    assert said == "the kubeconfig has no context x; kubectl --kubeconfig k lists those that it has"


REFUSED = "The connection to the server localhost:8080 was refused - did you specify the right host or port?"


@pytest.mark.parametrize("text", [REFUSED, 'error: context "x" does not exist'])
def test_a_kubeconfig_that_is_not_there(text: str) -> None:
    said = str(kubectl_error(text, verb="get", contexts=CONTEXTS, missing="/none"))
    assert said == "there is no kubeconfig /none; correct the variable KUBECONFIG"
    assert str(kubectl_error("error: other", verb="get", contexts=CONTEXTS, missing="/none")) == "other"


@pytest.mark.parametrize(
    ("variable", "option", "is_missing"),
    [
        ("/none", None, True),
        ("/none:/nil", None, True),
        ("/none:{there}", None, False),
        ("/none", "k", False),
        ("", None, False),
    ],
)
def test_kubeconfig_of_the_variable(
    variable: str, option: str | None, is_missing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there"
    there.touch()
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\necho '{REFUSED}' >&2; exit 1\n")
    kubectl.chmod(0o755)
    monkeypatch.setenv("KUBECTL", str(kubectl))
    monkeypatch.setenv("KUBECONFIG", variable.format(there=there))
    with pytest.raises(CliError) as raised:
        Kubectl(kubeconfig=option).get("jobs", "a")
    assert str(raised.value).startswith("there is no kubeconfig" if is_missing else "no cluster is chosen")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('Error from server (NotFound): jobs "a" not found', NotFoundError),
        ('Error from server (Conflict): jobs "a" not found', CliError),
        ('Error from server (AlreadyExists): error when creating "STDIN": jobs "a" already exists', AlreadyExistsError),
        (FORBIDDEN.format("jobs", "get", "jobs", "batch", 'in the namespace "a"'), ForbiddenError),
        ('Error from server (Forbidden): pods "a" is forbidden: exceeded quota: b', CliError),
        ('error: the server doesn\'t have a resource type "graphruns"', NotInstalledError),
    ],
)
def test_the_reason_of_the_api_server_decides_the_type(text: str, kind: type[CliError]) -> None:
    found = kubectl_error(text, verb="get", contexts=CONTEXTS)
    assert type(found) is kind
    assert "STDIN" not in str(found)


def test_a_watch_that_the_api_server_ends_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kubectl, "watch", lambda self, kind, selector: iter(["change"]))
    assert list(islice(list_._again(Kubectl()), 3)) == ["change"] * 3
