"""Find the node of a cluster by its command line, which contains the state folder, without stored process IDs."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from .paths import Cluster
from .shell import wait_for

VERB = "_node"


def _owned(cluster: Cluster) -> list[int]:
    tail = [VERB, str(cluster.state)]
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if words[-3:-1] == tail:
                    found.append(int(folder.name))
    return found


def init_of(cluster: Cluster) -> int | None:
    """Return the host's id of the process that is number 1 in the node, if it is alive.

    At first it is ``unshare``, and has no command line for a moment as it becomes the node.
    """
    for pid in _owned(cluster):
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
            ids = status["NSpid"]
            if len(ids) > 1 and ids[-1] == "1" and status["Name"] != ["unshare"]:
                return pid
    return None


def kill(cluster: Cluster) -> bool:
    """Kill the node and all processes in it; return whether there was one."""
    found = _owned(cluster)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_for("the end of the node's processes", lambda: not _owned(cluster), seconds=60, interval=0.02)
    return bool(found)
