"""The plan of a scenario, drawn from a seed. It is a value, so that it can be printed and reduced."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Final, NamedTuple

from graphcron.contract import Budget, Request
from tests.simulation.wire import ENDS, KINDS, Faults

MINUTE: Final = 60

POD_ACTIONS: Final = ("kill", "drain", "lose")
"""SIGKILL; SIGTERM, and SIGKILL after the grace period; a node that is considered dead while its pod continues."""

PERSON_ACTIONS: Final = ("cancel",)


class Action(NamedTuple):
    """An action on the scenario at a time."""

    at: float
    """Seconds after the beginning."""
    kind: str


class Plan(NamedTuple):
    """One scenario."""

    seed: int
    profile: str
    crons: int
    occurrences: int
    period: int
    """Seconds between two occurrences."""
    request: Request
    faults: Faults = Faults()
    skew: float = 0.0
    """Seconds by which a pod's clock may be wrong."""
    clocks: tuple[tuple[str, float], ...] = ()
    """Pods whose clocks are wrong by just so much."""
    doubled: frozenset[int] = frozenset()
    """The occurrences that two Jobs are made for."""
    actions: tuple[Action, ...] = ()
    outages: tuple[tuple[float, float], ...] = ()
    """Periods in which the server is unreachable."""
    one_job: bool = False
    """The CronJob controller makes no Job while another of the GraphCron is active, and the latest one after it."""

    def lines(self) -> list[str]:
        """Return the plan as readable lines."""
        return [f"{name} = {value}" for name, value in self._asdict().items() if value not in ((), frozenset())]

    def smaller(self) -> Iterator[Plan]:
        """Yield plans with less in them: fewer actions, occurrences, doubles and faults."""
        for at in range(len(self.actions)):
            yield self._replace(actions=self.actions[:at] + self.actions[at + 1 :])
        if self.occurrences > 1:
            yield self._replace(occurrences=self.occurrences - 1)
        if self.crons > 1:
            yield self._replace(crons=self.crons - 1)
        for each in sorted(self.doubled):
            yield self._replace(doubled=self.doubled - {each})
        if self.outages:
            yield self._replace(outages=())
        if self.skew:
            yield self._replace(skew=0.0)
        for kind in sorted(set(self.faults.kinds)) if self.faults.rate and len(set(self.faults.kinds)) > 1 else ():
            kinds = tuple(each for each in self.faults.kinds if each != kind)
            yield self._replace(faults=self.faults._replace(kinds=kinds))


class Profile(NamedTuple):
    """Which scenarios are drawn: what is not named here is drawn always."""

    fault_rate: float = 0.0
    kinds: tuple[str, ...] = KINDS
    pod_actions: tuple[str, ...] = ()
    person_actions: tuple[str, ...] = ()
    doubles: bool = False
    skew: float = 0.0
    outages: bool = False
    policies: tuple[str, ...] = ("Forbid", "Allow", "Replace")
    limit: bool = False
    shared: bool | None = None
    retries: bool | None = None
    budget: bool = False
    most: int = 4
    """Most occurrences of a GraphCron."""
    queues: float = 0.0
    """How often the policy is ``Queue`` instead."""


PROFILES: Final[dict[str, Profile]] = {
    "calm": Profile(),
    "kills": Profile(pod_actions=POD_ACTIONS, fault_rate=0.04, kinds=ENDS),
    "doubles": Profile(doubles=True, pod_actions=("kill",), fault_rate=0.04, kinds=ENDS),
    "wire": Profile(fault_rate=0.15),
    "late-errors": Profile(fault_rate=0.15, kinds=("busy-late", "busy-done", "late"), shared=True),
    "capacity": Profile(limit=True, pod_actions=POD_ACTIONS, fault_rate=0.05, kinds=ENDS),
    "replace": Profile(
        limit=True, policies=("Replace",), pod_actions=POD_ACTIONS, fault_rate=0.08, kinds=(*KINDS, *ENDS), doubles=True
    ),
    "people": Profile(person_actions=PERSON_ACTIONS * 2, pod_actions=POD_ACTIONS, fault_rate=0.04, kinds=ENDS),
    "skew": Profile(skew=5.0, pod_actions=("kill",)),
    "retries": Profile(retries=True, pod_actions=POD_ACTIONS, fault_rate=0.05, kinds=(*KINDS, *ENDS)),
    "budget": Profile(budget=True, pod_actions=POD_ACTIONS, fault_rate=0.05, kinds=(*KINDS, *ENDS)),
    "outages": Profile(outages=True, pod_actions=("drain",)),
    "queue": Profile(
        queues=1.0, pod_actions=POD_ACTIONS, fault_rate=0.05, kinds=(*KINDS, *ENDS), doubles=True, skew=3.0, most=7
    ),
    "queue-capacity": Profile(queues=1.0, pod_actions=POD_ACTIONS, fault_rate=0.05, kinds=ENDS, limit=True),
    "all": Profile(
        fault_rate=0.1,
        kinds=(*KINDS, *ENDS),
        pod_actions=POD_ACTIONS,
        person_actions=PERSON_ACTIONS,
        doubles=True,
        skew=3.0,
        outages=True,
        limit=True,
        queues=0.25,
    ),
}


