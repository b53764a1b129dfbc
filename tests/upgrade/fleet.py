"""GraphCrons and GraphRuns of several kinds, in the middle of their lives, and a look at all of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from graphcron.api import names
from tests.cluster import wait_for
from tests.e2e.crons import QUESTION
from tests.objects import condition
from tests.upgrade.judge import Seen

if TYPE_CHECKING:
    from tests.e2e.crons import Crons

EVERY_MINUTE = "every-minute"
FIRING = frozenset({EVERY_MINUTE})
ACTIVE = "active"
ACTIVE_RUN = "run-active"
SECONDS = 90
"""How long the runs go on that are active when the upgrade begins: an upgrade takes a quarter of that."""

_KEEP = {"input": QUESTION, "onRunCompleted": "keep"}

SPECS: dict[str, dict[str, Any]] = {
    "suspended": {**_KEEP, "suspend": True, "schedule": "* * * * *"},
    "campaign": {**_KEEP, "schedule": "* * * * *", "startTime": "2999-01-01T00:00:00Z"},
    "several": {**_KEEP, "schedules": ["0 0 29 2 *", "0 6 29 2 *", "0 12 29 2 *"]},
    "asked": _KEEP,
    "paused": {"assistant": "failing", "failurePolicy": {"pauseAfterConsecutiveFailures": 1}, "schedule": "* * * * *"},
    "served": {**_KEEP, "serverRef": {"name": "shared"}, "preflight": True},
    EVERY_MINUTE: {**_KEEP, "schedule": "* * * * *", "history": {"successful": 100, "runs": 100}},
    ACTIVE: {"assistant": "steps", "input": {"steps": SECONDS, "seconds": 1}, "onRunCompleted": "keep"},
}
RUNS: dict[str, dict[str, Any]] = {
    "run-of-graphcron": {"graphCronRef": {"name": "campaign"}},
    "run-alone": {**_KEEP, "assistant": "agent"},
}
"""GraphRuns that are over when the upgrade begins."""

_READY = {"suspended": "Suspended", "campaign": "NotYetActive"}


def settle(crons: Crons) -> None:
    """Make them, and wait until each has the past that it is to keep."""
    server = {"apiVersion": names.API_VERSION, "kind": names.SERVER_KIND, "metadata": {"name": "shared"}}
    crons.cluster.apply({**server, "spec": {"url": crons.server.url}}, namespace=crons.namespace)
    for name, spec in SPECS.items():
        crons.apply(name, **spec)
    for name in SPECS:
        crons.wait_ready(name, reason=_READY.get(name, "Reconciled"))
    for name in ("asked", "paused"):
        crons.ask(names.ANNOTATION_RUN_REQUESTED, "once", name)
    for name in ("asked", "paused", EVERY_MINUTE):
        wait_for(f"first run of {name}", lambda name=name: crons.status(name).get("recentRuns"), seconds=150)
    for name, spec in RUNS.items():
        _make_run(crons, name, spec)
    for name in RUNS:
        assert crons.run_end(name)["outcome"] == "Succeeded"
    crons.wait("that is paused", "graphcrons", "paused", lambda found: condition(found, "Paused"))
    assert crons.wait_target("served")["status"] == "True"


def start_active(crons: Crons) -> tuple[Any, Any]:
    """Start the runs that are to be active, one of a GraphCron and one of a GraphRun; return them as they run."""
    crons.ask(names.ANNOTATION_RUN_REQUESTED, "during", ACTIVE)
    uid = _make_run(crons, ACTIVE_RUN, SPECS[ACTIVE])
    runs = crons.wait_running(crons.get("graphcrons", ACTIVE)["metadata"]["uid"]), crons.wait_running(uid)
    crons.wait("that tells of it", "graphcrons", ACTIVE, lambda found: found["status"].get("active"))
    return runs


def _make_run(crons: Crons, name: str, spec: dict[str, Any]) -> str:
    """Create a GraphRun, which names its server unless its GraphCron does; return its UID."""
    server = {} if "graphCronRef" in spec else {"server": {"url": crons.server.url}}
    return crons.make_run(name, **spec, **server)


def look(crons: Crons) -> Seen:
    """Look at all there is."""
    kinds = ("graphcrons", "graphruns", "graphservers", "cronjobs", "jobs")
    graphcrons, graphruns, graphservers, cronjobs, jobs = (
        {each["metadata"]["name"]: each for each in crons.items(kind)} for kind in kinds
    )
    jobs = {name: job for name, job in jobs.items() if not _passes(job)}
    uids = {name: each["metadata"]["uid"] for name, each in {**graphcrons, **graphruns}.items()}
    runs = {name: [run["run_id"] for run in crons.server.runs_of(uid)] for name, uid in uids.items()}
    return Seen(graphcrons, graphruns, graphservers, cronjobs, jobs, runs)


def minutes_fired(crons: Crons) -> list[int]:
    """List the minutes for which the schedule of each minute has made Jobs."""
    jobs = [job for job in crons.items("jobs") if job["metadata"]["labels"].get(names.LABEL_NAME) in FIRING]
    times = [job["metadata"]["annotations"][names.ANNOTATION_SCHEDULED_TIMESTAMP] for job in jobs]
    return [int(datetime.fromisoformat(time).timestamp() // 60) for time in times]


def images(crons: Crons) -> set[str]:
    """Return the images that the CronJobs' next pods will have."""
    templates = [each["spec"]["jobTemplate"]["spec"]["template"] for each in crons.items("cronjobs")]
    return {container["image"] for each in templates for container in each["spec"]["containers"]}


def _passes(job: Any) -> bool:
    """Tell whether a Job is a preflight's: those come and go by themselves."""
    return bool(job["metadata"]["labels"].get(names.LABEL_PURPOSE) == names.Purpose.PREFLIGHT)
