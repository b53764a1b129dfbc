"""The upstream programs, built from their Go modules and cached.

Only the `go.mod` files under `go/` contain versions. Programs that run in or on a cluster share the module
`go/cluster`, so that one `go build` compiles each package once. The key of a build covers go.mod, go.sum, our few Go
files and the flags, so any change results in a new build, and no build is ever overwritten.
"""

import hashlib
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import goprogress
from .locks import locked
from .paths import GO_MODULES, cache_dir
from .shell import ClusterError, run, say, write

KUBERNETES = "k8s.io/kubernetes"
SHARED = "cluster"
"""The folder of the module that most programs share."""


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
    return version_of(SHARED, KUBERNETES)


@dataclass(frozen=True)
class Target:
    """Commands of one Go module, which are cached together."""

    name: str
    folder: str
    commands: tuple[str, ...]

    def path(self) -> Path:
        """Return the folder of the built commands, which may not exist."""
        return cache_dir("go") / f"{self.name}-{_key(self)}"

    def built(self) -> bool:
        """Return whether all commands are built."""
        return self.path().is_dir()

    @property
    def programs(self) -> tuple[str, ...]:
        """The names of the built commands."""
        return tuple(self.name if command == "." else _program_name(command) for command in self.commands)


def _shared(name: str, *commands: str) -> Target:
    return Target(name, SHARED, commands or (f"./{name}",))


@cache
def targets() -> dict[str, Target]:
    """Everything that can be built."""
    containerd = "github.com/containerd/containerd/v2/cmd"
    cni = "github.com/containernetworking/plugins/plugins"
    kubernetes = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
    known = (
        _shared("pause"),
        _shared("cni", f"{cni}/ipam/host-local", f"{cni}/main/loopback", f"{cni}/main/ptp"),
        _shared("etcd", "go.etcd.io/etcd/server/v3"),
        _shared("containerd", *(f"{containerd}/{each}" for each in ("containerd", "containerd-shim-runc-v2", "ctr"))),
        _shared("coredns"),
        _shared("kubernetes", *(f"{KUBERNETES}/cmd/{command}" for command in kubernetes)),
        _shared("kubectl", f"{KUBERNETES}/cmd/kubectl"),
        _shared("helm", "helm.sh/helm/v4/cmd/helm"),
        _shared("argo-lua"),
        _shared("helm-unittest", "github.com/helm-unittest/helm-unittest/cmd/helm-unittest"),
        _shared("kstatus"),
        _shared("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform"),
        _shared("prometheus", *(f"github.com/prometheus/prometheus/cmd/{each}" for each in ("prometheus", "promtool"))),
        Target("actionlint", "actionlint", ("github.com/rhysd/actionlint/cmd/actionlint",)),
        Target("argocd", "argocd", (".",)),
        Target("crane", "crane", ("github.com/google/go-containerregistry/cmd/crane",)),
        Target("helm-docs", "helm-docs", ("github.com/norwoodj/helm-docs/cmd/helm-docs",)),
        Target("kind", "kind", ("sigs.k8s.io/kind",)),
        Target("kwok", "kwok", ("sigs.k8s.io/kwok/cmd/kwok",)),
    )
    return {target.name: target for target in known}


NODE = ("pause", "cni", "etcd", "containerd", "coredns", "kubernetes")
TOOLS = ("kubectl", "helm")
CHECKS = (
    "actionlint", "argo-lua", "argocd", "crane", "helm-docs", "helm-unittest", "kstatus", "kubeconform", "kwok",
    "prometheus", "promtool",
)  # fmt: skip
"""What only tests, benchmarks and generators use."""


def build(*names: str) -> None:
    """Build what is missing of the named targets: one `go build` for each module."""
    missing = [targets()[name] for name in dict.fromkeys(names) if not targets()[name].built()]
    for folder in dict.fromkeys(target.folder for target in missing):
        with locked(cache_dir("go") / f".{folder}.lock", f"it builds {folder}"):
            _compile(folder, [target for target in missing if target.folder == folder and not target.built()])


