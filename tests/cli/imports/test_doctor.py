"""``graphcron doctor``: on an installation as it should be, and seen by somebody who may do little."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.cli.imports.conftest import Program
from tests.cluster import Cluster, wait_for

GOOD = {"assistant": "agent", "schedule": "0 0 29 2 *", "preflight": False}


def examined(run: Program, cluster: Cluster, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code, and what was found, by what it is about."""
    done = run("doctor", "--output", "json", *arguments, **cluster.environment)
    assert done.stderr == ""
    return done.returncode, {each["about"]: each for each in json.loads(done.stdout)}


def make(cluster: Cluster, namespace: str, name: str, **spec: Any) -> None:
    """Apply a GraphCron, and wait until the operator has looked at it."""
    body = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphCron", "metadata": {"name": name}}
    cluster.apply({**body, "spec": {**GOOD, **spec}}, namespace=namespace)
    wait_for("a word of the operator", lambda: cluster.get("graphcron", name, "-n", namespace).get("status"))


def limited(cluster: Cluster, namespace: str, folder: Path) -> str:
    """Return the kubeconfig of a ServiceAccount that may do nothing."""
    cluster.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    config = yaml.safe_load(cluster.kubectl("config", "view", "--raw", "--minify").stdout)
    token = cluster.kubectl("create", "token", "nobody", "-n", namespace).stdout.strip()
    config["users"][0]["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return str(path)


def test_an_installation_as_it_should_be(cluster: Cluster, operator: None, namespace: str, run: Program) -> None:
    expected = {
        "Kubernetes",
        "CRD graphcrons.graphcron.dev",
        "CRD graphruns.graphcron.dev",
        "CRD graphservers.graphcron.dev",
        "operator graphcron-system/graphcron",
        "leader graphcron-system/graphcron",
        "rights graphcron-system/graphcron",
        "you",
    }

    def well() -> bool:  # other tests of this run may have just taken the leader away
        _, found = examined(run, cluster, "--namespace", namespace)
        return {about for about, each in found.items() if each["state"] == "ok"} >= expected

    wait_for("an installation that is well", well, seconds=120, pause=2)


def test_a_graphcron_in_trouble_is_listed_with_its_remedy(
    cluster: Cluster, operator: None, namespace: str, run: Program
) -> None:
    make(cluster, namespace, "good")
    make(cluster, namespace, "bad", timeZone="Mars/Phobos")
    code, found = examined(run, cluster)
    bad = found[f"GraphCron {namespace}/bad"]
    assert (code, bad["state"]) == (1, "failed")
    assert bad["message"].startswith('not ready: InvalidSpec: spec.timeZone: there is no time zone "Mars/Phobos"')
    assert bad["remedy"] == f"graphcron describe bad -n {namespace}"
    assert f"GraphCron {namespace}/good" not in found


def test_people_read_a_line_a_check(cluster: Cluster, operator: None, namespace: str, run: Program) -> None:
    make(cluster, namespace, "bad", timeZone="Mars/Phobos")
    done = run("doctor", **cluster.environment)
    assert done.returncode == 1
    assert done.stdout.startswith("✓ Kubernetes: API server v1.")
    assert f"✗ GraphCron {namespace}/bad: not ready: InvalidSpec" in done.stdout
    assert f"\n  → graphcron describe bad -n {namespace}\n" in done.stdout


def test_what_one_may_not_see_is_said_and_is_no_fault(
    cluster: Cluster, operator: None, namespace: str, run: Program, tmp_path: Path
) -> None:
    config = limited(cluster, namespace, tmp_path)
    code, found = examined(run, cluster, "--namespace", namespace, "--kubeconfig", config)
    states = {about: each["state"] for about, each in found.items()}
    assert states == {
        "Kubernetes": "ok",
        "CRD graphcrons.graphcron.dev": "warning",
        "CRD graphruns.graphcron.dev": "warning",
        "CRD graphservers.graphcron.dev": "warning",
        "operator": "warning",
        "you": "failed",
        "GraphCrons": "warning",
    }
    assert code == 1
    assert f"cannot create GraphCrons in {namespace}" in found["you"]["message"]


def test_a_cluster_that_can_not_be_asked_ends_it(cluster: Cluster, run: Program) -> None:
    code, found = examined(run, cluster, "--context", "nowhere")
    assert (code, [*found]) == (1, ["Kubernetes"])
    assert (found["Kubernetes"]["state"], "nowhere" in found["Kubernetes"]["message"]) == ("failed", True)
