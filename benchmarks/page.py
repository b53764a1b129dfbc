"""Write docs/performance.md and docs/benchmarks.md: the newest results, in the prose of the same names in benchmarks/.

python benchmarks/page.py [--check]
"""

from __future__ import annotations

import argparse
import re
import sys
from datetime import datetime
from statistics import median
from string import Template
from typing import TYPE_CHECKING, Final

from bench import ROOT
from bench.process import OURS_NAME
from bench.result import shown
from plan import plan
from results import Result, newest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PAGES: Final = ("performance.md", "benchmarks.md")
"""Names of the pages in docs/, and of their prose in benchmarks/."""

FIGURES: Final = {
    "reconcile": "bench-reconcile",
    "restart": "bench-restart",
    "idle": "bench-idle",
    "tick": "bench-tick",
    "start": "bench-tick",
    "pod": "bench-pod",
    "burst": "bench-burst",
    "storm": "bench-storm",
    "scale": "bench-scale",
    "images": "bench-images",
    "framework": "bench-kopf",
}
"""The figures in the order of the page, and what measures them."""

APART: Final = {"dashboard": "bench-dashboard"}
"""Figures of a program on the user's machine: each names its own machine and date."""

COMMANDS: Final = {**FIGURES, **APART}


def pages(results: Mapping[str, Result]) -> dict[Path, str]:
    """Return the text of each page."""
    values = {f"table_{name}": "\n".join(_table(result)) for name, result in results.items()}
    for name in APART:
        own = {name: results[name]}
        values |= {f"machine_{name}": _machine(own), f"date_{name}": _date(own)}
    together = {name: results[name] for name in FIGURES}
    values |= {"summary": "\n".join(_summary(results)), "machine": _machine(together), "date": _date(together)}
    values |= {"verdict": _verdict(results), "figures": "\n".join(_figures(results)), **plan(results)}
    return {
        ROOT / "docs" / name: Template((ROOT / "benchmarks" / name).read_text(encoding="utf-8")).substitute(values)
        for name in PAGES
    }


def _figures(results: Mapping[str, Result]) -> Iterator[str]:
    """Yield the table of what users pay."""

    def row(title: str, name: str, what: str, peer: str) -> str:
        measure = results[name].measure(what)
        return f"| {title} | {shown(measure.median(peer))} {measure.unit} |"

    yield "| Figure | Median |"
    yield "|---|---|"
    yield row("Memory of the operator with 1,000 GraphCrons", "scale", "memory with 1,000", OURS_NAME)
    yield row("Memory of the operator with 10,000 GraphCrons", "scale", "memory with 10,000", OURS_NAME)
    yield row(f"CPU time per minute of an idle operator, {_count(results['idle'])}", "idle", "CPU a minute", OURS_NAME)
    yield row("Reconciled GraphCrons when 1,000 are created at once", "reconcile", "rate at 1,000", OURS_NAME)
    yield row(
        f"Restart until a new GraphCron is reconciled, {_count(results['restart'])}",
        "restart",
        "restart, until a new GraphCron is reconciled",
        OURS_NAME,
    )
    yield row("CPU time of the runner for a run", "tick", "CPU", "runner")
    yield row("Memory of the runner", "tick", "memory at its peak", "runner")
    yield row("Start of a run after its scheduled time", "start", "after the scheduled minute", OURS_NAME)
    yield row("Start of a plain CronJob's pod, for comparison", "start", "after the scheduled minute", "bare pod")
    yield row("Size of the operator's image, unpacked", "images", "unpacked", "operator")
    yield row("Size of the runner's image, unpacked", "images", "unpacked", "runner")


def _count(result: Result) -> str:
    """Return the number of GraphCrons that a figure was measured with."""
    found = re.search(r"with [\d,]+ GraphCrons", result.title)
    assert found is not None, result.title
    return found[0]


def _summary(results: Mapping[str, Result]) -> Iterator[str]:
    yield "| Command | Goal | Measured | Met |"
    yield "|---|---|---|---|"
    for name, result in results.items():
        for aim in result.aims:
            met = "yes" if aim.met else "**no**"
            yield f"| `make {COMMANDS[name]}` | {aim.text} | {_with_spread(aim.value, aim.spread)} | {met} |"


def _verdict(results: Mapping[str, Result]) -> str:
    """Return the number of goals that are met, as a sentence."""
    aims = [aim for result in results.values() for aim in result.aims]
    missed = sum(not aim.met for aim in aims)
    if not missed:
        return f"GraphCron meets all {len(aims)} goals."
    return f"GraphCron meets {len(aims) - missed} of {len(aims)} goals. The others are marked with **no**."


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
    parser = argparse.ArgumentParser(prog="python benchmarks/page.py", description="Write the pages about performance.")
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where a page is stale")
    check = parser.parse_args(arguments).check
    results = {name: newest(name) for name in COMMANDS}
    missing = sorted({f"make {COMMANDS[name]}" for name, result in results.items() if result is None})
    if missing:
        raise SystemExit(f"not everything is measured yet: {', '.join(missing)}")
    made = pages({name: result for name, result in results.items() if result is not None})
    stale = {page: text for page, text in made.items() if not page.exists() or page.read_text(encoding="utf-8") != text}
    for page, text in stale.items():
        if check:
            print(f"{page.relative_to(ROOT)} is stale: run `python benchmarks/page.py`", file=sys.stderr)
        else:
            page.write_text(text, encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
