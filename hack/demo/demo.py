"""The demo: a cluster, the operator, a LangGraph server, and a GraphCron that runs a graph.

The commands can be repeated, and do not change what is already in place:

    python hack/demo up
    python hack/demo down
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml

from first_run import FIRST, NAMESPACE, Json, facts_of, wait_for_run
from installing import (
    CRD,
    OPERATOR_NAMESPACE,
    OURS,
    RELEASE,
    ROOT,
    SERVER,
    SERVER_NAMESPACE,
    InstallError,
    apply_operator,
    apply_server,
    default_values,
    delete_namespaces,
    get,
    image,
    kubectl,
    make_namespace,
    say,
    uninstall_operator,
    wait_for_rollout,
)

NAME = "graphcron-demo"
PROVIDERS = ("auto", "current", "kind", "local")
NAMESPACES = (OPERATOR_NAMESPACE, SERVER_NAMESPACE, NAMESPACE)
IMAGES = ("operator", "runner", "langgraph-server")
REGISTRY = "registry.example.com/team"
EXAMPLES = (FIRST, "on-a-thread", "nightly-report")


@dataclass(frozen=True)
class Stand:
    """The cluster of the demo."""

    kubeconfig: Path
    tools: Path
    provider: str
    loader: str
    """The program that loads images into its nodes; empty if unknown."""

    @property
    def environment(self) -> dict[str, str]:
        """Return an environment in which kubectl and helm use this cluster."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("HELM_")}
        return {**own, "KUBECONFIG": str(self.kubeconfig), "PATH": f"{self.tools}{os.pathsep}{os.environ['PATH']}"}


def main(words: list[str]) -> int:
    """Carry out a verb; return the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    arguments = _parser().parse_args(words)
    try:
        if arguments.provider not in PROVIDERS:
            raise InstallError(f"CLUSTER is one of {', '.join(PROVIDERS)}, not {arguments.provider!r}")
        up(arguments) if arguments.verb == "up" else down(arguments)
    except InstallError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; `make demo` goes on from here, `make demo-down` takes all away", file=sys.stderr)
        return 130
    return 0


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python hack/demo", description="Watch a GraphCron run a graph.")
    common = argparse.ArgumentParser(add_help=False)
    where = common.add_mutually_exclusive_group()
    where.add_argument(
        "--provider",
        choices=PROVIDERS,
        default=os.environ.get("CLUSTER") or "auto",
        help="where the cluster comes from; current: kubectl's current context (default: auto)",
    )
    where.add_argument("--cluster", metavar="NAME", help="a cluster that `hack/cluster up --name NAME` has brought up")
    verbs = parser.add_subparsers(dest="verb", required=True)
    begin = verbs.add_parser("up", parents=[common], help="install everything, and show a finished run")
    begin.add_argument(
        "--registry",
        default="",
        metavar="PREFIX",
        help="use the images PREFIX/operator:dev, PREFIX/runner:dev and PREFIX/langgraph-server:dev",
    )
    begin.add_argument("--loaded", action="store_true", help="do not build images: the cluster has them already")
    begin.add_argument("--values", metavar="FILE", type=Path, help="further values for the operator's chart (YAML)")
    verbs.add_parser("down", parents=[common], help="take away what `up` has installed")
    return parser


# --- up ------------------------------------------------------------------------------------------------------------


def up(arguments: argparse.Namespace) -> None:
    """Install everything, wait for a run, and show it."""
    name = _name(arguments)
    if not arguments.cluster:
        current = arguments.provider == "current"
        say("Using kubectl's current context" if current else f"Bringing up the cluster {name}")
        hack("up", "--name", name, "--provider", arguments.provider)
    stand = stand_on(name)
    if stand.provider == "current":
        _be_polite(stand)
    if not arguments.registry and not arguments.loaded:
        _bring_images(name, stand)
    _install(stand, arguments.registry, arguments.values)
    say(f"Applying examples/{{{','.join(EXAMPLES)}}}.yaml in the namespace {NAMESPACE}")
    make_namespace(stand, NAMESPACE)
    files = [word for each in EXAMPLES for word in ("-f", str(ROOT / f"examples/{each}.yaml"))]
    kubectl(stand, "apply", "--namespace", NAMESPACE, *files)
    show(stand, name, wait_for_run(stand))


def _name(arguments: argparse.Namespace) -> str:
    if arguments.cluster:
        return str(arguments.cluster)
    return f"{NAME}-current" if arguments.provider == "current" else NAME


def stand_on(name: str) -> Stand:
    """Return the running cluster with a name."""
    info = json.loads(hack("info", "--name", name))
    tools = hack("tools", "--provider", info["provider"]).strip()
    return Stand(Path(info["kubeconfig"]), Path(tools), info["provider"], info["loader"])


def _be_polite(stand: Stand) -> None:
    """Announce what is installed into the user's cluster; raise an error if it contains another installation."""
    context = kubectl(stand, "config", "current-context").strip()
    say(f"Into {context} go the namespaces {', '.join(NAMESPACES)}, the CRD {CRD},")
    say("and the operator's ClusterRoles with their binding; nothing else is touched")
    taken = [name for name in NAMESPACES if _is_not_ours(stand, name)]
    if taken:
        raise InstallError(f"{context} has a namespace {taken[0]} that is not the demo's: the demo leaves it alone")
    operator = get(stand, "deployments", "--all-namespaces", "--selector", f"app.kubernetes.io/name={RELEASE}")["items"]
    for each in operator:
        if each["metadata"]["namespace"] != OPERATOR_NAMESPACE:
            raise InstallError(f"{context} has a GraphCron operator in {each['metadata']['namespace']}: one is enough")


