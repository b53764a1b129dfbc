"""How figures are told: a small table for people, a line of JSON for the pages."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench import ROOT

RESULTS = Path(os.environ.get("RESULTS") or ROOT / "benchmarks/results")
"""Where the lines go; the variable ``RESULTS`` names another folder."""


@dataclass
class Measure:
    """One thing that was measured of several peers, a value a round."""

    what: str
    unit: str
    values: dict[str, list[float]] = field(default_factory=dict)
    """By peer; ours comes first."""

    def median(self, peer: str) -> float:
        """Return the middle one of a peer's values."""
        return median(self.values[peer])

    def ratios(self, one: str, other: str) -> list[float]:
        """Return by how much one peer's value is that of another, for each round."""
        return [mine / theirs for mine, theirs in zip(self.values[one], self.values[other], strict=False) if theirs]


@dataclass
class Aim:
    """What was to be reached, and what was."""

    aim: str
    value: float
    met: bool
    spread: tuple[float, float] | None = None


class Figure:
    """All that one benchmark has to say.

    Parameters
    ----------
    name
        The figure's name: its lines go to ``results/<name>.jsonl``.
    title
        What it is about, in one line.
    """

    def __init__(self, name: str, title: str) -> None:
        self.name = name
        self.title = title
        self.measures: dict[str, Measure] = {}
        self.aims: list[Aim] = []
        self.notes: list[str] = []

    def add(self, what: str, unit: str, peer: str, value: float) -> None:
        """Take one value of one round."""
        measure = self.measures.setdefault(what, Measure(what, unit))
        measure.values.setdefault(peer, []).append(value)
        print(f"  {what}: {peer} {shown(value)} {unit}".rstrip(), flush=True)

    def aim(
        self,
        text: str,
        values: float | list[float],
        *,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Say what was to be reached, and the ratio or value that tells; of several, the median counts."""
        several = values if isinstance(values, list) else [values]
        value = median(several)
        met = (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
        self.aims.append(Aim(text, value, met, (min(several), max(several)) if len(several) > 1 else None))

    def note(self, text: str) -> None:
        """Say what a reader of the figure has to know; each text once."""
        if text not in self.notes:
            self.notes.append(text)
            print(f"  note: {text}", flush=True)

    def report(self) -> None:
        """Print the table, and append the line."""
        print(f"\n{self.title}")
        for measure in self.measures.values():
            print(f"\n  {measure.what}{f' ({measure.unit})' if measure.unit else ''}")
            first = next(iter(measure.values))
            for peer, values in measure.values.items():
                ratios = measure.ratios(peer, first) if peer != first else []
                ratio = f"× {median(ratios):.2f}" if ratios else ""
                spread = f"({shown(min(values))}–{shown(max(values))})" if len(values) > 1 else ""
                print(f"    {peer:24} {shown(median(values)):>10} {spread:22} {ratio}")
        print()
        for each in self.aims:
            spread = f" ({shown(each.spread[0])}–{shown(each.spread[1])})" if each.spread else ""
            print(f"  {'met      ' if each.met else 'NOT MET  '} {each.aim}: {shown(each.value)}{spread}")
        for note in self.notes:
            print(f"  note: {note}")
        self._append()

    def _append(self) -> None:
        line: dict[str, Any] = {
            "figure": self.name,
            "title": self.title,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "revision": _revision(),
            "machine": machine(),
            "measures": [
                {"what": each.what, "unit": each.unit, "peers": _rounded(each.values)}
                for each in self.measures.values()
            ],
            "aims": [
                {"aim": each.aim, "value": _round(each.value), "met": each.met}
                | ({"spread": [_round(end) for end in each.spread]} if each.spread else {})
                for each in self.aims
            ],
            "notes": self.notes,
        }
        RESULTS.mkdir(parents=True, exist_ok=True)
        path = RESULTS / f"{self.name}.jsonl"
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        print(f"\n  appended to {path.name}")


def machine() -> dict[str, Any]:
    """Tell what it was measured on."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in _read("/proc/cpuinfo").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = next(
        (int(line.split()[1]) for line in _read("/proc/meminfo").splitlines() if line.startswith("MemTotal")), 0
    )
    return {
        "cores": os.cpu_count(),
        "cpu": model,
        "memoryGiB": round(memory / 2**20, 1),
        "python": platform.python_version(),
    }


def shown(value: float) -> str:
    """Write a number as people read it: three digits that matter, or whole."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _round(value: float) -> float:
    return float(f"{value:.4g}") if abs(value) < 10_000 else round(value)


def _rounded(values: dict[str, list[float]]) -> dict[str, list[float]]:
    return {peer: [_round(each) for each in several] for peer, several in values.items()}


def _read(path: str) -> str:
    file = Path(path)
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _revision() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
