"""The admission policy: the API server refuses what the operator would refuse, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron.api.v1alpha1 import parse
from graphcron.errors import NotAllowedError
from graphcron.planning.allowed_servers import check_graphcron, is_allowed
from graphcron.settings import Settings
from tests.chart.enforced import enforced
from tests.cluster import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.chart.conftest import Manifest
    from tests.cluster import Cluster

ALLOWED = ("https://langgraph.example.com", "http://*.agents.svc:8000", "https://example.com/langgraph/")
DEFAULT = "http://default.agents.svc"
STAND_IN = "http://policy-graphcron-test.graphcron-system.svc:8080"
URLS = (
    DEFAULT,
    STAND_IN,
    "https://langgraph.example.com",
    "https://langgraph.example.com/",
    "https://langgraph.example.com/team-a/v1.2/",
    "https://langgraph.example.com.evil.example",
    "https://langgraph-example.com",
    "https://langgraph.example.com:8443",
    "http://langgraph.example.com",
    "http://one.agents.svc:8000",
    "http://a.b.agents.svc:8000/prefix",
    "http://agents.svc:8000",
    "http://evil.example/x.agents.svc:8000",
    "https://example.com/langgraph",
    "https://example.com/langgraph/~team_a",
    "https://example.com/langgraphs",
    "https://example.com/langgraph/../admin",
    "https://example.com/langgraph/..%2fadmin",
    "https://example.com/langgraph//admin",
    "https://example.com",
)


def graphcron(**spec: Any) -> Manifest:
    spec = {"assistant": "agent", "schedule": "0 8 * * *", **spec}
    return {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphCron", "metadata": {"name": "one"}, "spec": spec}


def graphrun(**spec: Any) -> Manifest:
    name = {"name": "one"}
    spec = {"assistant": "agent", **spec}
    return {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphRun", "metadata": name, "spec": spec}


def graphserver(url: str) -> Manifest:
    name = {"name": "one"}
    return {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphServer", "metadata": name, "spec": {"url": url}}


LISTS: dict[str, tuple[str, ...]] = {
    "allowedAnnotations": ("sidecar.istio.io/nativeSidecar", "example.com/*", "note=a.c*d", "100=%s 5%d"),
    "allowedLabels": ("app=runner", "team=*", "cost*"),
    "allowedServiceAccounts": ("runner", "pull-*"),
}
SETTINGS = Settings(
    server_url=DEFAULT,
    allowed_servers=ALLOWED,
    allowed_annotations=LISTS["allowedAnnotations"],
    allowed_labels=LISTS["allowedLabels"],
    allowed_service_accounts=LISTS["allowedServiceAccounts"],
)
RUNNERS: tuple[Manifest, ...] = (
    *({"annotations": {key: "true"}} for key in ("sidecar.istio.io/nativeSidecar", "sidecar.istio.io/nativeSidecars")),
    *({"annotations": {key: "a\nb=c"}} for key in ("example.com/a.b", "examplexcom/a", "xexample.com/a", "note")),
    *({"annotations": {"note": value}} for value in ("a.cd", "a.c\n=d", "abcd", "a.cdx", "xa.cd", "", "ä.cd", "a.cäd")),
    *({"annotations": {"100": value}} for value in ("%s 5%d", "%s 5%%d")),
    {"annotations": {"example.com/a": "b", "sidecar.istio.io/proxyImage": "evil.example/proxy"}},
    *({"labels": {"app": value}} for value in ("runner", "postgres", "", "runner2")),
    *({"labels": {key: "a"}} for key in ("team", "teams", "cost", "cost-center", "example.com/team", "cos")),
    {"labels": {"team": "a", "app": "runner"}},
    {"labels": {"team": "a", "azure.workload.identity/use": "true"}},
    *({"serviceAccountName": name} for name in ("runner", "runner2", "pull", "pull-a.b", "default", "a.runner")),
    {"labels": {}, "annotations": {}},
    {"env": []},
    {"nodeSelector": {"disk": "ssd"}, "priorityClassName": "low", "imagePullSecrets": [{"name": "pull"}]},
)


@pytest.fixture
def lists() -> dict[str, tuple[str, ...]]:
    """Return what the administrator lists of pods: by default nothing."""
    return {}


@pytest.fixture
def refusal(
    cluster: Cluster, namespace: str, render: Callable[..., list[Manifest]], lists: dict[str, tuple[str, ...]]
) -> Iterator[Callable[[Manifest], str]]:
    """Have the chart's policy enforced in the namespace; return what an object is refused with, or nothing."""
    values = {
        "allowedServers": list(ALLOWED),
        "server": {"url": DEFAULT},
        "watchNamespaces": [namespace, "!kube-*"],
        "runner": {key: list(entries) for key, entries in lists.items()},
    }
    objects = render(values, release="policy")
    policies = [each for each in objects if each["kind"].startswith("ValidatingAdmissionPolicy")]

    def refused(manifest: Manifest) -> str:
        options = ("--namespace", namespace, "--dry-run=server", "-f", "-")
        done = cluster.kubectl("create", *options, stdin=yaml.safe_dump(manifest), check=False)
        assert not done.returncode or "ValidatingAdmissionPolicy" in done.stderr, done.stderr
        return done.stderr

    with enforced(cluster, namespace, policies):
        bad = "https://evil.example"
        wait_for("policy on GraphCrons", lambda: refused(graphcron(server={"url": bad})))
        wait_for("policy on GraphRuns", lambda: refused(graphrun(server={"url": bad})))
        wait_for("policy on GraphServers", lambda: refused(graphserver(bad)))
        yield refused