def _compile(folder: str, wanted: list[Target]) -> None:
    if not wanted:
        return
    started = time.monotonic()
    programs = [program for target in wanted for program in target.programs]
    commands = [command for target in wanted for command in target.commands]
    say(f"building {', '.join(programs)}: once, then they are cached")
    partial = cache_dir("go") / f".partial-{folder}"
    shutil.rmtree(partial, ignore_errors=True)  # of an aborted build; we hold this module's lock
    partial.mkdir()
    work = _work(folder, commands, partial)
    say(f"to compile: {len(work.sizes)} packages; to link: {len(programs)} programs")
    log = write(cache_dir("logs") / f"build-{folder}.log", "")

    def tell() -> None:
        linked = sum(path.is_file() for path in partial.iterdir())
        say(work.describe(log.read_text(errors="replace"), linked, time.monotonic() - started))

    _go(folder, "build", "-v", *_flags(folder), "-o", f"{partial}/", *commands, log=log, tell=tell)
    for target in wanted:
        _keep(target, partial)
    partial.rmdir()
    say(f"built {len(programs)} programs in {time.monotonic() - started:.0f} s")


def _work(folder: str, commands: list[str], target: Path) -> goprogress.Work:
    """Return the work of a build of these commands; download the modules that it needs."""
    listing, plan = (write(cache_dir("logs") / f"{step}-{folder}.log", "") for step in ("list", "plan"))

    def tell() -> None:
        say(f"fetched {goprogress.fetched(listing.read_text(errors='replace'))} modules")

    _go(folder, "list", "-deps", *_flags(folder), f"-f={goprogress.LISTING}", *commands, log=listing, tell=tell)
    _go(folder, "build", "-n", "-v", *_flags(folder), "-o", f"{target}/", *commands, log=plan)
    return goprogress.work_of(listing.read_text(), plan.read_text(errors="replace"), len(commands))


def _go(folder: str, verb: str, *words: str, log: Path, tell: Callable[[], None] | None = None) -> None:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    run([*_priority(), "go", verb, *words], cwd=GO_MODULES / folder, env=environment, log=log, tell=tell)


def _keep(target: Target, built: Path) -> None:
    """Move a target's programs to its folder atomically."""
    ready = built / f".{target.name}"
    ready.mkdir()
    for name in target.programs:
        (built / name).rename(ready / name)
    ready.rename(target.path())


def _flags(folder: str) -> list[str]:
    # containerd without storage that we don't use, Prometheus without what finds targets in clouds, and nothing with
    # symbols for debuggers: the linker would only drop them.
    tags = ["-tags=no_btrfs no_zfs no_devmapper remove_all_sd"] if folder == SHARED else []
    linker = " ".join(("-s -w", *(_stamp() if folder == SHARED else ())))
    return ["-mod=readonly", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false", *tags, f"-ldflags={linker}"]


def _stamp() -> Iterable[str]:
    """Return the linker's words by which programs know their versions."""
    major, minor, _ = kubernetes_version().removeprefix("v").split(".", 2)
    values = {"gitVersion": kubernetes_version(), "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    yield from (f"-X k8s.io/component-base/version.{key}={value}" for key, value in values.items())
    yield f"-X helm.sh/helm/v4/internal/version.version={version_of(SHARED, 'helm.sh/helm/v4')}"


def _priority() -> list[str]:
    return ["nice"] if shutil.which("nice") else []


@cache
def _key(target: Target) -> str:
    digest = hashlib.sha256()
    for text in (*target.commands, *_flags(target.folder), platform.machine(), platform.system()):
        digest.update(text.encode() + b"\0")
    for path in _sources(target):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _sources(target: Target) -> list[Path]:
    """Return the files of the module that a target consists of, without those of other commands."""
    module = GO_MODULES / target.folder
    folders = [module, *(module / command for command in target.commands if command.startswith("./"))]
    return sorted(path for folder in folders for path in folder.iterdir() if path.is_file())


def program(name: str) -> Path:
    """Return the path of a built program, wherever it is."""
    return targets()[target_of(name)].path() / name


def target_of(program: str) -> str:
    """Return the name of the target that has a program."""
    for target in targets().values():
        if program in target.programs:
            return target.name
    raise ClusterError(f"{program} is none of the programs that are built here")


def tool(name: str) -> Path:
    """Return the path of a program that only tests and generators use, built if missing."""
    build(target_of(name))
    return program(name)


def _program_name(command: str) -> str:
    *_, before, last = command.split("/")
    return before if re.fullmatch(r"v\d+", last) else last
