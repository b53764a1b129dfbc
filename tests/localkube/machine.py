"""A machine that has no other programs than those that stand in for Docker, kind and the like."""

import json
import subprocess
import sys
from pathlib import Path

from tests.localkube.programs import install

HACK = [sys.executable, "-S", str(Path(__file__).resolve().parents[2] / "hack/cluster")]


class Machine:
    """A machine with some programs, a home, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin, self.home = folder, folder / "bin", folder / "home"
        self.bin.mkdir()
        self.home.mkdir()
        self.world = install(self.bin, "docker", "kind", "kubectl", "helm")
        self.environment = {
            "PATH": str(self.bin),
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }

    def hack(self, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run a verb of hack/cluster."""
        environment = {**self.environment, **more}
        return subprocess.run([*HACK, *words], capture_output=True, text=True, check=False, env=environment)

    def up(self, **more: str) -> "subprocess.CompletedProcess[str]":
        return self.hack("up", "--name", "dev", **more)

    def remove(self, *names: str) -> None:
        for name in names:
            (self.bin / name).unlink()

    def record(self) -> dict[str, object]:
        known: dict[str, object] = json.loads((self.folder / "state/graphcron/clusters/dev/cluster.json").read_text())
        return known
