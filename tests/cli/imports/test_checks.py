"""What ``doctor`` makes of what it finds."""

import copy
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from graphcron.api.crd import crds
from graphcron.cli.doctor import checks, installations
from graphcron.cli.doctor.checks import Check, Right, State
from graphcron.cli.verbs import doctor
from tests.cluster import ROOT

NOW = datetime(2026, 11, 22, 22, 0, 0, tzinfo=UTC)


def deployment(*, available: bool = True, pods: int | None = 1, **settings: str) -> dict[str, Any]:
    """Return the operator's Deployment, as the chart makes it and the API server gives it."""
    status = {"type": "Available", "status": str(available), "message": "Deployment has minimum availability."}
    env = [{"name": f"GRAPHCRON_{name}", "value": value} for name, value in settings.items()]
    containers = [{"name": "sidecar"}, {"name": "operator", "env": env}]
    labels = {"graphcron.dev/component": "operator", "app.kubernetes.io/version": "0.1.0"}
    return {
        "metadata": {"name": "graphcron", "namespace": "graphcron-system", "labels": labels},
        "spec": {"template": {"spec": {"serviceAccountName": "graphcron", "containers": containers}}},
        "status": {"conditions": [status]} | ({"availableReplicas": pods} if pods else {}),
    }


def lease(renewed: str | None = "2026-11-22T21:59:58.260608Z", holder: str | None = "graphcron-1") -> dict[str, Any]:
    return {"spec": {"holderIdentity": holder, "leaseDurationSeconds": 10, "renewTime": renewed}}


def graphcron(name: str = "a", *, spec: dict[str, Any] | None = None, **conditions: tuple[str, str]) -> dict[str, Any]:
    told = [{"type": k, "status": s, "reason": r, "message": f"{r}."} for k, (s, r) in conditions.items()]
    return {
        "metadata": {"name": name, "namespace": "agents"},
        "spec": spec or {},
        "status": {"conditions": told} if told else {},
    }


READY = ("True", "Reconciled")


@pytest.mark.parametrize(
    ("major", "minor", "state"),
    [
        ("1", "33", State.OK),
        ("1", "36+", State.OK),
        ("2", "0", State.OK),
        ("1", "32", State.FAILED),
        ("1", "9", State.FAILED),
    ],
)
def test_kubernetes_must_be_young_enough(major: str, minor: str, state: State) -> None:
    version = {"serverVersion": {"major": major, "minor": minor, "gitVersion": f"v{major}.{minor}.3"}}
    found = checks.of_version(version)
    assert (found.state, f"v{major}.{minor}.3" in found.message) == (state, True)


def installed(crd: dict[str, Any], established: str = "True") -> dict[str, Any]:
    """Return a CRD as the API server gives it."""
    return {**copy.deepcopy(crd), "status": {"conditions": [{"type": "Established", "status": established}]}}


OURS = crds()[0]


def test_a_crd_of_our_release_is_fine() -> None:
    assert checks.of_crd("graphcrons.graphcron.dev", installed(OURS), OURS).state is State.OK


def test_a_crd_that_lacks_a_field_is_of_another_release() -> None:
    other = installed(OURS)
    properties = other["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    properties.pop("webhook")
    found = checks.of_crd("graphcrons.graphcron.dev", other, OURS)
    assert (found.state, found.message) == (State.FAILED, "not of the release of this program")


def test_a_crd_that_is_not_there_or_not_established_is_told() -> None:
    gone = checks.of_crd("graphcrons.graphcron.dev", None, OURS)
    assert (gone.state, gone.message, "crds.enabled=true" in gone.remedy) == (State.FAILED, checks.MISSING, True)
    assert checks.of_crd("graphcrons.graphcron.dev", installed(OURS, "False"), OURS).message == "not established"


@pytest.mark.parametrize(
    ("deployments", "release", "state"),
    [
        ([], "0.1.0", State.FAILED),
        ([deployment()], "0.1.0", State.OK),
        ([deployment()], "0.2.0", State.WARNING),
        ([deployment(available=False)], "0.1.0", State.FAILED),
        ([deployment(pods=None)], "0.1.0", State.FAILED),  # scaled to 0
    ],
)
def test_the_operator_must_be_there_available_and_of_our_release(
    deployments: list[dict[str, Any]], release: str, state: State
) -> None:
    (found,) = checks.of_operator(deployments, release)
    assert (found.state, bool(found.remedy)) == (state, state is not State.OK)


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (lease(), State.OK),
        (lease("2026-11-22T22:00:09Z"), State.OK),
        (lease("2026-11-22T21:59:40Z"), State.FAILED),
        (lease(holder=None), State.FAILED),
        (lease(renewed=None), State.FAILED),
        (None, State.FAILED),
    ],
)
def test_a_leader_must_have_renewed_its_lease(found: dict[str, Any] | None, state: State) -> None:
    assert checks.of_leader(deployment(LEASE_NAME="graphcron"), found, now=NOW).state is state


