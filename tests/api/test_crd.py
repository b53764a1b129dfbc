"""The CRDs before a real API server."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.api import crd, names, v1alpha1
from tests.api.specs import GOOD, GOOD_RUN, GOOD_SERVER, manifest_of, problems, spoilt, table
from tests.client import APPLY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.cluster import Cluster

BAD = [row for row in table("bad_specs.yaml") if row.get("by") != "operator"]
LATE = [row for row in table("bad_specs.yaml") if row.get("by") == "operator"]
NICE = table("good_specs.yaml")


def apply(
    cluster: Cluster, namespace: str, *manifests: dict[str, Any], options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Apply manifests."""
    return cluster.kubectl("apply", "-n", namespace, "-f", "-", *options, stdin=_text(manifests), check=False)


def _text(manifests: Iterable[dict[str, Any]]) -> str:
    """Return manifests as JSON: YAML readers do not agree on what ``1e8`` is."""
    return "\n---\n".join(map(json.dumps, manifests))


@pytest.mark.parametrize("definition", crd.crds(), ids=lambda definition: definition["metadata"]["name"])
def test_the_crd_is_established_and_structural(cluster: Cluster, definition: dict[str, Any]) -> None:
    conditions = cluster.get("crd", definition["metadata"]["name"])["status"]["conditions"]
    told = {condition["type"]: condition["status"] for condition in conditions}
    assert told == {"NamesAccepted": "True", "Established": "True"}


@pytest.mark.parametrize("definition", crd.crds(), ids=lambda definition: definition["metadata"]["name"])
def test_the_crd_is_taken_without_a_warning_and_stays_as_it_is(cluster: Cluster, definition: dict[str, Any]) -> None:
    name, text = definition["metadata"]["name"], crd.dump(definition)
    before = cluster.get("crd", name)
    for verb in (("replace", "--dry-run=server"), ("apply", "--server-side", "--force-conflicts")):
        done = cluster.kubectl(*verb, "--warnings-as-errors", "-f", "-", stdin=text)
        assert done.stderr == ""
    after = cluster.get("crd", name)
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


@pytest.mark.parametrize("row", BAD, ids=lambda row: row["name"])
def test_bad_spec_is_refused_at_apply_in_good_words(cluster: Cluster, shared: str, row: dict[str, Any]) -> None:
    told = _refusal(cluster, shared, manifest_of(row, name="bad"), server_side=row.get("mode") == "server-side")
    assert row["field"] in re.sub(r"\[([a-z][-a-z]*)\]", r".\1", told)
    for words in row["says"]:
        assert words in told
    if "offline" not in row:
        own = [each for each in problems(manifest_of(row)) if each.field == row["field"]]
        assert any(f"{each.problem}; {each.remedy}" in told for each in own), "not the model's words"


def _refusal(cluster: Cluster, namespace: str, manifest: dict[str, Any], *, server_side: bool) -> str:
    """Return the words with which the API server refuses what kubectl would send of a manifest."""
    path = f"/apis/{names.API_VERSION}/namespaces/{namespace}/{manifest['kind'].lower()}s"
    query = "dryRun=All&fieldValidation=Strict"
    if server_side:
        path += f"/{manifest['metadata']['name']}"
        status, text = cluster.api.ask("PATCH", f"{path}?{query}&fieldManager=kubectl", manifest, headers=APPLY)
    else:
        status, text = cluster.api.ask("POST", f"{path}?{query}", manifest)
    assert status in (400, 422), text
    return str(json.loads(text)["message"])


def test_kubectl_apply_prints_why_bad_specs_are_refused(cluster: Cluster, shared: str) -> None:
    rows = [row for row in BAD if row.get("mode") != "server-side"]
    manifests = [manifest_of(row, name=f"bad-{at}") for at, row in enumerate(rows)]
    done = apply(cluster, shared, *manifests, options=("--dry-run=server",))
    assert done.stdout == ""
    assert [words for row in rows for words in row["says"] if words not in done.stderr] == []


