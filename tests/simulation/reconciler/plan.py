"""The plan of a scenario, drawn from a seed. It is a value, so that it can be printed and reduced."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from tests.simulation.reconciler.replica import FAULTS

QUIET: Final = 300.0
"""Seconds after which no more faults happen."""

USERS: Final = (
    "create", "create", "edit", "edit", "suspend", "resume", "request", "request", "delete", "recreate", "orphan",
    "foreground", "spoil", "mend",
)  # fmt: skip
"""What happens to GraphCrons."""

RUNS: Final = ("run-of", "run-of", "run-of", "run-own", "drop-run")
"""GraphRuns: with a GraphCron, with their own settings, and deleted."""

HANDS: Final = ("drop-cronjob", "meddle", "meddle", "drop-job")
"""Manual changes of users to CronJobs and Jobs."""

STRANGERS: Final = ("stranger", "stranger", "labelled", "odd", "odd")
"""Objects that others make: of a name that we need, with our labels, with values that make no sense."""

QUOTAS: Final = ("quota-jobs", "quota-cronjobs", "quota-pods", "relent", "relent")


class Action(NamedTuple):
    """An action on the scenario at a time."""

    at: float
    """Seconds after the beginning."""
    kind: str
    cron: int
    """Which GraphCron is meant."""
    choice: int
    """Decides on what is left open."""


class Plan(NamedTuple):
    """One scenario."""

    seed: int
    profile: str
    crons: int
    installations: int = 1
    standby: bool = False
    rate: float = 0.0
    """How many of the requests go wrong."""
    kinds: tuple[str, ...] = FAULTS
    lateness: float = 0.5
    """How late watches may be, in seconds."""
    slowness: float = 0.05
    """How long half of a request may take, in seconds."""
    actions: tuple[Action, ...] = ()

    def lines(self) -> list[str]:
        """Return the plan as readable lines."""
        return [f"{name} = {value}" for name, value in self._asdict().items() if name != "actions"] + [
            f"  {each}" for each in self.actions
        ]

    def smaller(self) -> Iterator[Plan]:
        """Yield plans with less in them."""
        half = len(self.actions) // 2
        if half > 2:
            yield self._replace(actions=self.actions[:half])
            yield self._replace(actions=self.actions[half:])
        for at in range(len(self.actions)):
            yield self._replace(actions=self.actions[:at] + self.actions[at + 1 :])
        simpler = {"crons": 1, "installations": 1, "standby": False, "rate": 0.0, "lateness": 0.5, "slowness": 0.05}
        for name, value in simpler.items():
            if getattr(self, name) != value:
                yield self._replace(**{name: value})
        for kind in sorted(set(self.kinds)) if self.rate and len(set(self.kinds)) > 1 else ():
            yield self._replace(kinds=tuple(each for each in self.kinds if each != kind))


class Profile(NamedTuple):
    """Which scenarios are drawn: what is not named here does not happen."""

    actions: tuple[str, ...] = USERS
    rate: float = 0.0
    kinds: tuple[str, ...] = FAULTS
    lateness: float = 0.5
    slowness: float = 0.05
    installations: int = 1
    standby: bool = False


PROFILES: Final[dict[str, Profile]] = {
    "calm": Profile(),
    "hands": Profile((*USERS, *HANDS * 2), lateness=2),
    "strangers": Profile((*USERS, *STRANGERS * 2), slowness=1),
    "late": Profile((*USERS, *HANDS, "stall"), lateness=20, slowness=0.5),
    "gaps": Profile((*USERS, *HANDS, *("stall",) * 10), lateness=2),
    "wire": Profile((*USERS, *HANDS), rate=0.2, slowness=1),
    "quotas": Profile((*USERS, *QUOTAS * 2), rate=0.1, kinds=("contention",)),
    "kills": Profile((*USERS, *HANDS, *("kill",) * 8), rate=0.05, slowness=1, standby=True),
    "runs": Profile((*USERS, *RUNS * 4, "drop-job"), lateness=5),
    "runs-and-faults": Profile(
        (*USERS, *RUNS * 6, *QUOTAS, *("stall", "kill") * 3),
        rate=0.15, lateness=5, slowness=1, installations=2, standby=True,
    ),
    "two": Profile((*USERS, *HANDS, "kill"), lateness=3, slowness=0.5, installations=2),
    "all": Profile(
        (*USERS, *RUNS, *HANDS, *STRANGERS, *QUOTAS, *("stall", "kill") * 4, "namespace"),
        rate=0.1, lateness=10, slowness=1, installations=2, standby=True,
    ),
}  # fmt: skip


def draw(profile: str, seed: int) -> Plan:
    """Draw a scenario."""
    random, chosen = Random(f"{profile}/{seed}"), PROFILES[profile]
    crons = random.choice((1, 1, 1, 2, 3))
    actions = [Action(0.0, "create", cron, random.randrange(100)) for cron in range(crons)]
    at = random.uniform(0, 30)
    while at < QUIET:
        actions.append(
            Action(round(at, 2), random.choice(chosen.actions), random.randrange(crons), random.randrange(100))
        )
        # Often close together, so that several meet in one reconciliation.
        at += random.choice((0.05, 0.5, 3, 30, 90)) * random.uniform(0.2, 1)
    return Plan(
        seed=seed,
        profile=profile,
        crons=crons,
        installations=random.randint(1, chosen.installations),
        standby=chosen.standby and random.random() < 0.5,
        rate=random.uniform(0, 2 * chosen.rate),
        kinds=chosen.kinds,
        lateness=chosen.lateness,
        slowness=chosen.slowness,
        actions=tuple(actions),
    )
