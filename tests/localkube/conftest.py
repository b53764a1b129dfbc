"""The local cluster's code is a program's, not a package that is installed."""

import sys
from pathlib import Path

import pytest

from tests.localkube.machine import Machine

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "hack/cluster"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine with Docker, kind, kubectl and helm."""
    return Machine(tmp_path)
