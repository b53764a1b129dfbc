"""The twin of our operator, in Go on controller-runtime: built where its sources are new, and how it is started."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import ROOT
from graphcron.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE: Final = ROOT / "benchmarks/peers/twin"

_SETTINGS: Final = ("workers", "server_url", "runner_image")
"""Settings of ours that the twin has too, as environment variables without our prefix."""


@cache
def build() -> Path:
    """Return the program; it is built once for each content of its module, and kept in the user's cache.

    Raises
    ------
    RuntimeError
        It does not compile, or no longer creates the CronJobs of our operator: each would rewrite the other's.
    """
    program = _cache() / f"twin-{_key()}"
    if not program.exists():
        print("building the twin (once; on 2 cores some 3 minutes the first time)", file=sys.stderr, flush=True)
        started = time.monotonic()
        _compile(program)
        print(f"built the twin in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    _go("test", *_FLAGS, ".")  # Go remembers the result while neither the source nor a golden file changes
    return program


def command() -> list[str]:
    """Return what runs it; all that it is told is in its environment."""
    return [str(build())]


def environment(base: Mapping[str, str], *, health_port: int, metrics_port: int, **settings: object) -> dict[str, str]:
    """Return what it runs in.

    Parameters
    ----------
    base
        An environment whose ``KUBECONFIG`` names the cluster.
    settings
        Those of our operator that it has too, such as ``workers=4``, with our defaults; and ``events=False``.
    """
    defaults = {name: getattr(Settings(), name) for name in _SETTINGS}
    given = {name.upper(): str(value) for name, value in {**defaults, **settings}.items()}
    return {**base, "HEALTH_PORT": str(health_port), "METRICS_PORT": str(metrics_port), **given}


def _compile(program: Path) -> None:
    # Built beside and then renamed: whoever builds at the same time makes the same, and nobody starts half of one.
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        made = Path(folder) / "twin"
        _go("build", *_FLAGS, "-o", str(made), ".")
        made.rename(program)


def _go(*arguments: str) -> None:
    words = ["nice", "-n", "19", "go", *arguments]
    done = subprocess.run(words, cwd=SOURCE, env=_go_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} in {SOURCE}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


_FLAGS: Final = ("-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w")


def _go_environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}


def _cache() -> Path:
    value = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(value) if value.startswith("/") else Path.home() / ".cache"
    folder = base / "graphcron/bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _key() -> str:
    digest = hashlib.sha256()
    for text in (*_FLAGS, platform.machine(), platform.system()):
        digest.update(text.encode() + b"\0")
    for path in sorted([*SOURCE.glob("*.go"), *SOURCE.glob("go.*")]):
        if not path.name.endswith("_test.go"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
