"""docs/getting-started.md, followed from top to bottom on a real cluster, with a LangGraph server that wants a key.

The operator is the page's own: its helm line is run as it stands, in a corner of the cluster that no other operator
serves. Images can't be pushed anywhere from here, so ``docker`` and ``kind`` only write down what they are asked for;
what they are to build and bring is compared with what the chart pulls.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

from tests.cluster import ROOT, wait_for
from tests.conftest import ALONE
from tests.docs.conftest import forwarded
from tests.docs.page import blocks, table
from tests.docs.session import Session
from tests.e2e.api import LangGraph

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster import Cluster
    from tests.docs.page import Block

DOCS = ROOT / "docs"
PAGE = blocks(DOCS / "getting-started.md")
STEPS = (
    "1. Set the namespace and the server",
    "2. Install the operator",
    "3. Store the API key",
    "4. Create a GraphCron",
    "5. Run it now",
    "6. Inspect the run",
    "7. Delete it",
)
NAME = "daily-report"
KEY = "lg-key-of-a-newcomer"
REGISTRY = "registry.example.com/graphcron"


class Newcomer(NamedTuple):
    """Who follows the page."""

    environment: dict[str, str]
    namespace: str
    """Of the GraphCron; the page makes it."""
    operator_namespace: str
    server: LangGraph
    typed: Path
    """What was asked of ``docker`` and ``kind``, a command a line."""


@pytest.fixture
def newcomer(cluster: Cluster, tmp_path: Path) -> Iterator[Newcomer]:
    """Give a terminal in a clone, and a server that asks for a key; take away what was made of them."""
    import installing

    own = f"{ALONE}docs-{uuid.uuid4().hex[:8]}"
    namespaces = (own, f"{own}-system", f"{own}-server")
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    typed = tmp_path / "typed"
    typed.touch()
    programs = tmp_path / "programs"
    programs.mkdir()
    _write_program(programs / "helm", _helm(cluster, own, namespaces[1]))
    for name in ("docker", "kind"):
        _write_program(programs / name, f'echo {name} "$@" >> {shlex.quote(str(typed))}')
    installing.install_server(cluster, namespaces[2], api_key=KEY)
    server = LangGraph(cluster.api, namespaces[2], key=KEY)
    with forwarded(cluster, installing.SERVER, namespaces[2], installing.SERVER_PORT) as port:
        environment = {
            **cluster.environment,
            "PATH": f"{programs}:{cluster.environment['PATH']}",
            "NAMESPACE": own,
            "SERVER_URL": server.url,
            "LANGGRAPH_URL": f"http://127.0.0.1:{port}",
            "LANGGRAPH_API_KEY": KEY,
            "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1"))),
        }
        yield Newcomer(environment, own, namespaces[1], server, typed)
    for namespace in namespaces:
        cluster.kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false")


def test_every_step_has_a_command() -> None:
    assert tuple(dict.fromkeys(block.section for block in _code())) == STEPS


def test_the_installation_is_that_of_its_page() -> None:
    """One line names the server, and another the key; all others are the same."""
    build, install = _blocks_of("2. Install the operator")
    there = [block.text for block in blocks(DOCS / "install.md") if block.language == "bash"]
    assert build in there
    (usual,) = (text for text in there if text.startswith("helm install"))
    common = [line for line in usual.split("helm test")[0].splitlines() if "server.url" not in line]
    assert [line for line in install.splitlines() if "server.url" not in line] == common
    (ours,) = (line for line in install.splitlines() if "server.url" in line)
    assert "server.apiKeySecret.name=langgraph" in ours


def test_the_chart_pulls_what_was_built(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    line = _blocks_of("2. Install the operator")[1].replace("helm install", "helm template", 1)
    settings = {"REGISTRY": REGISTRY, "SERVER_URL": "http://example.svc:8000"}
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=tmp_path,
        env={**cluster.environment, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (deployment,) = (each for each in yaml.safe_load_all(done.stdout) if each and each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    told = {each["name"]: each.get("value") for each in container["env"]}
    assert [container["image"], told["GRAPHCRON_RUNNER_IMAGE"]] == [_image("operator"), _image("runner")]
    assert told["GRAPHCRON_SERVER_URL"] == settings["SERVER_URL"]
    assert told["GRAPHCRON_API_KEY_SECRET_NAME"] == "langgraph"


@pytest.mark.parametrize(
    "row", table(DOCS / "getting-started.md", "Where the server is"), ids=lambda row: row["SERVER_URL"]
)
def test_the_api_server_takes_each_address(row: dict[str, str], cluster: Cluster, namespace: str) -> None:
    """Those that stand in the table as they are to be typed; a word in capitals is the reader's own."""
    for address in re.findall(r"https?://\S+[^\s,]", row["SERVER_URL"]):
        url = re.sub(r"[A-Z]+", "example", address).replace(":example", ":8000")
        body = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphCron", "metadata": {"name": "address"}}
        spec = {"assistant": "agent", "schedule": "0 0 29 2 *", "server": {"url": url}}
        text = yaml.safe_dump({**body, "spec": spec})
        command = ("apply", "--namespace", namespace, "--dry-run=server", "--filename", "-")
        cluster.kubectl(*command, stdin=text)


