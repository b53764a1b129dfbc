"""The allow-list of servers: refused at ``kubectl apply``, and by the operator where nothing has refused it before."""

from __future__ import annotations

import json
from typing import Any

import installing
from tests.cluster import wait_for
from tests.objects import condition

LIST = ["https://langgraph.example.com", "http://*.agents.svc:8000"]
EVIL = "https://evil.example.net"
USUAL: dict[str, Any] = {"assistant": "agent", "schedule": "0 0 29 2 *", "preflight": False}


def graphcron(name: str, **spec: Any) -> dict[str, Any]:
    body = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphCron", "metadata": {"name": name}}
    return {**body, "spec": {**USUAL, **spec}}


def graphrun(name: str, **spec: Any) -> dict[str, Any]:
    body = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphRun", "metadata": {"name": name}}
    return {**body, "spec": {"assistant": "agent", **spec}}


def graphserver(url: str) -> dict[str, Any]:
    body = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphServer", "metadata": {"name": "shared"}}
    return {**body, "spec": {"url": url}}


REFUSED = [
    (
        graphcron("server", server={"url": EVIL}),
        "spec.server.url is not in the administrator's allow-list; name one of",
    ),
    (graphcron("image", runner={"image": "mine:1"}), "spec.runner.image is not allowed"),
    (graphcron("env", runner={"env": [{"name": "HTTPS_PROXY", "value": EVIL}]}), "spec.runner.env is not allowed"),
    (
        graphcron("proxy", runner={"annotations": {"sidecar.istio.io/proxyImage": "mine:1"}}),
        "spec.runner.annotations is",
    ),
    (graphcron("label", runner={"labels": {"team": "a", "app": "postgres"}}), "spec.runner.labels is not allowed"),
    (
        graphcron("account", runner={"serviceAccountName": "admin"}),
        (
            "spec.runner.serviceAccountName is not allowed where the administrator limits the servers: other controllers "
            "act on it and could send a Secret anywhere; use only runner"
        ),
    ),
    (graphrun("server", server={"url": EVIL}), "spec.server.url is not in the administrator's allow-list; name one of"),
    (graphrun("image", runner={"image": "mine:1"}), "spec.runner.image is not allowed"),
    (graphserver(EVIL), "spec.url is not in the administrator's allow-list; name one of"),
    (graphserver("https://langgraph.example.com.evil.net"), "spec.url is not in the administrator's allow-list"),
    (graphserver("https://langgraph.example.com/../x"), "spec.url is not in the administrator's allow-list"),
]


def apply(release: Any, body: dict[str, Any]) -> Any:
    command = ("apply", "--namespace", release.namespace, "-f", "-")
    return release.cluster.kubectl(*command, stdin=json.dumps(body), check=False)


def test_what_is_not_on_the_list_is_refused_at_apply(release):
    listed = {"allowedLabels": ["team"], "allowedServiceAccounts": ["runner"]}
    runner = {**installing.default_values()["runner"], **listed}
    release.install(allowedServers=LIST, server={"url": "http://default.svc:2024"}, runner=runner)
    # A policy takes effect a moment after it is made.
    wait_for("policy in force", lambda: apply(release, REFUSED[0][0]).returncode, seconds=60)
    for body, words in REFUSED:
        done = wait_for("refusal", lambda body=body: (answer := apply(release, body)).returncode and answer, seconds=30)
        assert words in done.stderr, done.stderr
    good = [
        graphcron("usual"),
        graphcron("listed", server={"url": "http://reports.agents.svc:8000/eu"}),
        graphcron("default", server={"url": "http://default.svc:2024"}),
        graphcron("listed-pod", runner={"labels": {"team": "a"}, "serviceAccountName": "runner"}),
        graphserver("https://langgraph.example.com/"),
    ]
    for body in good:
        done = apply(release, body)
        assert not done.returncode, done.stderr
    tried = release.test()
    assert not tried.returncode, tried.stdout + tried.stderr


def test_allowed_servers_narrowed_operator_starts_nothing(release):
    """The operator refuses too, and starts no more runs on a server that was allowed before."""
    values = {"admissionPolicy": {"enabled": False}, "server": {"url": "http://default.svc:2024"}}
    release.install(**values)
    body = graphcron("hello", server={"url": "https://langgraph.example.com"})
    assert not apply(release, body).returncode

    def told(status: str, reason: str) -> Any:
        found = release.cluster.get("--namespace", release.namespace, "graphcron", "hello")
        ready = condition(found, "Ready") if found and "conditions" in found.get("status", {}) else {}
        return ready if (ready.get("status"), ready.get("reason")) == (status, reason) else None

    def suspended() -> bool:
        return bool(release.cluster.get("--namespace", release.namespace, "cronjob", "hello")["spec"].get("suspend"))

    wait_for("Ready", lambda: told("True", "Reconciled"))
    assert not suspended()
    release.install(**values, allowedServers=[LIST[1]])
    refused = wait_for("NotAllowed", lambda: told("False", "NotAllowed"), seconds=120)
    assert "https://langgraph.example.com is not in the administrator's allow-list" in refused["message"]
    wait_for("suspended CronJob", suspended)
    release.install(**values, allowedServers=LIST)
    wait_for("Ready again", lambda: told("True", "Reconciled"), seconds=120)
    wait_for("CronJob that fires", lambda: not suspended())
