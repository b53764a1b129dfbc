"""The leader of two replicas is killed, twice: the CronJobs fire all the while, and what ran is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cluster import wait_for
from tests.e2e.crons import QUESTION

if TYPE_CHECKING:
    from tests.e2e.crons import Crons

HOME = ("--namespace", "graphcron-system")


def scale(crons: Crons, replicas: int) -> None:
    crons.cluster.kubectl("scale", "deployment", "graphcron", *HOME, f"--replicas={replicas}")
    crons.cluster.kubectl("rollout", "status", "deployment", "graphcron", *HOME, "--timeout=120s")


def leader(crons: Crons, *, besides: str = "") -> str:
    """Wait for a leader that is none of the dead; return its pod."""

    def look() -> str:
        lease = crons.cluster.get("lease", "graphcron", *HOME)
        pod = str(lease["spec"].get("holderIdentity") or "").partition("_")[0]
        return pod if pod != besides else ""

    return wait_for("leader", look, seconds=60)


def test_cronjobs_fire_and_are_told_of_while_leaders_are_killed(crons: Crons):
    uid = crons.make(input=QUESTION, schedule="* * * * *", onRunCompleted="keep")
    scale(crons, 2)
    try:
        for number in range(2):
            dead = leader(crons)
            crons.cluster.kubectl("delete", "pod", dead, *HOME, "--force", "--grace-period=0")
            crons.apply("later", schedule=f"{number} 0 29 2 *")
            assert leader(crons, besides=dead) != dead
            crons.wait_ready("later")
        before = len(crons.server.runs_of(uid))
        runs = wait_for(
            "further run", lambda: len(crons.server.runs_of(uid)) > before and crons.server.runs_of(uid), seconds=90
        )
    finally:
        scale(crons, 1)
    times = {run["metadata"]["graphcron/scheduled-time"] for run in runs}
    assert len(times) == len(runs)
    wait_for(
        "all told", lambda: times <= {run["scheduledTime"] for run in crons.status().get("recentRuns", [])}, seconds=90
    )
    assert "missedRuns" not in crons.status()
    assert crons.get("cronjobs", "later")["metadata"]["generation"] == 2
