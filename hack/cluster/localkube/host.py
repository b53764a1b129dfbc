"""Programs of the machine. Installs only the packages of its own Debian or Ubuntu."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from . import docker
from .shell import ClusterError, run, say

# A program that is needed, and the Debian package that has it.
LOCAL_CLUSTER = {"ip": "iproute2", "nft": "nftables", "runc": "runc", "openssl": "openssl", "unshare": "util-linux"}
GO_ADVICE = "install Go 1.26 or later (https://go.dev/doc/install)"
IMAGES = {"buildah": "buildah", "mmdebstrap": "mmdebstrap", "unshare": "util-linux"}
TOOLS = {"busybox": "busybox-static"}
"""What only benchmarks use."""
BROWSER = {"chromium": "chromium"}

BROWSERS = (
    *BROWSER,
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
"""Where a browser of Chromium's kind may be, the one that is installed here first."""


def widen_path() -> None:
    """Add the folders of administrators' programs to the PATH of any user."""
    os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"


def require_local() -> None:
    """Raise an error that lists what is missing if a local cluster cannot run here."""
    lacking = go_trouble()
    if sys.platform != "linux":
        lacking = "the local cluster needs Linux: use Docker with kind, or CLUSTER=current"
    elif os.geteuid() != 0:
        lacking = "the local cluster needs root (namespaces, mounts): call it with sudo"
    if lacking:
        raise ClusterError("; ".join(filter(None, (docker.trouble(), lacking))))
    require(LOCAL_CLUSTER)


def require(programs: dict[str, str]) -> None:
    """Install the packages of the programs that are missing, where apt-get can."""
    missing = sorted({package for program, package in programs.items() if not shutil.which(program)})
    if not missing:
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise ClusterError(f"missing: {', '.join(missing)} (Debian's names); install them with this system's tools")
    say(f"installing {', '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    try:
        run(install, env=environment)
    except ClusterError:
        run(["apt-get", "update"], env=environment)
        run(install, env=environment)


def tool(name: str) -> str:
    """Return the path of a program that only benchmarks use, installed if missing."""
    require({name: TOOLS[name]})
    return str(shutil.which(name))


def browser(*, install: bool) -> str:
    """Return the path of Chromium or Chrome.

    Parameters
    ----------
    install
        Install Debian's package if neither is installed.
    """
    if install and not any(map(shutil.which, BROWSERS)):
        require(BROWSER)
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        raise ClusterError("neither Chromium nor Chrome is installed")
    return found


@cache
def go_trouble() -> str:
    """Return why Go cannot build the programs, as a sentence; empty if it can, or can download a Go that can."""
    if not shutil.which("go"):
        return f"the local cluster is built with Go: {GO_ADVICE}"
    found = re.search(r"go1\.(\d+)", run(["go", "version"]))
    if found and int(found[1]) < 21:
        return f"this machine's Go is too old: {GO_ADVICE}"
    return ""


def require_go() -> None:
    """Raise an error if Go cannot build the programs."""
    if go_trouble():
        raise ClusterError(go_trouble())


def snapshotter(folder: Path) -> str:
    """Return `overlayfs` where overlays can be mounted on that folder's file system, else `native`."""
    lower, upper, work, merged = (folder / ".overlay" / name for name in ("lower", "upper", "work", "merged"))
    for path in (lower, upper, work, merged):
        path.mkdir(parents=True)
    # Relative names: a comma or colon in the folder's own name would end an option.
    options = "lowerdir=lower,upperdir=upper,workdir=work"
    trial = ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", options, "merged"]
    done = subprocess.run(trial, cwd=folder / ".overlay", capture_output=True, check=False)
    shutil.rmtree(folder / ".overlay")
    return "overlayfs" if done.returncode == 0 else "native"
