"""One line with the remedy, whatever is missing: a name, a namespace, a right, a CRD, a cluster, kubectl."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.cli.offline.program import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.verbs.conftest import Program
    from tests.cluster import Cluster
    from tests.e2e.crons import Crons

VERBS = ("describe", "history", "logs", "next", "cancel", "run", "suspend", "resume", "export")


def refused(environment: dict[str, str], *words: str) -> str:
    done = run(*words, environment=environment)
    assert (done.returncode, done.stdout) == (1, ""), done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def kubeconfig_of(cluster: Cluster, folder: Path, **changes: str) -> dict[str, str]:
    """Return an environment whose kubeconfig differs from the cluster's in its server or its user."""
    given = yaml.safe_load(cluster.kubectl("config", "view", "--raw", "--flatten", "--minify").stdout)
    if "server" in changes:
        given["clusters"][0]["cluster"] = {"server": changes["server"]}
    if "token" in changes:
        given["users"][0]["user"] = {"token": changes["token"]}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(given))
    return {**cluster.environment, "KUBECONFIG": str(path)}


def test_a_name_that_is_not_there_brings_the_nearest_to_mind(crons: Crons, program: Program):
    there = f"in the namespace {crons.namespace}"
    for verb in VERBS:
        said = program.run(verb, "nobody", code=1)
        assert said.startswith(f"error: there is no GraphCron nobody {there}; graphcron list -n {crons.namespace} "), (
            verb
        )
        assert len(said.splitlines()) == 1
    crons.make("hello", suspend=True, ready_reason="Suspended")
    assert program.run("describe", "helo", code=1).endswith(f" {there}; did you mean hello?\n")
    said = refused(crons.cluster.environment, "describe", "hello", "--namespace", "default")
    assert "there is no GraphCron hello in the namespace default; there is one with -n " in said
    said = refused(crons.cluster.environment, "list", "--namespace", crons.namespace[:-1])
    assert said == f"error: there is no namespace {crons.namespace[:-1]}; did you mean {crons.namespace}?\n"


def test_a_right_that_is_not_there(crons: Crons, tmp_path: Path):
    crons.cluster.kubectl("create", "serviceaccount", "ann", "--namespace", crons.namespace)
    token = crons.cluster.kubectl("create", "token", "ann", "--namespace", crons.namespace).stdout.strip()
    ann = kubeconfig_of(crons.cluster, tmp_path, token=token)
    here, user = ("--namespace", crons.namespace), f"system:serviceaccount:{crons.namespace}:ann"
    may_not = f"error: {user} may not list graphcrons in the "
    assert refused(ann, "list", *here) == (
        f"{may_not}namespace {crons.namespace}; ask for the ClusterRole view there\n"
    )
    assert refused(ann, "list", "-A") == f"{may_not}whole cluster; leave out -A, or ask for the right to\n"
    crons.cluster.kubectl("create", "rolebinding", "v", "--clusterrole=view", f"--user={user}", *here)
    assert "there are no GraphCrons here" in run("list", *here, environment=ann).stderr
    crons.make("hello")
    assert refused(ann, "suspend", "hello", *here) == (
        f"error: {user} may not patch graphcrons in the namespace {crons.namespace}; "
        "ask for the ClusterRole edit there\n"
    )


def test_a_cluster_that_is_not_there(cluster: Cluster, tmp_path: Path):
    there = cluster.environment
    gone = kubeconfig_of(cluster, tmp_path, server="http://127.0.0.1:1")
    for words in (("list",), ("list", "--watch")):
        assert refused(gone, *words).startswith("error: the cluster at 127.0.0.1:1 does not answer; ")
    assert "you are not logged in to the cluster; log in again" in refused(
        kubeconfig_of(cluster, tmp_path, token="none"), "list"
    )
    given = ("--kubeconfig", there["KUBECONFIG"])
    said = refused(there, "list", "--context", "other", "-n", "a", *given)
    assert f"the kubeconfig has no context other; kubectl config get-contexts {' '.join(given)} lists " in said
    assert "there is no kubeconfig /none; " in refused(there, "list", "--kubeconfig", "/none")
    assert "there is no kubeconfig /none; correct the variable" in refused({**there, "KUBECONFIG": "/none"}, "list")
    assert "kubectl is not on your PATH: install it" in refused({**there, "PATH": "/none"}, "list")
    assert "/none can't be run (No such file or directory): install it" in refused(
        {**there, "KUBECTL": "/none"}, "list"
    )


class _Bare(BaseHTTPRequestHandler):
    """An API server that knows nothing but the core group's name."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        told = {"/api": {"kind": "APIVersions", "versions": ["v1"]}, "/apis": {"kind": "APIGroupList", "groups": []}}
        told["/api/v1"] = {"kind": "APIResourceList", "groupVersion": "v1", "resources": []}
        body = json.dumps(told.get(path, {"kind": "Status", "status": "Failure", "reason": "NotFound"})).encode()
        self.send_response(200 if path in told else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Be quiet."""


@pytest.fixture
def bare() -> Iterator[str]:
    """Serve it; return its URL."""
    with HTTPServer(("127.0.0.1", 0), _Bare) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_crd_that_is_not_there(cluster: Cluster, tmp_path: Path, bare: str):
    for words in (("list",), ("describe", "hello"), ("suspend", "hello"), ("list", "--watch"), ("export",)):
        said = refused(kubeconfig_of(cluster, tmp_path, server=bare), *words)
        assert said.startswith("error: GraphCron is not installed in the cluster; install it with its chart, or ")
