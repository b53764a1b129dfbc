"""Paths of kubectl, helm and kind: installed programs that are recent enough, or our own builds."""

import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import gobuild, host
from .paths import cache_dir
from .shell import ClusterError, say

_VERSION = re.compile(r"v(\d+)\.(\d+)")


@dataclass(frozen=True)
class Program:
    """A program that may be installed on the machine."""

    ask: tuple[str, ...]
    """Arguments that make it print its version."""
    module: tuple[str, str]
    """The go.mod and the module that say which version our own build has."""
    behind: int
    """How many minors an installed one may be behind."""
    page: str
    """Where its installation is described."""

    def least(self) -> tuple[int, int]:
        """Return the oldest version that can replace our own build; for helm, any of the same major version."""
        major, minor = _parsed(gobuild.version_of(*self.module))
        return major, max(0, minor - self.behind)


PROGRAMS = {
    "kubectl": Program(
        ("version", "--client"), (gobuild.SHARED, gobuild.KUBERNETES), 1, "https://kubernetes.io/docs/tasks/tools"
    ),
    "helm": Program(
        ("version", "--short"), (gobuild.SHARED, "helm.sh/helm/v4"), 99, "https://helm.sh/docs/intro/install"
    ),
    "kind": Program(
        ("version",), ("kind", "sigs.k8s.io/kind"), 0, "https://kind.sigs.k8s.io/docs/user/quick-start#installation"
    ),
}


def require(*names: str) -> None:
    """Raise an error if one of the programs is not installed and cannot be built."""
    missing = [name for name in names if not shutil.which(name)]
    if missing and host.go_trouble():
        pages = ", ".join(PROGRAMS[name].page for name in missing)
        verb = "is" if len(missing) == 1 else "are"
        raise ClusterError(
            f"{' and '.join(missing)} {verb} not installed: install {'it' if len(missing) == 1 else 'them'} ({pages}), "
            f"or {host.GO_ADVICE}, with which {'it' if len(missing) == 1 else 'they'} can be built"
        )


@cache
def path_of(name: str, *, own: bool = False) -> str:
    """Return the path of a program; build it if none is recent enough and Go is available.

    Parameters
    ----------
    own
        Use our own build if it can be built, regardless of what is installed.
    """
    found = shutil.which(name)
    new_enough = bool(found) and _is_new_enough(found or "", PROGRAMS[name])
    if not host.go_trouble() and (own or not new_enough):
        gobuild.build(name)
        return str(gobuild.program(name))
    require(name)
    if not new_enough:
        least = ".".join(map(str, PROGRAMS[name].least()))
        say(f"{found} is older than {least}: update it first if something fails")
    return str(found)


def folder(*, own: bool = False) -> Path:
    """Return a folder with kubectl and helm."""
    require("kubectl", "helm")
    links = {name: path_of(name, own=own) for name in gobuild.TOOLS}
    key = hashlib.sha256("\n".join(links.values()).encode()).hexdigest()[:12]
    tools = cache_dir("tools", key)
    for name, origin in links.items():
        if not (tools / name).exists():
            (tools / name).unlink(missing_ok=True)
            (tools / name).symlink_to(origin)
    return tools


def _is_new_enough(path: str, program: Program) -> bool:
    try:
        done = subprocess.run([path, *program.ask], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return bool(_VERSION.search(done.stdout)) and _parsed(done.stdout) >= program.least()


def _parsed(text: str) -> tuple[int, int]:
    found = _VERSION.search(text)
    assert found, text
    return int(found[1]), int(found[2])
