"""What the benchmarks share: a cluster of their own, a fast client, operators as processes, how figures are told.

Peers take turns within one run, so that a ratio means the same machine in the same minute.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

NAMESPACE = "bench"
"""Where the benchmarks' objects are."""


def numbers(variable: str, *default: int) -> tuple[int, ...]:
    """Read a variable such as ``N=1000,5000``; the default where it is not set."""
    text = os.environ.get(variable, "").strip()
    return tuple(int(each) for each in text.replace(",", " ").split()) or default


def number(variable: str, default: int) -> int:
    """Read a variable such as ``ROUNDS=3``."""
    return numbers(variable, default)[0]
