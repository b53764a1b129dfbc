"""The providers that are somebody else's cluster: kind's, and the one of the current context."""

import json
import os
import shutil

from . import gobuild, host
from .paths import Cluster
from .shell import ClusterError, run, say, write

NODE_IMAGES = {
    "1.33": "kindest/node:v1.33.12@sha256:3f5c8443c620245e4d355cfe09e96a91ead32ceaa569d3f1ca9edf0cb2fe2ff4",
    "1.34": "kindest/node:v1.34.11@sha256:44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d",
    "1.35": "kindest/node:v1.35.8@sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0",
    "1.36": "kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed",
}
"""The newest node image of each supported minor, as the notes of kind's releases name them; few patches have one."""


def _record(cluster: Cluster, provider: str) -> None:
    write(cluster.record, json.dumps({"provider": provider}))


def kind_program() -> str:
    """Return the path of kind: ours, which fits the node images, or the installed one where there is no Go."""
    installed = shutil.which("kind")
    if installed and not shutil.which("go"):
        return installed
    host.require_go()
    gobuild.build("kind")
    return str(gobuild.program("kind"))


def node_image() -> str:
    """Return kind's node image of the minor in the variable KUBERNETES; without it, of the local provider's minor."""
    minor = os.environ.get("KUBERNETES") or ".".join(gobuild.kubernetes_version().removeprefix("v").split(".")[:2])
    if minor not in NODE_IMAGES:
        raise ClusterError(f"KUBERNETES={minor} is none of {', '.join(NODE_IMAGES)}")
    return NODE_IMAGES[minor]


def kind_up(cluster: Cluster) -> None:
    """Start a kind cluster, or find it running."""
    kind = kind_program()
    if cluster.name not in run([kind, "get", "clusters"]).split():
        image = node_image()
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
