"""What people do meanwhile: they ask for runs, and delete GraphCrons whose runs are under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcron.api import names
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
        verbs = {"asked": ("run asked for", self._ask), "doomed": ("GraphCron deleted", self._delete_graphcron)}
        there = {member.kind.name for member in self._fleet.members}
        return {name: verb for kind, (name, verb) in verbs.items() if kind in there}

    def _ask(self) -> bool:
        """Ask for a run of one whose last request was seen: a request that is overwritten unseen asks for nothing."""
        member = self.random.choice(
            [each for each in self._fleet.members if not (each.kind.doomed or each.kind.endless)]
        )
        handled = self._crons.status(member.name).get("lastHandledTrigger", "")
        if member.triggers and handled != member.triggers[-1]:
            return False
        self._fleet.ask(member, f"{self.random.getrandbits(32):08x}")
        return True

    def _delete_graphcron(self) -> bool:
        """Delete one whose run is under way, and wait until its pods are gone."""
        with self._calm:
            alive = self._crons.server.live_runs_of
            doomed = [each for each in self._fleet.kept() if each.kind.doomed and alive(each.uid)]
            if not doomed:
                return False
            member = self.random.choice(doomed)
            self._fleet.delete(member)
            wait_for(f"end of the pods of {member.name}", lambda: not self._pods(member), seconds=180, pause=1)
        return True

    def _pods(self, member: Member) -> int:
        found = self._crons.api.get(f"{self._crons.path('pods')}?labelSelector={names.LABEL_UID}%3D{member.uid}")
        return len(found["items"])
