"""The providers that are somebody else's cluster: kind's, and the one of the current context."""

import json
import shutil

from . import gobuild, host
from .paths import Cluster
from .shell import ClusterError, run, say, write


def _record(cluster: Cluster, provider: str) -> None:
    write(cluster.record, json.dumps({"provider": provider}))


def kind_program() -> str:
    """Return the path of kind: the installed one, or ours."""
    installed = shutil.which("kind")
    if installed:
        return installed
    host.require_go()
    gobuild.build("kind")
    return str(gobuild.program("kind"))


def kind_up(cluster: Cluster) -> None:
    """Start a kind cluster, or find it running."""
    kind = kind_program()
    if cluster.name not in run([kind, "get", "clusters"]).split():
        image = f"kindest/node:{gobuild.kubernetes_version()}"
        say(f"starting {image} with kind as {cluster.name}")
        cluster.state.mkdir(parents=True, exist_ok=True)
        run([kind, "create", "cluster", "--name", cluster.name, "--image", image, "--wait", "120s",
             "--kubeconfig", cluster.state / "kind-kubeconfig"])  # fmt: skip
    _record(cluster, "kind")
    write(cluster.kubeconfig, run([kind, "get", "kubeconfig", "--name", cluster.name]), mode=0o600)


def kind_down(cluster: Cluster) -> None:
    """Delete the kind cluster and our files."""
    run([kind_program(), "delete", "cluster", "--name", cluster.name])
    shutil.rmtree(cluster.state, ignore_errors=True)


def kind_load(cluster: Cluster, image: str) -> None:
    """Copy an image from Docker to the kind cluster."""
    run([kind_program(), "load", "docker-image", image, "--name", cluster.name])


def current_up(cluster: Cluster) -> None:
    """Copy the current context into a kubeconfig of its own, so that a later switch changes nothing here."""
    kubectl = shutil.which("kubectl") or str(gobuild.tools_dir() / "kubectl")
    text = run([kubectl, "config", "view", "--raw", "--minify", "--flatten", "--output", "json"])
    if not json.loads(text).get("clusters"):
        raise ClusterError("kubectl has no current context")
    _record(cluster, "current")
    write(cluster.kubeconfig, text, mode=0o600)
    run([kubectl, "--kubeconfig", cluster.kubeconfig, "version"])


def current_down(cluster: Cluster) -> None:
    """Forget the context; the cluster itself is never touched."""
    shutil.rmtree(cluster.state, ignore_errors=True)


def current_load(image: str) -> None:
    """Refuse: how images get to somebody's cluster is theirs to say."""
    raise ClusterError(f"push {image} to a registry that your cluster pulls from; `load` can't reach a foreign cluster")