def _is_not_ours(stand: Stand, namespace: str) -> bool:
    found = kubectl(stand, "get", "namespace", namespace, "--ignore-not-found", "--output=json")
    return bool(found) and json.loads(found)["metadata"].get("labels", {}).get(OURS[0]) != OURS[1]


def _bring_images(name: str, stand: Stand) -> None:
    if not stand.loader:
        raise InstallError(
            "images can be loaded into clusters of kind, k3d, minikube and Docker Desktop only: "
            "build them (`make images`), "
            f"push {', '.join(image(each, REGISTRY) for each in IMAGES)}, and try again with REGISTRY={REGISTRY}"
        )
    say("Building the images that have changed")
    hack("images", *IMAGES)
    say("Loading the images")
    hack("load", *IMAGES, "--name", name)


def _install(stand: Stand, registry: str, values: Path | None) -> None:
    say(f"Installing a LangGraph server in {SERVER_NAMESPACE}, and the operator in {OPERATOR_NAMESPACE}")
    apply_server(stand, registry=registry)
    apply_operator(stand, {**default_values(registry), **(yaml.safe_load(values.read_text()) if values else {})})
    for namespace, deployment, what in (
        (SERVER_NAMESPACE, SERVER, "The LangGraph server"),
        (OPERATOR_NAMESPACE, RELEASE, "The operator"),
    ):
        wait_for_rollout(stand, namespace, deployment)
        say(f"{what} is ready")


# --- what is to be seen --------------------------------------------------------------------------------------------


def show(stand: Stand, name: str, entry: Json) -> None:
    """Print the GraphCrons, the run with its answer, and what to try next."""
    table, facts = kubectl(stand, "get", "gcron", "--namespace", NAMESPACE), facts_of(stand, entry)
    print(f"\n$ {_kubectl_here(stand)} get gcron\n{table.rstrip()}")
    print(f"\nThe run of {entry['scheduledTime']}")
    for label, text in facts:
        print(f"  {label:10} {text}")
    if entry["outcome"] != "Succeeded":
        raise InstallError(f"the run did not succeed: {entry['outcome']}: {entry.get('message', '')}")
    print("\nTry next:")
    for comment, command in _commands(stand, name):
        print(f"  # {comment}\n  {command}")


def _commands(stand: Stand, name: str) -> list[tuple[str, str]]:
    here = _kubectl_here(stand)
    if name == NAME:
        end = "make demo-down"
    elif name == f"{NAME}-current":
        end = "make demo-down CLUSTER=current"
    else:
        end = f"{_short(Path(sys.executable))} {_short(ROOT / 'hack/demo')} down --cluster {name}"
    return [
        ("All of them on a page in your browser, live", f"{_graphcron_here(stand)} dashboard {_where(stand)}"),
        ("What it did, run by run", f"{here} describe gcron {FIRST}"),
        ("Delete it: its CronJob, Jobs and Pods go too; a run under way is cancelled", f"{here} delete gcron {FIRST}"),
        ("Take everything away", end),
    ]


def _kubectl_here(stand: Stand) -> str:
    """Return the beginning of a kubectl command that selects the demo, regardless of the user's context."""
    program = "kubectl" if shutil.which("kubectl") else _short(stand.tools / "kubectl")
    return f"{program} {_where(stand)}"


def _graphcron_here(stand: Stand) -> str:
    """Return the command line program of this checkout, as a user types it."""
    program = _short(Path(sys.executable).with_name("graphcron"))
    return program if shutil.which("kubectl") else f"KUBECTL={_short(stand.tools / 'kubectl')} {program}"


def _where(stand: Stand) -> str:
    return f"--kubeconfig {_short(stand.kubeconfig)} --namespace {NAMESPACE}"


def _short(path: Path) -> str:
    """Return a path as a user types it."""
    home = Path.home()
    text = shlex.quote(str(path.relative_to(home) if path.is_relative_to(home) else path))
    return f"~/{text}" if path.is_relative_to(home) else text


# --- down ----------------------------------------------------------------------------------------------------------


def down(arguments: argparse.Namespace) -> None:
    """Remove what `up` has installed, including the cluster if the demo created it."""
    name = _name(arguments)
    if arguments.cluster or arguments.provider == "current":
        _uninstall(stand_on(name))
    if not arguments.cluster:
        hack("down", "--name", name)
    say("The demo is gone")


def _uninstall(stand: Stand) -> None:
    say(f"Deleting the namespaces {', '.join(NAMESPACES)}, with all that is in them")
    # The GraphCrons first: their pods cancel the runs that are under way, and need the server for that.
    delete_namespaces(stand, NAMESPACE)
    uninstall_operator(stand)
    delete_namespaces(stand, SERVER_NAMESPACE)
    if not kubectl(stand, "get", "crd", CRD, "--ignore-not-found", "--output=name"):
        return
    others = get(stand, "graphcrons", "--all-namespaces")["items"]
    if others:
        say(f"The CRD {CRD} stays: {len(others)} GraphCrons in other namespaces need it")
        return
    kubectl(stand, "delete", "crd", CRD)


# --- the local cluster's command -----------------------------------------------------------------------------------


def hack(*words: str) -> str:
    """Run a verb of hack/cluster, pass on its messages, and return its output."""
    command = [sys.executable, str(ROOT / "hack/cluster"), *words]
    errors: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        for line in process.stderr:
            if errors or line.startswith("error: "):
                errors.append(line)
            else:
                say(line.strip().partition("] ")[2] or line.strip())
        printed = process.stdout.read()
    if process.returncode:
        raise InstallError("".join(errors).strip().removeprefix("error: ") or f"hack/cluster {words[0]} failed")
    return printed
