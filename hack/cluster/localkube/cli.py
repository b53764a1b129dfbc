"""The verbs of `python hack/cluster`."""

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from . import components, current, docker, gobuild, host, images, kind, local, node, processes, programs
from .locks import locked
from .paths import DEFAULT_NAME, Cluster
from .shell import ClusterError, say

BUILT_IN = "built-in"
_PROVIDERS = ("auto", "current", "kind", "local")


def main(words: list[str]) -> int:
    """Carry out a verb; return the exit status."""
    host.widen_path()
    if words[:1] == [processes.VERB]:
        node.main(words[1])
    signal.signal(signal.SIGTERM, _interrupt)
    arguments = _parser().parse_args(words)
    try:
        _VERBS[arguments.verb](arguments)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python hack/cluster", description="A local Kubernetes for GraphCron.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default=DEFAULT_NAME, help=f"the cluster's name (default: {DEFAULT_NAME})")

    up = verbs.add_parser("up", parents=[named], help="start a cluster, or find it running")
    wanted, policy = os.environ.get("CLUSTER") or "auto", os.environ.get("CLUSTER_AUDIT_LOG") or None
    up.add_argument("--provider", choices=_PROVIDERS, default=wanted)
    audit = "write logs/audit.log, by this policy file (default: all, at level Metadata)"
    up.add_argument("--audit-log", nargs="?", const=BUILT_IN, default=policy, metavar="POLICY", help=audit)
    verbs.add_parser("down", parents=[named], help="remove a cluster and every trace of it")
    verbs.add_parser("kubeconfig", parents=[named], help="print the path of the kubeconfig")
    verbs.add_parser("info", parents=[named], help="print provider, kubeconfig and addresses as JSON")
    load = verbs.add_parser("load", parents=[named], help="make built images available in the cluster")
    load.add_argument("images", nargs="+", metavar="IMAGE", help="graphcron/NAME:dev, or the path of an image archive")
    build_images = verbs.add_parser("images", help="build the project's images")
    build_images.add_argument("images", nargs="*", metavar="IMAGE", help=f"of {', '.join(images.NAMES)} (default: all)")
    build_images.add_argument("--cert-dir", type=Path, default=None,
                              help="certificates that the build trusts (default: the host's own)")  # fmt: skip
    builder = verbs.add_parser("build", help="build the upstream programs of a local cluster, and those named")
    builder.add_argument("--provider", choices=_PROVIDERS, default=wanted)
    builder.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(gobuild.CHECKS)}")
    tools = verbs.add_parser("tools", help="print the folder of kubectl and helm")
    tools.add_argument("--provider", choices=_PROVIDERS, default=wanted)
    verbs.add_parser("audit-log", parents=[named], help="print what the API server has written down")
    check = verbs.add_parser(
        "tool", help="print the path of a program that tests and generators use, built or installed if missing"
    )
    check.add_argument("program", choices=(*gobuild.CHECKS, *host.TOOLS))
    look = verbs.add_parser("browser", help="print the path of Chromium or Chrome, for the tests of web pages")
    look.add_argument("--install", action="store_true", help="install Debian's package if there is none")
    verbs.add_parser("setup", help="install the system packages that are needed and missing")
    for verb in ("stop", "start", "restart"):
        control = verbs.add_parser(verb, parents=[named], help=f"{verb} a component of a local cluster")
        control.add_argument("component", choices=components.NAMES)
    verbs.add_parser(
        "compact", parents=[named], help="compact etcd, so that watches of an older version end with a 410"
    )
    inside = verbs.add_parser("node", parents=[named], help="run a command inside a local cluster's node")
    inside.add_argument("command", nargs=argparse.REMAINDER)
    return parser


