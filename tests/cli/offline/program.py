"""Running the program as a person does."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import yaml

NOWHERE = {**os.environ, "KUBECONFIG": "/nonexistent", "KUBECTL": "/nonexistent", "TZ": "America/New_York"}
"""An environment without a cluster and without kubectl."""


def run(
    *arguments: str, stdin: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a verb."""
    return subprocess.run(
        [sys.executable, "-m", "graphcron.cli", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment or NOWHERE,
    )


def manifest(name: str = "hello", *, namespace: str | None = None, **spec: Any) -> dict[str, Any]:
    """Return a GraphCron that is right but for what the spec says."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    when = {} if "schedules" in spec else {"schedule": "30 8 * * 1-5"}
    spec = {"assistant": "agent", **when, "input": {}, **spec}
    return {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphCron", "metadata": metadata, "spec": spec}


def text(*objects: dict[str, Any]) -> str:
    """Write objects as YAML."""
    return yaml.safe_dump_all(objects, allow_unicode=True)
