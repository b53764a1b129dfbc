"""Install the operator, with Helm, and a LangGraph server for the demo and the tests.

Each function can be repeated at any time: it keeps or updates what is already in place.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts/graphcron"
SERVER_MANIFEST = ROOT / "hack/demo/langgraph-server.yaml"

RELEASE = "graphcron"
"""Helm's name for the operator, and so the name of its Deployment."""

OPERATOR_NAMESPACE = "graphcron-system"
SERVER_NAMESPACE = "langgraph-demo"

SERVER = "langgraph"
"""Name of the server's Deployment and Service."""

SERVER_PORT = 2024
API_KEY_SECRET = "langgraph-api-key"
"""The Secret in the namespace of the server that makes it require an API key."""

CRD = "graphcrons.graphcron.dev"

OURS = ("app.kubernetes.io/part-of", "graphcron-demo")
"""Label of the namespaces that are made here, and may be deleted with all that is in them."""

SOURCES = "graphcron.dev/sources"
"""Annotation of the pods: a hash of the files that their image is made of, so that a new image means new pods."""

OLDEST_HELM = (3, 17)
"""The first that can take over objects which it has not made."""

Values = dict[str, Any]

_STARTED = time.monotonic()

_BEYOND_HOPE = {"ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CrashLoopBackOff"}
_BEYOND_HOPE |= {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
_RESTARTS = 3
_AT_THE_SAME_TIME = ("another operation", "already exists")
"""The error of helm during another installation of the same release."""


class InstallError(Exception):
    """An error that the user can fix; printed without a traceback."""


class Cluster(Protocol):
    """A running cluster, for which only an environment is needed in which kubectl and helm use it."""

    @property
    def environment(self) -> dict[str, str]:
        """PATH and KUBECONFIG, among others."""


def server_url(namespace: str = SERVER_NAMESPACE) -> str:
    """Return the URL of the server inside the cluster."""
    return f"http://{SERVER}.{namespace}.svc:{SERVER_PORT}"


def image(name: str, registry: str = "") -> str:
    """Return the full name of one of our images, either built locally or from a registry."""
    return f"{registry or 'graphcron'}/{name}:dev"


def default_values(registry: str = "") -> Values:
    """Return the values of the chart for the demo and the tests, with our images and the server of the demo."""
    own, runner = image("operator", registry), image("runner", registry)
    return {
        "image": _image_values(own, registry),
        "runner": {"image": _image_values(runner, registry)},
        "server": {"url": server_url()},
        "podAnnotations": {SOURCES: hash_of("operator/graphcron", "requirements/operator.lock", "Dockerfile")},
    }


def pull_policy(registry: str) -> str:
    """Return the pull policy of our images: those built here are loaded; a registry may have strangers of that name."""
    return "IfNotPresent" if registry else "Never"


def _image_values(name: str, registry: str) -> Values:
    repository, tag = name.rsplit(":", 1)
    return {"repository": repository, "tag": tag, "pullPolicy": pull_policy(registry)}


def install_operator(cluster: Cluster, values: Values | None = None) -> None:
    """Install or update the CRD and the operator, and wait until the operator is ready.

    Parameters
    ----------
    values
        Values of the chart, as they are; None: :func:`default_values`.
    """
    apply_operator(cluster, values)
    wait_for_rollout(cluster, OPERATOR_NAMESPACE, RELEASE)


def apply_operator(cluster: Cluster, values: Values | None = None) -> None:
    """Do as :func:`install_operator` does, without waiting."""
    make_namespace(cluster, OPERATOR_NAMESPACE)
    options = [*upgrade_options(helm(cluster, "version", "--template={{.Version}}")), "--values=-"]
    text = yaml.safe_dump(default_values() if values is None else values)
    command = ["upgrade", "--install", RELEASE, str(CHART), *_into(OPERATOR_NAMESPACE), *options]
    for seconds in (1, 2, 4, 8):
        try:
            helm(cluster, *command, stdin=text)
        except InstallError as error:
            if not any(words in str(error) for words in _AT_THE_SAME_TIME):
                raise
            time.sleep(seconds)
        else:
            return
    helm(cluster, *command, stdin=text)


def upgrade_options(version: str) -> list[str]:
    """Return the options with which a version of Helm adopts objects that were applied by hand, such as the tests' CRD.

    Raises
    ------
    InstallError
        It has none.
    """
    major, minor = (int(part) for part in version.strip().removeprefix("v").split(".")[:2])
    if (major, minor) < OLDEST_HELM:
        oldest = ".".join(map(str, OLDEST_HELM))
        raise InstallError(f"Helm {version.strip()} is too old: install Helm {oldest} or later")
    server_side = ["--force-conflicts", "--server-side=true"] if major >= 4 else []
    return ["--take-ownership", *server_side]


def uninstall_operator(cluster: Cluster) -> None:
    """Remove the operator and its namespace, but not the CRD."""
    helm(cluster, "uninstall", RELEASE, *_into(OPERATOR_NAMESPACE), "--ignore-not-found")
    delete_namespaces(cluster, OPERATOR_NAMESPACE)


def install_server(
    cluster: Cluster, namespace: str = SERVER_NAMESPACE, api_key: str | None = None, *, registry: str = ""
) -> None:
    """Install or update a LangGraph server, and wait until it is ready.

    Parameters
    ----------
    api_key
        The ``x-api-key`` that the server requires; None: it requires none.
    registry
        The registry of the image; empty: it was built locally.
    """
    apply_server(cluster, namespace, api_key, registry=registry)
    wait_for_rollout(cluster, namespace, SERVER)


def apply_server(
    cluster: Cluster, namespace: str = SERVER_NAMESPACE, api_key: str | None = None, *, registry: str = ""
) -> None:
    """Do as :func:`install_server` does, without waiting."""
    make_namespace(cluster, namespace)
    objects = list(yaml.safe_load_all(SERVER_MANIFEST.read_text()))
    template = objects[0]["spec"]["template"]
    template["metadata"]["annotations"] = {SOURCES: hash_of("examples/langgraph-server")}
    template["spec"]["containers"][0] |= {
        "image": image("langgraph-server", registry),
        "imagePullPolicy": pull_policy(registry),
    }
    if api_key is not None:
        objects.insert(0, _secret(API_KEY_SECRET, {"api-key": api_key}))
    apply(cluster, objects, namespace)


def make_namespace(cluster: Cluster, name: str) -> None:
    """Make a namespace under the *restricted* Pod Security Standard."""
    labels = {OURS[0]: OURS[1], "pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    apply(cluster, [namespace])


def delete_namespaces(cluster: Cluster, *names: str) -> None:
    """Delete those of the namespaces that this module created, and wait until they no longer exist."""
    known = get(cluster, "namespaces", "--selector", "=".join(OURS))["items"]
    ours = {each["metadata"]["name"] for each in known} & set(names)
    if ours:
        kubectl(cluster, "delete", "namespace", *sorted(ours), "--timeout=120s")


def wait_for_rollout(cluster: Cluster, namespace: str, name: str, *, seconds: float = 180) -> None:
    """Wait until all pods of a Deployment are updated and ready; fail early if waiting cannot help."""

    def ready() -> bool:
        found = get(cluster, "deployment", name, "--namespace", namespace)
        status, generation = found.get("status", {}), found["metadata"]["generation"]
        wanted = found["spec"]["replicas"]
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "readyReplicas")]
        return status.get("observedGeneration") == generation and counts == [wanted] * 3

    deadline = time.monotonic() + seconds
    while not ready():
        trouble, hopeless = _trouble(cluster, namespace, name)
        if hopeless or time.monotonic() > deadline:
            why = trouble or f"after {seconds:.0f} s it is not ready"
            raise InstallError(f"{namespace}/{name} does not start: {why}")
        time.sleep(0.5)


