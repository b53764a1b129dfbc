"""Run many scenarios, and print the smallest one that violates a property: ``make simulate``."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tests.simulation import plan, world
from tests.simulation.properties import Violation
from tests.simulation.reconciler import plan as reconciler_plan
from tests.simulation.reconciler import world as reconciler_world

PROGRESS_SECONDS: Final = 10.0

SHOWN: Final = 3
"""Violations of a profile that are shown with their trace."""


class Simulation(NamedTuple):
    """The code that is simulated."""

    profiles: list[str]
    draw: Callable[[str, int], Any]
    world: Callable[[Any], Any]
    units: str
    """What is counted."""


SIMULATIONS: Final = {
    "runner": Simulation(list(plan.PROFILES), plan.draw, world.World, "occurrences"),
    "operator": Simulation(
        list(reconciler_plan.PROFILES), reconciler_plan.draw, reconciler_world.World, "changes of objects"
    ),
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--of", choices=list(SIMULATIONS), default="runner", help="whose code is played")
    parser.add_argument("--profile", action="append", help="which kinds of scenario; default: all")
    parser.add_argument("--scenarios", type=int, default=3000, help="how many, of all profiles together")
    parser.add_argument("--seed", type=int, default=1, help="the first scenario's")
    options = parser.parse_args(arguments)
    gc.set_threshold(100_000)  # a scenario makes many small objects: 13 % of the time
    simulation = SIMULATIONS[options.of]
    profiles = options.profile or simulation.profiles
    if not set(profiles) <= set(simulation.profiles):
        parser.error(f"--profile is one of {', '.join(simulation.profiles)}")
    each = -(-options.scenarios // len(profiles))
    checked, total, failed, began = Counter[str](), 0, 0, time.perf_counter()
    for profile in profiles:
        units, violated = _play(simulation, profile, range(options.seed, options.seed + each), checked)
        total, failed = total + units, failed + violated
    took = time.perf_counter() - began
    print(*(f"{count:>12,}  {name}" for name, count in sorted(checked.items())), sep="\n")
    print(
        f"{total:,} {simulation.units} in {took:.0f} s, {total / took:.0f} a second; scenarios with violations: {failed}"
    )
    return bool(failed)


def _play(simulation: Simulation, profile: str, seeds: range, checked: Counter[str]) -> tuple[int, int]:
    """Run the scenarios of a profile; return their total size, and how many violated a property."""
    units = failed = 0
    began = told = time.perf_counter()
    for number, seed in enumerate(seeds, 1):
        plan = simulation.draw(profile, seed)
        world = simulation.world(plan)
        violations = world.play()
        units += world.units
        checked += world.judge.checked
        if violations:
            failed += 1
            if failed <= SHOWN:
                show(simulation, smallest(simulation, plan, violations[0].property))
        now = time.perf_counter()
        if now - told > PROGRESS_SECONDS or number == len(seeds):
            told = now
            speed = f"{units / (now - began):.0f} {simulation.units} a second"
            print(f"{profile}: {number:,} of {len(seeds):,} scenarios, {speed}, {failed} with violations", flush=True)
    return units, failed


def smallest(simulation: Simulation, plan: Any, name: str) -> Any:
    """Remove everything that the violation of that property does not require."""
    for smaller in plan.smaller():
        if any(violation.property == name for violation in simulation.world(smaller).play()):
            return smallest(simulation, smaller, name)
    return plan


def show(simulation: Simulation, plan: Any) -> None:
    """Print a scenario that violates a property: its plan, its trace, and the violation."""
    world = simulation.world(plan)
    violations: list[Violation] = world.play()
    print(f"--- profile {plan.profile}, seed {plan.seed}, made smaller:", *plan.lines(), *world.kernel.trace, sep="\n")
    print(*(f"!!! {violation.property}: {violation.what}" for violation in violations), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
