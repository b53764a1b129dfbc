"""The provider kind: Kubernetes in containers of Docker."""

import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

from . import docker, gobuild, images, programs
from .paths import Cluster, cache_dir
from .shell import ClusterError, run, say, succeeds, wait_for, write

NODE_IMAGES = {
    "1.33": "kindest/node:v1.33.12@sha256:3f5c8443c620245e4d355cfe09e96a91ead32ceaa569d3f1ca9edf0cb2fe2ff4",
    "1.34": "kindest/node:v1.34.11@sha256:44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d",
    "1.35": "kindest/node:v1.35.8@sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0",
    "1.36": "kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed",
}
"""The newest node image of each supported minor, as the notes of kind's releases name them; few patches have one."""

_POLICY = "/etc/kubernetes/policies/audit-policy.yaml"
_AUDIT_LOG = "/var/log/kubernetes/audit.log"
_CAUSE = "ERROR: "


class Node(NamedTuple):
    """A container that is a node of a kind cluster."""

    id: str
    name: str
    runs: bool


def require() -> None:
    """Raise an error if a prerequisite of a kind cluster or of our images is missing."""
    if docker.trouble():
        raise ClusterError(f"{docker.trouble()}, and kind needs it")
    programs.require("kind", "kubectl", "helm")
    docker.require_build()


def node_image() -> str:
    """Return the node image.

    The variable KIND_NODE_IMAGE names any image, KUBERNETES a minor; by default it is the local provider's minor.
    """
    if os.environ.get("KIND_NODE_IMAGE"):
        return os.environ["KIND_NODE_IMAGE"]
    minor = os.environ.get("KUBERNETES") or ".".join(gobuild.kubernetes_version().removeprefix("v").split(".")[:2])
    if minor not in NODE_IMAGES:
        raise ClusterError(f"KUBERNETES={minor} is none of {', '.join(NODE_IMAGES)}; KIND_NODE_IMAGE names any image")
    return NODE_IMAGES[minor]


def up(cluster: Cluster, *, audit_policy: str | None) -> None:
    """Start a kind cluster, or find it running.

    Parameters
    ----------
    audit_policy
        The audit policy of the API server, as YAML; None: no audit log.
    """
    require()
    found = nodes(cluster)
    if found and not _made_here(cluster, found):
        raise ClusterError(
            f"there is a kind cluster {cluster.name} that was not made here: choose another name with --name, "
            f"or delete it with `kind delete cluster --name {cluster.name}`"
        )
    if found and "nodes" in cluster.known():
        for node in (each for each in found if not each.runs):
            say(f"starting the stopped container {node.name}")
            run(["docker", "start", node.id])
    else:
        _remove(found)
        _create(cluster, audit_policy)
    _wait_ready(cluster)


def _create(cluster: Cluster, audit_policy: str | None) -> None:
    image = node_image()
    # Before the first container: whatever ends this, `down` knows that they are ours.
    write(cluster.record, json.dumps({"provider": "kind"}))
    config = write(cluster.state / "kind.json", json.dumps(_config(cluster, audit_policy), indent=2))
    log = write(cache_dir("logs") / f"kind-{cluster.name}.log", "")
    say(f"starting {image} with kind as {cluster.name} (its log: {log})")
    try:
        options = ["--image", image, "--config", config, "--wait", "120s", *_kubeconfig(cluster)]
        _kind("create", "cluster", "--name", cluster.name, *options, log=log)
    except ClusterError:
        if not nodes(cluster):
            shutil.rmtree(cluster.state)
        raise
    known = {"provider": "kind", "nodes": [node.id for node in nodes(cluster)]}
    write(cluster.record, json.dumps(known))


def _config(cluster: Cluster, audit_policy: str | None) -> dict[str, object]:
    node: dict[str, object] = {"role": "control-plane"}
    if audit_policy is not None:
        host_path = write(cluster.state / "audit-policy.yaml", audit_policy)
        node["extraMounts"] = [{"hostPath": str(host_path), "containerPath": _POLICY, "readOnly": True}]
        node["kubeadmConfigPatches"] = [json.dumps(patch) for patch in _audit_patches()]
    return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [node]}


