"""The program is told to stop."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.cluster import wait_for

if TYPE_CHECKING:
    from pathlib import Path


def test_kubectl_ends_with_the_program(tmp_path: Path) -> None:
    kubectl, told = tmp_path / "kubectl", tmp_path / "pid"
    kubectl.write_text(f"#!/bin/sh\necho $$ >{told}\nexec sleep 600\n", encoding="utf-8")
    kubectl.chmod(0o755)
    told.touch()
    command = [sys.executable, "-m", "graphcron.cli", "list", "--watch"]
    with subprocess.Popen(command, env={**os.environ, "KUBECTL": str(kubectl)}, stderr=subprocess.PIPE) as program:
        pid = int(wait_for("kubectl", lambda: told.read_text(encoding="utf-8").strip()))
        program.terminate()
        program.communicate(timeout=30)
    wait_for("end of kubectl", lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    """Return whether a process goes on; one that has ended and that nobody has asked for does not."""
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(told.strip()) and not told.startswith("Z")
