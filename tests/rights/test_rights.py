"""The operator has the rights that it uses, and no others: what the API server wrote down of the whole test run says so.

These tests come after all others, since a right is used when some test makes the operator use it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.cluster import Cluster, wait_for
from tests.conftest import ALONE, install_operator
from tests.rights.exercise import exercise_shared, install_alone
from tests.rights.rights import Right, Use, grants, missing, unused, uses

pytestmark = pytest.mark.needs("audit-log")

NAMESPACE = "graphcron-system"
ACCOUNT = f"{NAMESPACE}:graphcron"
TRIALS = ("-test",)
"""Ends of the names of ServiceAccounts that are no operator's."""


@pytest.fixture(scope="module")
def operator(cluster: Cluster) -> None:
    """Install the operator as it was for most of the tests, whatever the last ones wanted."""
    install_operator(cluster)


@pytest.fixture(scope="module")
def alone(cluster: Cluster, operator: None) -> list[Any]:
    """Do all that needs a right; return the objects of a release that watches its own namespace only."""
    exercise_shared(cluster)
    return [each for each in yaml.safe_load_all(install_alone(cluster)) if each]


@pytest.fixture(scope="module")
def log(cluster: Cluster, alone: list[Any]) -> list[Use]:
    """Return all requests of ServiceAccounts since the cluster came up."""
    return list(uses(cluster.hack("audit-log").stdout.splitlines()))


@pytest.fixture(scope="module")
def used(log: list[Use]) -> set[Right]:
    """Return what the operator has used."""
    return {use.right for use in log if use.account == ACCOUNT}


@pytest.fixture(scope="module")
def rules(cluster: Cluster, operator: None) -> dict[str, list[dict[str, Any]]]:
    """Return the rules of all that is bound to the operator's ServiceAccount, by namespace; of ClusterRoles under ``""``."""
    found: dict[str, list[dict[str, Any]]] = {}
    for binding in cluster.items("clusterrolebindings,rolebindings", "--all-namespaces"):
        subjects = {(each["kind"], each.get("namespace"), each["name"]) for each in binding.get("subjects", ())}
        if ("ServiceAccount", *ACCOUNT.split(":")) not in subjects:
            continue
        namespace, role = binding["metadata"].get("namespace", ""), binding["roleRef"]
        place = ("--namespace", namespace) if role["kind"] == "Role" else ()
        found.setdefault(namespace, []).extend(cluster.get(role["kind"].lower(), role["name"], *place)["rules"])
    assert found, f"nothing is bound to {ACCOUNT}"
    return found


@pytest.fixture(scope="module")
def granted(rules: dict[str, list[dict[str, Any]]]) -> set[Right]:
    """Return what they grant."""
    return {right for namespace, each in rules.items() for right in grants(each, namespace)}


def test_nothing_was_refused(log: list[Use]) -> None:
    refused = {str(use.right) for use in log if use.account == ACCOUNT and use.forbidden}
    assert refused == set(), "RBAC refused these: is a right missing, or is it granted in another namespace?"


def test_all_that_is_used_is_granted(granted: set[Right], used: set[Right]) -> None:
    assert missing(granted, used) == []


def test_all_that_is_granted_is_used(granted: set[Right], used: set[Right]) -> None:
    assert used, "the operator has asked for nothing"
    assert unused(granted, used) == [], (
        "take these out of the chart, or let a test of tests/e2e make the operator use them"
    )


def test_no_rule_speaks_of_secrets(rules: dict[str, list[dict[str, Any]]]) -> None:
    told = [resource for each in rules.values() for rule in each for resource in rule.get("resources", ())]
    assert {"secrets", "configmaps", "*"} & {resource.split("/")[0] for resource in told} == set()


def test_releases_of_listed_namespaces_use_all_that_their_roles_grant(log: list[Use], alone: list[Any]) -> None:
    """Those of other tests, each in a namespace of its own, are taken together with ours."""
    assert not [each for each in alone if each["kind"].startswith("Cluster")], "it has rights in the whole cluster"
    roles = [each for each in alone if each["kind"] == "Role"]
    granted = {_anywhere(right) for each in roles for right in grants(each["rules"], each["metadata"]["namespace"])}
    ours = [use for use in log if use.account.startswith(ALONE) and not use.account.endswith(TRIALS)]
    used = {_anywhere(use.right) for use in ours}
    assert missing(granted, used) == []
    assert unused(granted, used) == []


def _anywhere(right: Right) -> Right:
    """Return the right without the names by which releases differ."""
    return right._replace(namespace="own" if right.namespace.startswith(ALONE) else right.namespace, name="")


def test_the_operators_namespace_takes_restricted_pods_only(cluster: Cluster, operator: None) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "loose"}}
    pod["spec"] = {"containers": [{"name": "loose", "image": "graphcron/operator:dev"}]}
    done = cluster.kubectl(
        "create", "--dry-run=server", "--namespace", NAMESPACE, "-f", "-", stdin=json.dumps(pod), check=False
    )
    assert done.returncode != 0
    assert 'violates PodSecurity "restricted' in done.stderr
    ready = lambda: cluster.items("pods", "--namespace", NAMESPACE, "--field-selector=status.phase=Running")  # noqa: E731
    assert wait_for("pod of the operator", ready)