def test_bad_specs_are_refused_by_a_server_side_apply(cluster: Cluster, shared: str) -> None:
    manifests = [manifest_of(row, name=f"bad-{at}") for at, row in enumerate(BAD)]
    done = apply(cluster, shared, *manifests, options=("--server-side", "--dry-run=server"))
    assert done.stdout == ""


def test_what_only_the_operator_can_see_is_taken_at_apply(cluster: Cluster, shared: str) -> None:
    """Where the API server refuses one of them one day, its row should say so."""
    manifests = [manifest_of(row, name=f"late-{at}") for at, row in enumerate(LATE)]
    done = apply(cluster, shared, *manifests, options=("--server-side", "--dry-run=server"))
    assert done.stderr == ""
    assert done.stdout.count("serverside-applied") == len(LATE)


def test_model_one_value_spoilt_agrees_with_api_server(cluster: Cluster, shared: str) -> None:
    """The model and the API server agree on a valid spec in which any one value is replaced."""
    good = [row for row in NICE if "every field" in row["name"]]
    manifests = [manifest_of(row, name=f"spoilt-{at}") for at, row in enumerate(good)]
    bodies = {body["metadata"]["name"]: body for manifest in manifests for body in spoilt(manifest)}
    done = apply(cluster, shared, *bodies.values(), options=("--server-side", "--dry-run=server"))
    taken = {line.split()[0].partition("/")[2] for line in done.stdout.splitlines()}
    differing = {
        (problem.field, problem.problem) for name, body in bodies.items() for problem in problems(body) if name in taken
    } | {(name, "only the API server refuses it") for name in bodies.keys() - taken if not problems(bodies[name])}
    assert len(taken) > len(bodies) / 10
    assert differing == {
        ("spec.timeZone", 'there is no time zone "x"'),
        ("spec.inputTemplate", "is set, but there is no input"),
    }


@pytest.mark.parametrize("mode", ["server-side", "client-side"])
def test_good_specs_are_taken_and_read_back_as_they_were_written(cluster: Cluster, namespace: str, mode: str) -> None:
    manifests = [manifest_of(row, name=f"good-{at}") for at, row in enumerate(NICE)]
    options = ("--server-side",) if mode == "server-side" else ()
    done = apply(cluster, namespace, *manifests, options=options)
    assert (done.returncode, done.stderr) == (0, "")
    first = _by_name(cluster, namespace)
    for manifest in manifests:
        body = first[manifest["metadata"]["name"]]
        assert body["spec"] == (manifest["spec"] if options else _without_nulls(manifest["spec"]))
        assert problems(body) == []
    apply(cluster, namespace, *manifests, options=options).check_returncode()
    assert _by_name(cluster, namespace) == first
    diff = cluster.kubectl("diff", *options, "-n", namespace, "-f", "-", stdin=_text(manifests), check=False)
    assert (diff.returncode, diff.stdout) == (0, "")


def _by_name(cluster: Cluster, namespace: str) -> dict[str, Any]:
    return {each["metadata"]["name"]: each for each in cluster.items("gcron,grun,gserver", "--namespace", namespace)}


