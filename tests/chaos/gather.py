"""From what was watched and read to the records that the judge looks at."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from graphcron import contract
from graphcron.api import names
from tests.chaos.due import asked, occurrence, of_graph_run
from tests.chaos.records import MINUTE, Job, Records, Told, repeated

if TYPE_CHECKING:
    from tests.chaos.fleet import Fleet
    from tests.chaos.judge import Finding
    from tests.chaos.records import Run
    from tests.chaos.server import Server
    from tests.chaos.watcher import Watcher
    from tests.e2e.crons import Crons


def gather(fleet: Fleet, watcher: Watcher, server: Server, runs: list[Run] | None) -> Records:
    """Put together what happened.

    Parameters
    ----------
    fleet, watcher, server
        Who knows.
    runs
        All runs; None: only what Kubernetes knows is wanted.
    """
    steps = server.steps() if runs is not None else []
    twice = sorted({thread for thread, _ in repeated(steps)})
    uids = {member.uid for member in fleet.members}
    graphcrons = [each for each in watcher.objects("graphcrons") if each["metadata"]["uid"] in uids]
    return Records(
        crons=fleet.records(),
        jobs=[_job(watcher, job) for job in watcher.objects("jobs") if is_run(job)],
        told=[
            *(told for each in graphcrons for told in _told(each, watcher)),
            *(told for each in watcher.objects("graphruns") for told in _told_by_run(each, fleet)),
        ],
        runs=runs or [],
        steps=steps,
        checkpoints=[point for thread in twice for point in server.checkpoints(thread)],
        restarts=server.restarts,
    )


def outcomes(records: Records) -> Counter[str]:
    """Count how occurrences ended, as their status tells it."""
    found: Counter[str] = Counter()
    for told in records.told:
        reason = told.reason if told.outcome in ("Skipped", "InternalError", "Cancelled") else ""
        found[f"{told.outcome}/{reason}" if reason else told.outcome] += told.count
    return found


def evidence(finding: Finding, watcher: Watcher, crons: Crons) -> list[str]:
    """Return all that pods, runs and status tell of a finding, for those who look for its cause."""
    uid = finding.occurrence.partition("/")[0]
    jobs = [job for job in watcher.objects("jobs") if is_run(job)]
    own = [job["metadata"] for job in jobs if _occurrence(job) == finding.occurrence]
    uids = {metadata["uid"] for metadata in own}
    pods = [f"{_life(pod, watcher)}" for pod in watcher.objects("pods") if _owner(pod) in uids]
    runs = [run for run in crons.server.runs_of(uid) if run["metadata"]["graphcron/occurrence"] == finding.occurrence]
    seen = [{key: run[key] for key in ("run_id", "status", "created_at", "updated_at")} for run in runs]
    status = [each.get("status") for each in watcher.objects("graphcrons") if each["metadata"]["uid"] == uid]
    logs = [f"{metadata['name']}: {crons.log(metadata['name'])}" for metadata in own]
    return [f"--- {finding}", *pods, *logs, f"runs: {seen}", f"status: {status}"]


def _life(pod: Any, watcher: Watcher) -> dict[str, Any]:
    """Return when a pod came and went, and its last words."""
    metadata = pod["metadata"]
    states = [each.get("state") for each in pod["status"].get("containerStatuses", [])]
    times = {key: metadata.get(key) for key in ("name", "creationTimestamp", "deletionTimestamp")}
    return {**times, "gone": watcher.gone(metadata["uid"]), "states": states}


def is_run(job: Any) -> bool:
    """Tell whether a Job works on an occurrence."""
    return job["metadata"].get("labels", {}).get(names.LABEL_PURPOSE) != names.Purpose.PREFLIGHT


def end_of(job: Any) -> str:
    conditions = {
        each["type"]: each for each in job.get("status", {}).get("conditions", []) if each["status"] == "True"
    }
    return "Complete" if "Complete" in conditions else conditions.get("Failed", {}).get("reason", "")


def _job(watcher: Watcher, job: Any) -> Job:
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    pods = [pod for pod in watcher.objects("pods") if _owner(pod) == uid]
    stops = sum(watcher.was_stopped(pod["metadata"]["uid"]) for pod in pods)
    return Job(
        name=name,
        cron=cron_of(job),
        occurrence=_occurrence(job),
        end=end_of(job),
        gone=watcher.gone(uid),
        stops=stops,
    )


def _owner(pod: Any) -> str:
    return next((each["uid"] for each in pod["metadata"].get("ownerReferences", [])), "")


def cron_of(job: Any) -> str:
    """Return the UID of the GraphCron that a Job works for, which may belong to a GraphRun."""
    return _variable(job, contract.ENV_UID)


def _variable(job: Any, name: str) -> str:
    container = job["spec"]["template"]["spec"]["containers"][0]
    return next((str(each.get("value", "")) for each in container.get("env", []) if each["name"] == name), "")


def _occurrence(job: Any) -> str:
    cron, run = cron_of(job), _variable(job, contract.ENV_GRAPHRUN_UID)
    if run:
        return of_graph_run(cron, run)
    annotations = job["metadata"].get("annotations", {})
    trigger = annotations.get(names.ANNOTATION_TRIGGER)
    if trigger:
        return asked(cron, trigger)
    minute = job["metadata"]["name"].rpartition("-")[2]
    return occurrence(cron, int(minute))


def _told(graphcron: Any, watcher: Watcher) -> list[Told]:
    cron = graphcron["metadata"]["uid"]
    runs = {each["metadata"]["name"]: each["metadata"]["uid"] for each in watcher.objects("graphruns")}
    return [_entry(cron, entry, runs) for entry in graphcron.get("status", {}).get("recentRuns", [])]


def _told_by_run(graph_run: Any, fleet: Fleet) -> list[Told]:
    """Return what the status of a GraphRun tells, once it is over."""
    uid, status = graph_run["metadata"]["uid"], graph_run.get("status", {})
    crons = [member.uid for member in fleet.members if uid in member.graph_runs.values()]
    outcome, reason, run = (status.get(each, "") for each in ("outcome", "reason", "runId"))
    return [
        Told(cron=cron, occurrence=of_graph_run(cron, uid), outcome=outcome, reason=reason, run=run)
        for cron in crons
        if outcome
    ]


def _entry(cron: str, entry: Any, runs: dict[str, str]) -> Told:
    minute = _minute(entry["scheduledTime"])
    trigger = entry.get("trigger")
    first, graph_run = entry.get("firstScheduledTime"), entry.get("graphRun")
    name = of_graph_run(cron, runs.get(graph_run, "")) if graph_run else ""
    return Told(
        cron=cron,
        occurrence=name or (asked(cron, trigger) if trigger else occurrence(cron, minute)),
        outcome=entry["outcome"],
        reason=entry.get("reason", ""),
        run=entry.get("runId", ""),
        first=_minute(first) if first else None,
        last=minute if first else None,
        count=entry.get("count", 1),
    )


def _minute(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() // MINUTE)
