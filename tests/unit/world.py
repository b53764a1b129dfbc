"""A GraphCron with all that is made of it, as plain values: what the unit tests of the operator's pure rooms look at."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from graphcron import names
from graphcron.contract import Report
from graphcron.errors import ClusterError, GraphCronError
from graphcron.events import Event
from graphcron.kube import Cluster
from graphcron.model import Condition, GraphCron, GraphCronStatus, dump_status, parse
from graphcron.names import Purpose
from graphcron.observed import Body, CronJobSeen, JobSeen, PodSeen, Wish, cronjob_seen, job_seen
from graphcron.plan import Plan, Seen, plan_for
from graphcron.pod import Manifest
from graphcron.reconcile import Key, Reconciler
from graphcron.settings import Settings
from graphcron.status import status_of

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
"""A Sunday."""
NOW = NOON + timedelta(seconds=30)
SETTINGS = Settings(server_url="http://langgraph:2024")
UID = "7a3f0f5e-0000-4000-8000-000000000001"


def at(text: str) -> datetime:
    """Return that time of the day that the tests are about: ``12:05`` or ``12:05:30``."""
    return datetime.fromisoformat(f"2026-11-22T{text}+00:00")


def graphcron(name: str = "hello", *, created: str = "2026-11-01T00:00:00Z", **spec: Any) -> GraphCron:
    metadata = {"name": name, "namespace": "agents", "uid": UID, "generation": 1, "creationTimestamp": created}
    usual = {"assistant": "agent", **({} if "schedules" in spec else {"schedule": "*/5 * * * *"})}
    return parse({"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, "spec": {**usual, **spec}})


def job(
    due: str | datetime = "12:00",
    *,
    cronjob: str = "hello",
    name: str = "",
    succeeded: bool = False,
    failed: bool = False,
    failure: str = "",
    purpose: Purpose | None = None,
    trigger: str = "",
) -> JobSeen:
    moment = at(due) if isinstance(due, str) else due
    finished_at = moment + timedelta(seconds=20) if succeeded or failed else None
    name = name or f"{cronjob}-{int(moment.timestamp()) // 60}"
    return JobSeen(name, moment, succeeded, failed, failure, finished_at, moment, purpose, trigger)


def pod(
    of: JobSeen, report: Report | None = None, *, terminal: bool = True, number: int = 0, waiting: str = ""
) -> PodSeen:
    created = of.scheduled_time + timedelta(seconds=number)
    message = 'secret "langgraph" not found' if waiting else ""
    return PodSeen(
        f"{of.name}-{number}", of.name, created, terminal, report, waiting, message, None, purpose=of.purpose
    )


def environment(manifest: Manifest) -> dict[str, str]:
    """Return the plain values that a Job gives its pods."""
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def applied(manifest: Manifest, *, generation: int = 1) -> CronJobSeen:
    """Return a CronJob as the watch shows it after an apply."""
    metadata = {**manifest["metadata"], "uid": "c", "generation": generation}
    return cronjob_seen({**manifest, "metadata": metadata})


def condition(status: GraphCronStatus, kind: str) -> Condition | None:
    return next((each for each in status.conditions or () if each.type == kind), None)


@dataclass
class World:
    """What the API server holds of a GraphCron: both what the watches show and what writes go to."""

    graphcron: GraphCron
    settings: Settings = SETTINGS
    cronjobs: dict[str, CronJobSeen] = field(default_factory=dict)
    jobs: dict[str, JobSeen] = field(default_factory=dict)
    pods: list[PodSeen] = field(default_factory=list)
    status: GraphCronStatus = field(default_factory=GraphCronStatus)
    trigger: Wish | None = None
    resume: Wish | None = None
    made: list[Manifest] = field(default_factory=list)
    """Jobs that the operator has made, those of one name once."""
    events: list[str] = field(default_factory=list)
    """Reasons of the Events."""
    writes: int = 0
    """How often a CronJob or the status was written."""
    problem: GraphCronError | None = None
    """What CronJobs and Jobs are refused with; None: they are taken."""
    again: datetime | None = None
    """When the operator wants to look again."""

    @property
    def seen(self) -> Seen:
        return Seen(
            cronjobs=self.cronjobs,
            jobs=list(self.jobs.values()),
            pods=self.pods,
            previous=self.status,
            trigger=self.trigger,
            resume=self.resume,
        )

    def look(self, now: datetime, *, problem: GraphCronError | None = None) -> Plan:
        """Reconcile, and return what was planned; with a problem, nothing of it can be carried out."""
        plan = plan_for(self.graphcron, self.settings, self.seen, now=now)
        self.problem = problem
        metadata, server = self.graphcron.metadata, _ApiServer(self)
        reconciler = Reconciler(cast("Cluster", server), server, self.settings)
        with suppress(ClusterError):
            self.again = asyncio.run(reconciler.reconcile(Key(metadata.namespace or "", metadata.name), now=now))
        return plan

    def change(self, **spec: Any) -> None:
        """Change the spec, as a person does."""
        metadata = self.graphcron.metadata
        usual = self.graphcron.spec.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
        changed = graphcron(
            metadata.name, **{key: value for key, value in {**usual, **spec}.items() if value is not None}
        )
        meta = changed.metadata.model_copy(update={"generation": (metadata.generation or 0) + 1})
        self.graphcron = changed.model_copy(update={"metadata": meta})

    def end(self, job: JobSeen, *reports: Report) -> None:
        """Let a Job be over, with a pod for each report."""
        succeeded = bool(reports) and reports[-1].outcome == "Succeeded"
        over = JobSeen(
            job.name, job.scheduled_time, succeeded, not succeeded, "", job.scheduled_time + timedelta(seconds=20),
            job.created, job.purpose, job.trigger,
        )  # fmt: skip
        self.jobs[job.name] = over
        self.pods += [pod(over, report, number=number) for number, report in enumerate(reports)]

    def forget(self, jobs: Iterable[str]) -> None:
        """Let Jobs and their pods be gone."""
        names_gone = set(jobs)
        self.jobs = {name: each for name, each in self.jobs.items() if name not in names_gone}
        self.pods = [each for each in self.pods if each.job not in names_gone]

    def made_for(self, purpose: Purpose) -> list[Manifest]:
        return [each for each in self.made if each["metadata"]["labels"].get(names.LABEL_PURPOSE) == purpose]


class _ApiServer:
    """A world as a reconciler sees it: what the watches show, and what writes go to."""

    def __init__(self, world: World) -> None:
        self._world = world

    def body(self, key: Key) -> Body:
        world = self._world
        wishes = {names.ANNOTATION_RUN_REQUESTED: world.trigger, names.ANNOTATION_RESUME_REQUESTED: world.resume}
        written = {name: wish for name, wish in wishes.items() if wish}
        managed = [
            {"time": wish.time.isoformat(), "fieldsV1": {"f:metadata": {"f:annotations": {f"f:{name}": {}}}}}
            for name, wish in written.items()
            if wish.time
        ]
        body = world.graphcron.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
        annotations = {name: wish.value for name, wish in written.items()}
        metadata = {**body["metadata"], "annotations": annotations, "managedFields": managed}
        return {**body, "metadata": metadata, "status": dump_status(world.status)}

    def cronjobs(self, key: Key) -> list[CronJobSeen]:
        return list(self._world.cronjobs.values())

    def jobs(self, uid: str) -> list[JobSeen]:
        return list(self._world.jobs.values())

    def pods(self, uid: str) -> list[PodSeen]:
        return self._world.pods

    async def find_cronjob(self, namespace: str, name: str) -> None:
        assert name not in self._world.cronjobs

    async def create_job(self, manifest: Manifest) -> None:
        self._refuse()
        name = manifest["metadata"]["name"]
        if name not in self._world.jobs:
            self._world.made.append(manifest)
            metadata = {**manifest["metadata"], "creationTimestamp": NOW.isoformat()}
            self._world.jobs[name] = job_seen({**manifest, "metadata": metadata})

    async def apply_cronjob(self, manifest: Manifest, *, uid: str | None) -> Body:
        self._refuse()
        self._world.writes += 1
        seen = self._world.cronjobs[manifest["metadata"]["name"]] = applied(manifest)
        return {**manifest, "metadata": {**manifest["metadata"], "uid": seen.uid, "generation": seen.generation}}

    async def delete_cronjob(self, namespace: str, name: str, *, uid: str) -> None:
        del self._world.cronjobs[name]

    async def suspend_cronjob(self, namespace: str, name: str, *, uid: str) -> None:
        seen = self._world.cronjobs[name]
        changed = {"suspended": True, "schedule_key": "", "generation": seen.generation + 1}
        self._world.cronjobs[name] = replace(seen, **changed)

    async def patch_status(self, owner: Body, status: dict[str, Any]) -> bool:
        self._world.writes += 1
        self._world.status = status_of({"status": status})
        return True

    async def emit(self, owner: Body, event: Event, *, now: str) -> None:
        self._world.events.append(event.reason)

    def _refuse(self) -> None:
        if self._world.problem:
            raise self._world.problem
