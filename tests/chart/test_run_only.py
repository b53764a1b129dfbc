"""Who may run and not change: a user with the chart's ClusterRole `graphcron-run` beside one who may edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

from tests.api.specs import GOOD, GOOD_RUN
from tests.chart.enforced import enforced
from tests.cluster import ROOT, wait_for
from tests.docs.page import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.chart.conftest import Manifest
    from tests.cluster import Cluster

OPERATOR, OWNER = "operator@example.com", "owner@example.com"
"""A user who may only run, and one who may edit GraphCrons."""

INLINE: Manifest = {**GOOD_RUN, "spec": {"assistant": "agent"}}
SECRET = {"secretKeyRef": {"name": "reports", "key": "input.json"}}


class Users(NamedTuple):
    """Requests of users in a namespace."""

    cluster: Cluster
    namespace: str

    def kubectl(self, user: str, *words: str, body: Manifest | None = None) -> tuple[int, str]:
        """Return the exit code of a user's kubectl, and what it prints."""
        text = yaml.safe_dump(body) if body else None
        done = self.cluster.kubectl(*words, "--namespace", self.namespace, "--as", user, stdin=text, check=False)
        return done.returncode, done.stdout + done.stderr

    def create(self, user: str, body: Manifest) -> str:
        """Return what a user's attempt to create an object is refused with, or nothing."""
        code, said = self.kubectl(user, "create", "--dry-run=server", "-f", "-", body=body)
        return said if code else ""


def _bound(user: str, role: str) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": user.partition("@")[0]},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
    }


@pytest.fixture
def users(cluster: Cluster, namespace: str, render: Callable[..., list[Manifest]]) -> Iterator[Users]:
    """Bind the chart's ClusterRoles to two users, and wait until its policy is enforced."""
    objects = render({"watchNamespaces": [namespace, "!kube-*"]}, release="graphcron")
    ours = [each for each in objects if each["kind"] != "ClusterRole" or each["metadata"]["name"] != "graphcron"]
    with enforced(cluster, namespace, ours):
        roles = {OPERATOR: "run", OWNER: "edit"}
        bindings = [_bound(user, f"{namespace}-graphcron-{role}") for user, role in roles.items()]
        cluster.apply(*bindings, GOOD, namespace=namespace)
        found = Users(cluster, namespace)
        wait_for("role of the owner", lambda: not found.create(OWNER, INLINE))
        wait_for("policy on GraphRuns", lambda: "ValidatingAdmissionPolicy" in found.create(OPERATOR, INLINE))
        yield found


def test_run_only_user_creates_watches_and_deletes_a_graphrun(users: Users):
    replaced = {"input": {"date": "2026-11-01"}, "config": {"tags": ["again"]}, "metadata": {"team": "research"}}
    body = {**GOOD_RUN, "spec": {**GOOD_RUN["spec"], **replaced, "scheduledTime": "2026-11-01T08:30:00Z"}}
    for words in (("create", "-f", "-"), ("get", "graphruns"), ("get", "graphcrons")):
        assert users.kubectl(OPERATOR, *words, body=body if "-f" in words else None)[0] == 0
    name = GOOD_RUN["metadata"]["name"]
    assert users.kubectl(OPERATOR, "delete", "graphrun", name, "--wait=false")[0] == 0


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"assistant": "agent"}, "spec.graphCronRef is missing, which requires the permission to create graphcrons"),
        ({**GOOD_RUN["spec"], "inputFrom": SECRET}, "spec.inputFrom requires the permission to create graphcrons"),
    ],
    ids=["without graphCronRef", "with inputFrom"],
)
def test_run_only_user_is_refused_what_the_owner_may(users: Users, spec: Any, said: str):
    body = {**GOOD_RUN, "spec": spec}
    refusal = users.create(OPERATOR, body)
    assert f"denied request: {said}" in refusal
    assert users.create(OWNER, body) == ""