def _without_nulls(value: Any) -> Any:
    """Return the value as a client-side apply sends it: for that, null in an object means to take the member away."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return value


AT = "2026-11-22T08:30:00Z"
CONDITION = {"type": "Ready", "status": "True", "reason": "Reconciled", "message": "", "lastTransitionTime": AT}
STATUS: dict[str, Any] = {
    "observedGeneration": 1,
    "conditions": [CONDITION, {**CONDITION, "type": "TargetResolved", "status": "False", "reason": "Unauthorized"}],
    "schedule": "30 8 * * 1-5",
    "schedules": ["30 8 * * 1-5", "7 17 * * *"],
    "timeZone": "Etc/UTC",
    "nextScheduleTime": AT,
    "nextScheduleTimes": [AT, AT],
    "missedRuns": 2,
    "consecutiveFailures": 0,
    "lastHandledTrigger": "now",
    "lastHandledResume": "again",
    "budget": {"windowStart": AT, "windowEnd": AT, "tokens": 150, "cost": "0.25"},
    "preflight": {"key": "abc", "attempts": 1, "time": AT, "server": "langgraph-api 0.16.7"},
    "active": [{"job": "daily-report-29", "scheduledTime": AT, "trigger": "now"}],
    "recentRuns": [
        {
            "scheduledTime": AT,
            "trigger": "now",
            "outcome": "Succeeded",
            "job": "daily-report-28",
            "durationSeconds": 1.5,
            "attempts": 2,
            "tokens": 150,
            "tokensAtLeast": True,
            "cost": "0.25",
        },
        {"scheduledTime": AT, "firstScheduledTime": AT, "count": 3, "outcome": "Skipped", "reason": "Excluded"},
    ],
    "cronJobs": [{"name": "daily-report", "generation": 1}],
    "checkedUntil": AT,
}
STATUS_OF_SERVER = {
    "observedGeneration": 1,
    "conditions": [CONDITION],
    "server": "langgraph-api 0.16.7",
    "preflight": {"key": "abc", "attempts": 3, "time": AT},
}


STATUS_OF_RUN = {
    "observedGeneration": 1,
    "installation": "graphcron-system/graphcron",
    "conditions": [{**CONDITION, "type": "Complete", "reason": "Succeeded"}],
    "graphCronUid": "0d4a4c55-9a53-6a1c-2f0e-7b114f6b3c1e",
    "job": "daily-report-again-0123456789",
    "outcome": "Succeeded",
    "reason": "Succeeded",
    "message": "The run has succeeded.",
    "runId": "1f0c7a3e-4d5b-6c7d-8e9f-0a1b2c3d4e5f",
    "threadId": "4f6b3c1e-0d4a-4c55-9a53-6a1c2f0e7b11",
    "startTime": AT,
    "completionTime": AT,
    "durationSeconds": 1.5,
    "attempts": 2,
    "tokens": 150,
    "tokensAtLeast": True,
    "cost": "0.25",
}


def _patch_status(cluster: Cluster, namespace: str, kind: str, status: dict[str, Any]) -> None:
    names = {"gcron": "daily-report", "grun": "daily-report-again", "gserver": "shared"}
    patch = ("--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
    cluster.kubectl("patch", kind, names[kind], "-n", namespace, *patch)


def test_a_status_is_stored_as_it_was_dumped(cluster: Cluster, namespace: str) -> None:
    apply(cluster, namespace, GOOD, GOOD_RUN, GOOD_SERVER).check_returncode()
    parsed = v1alpha1.parse({**GOOD, "status": STATUS}).status
    of_run = v1alpha1.parse_run({**GOOD_RUN, "status": STATUS_OF_RUN}).status
    of_server = v1alpha1.parse_server({**GOOD_SERVER, "status": STATUS_OF_SERVER}).status
    assert parsed is not None
    assert of_run is not None
    assert of_server is not None
    _patch_status(cluster, namespace, "gcron", v1alpha1.dump_status(parsed))
    _patch_status(cluster, namespace, "grun", v1alpha1.dump_status(of_run))
    _patch_status(cluster, namespace, "gserver", v1alpha1.dump_status(of_server))
    assert cluster.get("gcron", "daily-report", "-n", namespace)["status"] == STATUS
    assert cluster.get("grun", "daily-report-again", "-n", namespace)["status"] == STATUS_OF_RUN
    assert cluster.get("gserver", "shared", "-n", namespace)["status"] == STATUS_OF_SERVER


def test_the_columns_show_what_is_there(cluster: Cluster, namespace: str) -> None:
    spec = {"assistant": "daily-report", "schedules": ["H 9 * * *", "@weekly"], "serverRef": {"name": "shared"}}
    several = {**GOOD, "metadata": {"name": "several"}, "spec": {**spec, "thread": {"per": "week"}}}
    apply(cluster, namespace, GOOD, several, GOOD_RUN, GOOD_SERVER).check_returncode()
    _patch_status(cluster, namespace, "gcron", STATUS)
    _patch_status(cluster, namespace, "grun", STATUS_OF_RUN)
    _patch_status(cluster, namespace, "gserver", STATUS_OF_SERVER)
    lines = cluster.kubectl("get", "gcron", "-n", namespace, "-o", "wide").stdout.splitlines()
    assert lines[0].split() == [
        "NAME", "SCHEDULE", "ZONE", "READY", "TARGET", "SUSPEND", "LAST", "NEXT", "AGE", "ASSISTANT", "THREAD", "SERVER",
        "TOKENS",
    ]  # fmt: skip
    assert re.search(
        r"30 8 \* \* 1-5 +Etc/UTC +True +Unauthorized +Succeeded +2026-11-22T08:30:00Z +\S+ +daily-report +150",
        lines[1],
    )
    assert re.search(r'\["H 9 \* \* \*","@weekly"\] +\S+ +daily-report +week +shared', lines[2])
    lines = cluster.kubectl("get", "grun", "-n", namespace, "-o", "wide").stdout.splitlines()
    assert lines[0].split() == [
        "NAME", "GRAPHCRON", "OUTCOME", "DURATION", "TOKENS", "AGE", "REASON", "SCHEDULED", "THREAD", "COST",
    ]  # fmt: skip
    assert re.search(r"again +daily-report +Succeeded +1\.5 +150 +\S+ +Succeeded +4f6b3c1e\S+ +0\.25", lines[1])
    lines = cluster.kubectl("get", "gserver", "-n", namespace).stdout.splitlines()
    assert lines[0].split() == ["NAME", "URL", "READY", "SERVER", "AGE"]
    assert re.search(r"shared +http://langgraph\.agents\.svc:8000 +True +langgraph-api 0\.16\.7 +\S+", lines[1])


def test_the_short_names_are_known(cluster: Cluster) -> None:
    resources = cluster.kubectl("api-resources", "--api-group=graphcron.dev", "--no-headers").stdout
    assert [line.split() for line in sorted(resources.splitlines())] == [
        ["graphcrons", "gcron", "graphcron.dev/v1alpha1", "true", "GraphCron"],
        ["graphruns", "grun", "graphcron.dev/v1alpha1", "true", "GraphRun"],
        ["graphservers", "gserver", "graphcron.dev/v1alpha1", "true", "GraphServer"],
    ]


@pytest.mark.parametrize("kind", crd.KINDS, ids=lambda kind: kind.plural)
def test_explain_tells_of_each_field(cluster: Cluster, kind: crd.Kind) -> None:
    tree = cluster.kubectl("explain", f"{kind.short}.spec", "--recursive").stdout
    schema = crd.resource_schema(kind)["properties"]
    for name in _names(schema["spec"]):
        assert re.search(rf"^\s+{re.escape(name)}\t<", tree, re.MULTILINE), name
    of_graphcron = ("spec.runner", "spec.history", "spec.excludes", "spec.server.headers", "status.recentRuns")
    of_graphrun = ("spec.graphCronRef", "spec.runner", "spec.server.headers")
    more = {crd.GRAPHCRON: of_graphcron, crd.GRAPHRUN: of_graphrun}.get(kind, ())
    for path in ("spec", "spec.budget", "status", *more):
        text = cluster.kubectl("explain", f"{kind.short}.{path}").stdout
        assert "<no description>" not in text
        assert text.count("\t<") == len(re.findall(r"\t<.*\n(?:  enum: .*\n)?    \S", text)), path


def _names(schema: dict[str, Any]) -> set[str]:
    """Return the names of all fields in a schema."""
    parts = list(schema.get("properties", {}).values())
    if "items" in schema:
        parts.append(schema["items"])
    return set(schema.get("properties", {})).union(*map(_names, parts))