def _provider(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    return "kind" if docker.answers() else "local"


def _recorded(cluster: Cluster) -> str:
    """Return the provider of a running cluster."""
    if not cluster.record.exists() or not cluster.kubeconfig.exists():
        raise ClusterError(f"no cluster {cluster.name} is running: `python hack/cluster up --name {cluster.name}`")
    provider = str(cluster.known()["provider"])
    if provider == "local" and processes.init_of(cluster) is None:
        raise ClusterError(f"the cluster {cluster.name} has died: `python hack/cluster up --name {cluster.name}`")
    if provider == "kind":
        kind.require_running(cluster)
    return provider


def _up(arguments: argparse.Namespace) -> None:
    cluster = Cluster(arguments.name)
    provider = _provider(arguments.provider)
    policy: str | None = arguments.audit_log
    if policy is not None:
        policy = json.dumps(local.BUILT_IN_AUDIT_POLICY) if policy == BUILT_IN else Path(policy).read_text()
    with locked(cluster.lock_file, f"it works on the cluster {cluster.name}"):
        recorded = cluster.known().get("provider", provider)
        if recorded != provider:
            remedy = f"`python hack/cluster down --name {cluster.name}` takes that away"
            raise ClusterError(
                f"a cluster {cluster.name} of the provider {recorded} is there, not of {provider}: {remedy}"
            )
        if provider == "local":
            if arguments.provider == "auto":
                say(f"{docker.trouble()}: Kubernetes runs without it")
            local.up(cluster, audit_policy=policy)
        elif provider == "kind":
            kind.up(cluster, audit_policy=policy)
        else:
            current.up(cluster)
    say("the cluster is ready")
    kubectl = programs.path_of("kubectl", own=provider == "local")
    print(f"{cluster.kubeconfig}\n{kubectl} --kubeconfig '{cluster.kubeconfig}' get nodes")


def _down(arguments: argparse.Namespace) -> None:
    cluster = Cluster(arguments.name)
    with locked(cluster.lock_file, f"it works on the cluster {cluster.name}"):
        provider = cluster.known().get("provider", "local")
        {"local": local.down, "kind": kind.down, "current": current.down}[provider](cluster)
    say(f"nothing of {cluster.name} is left")


def _kubeconfig(arguments: argparse.Namespace) -> None:
    cluster = Cluster(arguments.name)
    _recorded(cluster)
    print(cluster.kubeconfig)


def _info(arguments: argparse.Namespace) -> None:
    cluster = Cluster(arguments.name)
    provider = _recorded(cluster)
    record = cluster.known()
    link = record.get("link", {})
    known = {"provider": provider, "kubeconfig": str(cluster.kubeconfig), "state": str(cluster.state)}
    known |= {"loader": record.get("loader", {}).get("program", provider)}
    print(json.dumps({**known, "hostAddress": link.get("host"), "nodeAddress": link.get("node")}, indent=2))


def _load(arguments: argparse.Namespace) -> None:
    cluster = Cluster(arguments.name)
    provider = _recorded(cluster)
    for image in arguments.images:
        if provider == "kind":
            kind.load(cluster, image)
        elif provider == "current":
            current.load(cluster, image)
        else:
            local.load(cluster, images.archive_of(image))
        say(f"loaded {image}")


def _images(arguments: argparse.Namespace) -> None:
    images.build(arguments.images or images.NAMES, arguments.cert_dir)


def _build(arguments: argparse.Namespace) -> None:
    host.require_go()
    local_ones = (*gobuild.NODE, *gobuild.TOOLS) if _provider(arguments.provider) == "local" else ()
    gobuild.build(*local_ones, *map(gobuild.target_of, arguments.programs))


def _tools(arguments: argparse.Namespace) -> None:
    print(programs.folder(own=_provider(arguments.provider) == "local"))


def _audit_log(arguments: argparse.Namespace) -> None:
    cluster = Cluster(arguments.name)
    provider = _recorded(cluster)
    written = "" if provider == "current" else {"local": local.audit_log, "kind": kind.audit_log}[provider](cluster)
    if not written:
        raise ClusterError(f"the cluster {cluster.name} writes no audit log: `up --audit-log` starts one that does")
    print(written)


def _tool(arguments: argparse.Namespace) -> None:
    if arguments.program in host.TOOLS:
        print(host.tool(arguments.program))
        return
    host.require_go()
    print(gobuild.tool(arguments.program))


def _browser(arguments: argparse.Namespace) -> None:
    print(host.browser(install=arguments.install))


def _setup(_: argparse.Namespace) -> None:
    if docker.answers():
        kind.require()
        say("Docker is here: nothing to install")
        return
    host.require_local()
    host.require(host.IMAGES)
    say("everything that is needed is installed")


def _control(arguments: argparse.Namespace) -> None:
    local.control(Cluster(arguments.name), arguments.verb, arguments.component)


def _compact(arguments: argparse.Namespace) -> None:
    local.compact(Cluster(arguments.name))


def _node(arguments: argparse.Namespace) -> None:
    command = [word for word in arguments.command if word != "--"] or ["sh"]
    sys.exit(subprocess.run(local.inside(Cluster(arguments.name), command), check=False).returncode)


_VERBS = {
    "up": _up,
    "down": _down,
    "kubeconfig": _kubeconfig,
    "info": _info,
    "load": _load,
    "images": _images,
    "build": _build,
    "tools": _tools,
    "audit-log": _audit_log,
    "tool": _tool,
    "browser": _browser,
    "setup": _setup,
    "stop": _control,
    "start": _control,
    "restart": _control,
    "compact": _compact,
    "node": _node,
}
