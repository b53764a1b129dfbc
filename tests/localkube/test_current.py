"""The provider current: images get to the nodes by the program that made the cluster."""

import json
from pathlib import Path

import pytest

from tests.localkube.machine import Machine
from tests.localkube.programs import install

LOADED = {
    "kind-dev": ("kind", "load docker-image graphcron/runner:dev --name dev"),
    "k3d-dev": ("k3d", "image import graphcron/runner:dev --cluster dev"),
    "minikube": ("minikube", "--profile minikube image load graphcron/runner:dev"),
    "profile": ("minikube", "--profile profile image load graphcron/runner:dev"),
}


@pytest.fixture
def current(machine: Machine) -> Machine:
    """Return a machine whose kubectl has a context."""
    calls = machine.world
    install(machine.bin, "docker", "kind", "kubectl", "helm", "minikube", "k3d")
    calls["images"] = ["graphcron/runner:dev"]
    machine.environment["CLUSTER"] = "current"
    return machine


@pytest.mark.parametrize("context", LOADED)
def test_an_image_is_loaded_by_what_made_the_cluster(current: Machine, context: str) -> None:
    current.world["context"] = context
    assert current.up().returncode == 0
    done = current.hack("load", "runner", "--name", "dev")
    assert done.returncode == 0, done.stderr
    program, call = LOADED[context]
    assert current.world.calls(program)[-1] == call
    assert json.loads(current.hack("info", "--name", "dev").stdout)["loader"] == program


def test_docker_desktops_nodes_need_nothing(current: Machine) -> None:
    current.world["context"] = "docker-desktop"
    current.up()
    done = current.hack("load", "runner", "--name", "dev")
    assert done.returncode == 0, done.stderr
    assert "the nodes of docker-desktop see Docker's images" in done.stderr


def test_another_cluster_needs_a_registry(current: Machine) -> None:
    current.world["context"] = "prod"
    current.up()
    assert json.loads(current.hack("info", "--name", "dev").stdout)["loader"] == ""
    done = current.hack("load", "runner", "--name", "dev")
    assert done.returncode == 1
    assert "prod is none: push runner to a registry" in done.stderr
    assert "REGISTRY=" in done.stderr


def test_a_loader_that_is_not_installed_is_named(current: Machine) -> None:
    current.world["context"] = "k3d-dev"
    current.up()
    current.remove("k3d")
    done = current.hack("load", "runner", "--name", "dev")
    assert done.returncode == 1
    assert "k3d is not installed" in done.stderr


def test_no_context_is_told(current: Machine) -> None:
    current.world["context"] = ""
    done = current.up()
    assert done.returncode == 1
    assert "kubectl has no current context" in done.stderr


def test_down_forgets_the_context_and_touches_nothing(current: Machine) -> None:
    current.up()
    before = current.world["calls"]
    done = current.hack("down", "--name", "dev")
    assert done.returncode == 0, done.stderr
    assert current.world["calls"] == before
    assert not Path(current.folder / "state/graphcron/clusters/dev").exists()


def test_a_context_with_an_archive_loads_it(current: Machine) -> None:
    current.up()
    archive = current.folder / "runner.tar"
    archive.touch()
    done = current.hack("load", str(archive), "--name", "dev")
    assert done.returncode == 0, done.stderr
    assert current.world.calls("kind")[-1] == f"load image-archive {archive} --name dev"
