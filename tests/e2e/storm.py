"""Many GraphCrons applied at once, as a repository that is synced into a new cluster; what happens is measured."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from graphcron.api import names
from tests.cluster import wait_for
from tests.e2e.crons import NEVER, QUESTION, runner_state
from tests.objects import condition

if TYPE_CHECKING:
    from tests.e2e.crons import Crons

HOME = ("--namespace", "graphcron-system")
STEADY = "steady"
"""The GraphCron that was there before, and runs each minute."""

MINUTE = timedelta(minutes=1)


class Operator(NamedTuple):
    """What of the operator must be the same before and after."""

    pod: str
    restarts: int
    holder: str


class Figures(NamedTuple):
    """What was measured."""

    graphcrons: int
    applied: float
    """Seconds until kubectl had applied all of them."""
    ready: float
    """Seconds until all were Ready, from the start of the apply."""
    resolved: float
    """Seconds until all were TargetResolved."""
    most_preflights: int
    """The most preflights under way at a time that were seen."""
    wrong: dict[str, str]
    """What was found wrong, though nothing is, by GraphCron."""
    before: Operator
    after: Operator
    skipped: list[str]
    """Minutes in which the GraphCron that was there before started no run."""
    minutes: int
    """How many it was due in."""


def storm(crons: Crons, number: int, *, seconds: float) -> Figures:
    """Apply them, and wait until each was looked at."""
    uid = crons.make(STEADY, schedule="* * * * *", input=QUESTION, onRunCompleted="keep", history={"runs": 100})
    wait_for("run of the GraphCron that was there before", lambda: crons.server.runs_of(uid), seconds=120)
    first, before, began = datetime.now(UTC), _operator(crons), time.monotonic()
    crons.cluster.kubectl(
        "apply", "--namespace", crons.namespace, "-f", "-", stdin=_graphcrons(crons, number), timeout=600
    )
    applied, ready, most, wrong = time.monotonic() - began, 0.0, 0, dict[str, str]()

    def look() -> float:
        nonlocal ready, most
        targets = {}
        all_ready = True
        for each in crons.items("graphcrons"):
            name = each["metadata"]["name"]
            if name != STEADY:
                all_ready &= condition(each, "Ready").get("status") == "True"
                targets[name] = condition(each, "TargetResolved")
        ready = ready or (time.monotonic() - began if all_ready else 0.0)
        wrong.update({name: each["message"] for name, each in targets.items() if each.get("status") == "False"})
        most = max(most, _preflights(crons))
        done = len(targets) == number and all(each.get("status") == "True" for each in targets.values())
        return time.monotonic() - began if done and ready else 0.0

    resolved = wait_for(f"{number} GraphCrons that were looked at", look, seconds=seconds, pause=1)
    due = _due(first, datetime.now(UTC))
    time.sleep(max(0.0, (due[-1] + 2 * MINUTE - datetime.now(UTC)).total_seconds()))  # its start deadline has passed
    started = {run["metadata"]["graphcron/scheduled-time"] for run in crons.server.runs_of(uid)}
    skipped = [f"{each:%H:%M}" for each in due if f"{each:%Y-%m-%dT%H:%M:00Z}" not in started]
    return Figures(number, applied, ready, resolved, most, wrong, before, _operator(crons), skipped, len(due))


def _graphcrons(crons: Crons, number: int) -> str:
    items = [
        {
            "apiVersion": "graphcron.dev/v1alpha1",
            "kind": "GraphCron",
            "metadata": {"name": f"storm-{each:03}", "namespace": crons.namespace},
            "spec": {"assistant": "agent", "schedule": NEVER, "input": QUESTION},
        }
        for each in range(number)
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _preflights(crons: Crons) -> int:
    """Return how many preflight Jobs are under way: neither over, nor with a runner that has ended."""
    jobs, pods = (
        crons.api.get(f"{crons.path(kind)}?labelSelector=graphcron.dev/purpose%3Dpreflight")["items"]
        for kind in ("jobs", "pods")
    )
    ended = {each["metadata"]["labels"][names.LABEL_JOB_NAME] for each in pods if "terminated" in runner_state(each)}
    return sum(not _is_over(job) and job["metadata"]["name"] not in ended for job in jobs)


def _is_over(job: Any) -> bool:
    conditions = job.get("status", {}).get("conditions", [])
    return any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions)


def _operator(crons: Crons) -> Operator:
    selector = ("--selector", "app.kubernetes.io/name=graphcron,app.kubernetes.io/component!=test")
    (pod,) = [
        each for each in crons.cluster.items("pods", *HOME, *selector) if "deletionTimestamp" not in each["metadata"]
    ]
    lease = crons.cluster.get("lease", "graphcron", *HOME)
    restarts = sum(each["restartCount"] for each in pod["status"]["containerStatuses"])
    return Operator(pod["metadata"]["name"], restarts, lease["spec"]["holderIdentity"])


def _due(first: datetime, last: datetime) -> list[datetime]:
    """Return the minutes that began in between."""
    minute = first.replace(second=0, microsecond=0) + MINUTE
    return [minute + number * MINUTE for number in range(int((last - minute) / MINUTE) + 1)]
