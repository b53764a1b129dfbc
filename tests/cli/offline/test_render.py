"""``render``: the CronJobs that the operator would make."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron.api.v1alpha1 import parse
from graphcron.cli.files.manifests import of_text
from graphcron.cli.files.placeholders import NO_UID
from graphcron.cli.verbs.render import cronjobs_of
from graphcron.manifests.cronjob import PersistedState, cronjobs_for
from graphcron.settings import Settings
from tests.cli.offline.program import NOWHERE, manifest, run, text

if TYPE_CHECKING:
    from tests.cluster import Cluster

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
URL = "http://langgraph:8000"
SERVER = {
    "apiVersion": "graphcron.dev/v1alpha1",
    "kind": "GraphServer",
    "metadata": {"name": "shared"},
    "spec": {"url": URL, "apiKeySecretRef": {"name": "langgraph", "key": "key"}},
}


def rendered(*arguments: str, stdin: str, **variables: str) -> list[dict[str, Any]]:
    done = run("render", "-", *arguments, "-o", "json", stdin=stdin, environment={**NOWHERE, **variables})
    assert (done.returncode, done.stderr) == (0, "")
    made = json.loads(done.stdout)
    return list(made["items"]) if made["kind"] == "List" else [made]


def container(cronjob: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    return found


def request(cronjob: dict[str, Any]) -> dict[str, Any]:
    [value] = [each["value"] for each in container(cronjob)["env"] if each["name"] == "GRAPHCRON_REQUEST"]
    return dict(json.loads(value))


def test_it_is_what_the_operator_makes() -> None:
    body = manifest(namespace="agents", schedules=["H 4 * * *", "0 12 * * 6"], runner={"labels": {"team": "a"}})
    settings = Settings(server_url=URL)
    made = cronjobs_of(*of_text(text(body), "a.yaml"), [], now=NOW, settings=settings)
    body["metadata"]["uid"] = NO_UID
    assert made == cronjobs_for(parse(body), settings, {}, PersistedState(), now=NOW)


def test_each_line_has_a_cronjob_in_its_namespace() -> None:
    page = text(manifest(schedules=["H 4 * * *", "@daily"]), manifest("second", namespace="other"))
    made = rendered("--server-url", URL, "-n", "agents", stdin=page)
    there = [(each["metadata"]["namespace"], each["spec"]["schedule"].split()[-3:]) for each in made]
    assert there == [("agents", ["*", "*", "*"]), ("agents", ["@daily"]), ("other", ["*", "*", "1-5"])]
    assert {request(each)["url"] for each in made} == {URL}


def test_a_server_of_the_file_is_put_in_its_place() -> None:
    [made] = rendered(stdin=text(SERVER, manifest(serverRef={"name": "shared"})))
    assert request(made)["url"] == URL
    keys = [each["valueFrom"]["secretKeyRef"] for each in container(made)["env"] if "secretKeyRef" in str(each)]
    assert keys == [{"name": "langgraph", "key": "key"}]


def test_the_environment_may_say_what_the_operator_is_set_to() -> None:
    [made] = rendered(stdin=text(manifest()), GRAPHCRON_SERVER_URL=URL, GRAPHCRON_RUNNER_IMAGE="example.com/runner:1")
    assert (request(made)["url"], container(made)["image"]) == (URL, "example.com/runner:1")


def test_people_may_have_a_table() -> None:
    done = run("render", "-", "--server-url", URL, "-o", "wide", stdin=text(manifest()))
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["NAME", "SCHEDULE", "ZONE", "SUSPEND"],
        ["hello", "30", "8", "*", "*", "1-5", "Etc/UTC", "False"],
    ]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (text(manifest()), "error: -:5:1: spec.server.url: is not set; set it, or give --server-url"),
        (text(manifest(serverRef={"name": "shared"})), "error: -:9:3: spec.serverRef: the GraphServer shared is not"),
        (text(manifest(schedule="a")), "error: -:8:13: spec.schedule: "),
        (text(SERVER), "error: -: there is no GraphCron and no GraphRun in it"),
    ],
)
def test_errors_are_one_line_with_their_place(page: str, said: str) -> None:
    done = run("render", "-", stdin=page)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(said)


def test_kubernetes_takes_it(cluster: Cluster, namespace: str) -> None:
    made = run(
        "render", "-", "--server-url", URL, "-n", namespace, stdin=text(manifest(schedules=["@daily", "H H 1 * *"]))
    )
    assert "&id" not in made.stdout
    assert len(yaml.safe_load(made.stdout)["items"]) == 2
    cluster.kubectl("apply", "--dry-run=server", "--filename", "-", stdin=made.stdout)