def test_the_api_server_refuses_what_the_operator_does(refusal: Callable[[Manifest], str]):
    servers = (DEFAULT, *ALLOWED, STAND_IN)
    by_us = {url: is_allowed(url, servers) for url in URLS}

    assert {url: not refusal(graphcron(server={"url": url})) for url in URLS} == by_us
    assert {url: not refusal(graphserver(url)) for url in URLS} == by_us
    assert 0 < sum(by_us.values()) < len(URLS)


def test_a_refusal_names_the_field_and_what_is_allowed(refusal: Callable[[Manifest], str]):
    bad = "https://evil.example"
    for field, said in (
        ("spec.server.url", refusal(graphcron(server={"url": bad}))),
        ("spec.url", refusal(graphserver(bad))),
    ):
        assert f"denied request: {field} is not in the administrator's allow-list" in said
        assert all(each in said for each in (DEFAULT, *ALLOWED))
        assert STAND_IN not in said


@pytest.mark.parametrize(
    ("field", "runner"),
    [("image", {"image": "evil.example/runner"}), ("env", {"env": [{"name": "A", "value": "b"}]})],
    ids=["image", "env"],
)
def test_a_runner_of_ones_own_is_refused(refusal: Callable[[Manifest], str], field: str, runner: Manifest):
    assert f"denied request: spec.runner.{field} is not allowed" in refusal(graphcron(runner=runner))


@pytest.mark.parametrize(
    "spec",
    [
        {"server": {"url": "https://evil.example"}},
        {"runner": {"image": "evil.example/runner"}},
        {"runner": {"env": [{"name": "A", "value": "b"}]}},
        {"runner": {"labels": {"app": "postgres"}}},
        {"runner": {"annotations": {"sidecar.istio.io/proxyImage": "evil.example/proxy"}}},
        {"runner": {"serviceAccountName": "default"}},
    ],
    ids=lambda spec: "-".join(next(iter(spec.items()))[1]),
)
def test_a_graphrun_of_its_own_is_refused_in_the_words_for_graphcrons(
    refusal: Callable[[Manifest], str], spec: Manifest
):
    said = refusal(graphrun(**spec)).partition("denied request: ")[2]
    assert said == refusal(graphcron(**spec)).partition("denied request: ")[2]
    assert said


def test_a_graphrun_of_a_graphcron_is_taken(refusal: Callable[[Manifest], str]):
    manifest = graphrun() | {"spec": {"graphCronRef": {"name": "report"}, "input": {"server": {"url": "x"}}}}
    assert refusal(manifest) == refusal(graphrun()) == ""


def by_operator(runner: Manifest, settings: Settings) -> str:
    """Return what the operator refuses a runner with, or nothing."""
    body = graphcron(runner=runner)
    try:
        check_graphcron(parse(body | {"metadata": body["metadata"] | {"namespace": "a"}}), settings)
    except NotAllowedError as error:
        return f"{error.field} {error.problem}; {error.remedy}"
    return ""


@pytest.mark.parametrize("lists", [{}, LISTS], ids=["none", "some"])
def test_parts_of_the_pod_are_refused_as_the_operator_refuses_them(
    refusal: Callable[[Manifest], str], lists: dict[str, tuple[str, ...]]
):
    settings = SETTINGS if lists else Settings(server_url=DEFAULT, allowed_servers=ALLOWED)
    taken = 0
    for runner in RUNNERS:
        words, said = by_operator(runner, settings), refusal(graphcron(runner=runner))
        assert bool(words) == bool(said), (runner, words, said)
        assert words in said
        taken += not words
    assert taken == (16 if lists else 3)


def test_what_names_no_server_is_taken(refusal: Callable[[Manifest], str]):
    assert refusal(graphcron()) == ""
    assert refusal(graphcron(server={"maxConcurrentRuns": 2}, runner={"priorityClassName": "low"})) == ""


def test_other_namespaces_are_left_alone(cluster: Cluster, refusal: Callable[[Manifest], str]):
    text = yaml.safe_dump(graphserver("https://evil.example"))
    cluster.kubectl("create", "--namespace", "default", "--dry-run=server", "-f", "-", stdin=text)


def test_what_is_deleted_loses_its_finalizer(cluster: Cluster, namespace: str, refusal: Callable[[Manifest], str]):
    """An object that was there before the list is not kept by it."""
    binding = f"{namespace}-policy-graphcron-graphservers"
    kept = cluster.kubectl("get", "validatingadmissionpolicybinding", binding, "-o", "yaml").stdout
    bad, old = graphserver("https://evil.example"), graphserver("https://evil.example")
    old["metadata"] = {"name": "old", "finalizers": ["example.com/wait"]}
    cluster.kubectl("delete", "validatingadmissionpolicybinding", binding)
    wait_for("lifted policy", lambda: not refusal(bad))
    cluster.kubectl("create", "--namespace", namespace, "-f", "-", stdin=yaml.safe_dump(old))
    cluster.kubectl("create", "-f", "-", stdin=_anew(kept))
    wait_for("policy", lambda: refusal(bad))

    it = ("graphserver", "old", "--namespace", namespace)
    assert "denied request" in cluster.kubectl("label", *it, "a=b", check=False).stderr
    cluster.kubectl("delete", *it, "--wait=false")
    cluster.kubectl("patch", *it, "--type=merge", "--patch", '{"metadata":{"finalizers":[]}}')
    assert cluster.get(*it) is None


def _anew(text: str) -> str:
    """Return an object as it was, to be created again."""
    manifest = yaml.safe_load(text)
    manifest["metadata"] = {"name": manifest["metadata"]["name"]}
    return yaml.safe_dump(manifest)
