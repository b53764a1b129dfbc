"""What the machine has, and what is installed on it: Debian's or Ubuntu's own packages, nothing else."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from .shell import ClusterError, run, say, succeeds

# A program that is needed, and the Debian package that has it.
LOCAL_CLUSTER = {"ip": "iproute2", "nft": "nftables", "runc": "runc", "openssl": "openssl", "unshare": "util-linux"}
IMAGES = {"buildah": "buildah", "mmdebstrap": "mmdebstrap", "unshare": "util-linux"}


def widen_path() -> None:
    """Look for programs where administrators' programs are, whoever calls."""
    os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"


@cache
def has_docker() -> bool:
    """Whether a Docker daemon answers; the client alone is not enough."""
    return succeeds(["docker", "info"])


def require_local() -> None:
    """Make sure that a local cluster can run here, or say what is missing."""
    if sys.platform != "linux":
        raise ClusterError("without Docker the local cluster needs Linux: start Docker, or use --provider current")
    if os.geteuid() != 0:
        raise ClusterError("without Docker the local cluster needs root (namespaces, mounts): call it with sudo")
    require(LOCAL_CLUSTER)
    require_go()


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


def require_go() -> None:
    """Check for a Go that can build the modules, or fetch the toolchain that can."""
    advice = "install Go 1.26 or later (https://go.dev/doc/install)"
    if not shutil.which("go"):
        raise ClusterError(f"the local cluster is built with Go: {advice}")
    found = re.search(r"go1\.(\d+)", run(["go", "version"]))
    if found and int(found[1]) < 21:
        raise ClusterError(f"this machine's Go is too old: {advice}")


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
