"""The control groups of a cluster's pods: one folder in each hierarchy, so that they can be found and removed.

Works with version 1 (a mount for each controller), version 2 (one mount) and both at once.
"""

import hashlib
import time
from contextlib import suppress
from pathlib import Path

from .paths import Cluster


def root_of(cluster: Cluster) -> str:
    """Return the name of the cluster's folder in every hierarchy."""
    return f"graphcron-{cluster.name}-{hashlib.sha256(str(cluster.state).encode()).hexdigest()[:6]}"


def _mounts(kind: str) -> list[Path]:
    lines = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return sorted({Path(words[1]) for words in lines if words[2] == kind and Path(words[1]).is_dir()})


def create(name: str) -> None:
    """Make the folders, usable by the kubelet."""
    for mount in _mounts("cgroup2"):
        (mount / name).mkdir(exist_ok=True)
        for folder in (mount, mount / name):
            _enable_all(folder)
    for mount in _mounts("cgroup"):
        (mount / name).mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):  # empty in a new folder, which then takes no process
            if (mount / file).exists():
                (mount / name / file).write_text((mount / file).read_text())


def _enable_all(folder: Path) -> None:
    for controller in (folder / "cgroup.controllers").read_text().split():
        with suppress(OSError):  # a controller that this machine keeps for itself: the kubelet says if it needs it
            (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def remove(name: str) -> None:
    """Remove the folders and all below them; their processes are dead, or about to be."""
    for mount in _mounts("cgroup") + _mounts("cgroup2"):
        folder = mount / name
        deadline = time.monotonic() + 5
        while folder.is_dir() and time.monotonic() < deadline:
            for below in sorted(folder.rglob("*/"), key=lambda path: len(path.parts), reverse=True):
                with suppress(OSError):
                    below.rmdir()
            with suppress(OSError):
                folder.rmdir()
            if folder.is_dir():
                time.sleep(0.05)
