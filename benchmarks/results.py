"""Reading what the benchmarks have measured: the newest line of a figure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from bench.result import RESULTS, Measure


class Met(NamedTuple):
    """An aim, and what became of it."""

    text: str
    value: float
    met: bool
    spread: tuple[float, float] | None


@dataclass(frozen=True)
class Result:
    """One line."""

    name: str
    title: str
    at: str
    machine: dict[str, Any]
    measures: list[Measure]
    aims: list[Met]
    notes: list[str]

    def measure(self, what: str) -> Measure:
        """Return a measure by what it is of."""
        found = next((each for each in self.measures if each.what == what), None)
        if found is None:
            raise SystemExit(f"{self.name}.jsonl tells nothing of {what!r}: measure it again")
        return found

    def median(self, what: str, peer: str) -> float:
        """Return the middle one of a peer's values."""
        return self.measure(what).median(peer)


def newest(name: str) -> Result | None:
    """Return the newest line of a figure, or None: there is none yet."""
    path = RESULTS / f"{name}.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    last = next((line for line in reversed(lines) if line.strip()), None)
    return None if last is None else _result(json.loads(last))


def _result(line: dict[str, Any]) -> Result:
    return Result(
        line["figure"],
        line["title"],
        line["at"],
        line["machine"],
        [Measure(each["what"], each["unit"], each["peers"]) for each in line["measures"]],
        [Met(each["aim"], each["value"], each["met"], _pair(each.get("spread"))) for each in line["aims"]],
        line["notes"],
    )


def _pair(spread: list[float] | None) -> tuple[float, float] | None:
    return (spread[0], spread[1]) if spread else None
