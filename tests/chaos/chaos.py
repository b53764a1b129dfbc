"""One round of chaos: set up, break things, heal, wait until all is settled, and judge."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.chaos.faults import NOT_NOW, Plan
from tests.chaos.fleet import Fleet
from tests.chaos.gather import cron_of, end_of, evidence, gather, is_run, outcomes
from tests.chaos.judge import Finding, figures, judge, unbegun, untold
from tests.chaos.machines import MachineFaults
from tests.chaos.people import People
from tests.chaos.pods import PodFaults
from tests.chaos.records import MINUTE
from tests.chaos.server import Reader, Server
from tests.chaos.watcher import Watcher
from tests.chaos.wire import FAULTS, WireFaults, count
from tests.client import Api
from tests.conftest import operator_values
from tests.e2e.api import LangGraph
from tests.e2e.crons import Crons
from tests.e2e.faulty import Faulty
from tests.e2e.killer import Killer
from tests.e2e.mesh import SIDECAR, Mesh

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cluster import Cluster

NAMESPACE = "chaos"
READ_SECONDS = 10.0

PAUSES = {"pods": (2.0, 7.0), "machines": (4.0, 12.0), "wire": (3.0, 6.0), "people": (8.0, 20.0)}
SHORT_PAUSES = {"pods": (0.5, 4.0), "machines": (0.5, 2.0), "wire": (2.0, 4.0), "people": (0.5, 2.0)}


def long_plan(seed: int, occurrences: int = 300) -> Plan:
    """Return the plan of ``make chaos``."""
    return Plan(seed, occurrences, long=True, deadline=90, pauses=PAUSES)


def short_plan(seed: int, occurrences: int = 30) -> Plan:
    """Return the plan of the tests."""
    return Plan(seed, occurrences, long=False, deadline=60, pauses=SHORT_PAUSES)


class Result(NamedTuple):
    """What came of it."""

    plan: Plan
    occurrences: int
    outcomes: Counter[str]
    happened: Counter[str]
    missing: list[str]
    """Faults that never happened."""
    findings: list[Finding]
    log: list[str]
    """What was done when."""

    @property
    def good(self) -> bool:
        """Whether all held, and enough happened to say so."""
        return not self.findings and not self.missing and self.occurrences >= self.plan.occurrences

    def text(self) -> str:
        """Return the account for people; the figures are its last lines."""
        lines = [f"{name}: {number}" for name, number in sorted(self.happened.items())]
        lines += [f"never happened: {name}" for name in self.missing]
        told = ", ".join(f"{name} {number}" for name, number in self.outcomes.most_common())
        lines += [f"occurrences: {self.occurrences} (seed {self.plan.seed}): {told}"]
        lines += [f"{finding.figure}: {finding.about}: {finding.text}" for finding in self.findings]
        if self.occurrences < self.plan.occurrences:
            lines.append(f"too few occurrences: {self.plan.occurrences} were wanted")
        return "\n".join([*lines, *(f"{figure}: {number}" for figure, number in figures(self.findings).items())])


class Chaos:
    """All that takes part."""

    def __init__(self, cluster: Cluster, plan: Plan, say: Callable[[str], None]) -> None:
        self._cluster, self._plan, self._say = cluster, plan, say
        api = cluster.api
        self.crons = Crons(cluster, api, LangGraph(api, NAMESPACE), NAMESPACE)
        self.server = Server(cluster, api, self.crons.server, NAMESPACE)
        self.watcher = Watcher(Api(cluster.kubeconfig), NAMESPACE)
        self._reader = Reader(self.server, READ_SECONDS)
        self._killer: Killer | None = None
        self._mesh = Mesh(self.crons)
        self._threads: list[Any] = []

    def run(self) -> Result:
        """Do it all."""
        self._install()
        self._say("making the GraphCrons")
        fleet = Fleet(self.crons, self._faulty.url, long=self._plan.long, deadline=self._plan.deadline)
        self.watcher.start()
        fleet.make()
        self._reader.start()
        threads = self._threads = self._faults(fleet)
        self._break(fleet, threads)
        happened = sum((each.happened for each in threads), Counter()) + count(self._faulty.requests())
        del happened["rules"]
        happened["sidecar"] = sum(SIDECAR in str(pod["spec"]["containers"]) for pod in self.watcher.objects("pods"))
        self._settle(fleet)
        self.watcher.close()
        records = gather(fleet, self.watcher, self.server, self._reader.close())
        missing = [name for each in threads for name in each.kinds() if not each.happened[name]]
        missing += [f"wire: {name}" for name in FAULTS if not happened[f"wire: {name}"]]
        missing += ["sidecar"] if self._mesh.is_known() and not happened["sidecar"] else []
        findings = judge(records)
        log = [*self.log(), *(line for each in findings for line in evidence(each, self.watcher, self.crons))]
        number = fleet.occurrences(time.time())
        return Result(self._plan, number, outcomes(records), happened, missing, findings, log)

    def log(self) -> list[str]:
        """Return what was done when, so far."""
        return sorted(line for each in self._threads for line in each.log)

    def close(self) -> None:
        """Take everything away that would be in the way of others on the same cluster."""
        self.watcher.close()
        self._mesh.remove()
        if self._killer:
            self._killer.close()
        self._cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")

    # --- the stages -------------------------------------------------------------------------------------------------

    def _install(self) -> None:
        import installing

        self._say("installing the operator, the LangGraph server and the fault proxy")
        installing.make_namespace(self._cluster, NAMESPACE)
        self.server.apply()
        if self._mesh.is_known():
            self._mesh.install()
        installing.apply_operator(self._cluster, operator_values())
        self._killer = killer = Killer(self._cluster)
        self._faulty = Faulty(self.crons)
        self._faulty.start()
        node = self.crons.api.get("/api/v1/nodes")["items"][0]["metadata"]["name"]
        killer.prepare(node)
        installing.wait_for_rollout(self._cluster, installing.OPERATOR_NAMESPACE, installing.RELEASE)
        self.server.wait_ready()

    def _faults(self, fleet: Fleet) -> list[Any]:
        calm = threading.Lock()
        spared = frozenset(member.name for member in fleet.members if member.kind.doomed)
        return [
            PodFaults(self.crons, self.watcher, self._killer, spared=spared, plan=self._plan),
            MachineFaults(self.crons, self.server, self._killer, calm, plan=self._plan),
            WireFaults(self._faulty, self._plan),
            People(self.crons, fleet, calm, self._plan),
        ]

    def _break(self, fleet: Fleet, threads: list[Any]) -> None:
        """Let faults happen until enough occurrences were due and each kind has been, or that takes too long."""
        with ExitStack() as ends:  # the last first, and all of them whatever one of them raises
            for each in reversed(threads):
                ends.callback(each.heal)
            ends.callback(self._say, "the faults are over: healing")
            for each in threads:
                each.start()
                ends.callback(each.close)
            self._say(f"{len(fleet.members)} GraphCrons; faults from seed {self._plan.seed}")
            self._wait_enough(fleet, threads)

    def _wait_enough(self, fleet: Fleet, threads: list[Any]) -> None:
        began, told = time.time(), 0.0
        while True:
            number = fleet.occurrences(time.time() - 15)
            happened = {name: each.happened[name] > 0 for each in threads for name in each.kinds()}
            waits = [name for name, done in happened.items() if not done]
            if is_enough(self._plan, number, list(happened.values()), time.time() - began):
                return
            enough = number >= self._plan.occurrences
            if time.time() - told > 30:
                told = time.time()
                faults = sum(sum(each.happened.values()) for each in threads)
                self._say(
                    f"{number} occurrences, {faults} faults" + (f"; to come: {', '.join(waits)}" if enough else "")
                )
            time.sleep(0.5)

    def _settle(self, fleet: Fleet) -> None:
        """Stop the schedules, and wait until all that was begun has ended and been told."""
        self._say("no further occurrences; waiting for those that go on")
        patience = self._plan.deadline + 300
        for member in list(fleet.kept()):
            if member.kind.endless or member.kind.doomed:
                # One whose pod was killed a moment ago has nobody to cancel its run before the next pod comes.
                _try_until(time.time() + 120, lambda uid=member.uid: self._is_followed(uid))
                fleet.delete(member)
        seen = lambda: gather(fleet, self.watcher, self.server, None)  # noqa: E731
        # What is not started when its GraphCron is suspended has neither a run nor an outcome.
        _try_until(time.time() + patience, lambda: 12 < time.time() % MINUTE < 50 and not unbegun(seen()))
        fleet.suspend()
        until = time.time() + patience
        _try_until(until, lambda: not any(is_run(job) and not end_of(job) for job in self.watcher.present("jobs")))
        _try_until(until, lambda: not untold(seen()))
        alive = lambda: any(self.crons.server.live_runs_of(each.uid) for each in fleet.members)  # noqa: E731
        _try_until(time.time() + 60, lambda: not alive())

    def _is_followed(self, uid: str) -> bool:
        """Tell whether each live run of a GraphCron has a pod that knows of it."""
        runs = {run["run_id"] for run in self.crons.server.live_runs_of(uid)}
        jobs = [job for job in self.watcher.present("jobs") if is_run(job) and not end_of(job)]
        own = [job["metadata"]["name"] for job in jobs if cron_of(job) == uid]
        logs = "".join(self.crons.log(job, of_running=True) for job in own)  # a pod that was killed knew of it, too
        return all(run in logs for run in runs)


def is_enough(plan: Plan, occurrences: int, happened: list[bool], seconds: float) -> bool:
    """Tell whether enough was due and each kind of fault has been; after a while, most of them are enough."""
    patience = 900 if plan.long else 180
    longest = max(1500, 3 * plan.occurrences) if plan.long else 600
    least = len(happened) if seconds < patience else -(-len(happened) // 2)
    return seconds > longest or (occurrences >= plan.occurrences and sum(happened) >= least)


def _try_until(deadline: float, look: Callable[[], bool]) -> None:
    """Wait until something is so; where it never is, the judge says what is wrong."""
    while time.time() < deadline:
        with suppress(*NOT_NOW):
            if look():
                return
        time.sleep(1)