def test_without_an_election_there_is_no_lease_to_look_for() -> None:
    assert checks.of_leader(deployment(), None, now=NOW).state is State.OK


@pytest.mark.parametrize(
    ("namespaces", "where"),
    [("", [""]), ("a, b", ["a", "b"]), ("team-*", [""]), ("!alone-*", [""]), ("a,!b", [""])],
)
def test_rights_are_asked_for_where_the_operator_works(namespaces: str, where: list[str]) -> None:
    found = deployment(NAMESPACES=namespaces)
    assert checks.watched(found) == where
    assert {each.namespace for each in checks.rights_of(found)} == set(where)


def test_rights_are_those_of_the_chart() -> None:
    template = (ROOT / "charts/graphcron/templates/_rules.tpl").read_text()
    (text,) = re.findall(r'define "graphcron.rules" -}}\n(.*?){{- end', template, re.DOTALL)
    granted = {
        (group, resource, verb)
        for rule in yaml.safe_load(text)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    asked = {
        (each.group, f"{each.resource}/{each.subresource}".rstrip("/"), each.verb)
        for each in checks.rights_of(deployment())
    }
    assert asked == granted


def test_the_lease_is_one_of_the_rights() -> None:
    asked = [each.words for each in checks.rights_of(deployment(LEASE_NAME="graphcron")) if each.name]
    assert asked == ["get leases.coordination.k8s.io", "update leases.coordination.k8s.io"]


def test_rights_that_are_missing_are_named() -> None:
    lacks = [Right(verb="patch", resource="graphcrons", group="graphcron.dev", subresource="status")]
    found = checks.of_rights(deployment(), lacks)
    assert found.state is State.FAILED
    assert "lacks permissions: patch graphcrons.graphcron.dev/status in all namespaces" in found.message
    assert checks.of_rights(deployment(), []).state is State.OK


def test_a_question_holds_what_was_asked_and_no_more() -> None:
    (where,) = Right(verb="get", resource="leases", name="a").review["spec"].values()
    assert where == {"verb": "get", "resource": "leases", "name": "a"}


def test_the_account_is_the_service_account() -> None:
    assert checks.account_of(deployment()) == "system:serviceaccount:graphcron-system:graphcron"


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({}, "no operator has reconciled it"),
        ({"Ready": ("False", "InvalidSpec")}, "not ready: InvalidSpec: InvalidSpec."),
        ({"Ready": ("Unknown", "ClusterError")}, "not ready: ClusterError: ClusterError."),
        ({"Ready": READY, "TargetResolved": ("False", "HTTP404")}, "can't run: HTTP404: HTTP404."),
    ],
)
def test_graphcrons_in_trouble_are_listed(conditions: dict[str, tuple[str, str]], words: str) -> None:
    good = graphcron("good", Ready=READY, TargetResolved=("Unknown", "Checking"))
    (found,) = checks.of_graphcrons([good, graphcron("bad", **conditions)])
    assert (found.about, found.state, found.message) == ("GraphCron agents/bad", State.FAILED, words)