@pytest.mark.parametrize("field", ["runner", "server", "serverRef"])
def test_run_only_user_is_refused_settings_beside_graph_cron_ref(users: Users, field: str):
    """The CRD refuses them of anyone."""
    value = {"runner": {"priorityClassName": "low"}, "server": {"url": "http://a"}, "serverRef": {"name": "a"}}[field]
    body = {**GOOD_RUN, "spec": {**GOOD_RUN["spec"], field: value}}
    assert f"spec.{field}: Forbidden: is set together with spec.graphCronRef" in users.create(OPERATOR, body)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("annotate", "graphcron", "daily-report", "graphcron.dev/run-requested-at=now"), "cannot patch"),
        (("delete", "graphcron", "daily-report"), "cannot delete"),
        (("get", "secrets"), "cannot list"),
        (("get", "graphservers"), "cannot list"),
        (("get", "pods"), "cannot list"),
    ],
    ids=" ".join,
)
def test_run_only_user_may_not_change_graphcrons_or_read_secrets(users: Users, words: tuple[str, ...], said: str):
    code, told = users.kubectl(OPERATOR, *words)
    assert code != 0
    assert said in told


@pytest.mark.parametrize("field", ["config", "context", "metadata"])
def test_policy_sees_that_a_free_form_member_is_renamed(users: Users, field: str):
    body = {**INLINE, "spec": {**INLINE["spec"], field: {"one": 1}}}
    assert users.kubectl(OWNER, "create", "-f", "-", body=body)[0] == 0
    it = ("graphrun", INLINE["metadata"]["name"])
    move = f'[{{"op":"move","from":"/spec/{field}/one","path":"/spec/{field}/two"}}]'
    code, said = users.kubectl(OWNER, "patch", *it, "--type=json", "-p", move)
    assert code != 0
    assert "denied request: spec cannot be changed after the GraphRun is created; create another GraphRun" in said
    assert users.kubectl(OWNER, "label", *it, "team=research")[0] == 0


ANNOTATOR = "annotator@example.com"
"""A user who may only patch GraphCrons."""


def _policies_of_the_page() -> list[Manifest]:
    """Return the policy for annotations that docs/security.md shows."""
    (block,) = (each for each in blocks(ROOT / "docs/security.md") if "graphcrons-annotate-only" in each.text)
    manifests = block.text.partition("<<'EOF'\n")[2].partition("\nEOF")[0]
    return list(yaml.safe_load_all(manifests))


@pytest.fixture
def annotator(cluster: Cluster, namespace: str, users: Users) -> Iterator[Callable[[Manifest], str]]:
    """Enforce the page's policy in the namespace; return what a merge patch by the annotator is refused with."""
    policy, binding = _policies_of_the_page()
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    binding["spec"]["matchResources"] = here
    rule = {"apiGroups": ["graphcron.dev"], "resources": ["graphcrons"], "verbs": ["get", "patch"]}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "annotate"}}

    def refused(patch: Manifest, user: str = ANNOTATOR) -> str:
        words = ("patch", "graphcron", GOOD["metadata"]["name"], "--type=merge", "-p", yaml.safe_dump(patch))
        code, said = users.kubectl(user, *words, "--dry-run=server")
        return said if code else ""

    with enforced(cluster, namespace, [policy, binding, {**role, "rules": [rule]}]):
        cluster.apply(_bound(ANNOTATOR, f"{namespace}-annotate"), namespace=namespace)
        wait_for("policy", lambda: "denied request" in refused({"spec": {"suspend": True}}))
        yield refused


def test_policy_of_the_page_lets_users_annotate_and_change_nothing_else(annotator: Callable[..., str]):
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b"}
    assert annotator({"metadata": {"annotations": {"graphcron.dev/run-requested-at": "now"}}}) == ""
    assert "spec can only be changed by users who can create GraphCrons" in annotator({"spec": {"suspend": True}})
    for change in ({"ownerReferences": [owner]}, {"finalizers": ["example.com/wait"]}):
        assert "ownerReferences and finalizers can only be changed" in annotator({"metadata": change})
    assert annotator({"spec": {"suspend": True}}, user=OWNER) == ""