def _audit_patches() -> list[dict[str, object]]:
    """Return patches for each version of kubeadm's configuration, because their formats of arguments differ."""
    arguments = {"audit-policy-file": _POLICY, "audit-log-path": _AUDIT_LOG}
    folders = {"audit-policies": (Path(_POLICY).parent, True), "audit-logs": (Path(_AUDIT_LOG).parent, False)}
    volumes = [
        {"name": name, "hostPath": str(path), "mountPath": str(path), "readOnly": only, "pathType": "DirectoryOrCreate"}
        for name, (path, only) in folders.items()
    ]
    listed = [{"name": name, "value": value} for name, value in arguments.items()]
    return [
        {
            "apiVersion": f"kubeadm.k8s.io/{version}",
            "kind": "ClusterConfiguration",
            "apiServer": {"extraArgs": extra, "extraVolumes": volumes},
        }
        for version, extra in (("v1beta3", arguments), ("v1beta4", listed))
    ]


def _wait_ready(cluster: Cluster) -> None:
    write(cluster.kubeconfig, _kind("get", "kubeconfig", "--name", cluster.name), mode=0o600)
    kubectl = [programs.path_of("kubectl"), "--kubeconfig", str(cluster.kubeconfig)]
    ready = [*kubectl, "wait", "nodes", "--all", "--for=condition=Ready", "--timeout=1s"]
    try:
        wait_for("the node's readiness", lambda: succeeds(ready), seconds=120)
    except ClusterError as error:
        again = f"`python hack/cluster down --name {cluster.name}` and `up` make it again"
        raise ClusterError(f"the kind cluster {cluster.name} is not well ({error}): {again}") from error


def require_running(cluster: Cluster) -> None:
    """Raise an error if its containers do not exist or are stopped."""
    found = nodes(cluster)
    remedy = f"`python hack/cluster up --name {cluster.name}`"
    if not found:
        raise ClusterError(f"no containers of the kind cluster {cluster.name} are left: {remedy} makes it again")
    if not all(node.runs for node in found):
        raise ClusterError(f"the kind cluster {cluster.name} is stopped: {remedy} starts it")


def down(cluster: Cluster) -> None:
    """Delete the cluster that this program created, and its files."""
    found = nodes(cluster)
    if found and not _made_here(cluster, found):
        remedy = f"`kind delete cluster --name {cluster.name}` deletes it"
        say(f"the kind cluster {cluster.name} was not made here, and stays: {remedy}")
    else:
        _remove(found)
    shutil.rmtree(cluster.state, ignore_errors=True)


def load(cluster: Cluster, image: str) -> None:
    """Copy an image from Docker, or from an archive, to the nodes."""
    is_archive = Path(image).is_file()
    what = ["image-archive", image] if is_archive else ["docker-image", images.tag_of(image)]
    _kind("load", *what, "--name", cluster.name)


def audit_log(cluster: Cluster) -> str:
    """Return the audit log of the API server."""
    read = f"cat {Path(_AUDIT_LOG).parent}/audit*.log 2>/dev/null || true"
    return run(["docker", "exec", nodes(cluster)[0].id, "sh", "-c", read])


def nodes(cluster: Cluster) -> list[Node]:
    """Return the containers of a kind cluster of that name, running or not."""
    label = f"label=io.x-k8s.kind.cluster={cluster.name}"
    shown = "{{.ID}} {{.Names}} {{.State}}"
    lines = run(["docker", "ps", "--all", "--no-trunc", "--filter", label, "--format", shown]).splitlines()
    return [Node(each, name, state == "running") for each, name, state in (line.split() for line in lines)]


def _made_here(cluster: Cluster, found: list[Node]) -> bool:
    """Return whether these are the containers of the record, which lists none during a start."""
    known, ids = cluster.known(), [node.id for node in found]
    return known.get("provider") == "kind" and set(ids) <= set(known.get("nodes", ids))


def _remove(found: list[Node]) -> None:
    """Remove containers with their volumes, as kind does, without changes to the kubeconfig of the user."""
    if found:
        run(["docker", "rm", "--force", "--volumes", *(node.id for node in found)])


def _kubeconfig(cluster: Cluster) -> list[str | Path]:
    """Return the option that prevents kind from changing the kubeconfig of the user."""
    return ["--kubeconfig", cluster.state / "kind-kubeconfig"]


def _kind(*words: str | Path, log: Path | None = None) -> str:
    environment = {**os.environ, "KIND_EXPERIMENTAL_PROVIDER": "docker"}
    return run([programs.path_of("kind"), *words], log=log, cause=_CAUSE, env=environment)
