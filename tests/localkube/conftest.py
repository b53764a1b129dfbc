"""The local cluster's code is a program's, not a package that is installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "hack/cluster"))
