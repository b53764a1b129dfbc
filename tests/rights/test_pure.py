"""The comparison finds what is missing, what is not used, and nothing else."""

from __future__ import annotations

import json
from typing import Any

from tests.rights.rights import Right, Use, grants, missing, unused, uses

RULES: list[dict[str, Any]] = [
    {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": ["list", "create", "patch"]},
    {"apiGroups": ["graphcron.dev"], "resources": ["graphcrons/status"], "verbs": ["patch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
]
CRONJOBS, STATUS = "cronjobs.batch", "graphcrons.graphcron.dev/status"
USED = {
    Right("list", CRONJOBS),
    Right("create", CRONJOBS, "a", "x"),
    Right("patch", CRONJOBS, "a", "x"),
    Right("patch", STATUS, "b", "y"),
    Right("list", "pods"),
}


def event(
    verb: str, *, code: int = 200, decision: str = "allow", account: str = "ours:graphcron", **target: str
) -> str:
    return json.dumps(
        {
            "user": {"username": f"system:serviceaccount:{account}"},
            "verb": verb,
            "objectRef": target,
            "responseStatus": {"code": code},
            "annotations": {"authorization.k8s.io/decision": decision},
        }
    )


def test_what_is_granted_and_used_is_no_finding():
    assert missing(grants(RULES), USED) == []
    assert unused(grants(RULES), USED) == []


def test_a_right_that_is_missing_is_found():
    used = USED | {
        Right("delete", CRONJOBS, "a", "x"),
        Right("delete", CRONJOBS, "a", "z"),
        Right("get", "secrets", "a"),
    }
    assert missing(grants(RULES), used) == ["delete cronjobs.batch in a", "get secrets in a"]


def test_the_object_is_not_its_status():
    assert missing(grants(RULES), {Right("patch", "graphcrons.graphcron.dev", "a", "x")}) != []
    assert unused(grants(RULES), USED - {Right("patch", STATUS, "b", "y")}) == [f"patch {STATUS}"]


def test_a_right_that_is_not_used_is_found():
    rules = [*RULES, {"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get"]}]
    assert unused(grants(rules), USED) == ["get configmaps", "get secrets"]


def test_a_wildcard_is_never_used():
    assert unused(grants([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]), USED) == ["* *.*"]
    assert unused(grants([{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]), USED) == ["get /metrics"]


def test_role_grants_only_its_namespace_and_named_object():
    rules = [{"apiGroups": ["x"], "resources": ["leases"], "resourceNames": ["one"], "verbs": ["get"]}]
    granted = grants(rules, "here")
    assert unused(granted, {Right("get", "leases.x", "here", "one")}) == []
    for elsewhere in (Right("get", "leases.x", "there", "one"), Right("get", "leases.x", "here", "two")):
        assert missing(granted, {elsewhere}) == [str(elsewhere._replace(name=""))]
        assert unused(granted, {elsewhere}) == ["get leases.x one in here"]


def test_the_log_is_read():
    lines = [
        event("list", apiGroup="batch", resource="cronjobs"),
        event("patch", apiGroup="graphcron.dev", resource="graphcrons", subresource="status", namespace="a", name="x"),
        event("get", resource="secrets", namespace="a", name="x", code=403, decision="forbid"),
        event("create", resource="events", namespace="gone", code=403),
        event("get"),
        '{"cut": ',
    ]
    assert list(uses(lines)) == [
        Use("ours:graphcron", Right("list", CRONJOBS), forbidden=False),
        Use("ours:graphcron", Right("patch", STATUS, "a", "x"), forbidden=False),
        Use("ours:graphcron", Right("get", "secrets", "a", "x"), forbidden=True),
        Use("ours:graphcron", Right("create", "events", "gone"), forbidden=False),
    ]


def test_an_apply_that_makes_something_is_a_create_too():
    lines = [
        event("patch", apiGroup="batch", resource="cronjobs", namespace="a", name="x", code=code) for code in (200, 201)
    ]
    assert [use.right.verb for use in uses(lines)] == ["patch", "patch", "create"]
