"""``create``: flags become YAML, and nothing more is written than was given."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron.api.v1alpha1 import problems
from tests.cli.offline.program import run

if TYPE_CHECKING:
    from tests.cluster import Cluster

THREAD = "4f6b3c1e-0d4a-4c55-9a53-6a1c2f0e7b11"
SHORT = "hello --assistant agent --schedule '30 8 * * 1-5'"


@pytest.mark.parametrize(
    ("more", "spec"),
    [
        ("", {}),
        ("--time-zone Europe/Berlin --suspend", {"timeZone": "Europe/Berlin", "suspend": True}),
        (f"--thread {THREAD}", {"thread": {"id": THREAD}}),
        ("--thread-per week", {"thread": {"per": "week"}}),
        ("--server-url http://lg:8000", {"server": {"url": "http://lg:8000"}}),
        ("--secret lg", {"server": {"apiKeySecretRef": {"name": "lg", "key": "api-key"}}}),
        ("--secret lg/key", {"server": {"apiKeySecretRef": {"name": "lg", "key": "key"}}}),
        ("--input null", {"input": None}),
        ("--input {}", {"input": {}}),
        ("""--input '{"a": [1, {"b": null}], "c": "1e3"}'""", {"input": {"a": [1, {"b": None}], "c": "1e3"}}),
    ],
)
def test_what_is_given_is_written_and_nothing_else(more: str, spec: dict[str, Any]) -> None:
    done = run("create", *shlex.split(f"{SHORT} {more}"))
    assert (done.returncode, done.stderr) == (0, "")
    written = yaml.safe_load(done.stdout)
    assert written == {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphCron",
        "metadata": {"name": "hello"},
        "spec": {"assistant": "agent", "schedule": "30 8 * * 1-5", **spec},
    }
    assert problems(written) == []


def test_several_schedules_and_a_namespace_are_written() -> None:
    command = "hello -a agent -s '*/5 * * * *' -s @daily -n agents"
    written = yaml.safe_load(run("create", *shlex.split(command)).stdout)
    assert written["spec"]["schedules"] == ["*/5 * * * *", "@daily"]
    assert written["metadata"] == {"name": "hello", "namespace": "agents"}


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("hello --assistant agent --schedule '61 * * * *'", 1, 'error: spec.schedule: minute "61": 61 is above 59'),
        (f"{SHORT} --thread {THREAD} --thread-per day", 1, "error: spec.thread: must have either id or per"),
        (f"{SHORT} --input '{{a: 1}}'", 2, "is not valid JSON"),
        ("hello --assistant agent", 2, "missing option '--schedule'"),
    ],
)
def test_errors_are_told(command: str, code: int, said: str) -> None:
    done = run("create", *shlex.split(command))
    assert (done.returncode, done.stdout) == (code, "")
    assert said in " ".join(done.stderr.split())


def test_the_api_server_takes_it_as_it_was_meant(cluster: Cluster, namespace: str) -> None:
    told = {"time": "12:30", "no": "n", "number": "1e3", "text": "a\nb: 'c' \"d\" ü"}
    made = run("create", *shlex.split(SHORT), "--input", json.dumps(told), "--thread-per", "week")
    cluster.kubectl("apply", "--namespace", namespace, "--filename", "-", stdin=made.stdout)
    assert cluster.get("graphcron", "hello", "--namespace", namespace)["spec"]["input"] == told
