"""What people do meanwhile: they ask for runs, create GraphRuns, and delete both where runs are under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcron.api import names
from tests.chaos.due import of_graph_run
from tests.chaos.faults import Faults
from tests.cluster import wait_for

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from tests.chaos.faults import Plan
    from tests.chaos.fleet import Fleet, Member
    from tests.e2e.crons import Crons


class People(Faults):
    """Annotates and deletes.

    Parameters
    ----------
    calm
        Held while nothing is to happen to machines: a pod that is told to stop must reach the server.
    """

    def __init__(self, crons: Crons, fleet: Fleet, calm: threading.Lock, plan: Plan) -> None:
        super().__init__("people", plan)
        self._crons, self._fleet, self._calm = crons, fleet, calm

    def kinds(self) -> dict[str, Callable[[], bool]]:
        """Return what they do, as far as there are GraphCrons for it."""
        verbs = {
            "run asked for": ("asked", self._ask),
            "GraphRun created": ("quick", self._create_graphrun),
            "GraphRun deleted": ("doomed", self._delete_graphrun),
            "GraphCron deleted": ("doomed", self._delete_graphcron),
        }
        there = {member.kind.name for member in self._fleet.members}
        return {name: verb for name, (kind, verb) in verbs.items() if kind in there}

    def _ask(self) -> bool:
        """Ask for a run of one whose last request was seen: a request that is overwritten unseen asks for nothing."""
        member = self._lasting()
        handled = self._crons.status(member.name).get("lastHandledTrigger", "")
        if member.triggers and handled != member.triggers[-1]:
            return False
        self._fleet.ask(member, f"{self.random.getrandbits(32):08x}")
        return True

    def _create_graphrun(self) -> bool:
        """Create a GraphRun: for now, or for a time that is past."""
        member = self._lasting()
        past = {"scheduledTime": "2026-01-02T03:04:00Z"} if self.random.random() < 0.5 else {}
        self._fleet.run(member, self._fresh_name(member), **past)
        return True

    def _delete_graphrun(self) -> bool:
        """Create a GraphRun, delete it once its run is under way, and wait until its pods are gone."""
        with self._calm:
            doomed = [each for each in self._fleet.kept() if each.kind.doomed]
            if not doomed:
                return False
            member = self.random.choice(doomed)
            name = self._fresh_name(member)
            uid = self._fleet.run(member, name)
            occurrence = of_graph_run(member.uid, uid)
            wait_for(f"run of {name}", lambda: self._is_alive(member, occurrence), seconds=120, pause=1)
            self._fleet.drop(member, name)
            wait_for(f"end of the pods of {name}", lambda: not self._pods(uid), seconds=180, pause=1)
        return True

    def _lasting(self) -> Member:
        return self.random.choice([each for each in self._fleet.members if not (each.kind.doomed or each.kind.endless)])

    def _fresh_name(self, member: Member) -> str:
        return f"{member.name}-{self.random.getrandbits(32):08x}"

    def _is_alive(self, member: Member, occurrence: str) -> bool:
        runs = self._crons.server.live_runs_of(member.uid)
        return any(run["metadata"]["graphcron/occurrence"] == occurrence for run in runs)

    def _delete_graphcron(self) -> bool:
        """Delete one whose run is under way, and wait until its pods are gone."""
        with self._calm:
            alive = self._crons.server.live_runs_of
            doomed = [each for each in self._fleet.kept() if each.kind.doomed and alive(each.uid)]
            if not doomed:
                return False
            member = self.random.choice(doomed)
            self._fleet.delete(member)
            uids = [member.uid, *member.graph_runs.values()]
            wait_for(f"end of the pods of {member.name}", lambda: not any(map(self._pods, uids)), seconds=180, pause=1)
        return True

    def _pods(self, uid: str) -> int:
        found = self._crons.api.get(f"{self._crons.path('pods')}?labelSelector={names.LABEL_UID}%3D{uid}")
        return len(found["items"])