def _trouble(cluster: Cluster, namespace: str, name: str) -> tuple[str, bool]:
    """Return why the pods of a Deployment do not start, and whether waiting cannot help."""
    selector = f"app.kubernetes.io/name={name}"
    for pod in get(cluster, "pods", "--namespace", namespace, "--selector", selector)["items"]:
        for container in pod.get("status", {}).get("containerStatuses", []):
            waiting = container["state"].get("waiting", {})
            if waiting.get("reason") in _BEYOND_HOPE:
                last = _last_line(cluster, namespace, pod["metadata"]["name"])
                once_more = waiting["reason"] == "CrashLoopBackOff" and container["restartCount"] < _RESTARTS
                return f"{waiting['reason']}: {waiting.get('message', container['image'])}{last}", not once_more
        for condition in pod.get("status", {}).get("conditions", []):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return condition.get("message", ""), False
    return "", False


def _last_line(cluster: Cluster, namespace: str, pod: str) -> str:
    try:
        lines = kubectl(cluster, "logs", pod, "--namespace", namespace, "--previous", "--tail=1").split("\n")
    except InstallError:
        return ""
    return f"; it said: {lines[0][:300]}" if lines[0] else ""


def apply(cluster: Cluster, objects: Sequence[Mapping[str, Any]], namespace: str | None = None) -> None:
    """Apply objects with server-side apply."""
    options = ["--server-side", "--force-conflicts", *(_into(namespace) if namespace else [])]
    kubectl(cluster, "apply", *options, "-f", "-", stdin=yaml.safe_dump_all(objects))


def get(cluster: Cluster, *arguments: str) -> Any:
    """Return the output of ``kubectl get … -o json``."""
    return json.loads(kubectl(cluster, "get", *arguments, "--output=json"))


def kubectl(cluster: Cluster, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl and return its output."""
    return run(["kubectl", *arguments], cluster.environment, stdin=stdin)


def helm(cluster: Cluster, *arguments: str, stdin: str | None = None) -> str:
    """Run helm and return its output."""
    return run(["helm", *arguments], cluster.environment, stdin=stdin)


def run(command: Sequence[str], environment: Mapping[str, str], *, stdin: str | None = None) -> str:
    """Run a command and return what it printed.

    Raises
    ------
    InstallError
        It failed; the message is what it printed of errors.
    """
    try:
        done = subprocess.run(command, env=environment, input=stdin or "", capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise InstallError(f"{command[0]} is not installed") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip() or f"exit code {done.returncode}"
        raise InstallError(f"{' '.join(command[:3])}: {said}")
    return done.stdout


def say(message: str) -> None:
    """Print a progress line, with the seconds since the start."""
    print(f"[{time.monotonic() - _STARTED:6.1f}s] {message}", file=sys.stderr, flush=True)


def hash_of(*paths: str) -> str:
    """Return a hash of files, and of all files in folders."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(file for file in [ROOT / path, *(ROOT / path).rglob("*")] if file.is_file()):
            if "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _secret(name: str, values: Mapping[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": dict(values)}


def _into(namespace: str) -> list[str]:
    return ["--namespace", namespace]
