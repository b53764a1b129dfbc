"""Write docs/performance.md: the newest figures of benchmarks/results, in the prose of benchmarks/performance.md.

python benchmarks/page.py [--check]
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from statistics import median
from string import Template
from typing import TYPE_CHECKING, Final

from bench import ROOT
from bench.result import shown
from plan import plan
from results import Result, newest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE = ROOT / "docs/performance.md"
PROSE = ROOT / "benchmarks/performance.md"

FIGURES: Final = {
    "reconcile": "bench-reconcile",
    "restart": "bench-restart",
    "idle": "bench-idle",
    "tick": "bench-tick",
    "start": "bench-tick",
    "pod": "bench-pod",
    "burst": "bench-burst",
    "scale": "bench-scale",
    "images": "bench-images",
    "framework": "bench-kopf",
}
"""The figures in the order of the page, and what measures them."""


def page(results: Mapping[str, Result]) -> str:
    """Return the text of the page."""
    values = {f"table_{name}": "\n".join(_table(result)) for name, result in results.items()}
    values |= {"summary": "\n".join(_summary(results)), "machine": _machine(results), "date": _date(results)}
    values |= {"verdict": _verdict(results), **plan(results)}
    return Template(PROSE.read_text(encoding="utf-8")).substitute(values)


def _summary(results: Mapping[str, Result]) -> Iterator[str]:
    yield "| Command | Aim | Measured | Met |"
    yield "|---|---|---|---|"
    for name, result in results.items():
        for aim in result.aims:
            met = "yes" if aim.met else "**no**"
            yield f"| `make {FIGURES[name]}` | {aim.text} | {_with_spread(aim.value, aim.spread)} | {met} |"


def _verdict(results: Mapping[str, Result]) -> str:
    """Say how many aims are met."""
    aims = [aim for result in results.values() for aim in result.aims]
    missed = sum(not aim.met for aim in aims)
    if not missed:
        return f"All {len(aims)} aims are met."
    return f"Of {len(aims)} aims {len(aims) - missed} are met. The others are marked with **no**."


def _table(result: Result) -> Iterator[str]:
    """Tell all that was measured; the ratio is that to the first peer, round by round."""
    yield "| What | Who | Median | Lowest to highest | Ratio |"
    yield "|---|---|---|---|---|"
    for measure in result.measures:
        first = next(iter(measure.values))
        for peer in measure.values:
            value = f"{shown(measure.median(peer))} {measure.unit}".rstrip()
            spread = _spread(measure.values[peer])
            ratios = measure.ratios(peer, first) if peer != first else []
            ratio = shown(median(ratios)) if ratios else ""
            yield f"| {measure.what if peer == first else ''} | {peer} | {value} | {spread} | {ratio} |"
    if result.notes:
        yield ""
        yield from (f"- {_sentence(note)}" for note in result.notes)


def _spread(values: list[float]) -> str:
    return f"{shown(min(values))} to {shown(max(values))}" if len(values) > 1 else ""


def _with_spread(value: float, spread: tuple[float, float] | None) -> str:
    return f"{shown(value)} ({shown(spread[0])} to {shown(spread[1])})" if spread else shown(value)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _machine(results: Mapping[str, Result]) -> str:
    """Say what it was measured on; figures of several machines don't belong on one page."""
    machines = {str(result.machine): result.machine for result in results.values()}
    if len(machines) > 1:
        raise SystemExit(f"the results are of {len(machines)} machines: run `make bench` on one")
    (machine,) = machines.values()
    cpu = str(machine["cpu"]).replace("(R)", "").replace("(TM)", "")
    return f"{machine['cores']} cores ({cpu}), {machine['memoryGiB']:.0f} GiB of memory, Python {machine['python']}"


def _date(results: Mapping[str, Result]) -> str:
    days = sorted({datetime.fromisoformat(result.at).date() for result in results.values()})
    first, last = (f"{day.day} {day:%B %Y}" for day in (days[0], days[-1]))
    return first if first == last else f"{first} to {last}"


def main(arguments: list[str]) -> int:
    """Write the page, or ``--check`` it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python benchmarks/page.py", description="Write docs/performance.md.")
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where the page is stale")
    check = parser.parse_args(arguments).check
    results = {name: newest(name) for name in FIGURES}
    missing = sorted({f"make {FIGURES[name]}" for name, result in results.items() if result is None})
    if missing:
        raise SystemExit(f"not everything is measured yet: {', '.join(missing)}")
    text = page({name: result for name, result in results.items() if result is not None})
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if check:
        print("docs/performance.md is stale: run `python benchmarks/page.py`", file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