def draw(profile: str, seed: int) -> Plan:
    """Draw a scenario."""
    random, chosen = Random(f"{profile}/{seed}"), PROFILES[profile]
    period = random.choice((1, 1, 2)) * MINUTE
    occurrences = random.randint(2, chosen.most)
    end = occurrences * period
    kinds = [*chosen.pod_actions * 2, *chosen.person_actions]
    actions = (
        [Action(round(random.uniform(0, end + 120), 2), random.choice(kinds)) for _ in range(random.randint(1, 5))]
        if kinds
        else []
    )
    first = random.uniform(0, end)
    return Plan(
        seed=seed,
        profile=profile,
        crons=random.randint(2, 3) if chosen.limit else 1,
        occurrences=occurrences,
        period=period,
        request=_queued(Random(f"{profile}/{seed}/queue"), chosen, _request(random, chosen)),
        faults=Faults(random.uniform(0, 2 * chosen.fault_rate), chosen.kinds) if chosen.fault_rate else Faults(),
        skew=chosen.skew,
        doubled=frozenset(at for at in range(occurrences) if chosen.doubles and random.random() < 0.5),
        actions=tuple(sorted(actions)),
        outages=((round(first, 1), round(first + random.uniform(5, 200), 1)),) if chosen.outages else (),
        one_job=Random(f"{profile}/{seed}/one-job").random() < 0.5,
    )


def _queued(random: Random, profile: Profile, request: Request) -> Request:
    """Let occurrences queue, by making many runs longer than the period."""
    if random.random() >= profile.queues:
        return request
    steps = random.randint(1, 4)
    return request._replace(
        input={**request.input, "steps": steps, "seconds": round(random.choice((20, 80, 150)) / steps, 1)},
        concurrencyPolicy="Queue",
        queueLimit=random.choice((1, 1, 2, 10)),
        startingDeadlineSeconds=random.choice((60, 200, 600)),
    )


def _request(random: Random, profile: Profile) -> Request:
    steps = random.randint(1, 6)
    graph_input: dict[str, Any] = {
        "steps": steps,
        "seconds": round(random.choice((0.5, 3, 10, 25)) * random.uniform(0.5, 1.5), 1),
    }
    retries = random.random() < 0.3 if profile.retries is None else profile.retries
    if random.random() < 0.2 or retries:
        graph_input["failures"] = random.randint(0, 2)
    if profile.budget:
        graph_input["tokens"] = random.randint(10, 200)
    shared = random.random() < 0.3 if profile.shared is None else profile.shared
    return Request(
        url="http://langgraph:8000",
        assistant="agent",
        thread="5eed0000-0000-4000-8000-000000000000" if shared else None,
        createThread=shared,
        input=graph_input,
        run={"multitask_strategy": random.choice(("enqueue", "reject"))} if shared else None,
        onRunCompleted=random.choice(("delete", "keep")),
        concurrencyPolicy=random.choice(profile.policies),
        startingDeadlineSeconds=random.choice((30, 60, 120, 200)),
        timeoutSeconds=random.choice((None, None, 45, 120)),
        retryAttempts=random.randint(1, 2) if retries else 0,
        retryOnGraphError=retries,
        retryResume=random.random() < 0.5,
        maxConcurrentRuns=random.randint(1, 2) if profile.limit else None,
        budget=Budget(maxTokensPerRun=random.choice((None, 300))) if profile.budget else None,
    )
