"""The upstream programs, built from their Go modules and cached.

Versions stand in the `go.mod` files under `go/` and nowhere else; a build's key covers go.mod, go.sum, our few
Go files and the flags, so that any change makes a new build and none of them is ever overwritten.
"""

import hashlib
import os
import platform
import re
import shutil
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .locks import locked
from .paths import GO_MODULES, cache_dir
from .shell import ClusterError, run, say, write

KUBERNETES = "k8s.io/kubernetes"


@cache
def version_of(folder: str, module: str) -> str:
    """Read a module's version from our go.mod of that folder."""
    text = (GO_MODULES / folder / "go.mod").read_text()
    found = re.search(rf"^(?:require )?\s*{re.escape(module)} (v\S+)", text, re.MULTILINE)
    if not found:
        raise ClusterError(f"{module} is not required in {GO_MODULES / folder / 'go.mod'}")
    return found[1]


def kubernetes_version() -> str:
    """Return the version of Kubernetes that every provider starts, like v1.36.3."""
    return version_of("kubernetes", KUBERNETES)


@dataclass(frozen=True)
class Target:
    """Some commands of one Go module, built together."""

    name: str
    folder: str
    commands: tuple[str, ...]
    tags: str = ""
    stamp: tuple[str, ...] = ()

    def path(self) -> Path:
        """Return the folder of the built commands, whether it is there or not."""
        return cache_dir("go") / f"{self.name}-{_key(self)}"

    def built(self) -> bool:
        """Whether nothing needs to be built."""
        return self.path().is_dir()


def _kubernetes(name: str, *commands: str) -> Target:
    major, minor, _ = kubernetes_version().removeprefix("v").split(".", 2)
    values = {"gitVersion": kubernetes_version(), "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    stamp = tuple(f"-X k8s.io/component-base/version.{key}={value}" for key, value in values.items())
    return Target(name, "kubernetes", tuple(f"{KUBERNETES}/cmd/{command}" for command in commands), stamp=stamp)


@cache
def targets() -> dict[str, Target]:
    """Everything that can be built, smallest first."""
    containerd = "github.com/containerd/containerd/v2/cmd"
    cni = "github.com/containernetworking/plugins/plugins"
    prometheus = "github.com/prometheus/prometheus/cmd"
    helm = f"-X helm.sh/helm/v4/internal/version.version={version_of('helm', 'helm.sh/helm/v4')}"
    known = (
        Target("pause", "pause", (".",)),
        Target("cni", "cni", (f"{cni}/ipam/host-local", f"{cni}/main/loopback", f"{cni}/main/ptp")),
        Target("etcd", "etcd", ("go.etcd.io/etcd/server/v3",)),
        Target(
            "containerd",
            "containerd",
            tuple(f"{containerd}/{command}" for command in ("containerd", "containerd-shim-runc-v2", "ctr")),
            tags="no_btrfs no_zfs no_devmapper",
        ),
        Target("coredns", "coredns", (".",)),
        _kubernetes(
            "kubernetes", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"
        ),
        _kubernetes("kubectl", "kubectl"),
        Target("helm", "helm", ("helm.sh/helm/v4/cmd/helm",), stamp=(helm,)),
        Target("kind", "kind", ("sigs.k8s.io/kind",)),
        Target("actionlint", "actionlint", ("github.com/rhysd/actionlint/cmd/actionlint",)),
        Target("argocd", "argocd", (".",)),
        Target("helm-docs", "helm-docs", ("github.com/norwoodj/helm-docs/cmd/helm-docs",)),
        Target("helm-unittest", "helm-unittest", ("github.com/helm-unittest/helm-unittest/cmd/helm-unittest",)),
        Target("kstatus", "kstatus", (".",)),
        Target("kubeconform", "kubeconform", ("github.com/yannh/kubeconform/cmd/kubeconform",)),
        Target("kwok", "kwok", ("sigs.k8s.io/kwok/cmd/kwok",)),
        # Without what finds targets in clouds: ours have addresses.
        Target("prometheus", "prometheus", (f"{prometheus}/prometheus",), tags="remove_all_sd"),
        Target("promtool", "prometheus", (f"{prometheus}/promtool",), tags="remove_all_sd"),
    )
    return {target.name: target for target in known}


NODE = ("pause", "cni", "etcd", "containerd", "coredns", "kubernetes")
TOOLS = ("kubectl", "helm")
CHECKS = (
    "actionlint", "argocd", "helm-docs", "helm-unittest", "kstatus", "kubeconform", "kwok", "prometheus", "promtool",
)  # fmt: skip
"""What only tests, benchmarks and generators use."""


def build(*names: str) -> None:
    """Build what is missing of the named targets, with a line for each."""
    missing = [targets()[name] for name in names if not targets()[name].built()]
    for number, target in enumerate(missing, start=1):
        with locked(cache_dir("go") / f".{target.name}.lock", f"it builds {target.name}"):
            if not target.built():
                say(f"building {target.name} ({number} of {len(missing)}; once; on 2 cores some 10 minutes in all)")
                started = time.monotonic()
                _compile(target)
                say(f"built {target.name} in {time.monotonic() - started:.0f} s")


def _compile(target: Target) -> None:
    final = target.path()
    partial = final.with_name(f".partial-{target.name}")
    shutil.rmtree(partial, ignore_errors=True)  # of an aborted build; we hold this target's lock
    partial.mkdir()
    log = write(cache_dir("logs") / f"build-{target.name}.log", "")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    command = [*_priority(), "go", "build", *_flags(target), "-o", f"{partial}/", *target.commands]
    run(command, cwd=GO_MODULES / target.folder, env=environment, log=log)
    partial.rename(final)


def _flags(target: Target) -> list[str]:
    linker = " ".join(("-s -w", *target.stamp))
    tags = [f"-tags={target.tags}"] if target.tags else []
    return ["-mod=readonly", "-trimpath", "-buildvcs=false", *tags, f"-ldflags={linker}"]


def _priority() -> list[str]:
    return ["nice"] if shutil.which("nice") else []


@cache
def _key(target: Target) -> str:
    digest = hashlib.sha256()
    for text in (*target.commands, *_flags(target), platform.machine(), platform.system()):
        digest.update(text.encode() + b"\0")
    for path in sorted((GO_MODULES / target.folder).iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def program(name: str) -> Path:
    """Return the path of a built program, wherever it is."""
    for target in targets().values():
        commands = [target.name if command == "." else _program_name(command) for command in target.commands]
        if name in commands:
            return target.path() / name
    raise ClusterError(f"{name} is none of the programs that are built here")


def tool(name: str) -> Path:
    """Return the path of a program that only tests and generators use, built if missing."""
    build(name)
    return program(name)


def _program_name(command: str) -> str:
    *_, before, last = command.split("/")
    return before if re.fullmatch(r"v\d+", last) else last


def tools_dir() -> Path:
    """Return a folder with kubectl and helm: ours, built if missing."""
    build(*TOOLS)
    links = {name: program(name) for name in TOOLS}
    key = hashlib.sha256("\n".join(map(str, links.values())).encode()).hexdigest()[:12]
    folder = cache_dir("tools", key)
    for name, origin in links.items():
        if not (folder / name).exists():
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(origin)
    return folder
