"""Paths: one cache for files that can be rebuilt, and one state directory for each cluster."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .shell import ClusterError

HERE = Path(__file__).resolve().parents[1]
PROJECT = HERE.parents[1]
GO_MODULES = HERE / "go"

DEFAULT_NAME = "graphcron"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def _home(variable: str, otherwise: str) -> Path:
    value = os.environ.get(variable, "")
    base = Path(value) if value.startswith("/") else Path.home() / otherwise
    return base / "graphcron"


def cache_dir(*below: str) -> Path:
    """Return a folder of the user's cache; create it if it does not exist."""
    path = _home("XDG_CACHE_HOME", ".cache").joinpath(*below)
    path.mkdir(parents=True, exist_ok=True)
    return path


@dataclass(frozen=True)
class Cluster:
    """A cluster's name and the files that belong to it."""

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ClusterError(f"a cluster's name is at most 40 of a-z, 0-9 and -, not {self.name!r}")

    @property
    def state(self) -> Path:
        """The folder with all files of the cluster, which `down` removes."""
        return _home("XDG_STATE_HOME", ".local/state") / "clusters" / self.name

    @property
    def lock_file(self) -> Path:
        """The file whose lock makes two commands on one cluster wait for each other."""
        return self.state.with_name(f".{self.name}.lock")

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.state / "kubeconfig"

    @property
    def record(self) -> Path:
        """What `up` chose: provider, addresses."""
        return self.state / "cluster.json"

    def known(self) -> dict[str, Any]:
        """Return the record; empty where there is none."""
        known: dict[str, Any] = json.loads(self.record.read_text()) if self.record.exists() else {}
        return known

    @property
    def logs(self) -> Path:
        """One log file for each component."""
        return self.state / "logs"

    @property
    def stops(self) -> Path:
        """Marker files: the node does not run a component that has one."""
        return self.state / "stopped"

    @property
    def pids(self) -> Path:
        """The running processes, which the node writes as JSON."""
        return self.state / "running.json"
