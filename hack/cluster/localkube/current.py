"""The provider `current`: an existing cluster, selected by the current context of kubectl."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import docker, images, programs
from .paths import Cluster
from .shell import ClusterError, run, say, write

DOCKERS_OWN = ("docker-desktop", "orbstack", "rancher-desktop", "colima")
"""Contexts of clusters whose nodes see the images of the machine's Docker."""

_MINIKUBE = "minikube.sigs.k8s.io"


class Loader(NamedTuple):
    """A program that loads images into the nodes."""

    program: str
    """kind, k3d or minikube; docker where the nodes see Docker's images; empty where nothing is known."""
    name: str
    """What that program calls the cluster."""


_COMMANDS: dict[str, Callable[[str, str], Sequence[str]]] = {
    "minikube": lambda name, image: ("--profile", name, "image", "load", image),
    "k3d": lambda name, image: ("image", "import", image, "--cluster", name),
    "kind": lambda name, image: (
        "load", "image-archive" if Path(image).is_file() else "docker-image", image, "--name", name,
    ),
}  # fmt: skip


def loader_of(config: dict[str, Any]) -> Loader:
    """Return the loader for the cluster of a kubeconfig with one context."""
    context = str(config.get("current-context", ""))
    extensions = [each for cluster in config["clusters"] for each in cluster["cluster"].get("extensions") or ()]
    if any(_MINIKUBE in str(each) for each in extensions) or context == "minikube":
        return Loader("minikube", context)
    for program in ("kind", "k3d"):
        if context.startswith(f"{program}-"):
            return Loader(program, context.removeprefix(f"{program}-"))
    return Loader("docker" if context in DOCKERS_OWN else "", context)


def up(cluster: Cluster) -> None:
    """Copy the current context into a separate kubeconfig, so that switching the context later has no effect."""
    programs.require("kubectl", "helm")
    kubectl = programs.path_of("kubectl")
    text = run([kubectl, "config", "view", "--raw", "--minify", "--flatten", "--output", "json"])
    config = json.loads(text)
    if not config.get("clusters"):
        raise ClusterError("kubectl has no current context")
    write(cluster.record, json.dumps({"provider": "current", "loader": loader_of(config)._asdict()}))
    write(cluster.kubeconfig, text, mode=0o600)
    run([kubectl, "--kubeconfig", cluster.kubeconfig, "version"])


def down(cluster: Cluster) -> None:
    """Delete the copied context. The cluster itself does not change."""
    shutil.rmtree(cluster.state, ignore_errors=True)


def load(cluster: Cluster, image: str) -> None:
    """Load an image by the program that made the cluster."""
    loader = Loader(**cluster.known()["loader"])
    with_docker = docker.answers()
    if loader.program == "docker":
        if not with_docker:
            raise ClusterError(f"the nodes of {loader.name} see Docker's images, but {docker.trouble()}")
        say(f"the nodes of {loader.name} see Docker's images")
    elif loader.program:
        if not shutil.which(loader.program):
            raise ClusterError(f"{loader.program} is not installed, which loads images into the cluster {loader.name}")
        is_archive = Path(image).is_file()
        source = image if is_archive else images.tag_of(image) if with_docker else str(images.archive_of(image))
        run([loader.program, *_COMMANDS[loader.program](loader.name, source)], cause="ERROR: ")
    else:
        raise ClusterError(
            f"images can be loaded into clusters of kind, k3d, minikube and Docker Desktop, and {loader.name} is none: "
            f"push {image} to a registry that it pulls from, and name that (make demo CLUSTER=current REGISTRY=PREFIX)"
        )
