"""What goes wrong: pods, machines, the wire, and people who ask for runs and delete GraphCrons meanwhile.

Each is a thread with random numbers of its own, so that one seed gives each the same plan however the others fare.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from contextlib import nullcontext
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import urllib3

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

NOT_NOW = (AssertionError, OSError, ValueError, KeyError, subprocess.SubprocessError, urllib3.exceptions.HTTPError)
"""What a fault may fail with while another one is under way: it is tried again later, and does not count."""


class Plan(NamedTuple):
    """How much of it."""

    seed: int
    occurrences: int
    """At least so many."""
    long: bool
    """Many GraphCrons of each kind, else few."""
    deadline: int
    """``startingDeadlineSeconds`` of the GraphCrons."""
    pauses: dict[str, tuple[float, float]]
    """Least and longest time between two faults of a thread, in seconds, by its name."""


class Faults(threading.Thread):
    """Makes faults until closed: each kind once, in random order, then once more, and so on.

    Parameters
    ----------
    name
        Which of the threads it is.
    plan
        Seed and pace.
    """

    def __init__(self, name: str, plan: Plan) -> None:
        super().__init__(name=name, daemon=True)
        self.random = Random(f"{plan.seed} {name}")
        self.happened: Counter[str] = Counter()
        self._pause = plan.pauses[name]
        self._over = threading.Event()
        self.guard: AbstractContextManager[Any] = nullcontext()
        """Held while a fault is under way."""
        self.log: list[str] = []
        self._failure: BaseException | None = None

    def kinds(self) -> dict[str, Callable[[], bool]]:
        """Return the faults by name; each tells whether it has happened."""
        raise NotImplementedError

    def run(self) -> None:
        """Make faults until closed."""
        try:
            self._make()
        except BaseException as error:
            self._failure = error
            raise

    def _make(self) -> None:
        kinds = self.kinds()
        order: list[str] = []
        while kinds and not self.rest(self.random.uniform(*self._pause)):
            order = order or self.random.sample(sorted(kinds), len(kinds))
            name = order.pop(0)
            began = time.time()
            try:
                with self.guard:
                    done = kinds[name]()
            except NOT_NOW as error:
                self.note(f"{name} failed: {type(error).__name__} {str(error)[:200]}")
                done = False
            if done:
                self.happened[name] += 1
                self.note(f"{name} ({time.time() - began:.1f} s)")
            elif order and not self.happened[name]:
                order.append(name)  # it has not been yet: once more in this round

    def heal(self) -> None:
        """Put right what is broken still."""

    def rest(self, seconds: float) -> bool:
        """Wait; return whether that is all."""
        return self._over.wait(seconds)

    def note(self, text: str) -> None:
        """Write down what happened."""
        self.log.append(f"{time.strftime('%H:%M:%S')} {text}")

    def close(self) -> None:
        """End; the fault that is under way is brought to its end."""
        self._over.set()
        self.join(600)
        assert not self.is_alive(), f"a fault never ended: {self.log[-3:]}"
        assert self._failure is None, f"{self.name} broke down: {self._failure!r}"


def pick(random: Random, found: list[Any]) -> Any:
    """Return one of a list, whatever its order; None: it is empty."""
    found = sorted(found, key=lambda each: each["metadata"]["name"])
    return random.choice(found) if found else None
