"""What kubectl says where it refuses, in its own words; those of a live cluster are in ``verbs/test_refusals``."""

from __future__ import annotations

from itertools import islice

import pytest

from graphcron.cli.kubectl import Kubectl
from graphcron.cli.refusals import NotFoundError, refusal
from graphcron.cli.verbs import list_

FORBIDDEN = 'Error from server (Forbidden): {} is forbidden: User "ann" cannot {} resource "{}" in API group "{}" {}'

CONTEXTS = "kubectl config get-contexts"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'E1123 00:00:00 1 memcache.go:265] x\nerror: the server doesn\'t have a resource type "graphcrons"\n',
            "the cluster does not know GraphCrons; install GraphCron (docs/install.md), or choose another with ",
        ),
        (
            "error: You must be logged in to the server (Unauthorized)",
            "the cluster does not know you; log in again, or choose another",
        ),
        (
            "Unable to connect to the server: net/http: TLS handshake timeout",
            "the cluster can't be reached: net/http: TLS handshake timeout; choose another",
        ),
        ('error: context "x" does not exist', "the kubeconfig has no context x; kubectl config get-contexts lists"),
        (
            FORBIDDEN.format("jobs.batch", "delete", "jobs", "batch", 'in the namespace "a"'),
            "ann may not delete jobs in the namespace a; ask for the ClusterRole edit there",
        ),
        (
            FORBIDDEN.format("graphcrons", "list", "graphcrons", "graphcron.dev", "at the cluster scope"),
            "ann may not list graphcrons in the whole cluster; leave out -A, or ask for the right to",
        ),
        (
            'Error from server (Forbidden): pods "a" is forbidden: exceeded quota: b',
            'pods "a" is forbidden: exceeded quota: b',
        ),
        ("W1123 old\nWarning: old\nError from server: no leader", "no leader"),
        ("", "kubectl get failed, and said nothing"),
    ],
)
def test_the_line_says_what_to_do(text: str, said: str) -> None:
    assert str(refusal(text, verb="get", contexts=CONTEXTS)).startswith(said)


def test_the_contexts_are_those_of_the_kubeconfig_that_was_asked() -> None:
    said = str(refusal('error: context "x" does not exist', verb="get", contexts="kubectl --kubeconfig k"))
    assert said == "the kubeconfig has no context x; kubectl --kubeconfig k lists those that it has"


def test_only_what_is_not_found_is_not_found() -> None:
    assert (
        type(refusal('Error from server (NotFound): jobs "a" not found', verb="get", contexts=CONTEXTS))
        is NotFoundError
    )
    assert (
        type(refusal('Error from server (Conflict): jobs "a" not found', verb="get", contexts=CONTEXTS))
        is not NotFoundError
    )


def test_a_watch_that_the_api_server_ends_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kubectl, "watch", lambda self, kind: iter(["change"]))
    assert list(islice(list_._again(Kubectl()), 3)) == ["change"] * 3
