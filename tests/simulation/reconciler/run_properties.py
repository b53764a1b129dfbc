"""Properties of GraphRuns in every scenario."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from graphcron.api import names
from graphcron.contract import Outcome
from tests.simulation.reconciler.api import GRAPHCRONS, GRAPHRUNS, JOBS, Body, Change

if TYPE_CHECKING:
    from tests.simulation.reconciler.world import World

Check = Callable[[bool, str, str], None]

ENDS: Final = ("Complete", "Failed")


class RunJudge:
    """Checks how the operator treats GraphRuns.

    Parameters
    ----------
    began
        Returns when the reconciliation began that makes a change.
    """

    def __init__(self, world: World, check: Check, began: Callable[[Change, Body], float]) -> None:
        self._world, self._check, self._began = world, check, began
        self._there: set[str] = set()
        """UIDs of all GraphRuns that there ever were."""
        self._gone: dict[str, float] = {}
        self._made = Counter[str]()
        """By UID of a GraphRun, the Jobs that were made for it."""
        self._job_of: dict[str, str] = {}
        """By UID of a GraphRun, that of its Job."""
        self._dropped: set[str] = set()
        """UIDs of GraphRuns whose Job a user has deleted."""

    def knows(self, uid: str) -> bool:
        """Return whether there ever was a GraphRun of this UID."""
        return uid in self._there

    def changed(self, change: Change) -> None:
        """Check and store a change."""
        is_operator = change.by.startswith("op-")
        if change.resource == GRAPHRUNS:
            if is_operator:
                self._check_written(change)
            uid = change.body["metadata"]["uid"]
            self._there.add(uid)
            if change.after is None:
                self._gone[uid] = self._world.kernel.now
        elif change.resource == JOBS:
            owner = next((each["uid"] for each in change.body["metadata"].get("ownerReferences", ())), "")
            if change.before is None and is_operator and owner in self._there:
                self._check_created(change, owner)
            if change.after is None and change.by == "kubectl":
                self._dropped.add(owner)

    def _check_written(self, change: Change) -> None:
        before, after = change.before, change.after
        assert before
        what = f"{change.by} writes to GraphRun {before['metadata']['name']}"
        if after is None:
            has_ttl = "ttlSecondsAfterFinished" in before["spec"]
            self._check(has_ttl and is_over(before), "only a GraphRun that is over is deleted, for its TTL", what)
            return
        rest = [{**each, "status": 0, "metadata": 0} for each in (before, after)]
        self._check(rest[0] == rest[1], "of a GraphRun only the status is written", what)
        self._check(not is_over(before), "a GraphRun ends once", f"{what}: {before.get('status')} → {after['status']}")
        kinds = [each["type"] for each in after["status"]["conditions"] if each["status"] == "True"]
        ends = [kind for kind in kinds if kind in ENDS]
        self._check(ends in ([], ["Complete"], ["Failed"]), "a GraphRun has one end", f"{what}: {kinds}")
        self._check(bool(ends) != ("Reconciling" in kinds), "an active GraphRun is reconciling", f"{what}: {kinds}")

    def _check_created(self, change: Change, owner: str) -> None:
        name = change.body["metadata"]["name"]
        gone = self._gone.get(owner, self._world.kernel.now)
        began = self._began(change, change.body)
        self._check(gone >= began, "nothing is made for a GraphRun that was gone", f"{change.by} makes {name}")
        self._made[owner] += 1
        self._job_of[owner] = change.body["metadata"]["uid"]
        # One that was deleted by hand before any answer or watch had shown it is made again.
        is_once = self._made[owner] == 1 or owner in self._dropped
        self._check(is_once, "one Job for a GraphRun", f"{change.by} makes {name}")

    # --- when all has come right

    def settled(self) -> None:
        """Check everything after a time without faults."""
        for body in self._world.api.all(GRAPHRUNS):
            self._check_ended(body)

    def _check_ended(self, body: Body) -> None:
        metadata, status = body["metadata"], body.get("status", {})
        place = f"{metadata['namespace']}/{metadata['name']}: {status}"
        self._check(is_over(body), "each GraphRun ends", place)
        job = self._job_of.get(metadata["uid"], "")
        outcome = self._world.controllers.outcomes.get(job)
        if not is_over(body):
            return
        if not job:
            ends = {Outcome.SKIPPED, Outcome.REJECTED}
            self._check(status["outcome"] in ends, "a GraphRun without a Job has not run", place)
        elif outcome and metadata["uid"] not in self._dropped and self._made[metadata["uid"]] == 1:
            self._check(status["outcome"] == outcome, "a GraphRun ends as its run did", f"{place} was {outcome}")
        self._check_listed(body, status, place)

    def _check_listed(self, body: Body, status: Any, place: str) -> None:
        """Check that a GraphCron lists the run, if it still exists."""
        metadata, reference = body["metadata"], body["spec"].get("graphCronRef", {})
        key = (GRAPHCRONS, metadata["namespace"], reference.get("name", ""))
        cron = self._world.api.objects.get(key)
        if not cron or cron["metadata"]["uid"] != status.get("graphCronUid"):
            return
        told = [each for each in cron["status"].get("recentRuns", ()) if each.get("job") == status.get("job")]
        about = [each for each in told if each.get("graphRun") == metadata["name"]]
        if status.get("job"):
            right = [each["outcome"] for each in about] == [status["outcome"]]
            self._check(right, "a GraphCron lists its GraphRuns", f"{place}, listed as {told}")
        active = [each for each in cron["status"].get("active", ()) if each.get("graphRun")]
        self._check(not active, "a GraphRun that is over is not active", f"{place}: {active}")


def is_over(body: Body) -> bool:
    """Return whether a GraphRun has ended."""
    conditions = body.get("status", {}).get("conditions", ())
    return any(each["type"] in ENDS and each["status"] == "True" for each in conditions)


def is_of_graph_run(job: Body) -> bool:
    """Return whether a Job is that of a GraphRun."""
    return bool(job["metadata"].get("labels", {}).get(names.LABEL_PURPOSE) == names.Purpose.RUN)