@pytest.mark.parametrize("kind", ["RunDelayed", "TargetResolved"])
def test_a_graphcron_whose_jobs_are_refused_is_a_warning(kind: str) -> None:
    conditions = {"Ready": READY, kind: ("Unknown", "FailedCreate")}
    (found,) = checks.of_graphcrons([graphcron("refused", **conditions)])
    assert (found.state, found.message) == (State.WARNING, "no Job yet: FailedCreate: FailedCreate.")


@pytest.mark.parametrize(("count", "words"), [(0, "none yet"), (2, "2, all ready")])
def test_graphcrons_that_are_well_are_counted(count: int, words: str) -> None:
    (found,) = checks.of_graphcrons([graphcron(str(each), Ready=READY) for each in range(count)])
    assert found == Check("GraphCrons", State.OK, words)


@pytest.mark.parametrize(
    ("targets", "state"),
    [
        ([("True", "Resolved")], State.OK),
        ([("False", "ServerUnreachable"), ("True", "Resolved")], State.FAILED),
        ([("False", "HTTP404"), ("True", "Resolved")], State.OK),
        ([("False", "HTTP404")], State.WARNING),
        ([("Unknown", "Checking")], State.WARNING),
    ],
)
def test_a_server_is_judged_by_what_its_graphcrons_found(targets: list[tuple[str, str]], state: State) -> None:
    spec = {"server": {"url": "http://langgraph"}}
    crons = [graphcron(str(at), spec=spec, TargetResolved=target) for at, target in enumerate(targets)]
    (found,) = checks.of_servers(crons, [])
    assert (found.about, found.state) == ("server http://langgraph", state)


def test_servers_are_told_apart() -> None:
    by_ref = graphcron(spec={"serverRef": {"name": "shared"}}, TargetResolved=("False", "Unauthorized"))
    default = graphcron(TargetResolved=("True", "Resolved"))
    shared = graphcron("shared", Ready=("False", "Unauthorized"))
    found = [(each.about, each.state) for each in checks.of_servers([by_ref, default], [shared])]
    assert found == [("GraphServer agents/shared", State.FAILED), ("the operator's default server", State.OK)]


def test_many_graphcrons_in_the_same_trouble_are_one_line() -> None:
    conditions = {"Ready": READY, "TargetResolved": ("False", "ServerUnreachable")}
    alike = [graphcron(f"alike-{at}", **conditions) for at in range(150)]
    other = graphcron("other", Ready=("False", "InvalidSpec"))
    many, one = doctor.summed(checks.of_graphcrons([*alike, other]))
    assert (many.about, many.state, many.remedy) == (
        "150 GraphCrons",
        State.FAILED,
        "graphcron describe alike-0 -n agents",
    )
    named = "agents/alike-0, agents/alike-1, agents/alike-2 and 147 more"
    assert many.message == f"can't run: ServerUnreachable: ServerUnreachable ({named})"
    assert one.about == "GraphCron agents/other"
    few = list(checks.of_graphcrons(alike[: doctor.FEW]))
    assert list(doctor.summed(few)) == few


def test_remedies_name_no_file_of_a_checkout() -> None:
    unseen, orphan = graphcron("unseen"), {"metadata": {"name": "a", "namespace": "b", "labels": {}}}
    bad = graphcron("bad", spec={"server": {"url": "http://x"}}, Ready=READY, TargetResolved=("False", "Unauthorized"))
    found = [
        checks.of_crd("x", None, OURS),
        checks.of_crd("x", {**installed(OURS), "spec": {"versions": []}}, OURS),
        *checks.of_operator([], "0.1.0"),
        *checks.of_operator([deployment()], "0.2.0"),
        *checks.of_graphcrons([unseen, bad]),
        *checks.of_servers([bad], [graphcron("shared", Ready=("False", "Unauthorized"))]),
        *installations.of_orphans([orphan], []),
    ]
    assert [each for each in found if not each.remedy or ".md" in each.remedy] == []
    assert [each.remedy for each in found if "Unauthorized" in each.message][1:] == [
        "kubectl describe gserver shared -n agents",
        "graphcron describe bad -n agents",
    ]
