"""Checks of whether Docker can be used, and what it lacks."""

import os
import re
import shutil
import subprocess
from functools import cache

from .shell import ClusterError

BUILDKIT = {"DOCKER_BUILDKIT": "1"}
"""The environment in which every Docker since 18.09 builds with BuildKit, which the Dockerfiles need for secrets."""

_BUILT_IN_UNTIL = 23
"""The first Docker whose BuildKit is the buildx plugin's."""


@cache
def trouble() -> str:
    """Return the reason why Docker cannot be used, as a clause; empty if its daemon answers."""
    if not shutil.which("docker"):
        return "Docker is not installed" + (" (podman is not supported)" if shutil.which("podman") else "")
    if "podman" in _ask("--version").stdout.lower():
        return "`docker` is podman's, which is not supported"
    done = _ask("info")
    if not done.returncode:
        return ""
    said = _cause(done.stderr) or f"exit code {done.returncode}"
    remedy = "; add your user to the group docker, or use sudo" if "permission denied" in said.lower() else ""
    return f"Docker does not answer (`docker info`: {said}{remedy})"


def answers() -> bool:
    """Return whether a Docker daemon answers; the client alone is not enough."""
    return not trouble()


@cache
def build_trouble() -> str:
    """Return the reason why this Docker cannot build the images, as a sentence; empty if it can."""
    if not _ask("buildx", "version").returncode:
        return ""
    version = re.search(r"(\d+)\.", _ask("--version").stdout)
    if version and int(version[1]) < _BUILT_IN_UNTIL:
        return ""
    return (
        "Docker's plugin buildx is missing, which builds the images: install it (docker-buildx in Debian, Ubuntu and "
        "Homebrew, docker-buildx-plugin in Docker's own packages)"
    )


def require_build() -> None:
    """Raise an error if this Docker cannot build the images."""
    if build_trouble():
        raise ClusterError(build_trouble())


def _ask(*words: str) -> "subprocess.CompletedProcess[str]":
    command = ["docker", *words]
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=30, stdin=subprocess.DEVNULL, env=os.environ
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", "no answer within 30 s")


def _cause(errors: str) -> str:
    """Return the line that names the cause; the last one of `docker info` says only that printing it failed."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    told = [line for line in lines if "pretty printing" not in line]
    return (told or lines or [""])[0].removeprefix("ERROR: ")