def test_the_page_works(cluster: Cluster, newcomer: Newcomer, tmp_path: Path) -> None:
    code = [block for block in PAGE if block.language in {"bash", "yaml"}]
    with Session(code, tmp_path, newcomer.environment) as session:
        session.step()
        assert cluster.get("namespace", newcomer.namespace)

        for _ in (block for block in _code() if block.section == "2. Install the operator"):
            session.step(seconds=240)
        _assert_images(newcomer)
        assert "graphcron" in _deployments(cluster, newcomer.operator_namespace)

        session.step()  # the key
        shown = session.step()  # the GraphCron
        assert shown.splitlines()[-2].split() == _columns_on_the_page()
        assert shown.splitlines()[-1].split()[0] == NAME
        graphcron = _graphcron(cluster, newcomer)
        assert _condition(graphcron, "TargetResolved")["status"] == "True"
        uid = graphcron["metadata"]["uid"]
        assert newcomer.server.threads(uid) == []
        assert session.step().strip() == f"Resolved: {_condition(graphcron, 'TargetResolved')['message']}"

        said = session.step(seconds=330)  # run now
        (run,) = _graphcron(cluster, newcomer)["status"]["recentRuns"]
        assert run["outcome"] == "Succeeded"
        assert said.strip().splitlines()[-1] == f"Succeeded: {run['message']}"
        messages = newcomer.server.values(run["threadId"])["messages"]
        assert messages[0]["content"] == "Write the daily report."

        looked = session.step()
        assert f"run {run['runId']} on the thread {run['threadId']}" in looked.splitlines()[-1]
        assert '"event": "run-created"' in looked or '"event":"run-created"' in looked
        assert "Succeeded" in looked
        assert '"preflight"' not in looked
        assert not [text for text in (KEY, messages[-1]["content"]) if text in looked]
        assert json.loads(session.step())["messages"] == messages
        _assert_the_wait_is_for_each_run(cluster, newcomer)

        others = newcomer.server.post("/threads", {"metadata": {"graphcron/name": NAME}})["thread_id"]
        assert len(newcomer.server.threads(uid)) == 2
        session.step()
        assert cluster.get("graphcron", NAME, "--namespace", newcomer.namespace) is None
        everything = ("cronjobs,jobs,pods", "--namespace", newcomer.namespace)
        wait_for("end of CronJob, Jobs and pods", lambda: not cluster.items(*everything))
        assert len(newcomer.server.threads(uid)) == 2
        session.step()
        assert newcomer.server.threads(uid) == []
        assert newcomer.server.thread(others)
        session.end()


def _assert_the_wait_is_for_each_run(cluster: Cluster, newcomer: Newcomer) -> None:
    """Run it again, as a graph that fails: what the success before has left in the status ends no wait."""
    failing = '{"spec": {"assistant": "failing"}}'
    cluster.kubectl("patch", "gcron", NAME, "--namespace", newcomer.namespace, "--type=merge", "--patch", failing)
    (text,) = _blocks_of("5. Run it now")
    done = subprocess.run(
        ["bash", "-c", text], env=newcomer.environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("GraphError: "), done.stdout


def _code() -> list[Block]:
    return [block for block in PAGE if block.language == "bash"]


def _blocks_of(step: str) -> list[str]:
    """Return the commands of a step; without what is folded away."""
    return [block.text for block in _code() if block.section == step and not block.track]


def _helm(cluster: Cluster, namespace: str, operator_namespace: str) -> str:
    """Return what runs the page's helm line, with the images that are here, where it disturbs nobody."""
    images = "image.registry=docker.io/graphcron,image.tag=dev"
    values = f"{images},runner.{images.replace(',', ',runner.')},crds.enabled=false,watchNamespaces={{{namespace}}}"
    real = shlex.quote(str(cluster.tools / "helm"))
    return f'exec {real} "$@" --namespace {operator_namespace} --set {shlex.quote(values)}'


def _write_program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755)


def _assert_images(newcomer: Newcomer) -> None:
    """What was built is what is pushed, and what kind is given; each is a target of the Dockerfile."""
    typed = [line.split() for line in newcomer.typed.read_text(encoding="utf-8").splitlines()]
    built = {
        words[words.index("--tag") + 1]: words[words.index("--target") + 1] for words in typed if words[1] == "build"
    }
    assert built == {_image(name): name for name in ("operator", "runner")}
    assert {words[2] for words in typed if words[:2] == ["docker", "push"]} == set(built)
    (loaded,) = (words[3:] for words in typed if words[:3] == ["kind", "load", "docker-image"])
    assert set(loaded) == set(built)
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert set(built.values()) <= set(re.findall(r"^FROM .* AS (\S+)$", dockerfile, re.MULTILINE | re.IGNORECASE))


def _image(name: str) -> str:
    """Return what the chart of this tree pulls by itself."""
    chart = yaml.safe_load((ROOT / "charts/graphcron/Chart.yaml").read_text(encoding="utf-8"))
    return f"{REGISTRY}/{name}:{chart['appVersion']}"


def _columns_on_the_page() -> list[str]:
    (shown,) = (block for block in PAGE if block.language == "console")
    return shown.text.splitlines()[0].split()


def _deployments(cluster: Cluster, namespace: str) -> set[str]:
    return {each["metadata"]["name"] for each in cluster.items("deployments", "--namespace", namespace)}


def _graphcron(cluster: Cluster, newcomer: Newcomer) -> Any:
    return cluster.get("graphcron", NAME, "--namespace", newcomer.namespace)


def _condition(graphcron: Any, kind: str) -> Any:
    return next(each for each in graphcron["status"]["conditions"] if each["type"] == kind)
