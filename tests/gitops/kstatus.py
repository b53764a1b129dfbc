"""What kstatus, by which Flux waits, makes of an object."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from typing import Any

from tests.cluster import tool

program = cache(tool)


def kstatus(body: Any, checks: Any = ()) -> str:
    """Return the verdict, such as ``Current``.

    Parameters
    ----------
    checks
        ``healthCheckExprs`` of a Flux Kustomization: for objects of a kind that they name, they decide.
    """
    command = [program("kstatus"), json.dumps(list(checks))]
    done = subprocess.run(command, input=json.dumps(body), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["status"])
