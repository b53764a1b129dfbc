"""A secret input stays where it is, whatever is wrong with it: on a real server, with a real Secret."""

from __future__ import annotations

import json

from tests.cluster import wait_for
from tests.e2e.crons import Crons

VALUE = "vp6Qz4NxTw8HjRkG"
MEMBER = "mz5Kx9QwVt7PyHgN"
TEMPLATE = "tw9Gq3VxZk6YpNmH"
OPERATOR = ("--namespace", "graphcron-system")
METRICS = "/api/v1/namespaces/graphcron-system/services/graphcron-metrics:8080/proxy/metrics"

SPECS = {
    "raises": {"assistant": "failing"},
    "mismatch": {"assistant": "agent"},
    "template": {"assistant": "agent", "inputTemplate": True},
    "refused": {"assistant": "nobody"},
    "broken": {"assistant": "agent"},
}
INPUTS = {
    "raises": json.dumps({"request": VALUE, "approved": False}),
    "mismatch": json.dumps({MEMBER: {MEMBER: VALUE}}),
    "template": json.dumps({"messages": "{{ " + TEMPLATE + " }}"}),
    "refused": json.dumps({MEMBER: VALUE}),
    "broken": f"{{{MEMBER}: {VALUE}",
}
OUTCOMES = {
    "raises": ("GraphError", "ValueError"),
    "template": ("Rejected", "InvalidInput"),
    "refused": ("Rejected", "HTTP422"),
    "broken": ("Rejected", "InvalidInput"),
}
TARGETS = {
    "raises": "Resolved",
    "mismatch": "InputMismatch",
    "template": "InvalidInput",
    "refused": "AssistantNotFound",
    "broken": "InvalidInput",
}


def leaks(text: str) -> set[str]:
    """Return what of the canaries stands in a text: eight characters in a row are enough."""
    canaries = (VALUE, MEMBER, TEMPLATE, "hunter2")
    parts = {canary[at : at + 8] for canary in canaries for at in range(max(len(canary) - 7, 1))}
    return {part for part in parts if part in text}


def test_a_secret_input_of_the_wrong_shape_is_told_nowhere(crons: Crons):
    for name, text in INPUTS.items():
        crons.make_secret(name, input=text)
        source = {"secretKeyRef": {"name": name, "key": "input"}}
        crons.apply(name, inputFrom=source, preflight=True, **SPECS[name])
    for name in SPECS:
        crons.wait_ready(name)
    jobs = {name: crons.start(name) for name in SPECS}
    told = {name: crons.told(job, name) for name, job in jobs.items()}
    assert {name: (told[name]["outcome"], told[name].get("reason")) for name in OUTCOMES} == OUTCOMES
    assert {name: crons.wait_target(name)["reason"] for name in SPECS} == TARGETS

    error = crons.server.thread(told["raises"]["threadId"])["error"]
    assert leaks(str(error)) >= leaks(VALUE), "the server's error does not hold the input"
    wait_for("Events", lambda: all(crons.events(name) for name in SPECS))
    for name, job in jobs.items():
        assert leaks(crons.everything_said(job, name)) == set()
    assert leaks(str([crons.items(kind) for kind in ("cronjobs", "jobs", "pods", "events", "graphcrons")])) == set()
    logs = crons.cluster.kubectl(
        "logs", *OPERATOR, "--selector", "app.kubernetes.io/name=graphcron", "--tail=-1"
    ).stdout
    assert logs
    assert leaks(logs) == set()
    metrics = crons.api.ask("GET", METRICS)[1]
    assert "graphcron_" in metrics
    assert leaks(metrics) == set()
