"""A GraphCron with all that is made of it, as plain values: what the unit tests of the operator's pure rooms look at."""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import Condition, GraphCron, GraphCronStatus, dump_status, parse
from graphcron.api.v1alpha1.parsing import status_of
from graphcron.cache.objects import (
    Body,
    CachedCronJob,
    CachedJob,
    CachedPod,
    RequestAnnotation,
    cached_cronjob,
    cached_job,
)
from graphcron.cache.store import Key
from graphcron.contract import EXIT_CODES, Report
from graphcron.controller.graphcron import Reconciler
from graphcron.errors import ClusterError, GraphCronError
from graphcron.kube.client import Cluster
from graphcron.manifests.pod import Manifest
from graphcron.planning.observed import ObservedState
from graphcron.planning.plan import Plan, plan_for
from graphcron.planning.preflight_limiter import PreflightLimiter
from graphcron.settings import Settings

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
) -> CachedJob:
    moment = at(due) if isinstance(due, str) else due
    finished_at = moment + timedelta(seconds=20) if succeeded or failed else None
    name = name or f"{cronjob}-{int(moment.timestamp()) // 60}"
    return CachedJob(name, moment, succeeded, failed, failure, finished_at, moment, purpose, trigger)


def pod(
    of: CachedJob, report: Report | None = None, *, terminal: bool = True, number: int = 0, waiting: str = ""
) -> CachedPod:
    created = of.scheduled_time + timedelta(seconds=number)
    message = 'secret "langgraph" not found' if waiting else ""
    return CachedPod(
        f"{of.name}-{number}", of.name, created, terminal, report, waiting, message, None, purpose=of.purpose
    )


def environment(manifest: Manifest) -> dict[str, str]:
    """Return the plain values that a Job gives its pods."""
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def applied(manifest: Manifest, *, generation: int = 1) -> CachedCronJob:
    """Return a CronJob as the watch shows it after an apply."""
    metadata = {**manifest["metadata"], "uid": "c", "generation": generation}
    return cached_cronjob({**manifest, "metadata": metadata})


def condition(status: GraphCronStatus, kind: str) -> Condition | None:
    return next((each for each in status.conditions or () if each.type == kind), None)


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a request."""

    status: int = 0
    """0: no answer comes."""
    reason: str = ""
    message: str = ""
    lost: bool = False
    """Whether it is the answer that is lost: what was asked for has been done."""
    crash: bool = False
    """Whether the operator ends with it."""

    @property
    def error(self) -> BaseException:
        text = f"{self.status} {self.message}" if self.status else "no answer (TimeoutError)"
        return Crash() if self.crash else ClusterError(text, status=self.status, reason=self.reason)


class Crash(BaseException):
    """The operator is killed."""


QUOTA = Fault(403, "Forbidden", 'jobs.batch "hello-x" is forbidden: exceeded quota: q')
CONTENTION = Fault(409, "Conflict", 'Operation cannot be fulfilled on resourcequotas "q"')


@dataclass
class World:
    """What the API server holds of a GraphCron: both what the watches show and what writes go to."""

    graphcron: GraphCron
    settings: Settings = SETTINGS
    cronjobs: dict[str, CachedCronJob] = field(default_factory=dict)
    jobs: dict[str, CachedJob] = field(default_factory=dict)
    pods: list[CachedPod] = field(default_factory=list)
    orphans: list[CachedCronJob] = field(default_factory=list)
    """CronJobs that a GraphCron of that name has left, which is gone."""
    unlabelled: dict[str, Body] = field(default_factory=dict)
    """CronJobs that no watch shows, by name."""
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and resource of each request."""
    status: GraphCronStatus = field(default_factory=GraphCronStatus)
    trigger: RequestAnnotation | None = None
    resume: RequestAnnotation | None = None
    made: list[Manifest] = field(default_factory=list)
    """Jobs that the operator has made, those of one name once."""
    events: list[str] = field(default_factory=list)
    """Reasons of the Events, those of one name once."""
    event_names: set[str] = field(default_factory=set)
    writes: int = 0
    """How often a CronJob or the status was written."""
    refusal: str = ""
    """Why the Job controller can create no pods; empty: it can."""
    ended: list[str] = field(default_factory=list)
    """Jobs that the operator has deleted, and pods that it has ended."""
    problem: GraphCronError | None = None
    """What CronJobs and Jobs are refused with; None: they are taken."""
    fault: Callable[[str, str, Any], Fault | None] = lambda *_: None
    """What goes wrong with a request, by its method, resource and body."""
    unseen: set[str] = field(default_factory=set)
    """Jobs that no watch has shown yet."""
    raised: ClusterError | None = None
    """Why the last look is to be repeated with back-off."""
    again: datetime | None = None
    """When the operator wants to look again."""
    wrong: dict[str, Any] = field(default_factory=dict)
    """What stands in the spec, and in the metadata, in place of what is right."""
    deleted: bool = False
    """Whether the GraphCron is gone, which no watch has shown."""
    lookups: int = 0
    """How often it was looked up whether the GraphCron is there."""
    limiter: PreflightLimiter[Key] = field(default_factory=lambda: PreflightLimiter(4, lambda _: None))
    """Shared by the worlds of one operator."""

    @property
    def observed(self) -> ObservedState:
        return ObservedState(
            cronjobs=self.cronjobs,
            jobs=[each for each in self.jobs.values() if each.name not in self.unseen],
            pods=self.pods,
            previous=self.status,
            trigger=self.trigger,
            resume=self.resume,
            preflight_is_due=self.limiter.is_due(self.key),
        )

    @property
    def key(self) -> Key:
        return Key(self.graphcron.metadata.namespace or "", self.graphcron.metadata.name)

    def look(self, now: datetime, *, problem: GraphCronError | None = None) -> Plan:
        """Reconcile, and return what was planned; with a problem, nothing of it can be carried out."""
        plan = plan_for(self.graphcron, self.settings, self.observed, now=now)
        self.problem = problem
        self.reconcile(now)
        return plan

    def reconcile(self, now: datetime) -> None:
        """Reconcile, whatever the spec is."""
        server = _ApiServer(self)
        reconciler = Reconciler(server, server, self.settings, self.limiter)
        self.raised = None
        try:
            self.again = asyncio.run(reconciler.reconcile(self.key, now=now))
        except ClusterError as error:
            self.raised = error

    def change(self, **spec: Any) -> None:
        """Change the spec, as a person does."""
        metadata = self.graphcron.metadata
        usual = self.graphcron.spec.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
        changed = graphcron(
            metadata.name, **{key: value for key, value in {**usual, **spec}.items() if value is not None}
        )
        meta = changed.metadata.model_copy(update={"generation": (metadata.generation or 0) + 1})
        self.graphcron = changed.model_copy(update={"metadata": meta})

    def end(self, job: CachedJob, *reports: Report) -> None:
        """Let a Job be over, with a pod for each report."""
        succeeded = bool(reports) and EXIT_CODES[reports[-1].outcome] == 0
        over = CachedJob(
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


class _ApiServer(Cluster):
    """A world as a reconciler sees it: what the watches show, and an API server that answers as the real one does."""

    def __init__(self, world: World) -> None:
        super().__init__(cast("Any", None), lambda _: None)
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
        metadata = {**body["metadata"], "resourceVersion": "1", "annotations": annotations, "managedFields": managed}
        metadata |= {key: value for key, value in world.wrong.items() if key == "deletionTimestamp"}
        spec = {key: value for key, value in {**body["spec"], **world.wrong}.items() if key != "deletionTimestamp"}
        if "serverRef" in spec:
            del spec["server"]
        return {**body, "metadata": metadata, "spec": spec, "status": dump_status(world.status)}

    def cronjobs(self, key: Key) -> list[CachedCronJob]:
        return list(self._world.cronjobs.values())

    def orphans(self, key: Key) -> list[CachedCronJob]:
        return self._world.orphans

    def graph_runs(self, key: Key, uid: str) -> list[Any]:
        return []

    def jobs(self, key: Key, uid: str) -> list[CachedJob]:
        return list(self._world.observed.jobs)

    def pods(self, key: Key, uid: str) -> list[CachedPod]:
        return self._world.pods

    async def _call(
        self, method: str, path: str, query: list[tuple[str, str]], body: Any, content: str, *, accept: str = ""
    ) -> dict[str, Any]:
        resource, *rest = path.partition(f"/namespaces/{self._world.graphcron.metadata.namespace}/")[2].split("/")
        body = json.loads(body) if isinstance(body, str) else body
        self._world.requests.append((method, resource))
        fault = self._world.fault(method, resource, body)
        if fault and not fault.lost:
            raise fault.error
        if self._world.problem and method in {"POST", "PATCH"} and resource in {"jobs", "cronjobs"}:
            raise self._world.problem
        answer = getattr(self, f"_{method}_{resource}".lower())(*rest, body=body, query=dict(query))
        if fault:
            raise fault.error
        return cast("dict[str, Any]", answer)

    def _get_cronjobs(self, name: str, **_: Any) -> Any:
        if name in self._world.unlabelled:
            return self._world.unlabelled[name]
        self._check(name in self._world.cronjobs, 404, "NotFound")
        return {"metadata": {"name": name, "uid": self._world.cronjobs[name].uid}}

    def _post_cronjobs(self, *, body: Any, **_: Any) -> Any:
        name = body["metadata"]["name"]
        self._check(name not in self._world.cronjobs.keys() | self._world.unlabelled.keys(), 409, "AlreadyExists")
        self._world.writes += 1
        self._world.cronjobs[name] = applied(body)
        return {**body, "metadata": {**body["metadata"], "uid": "c", "generation": 1}}

    def _patch_cronjobs(self, name: str, *, body: Any, query: dict[str, str]) -> Any:
        hidden, uid = self._world.unlabelled.pop(name, None), body["metadata"].get("uid")
        seen = cached_cronjob(hidden) if hidden else self._world.cronjobs.get(name)
        orphans = self._world.orphans
        if uid in {each.uid for each in orphans}:
            self._world.writes += 1
            self._world.orphans = [replace(each, suspended=True) if each.uid == uid else each for each in orphans]
            return body
        self._check(bool(seen and seen.uid == uid), 409, "Conflict")
        if "kind" in body:
            self._world.writes += 1
            changed = applied(body)
        else:
            assert seen
            changed = replace(seen, suspended=True, schedule_key="", generation=seen.generation + 1)
        self._world.cronjobs[name] = changed
        return {**body, "metadata": {**body["metadata"], "uid": changed.uid, "generation": changed.generation}}

    def _delete_cronjobs(self, name: str, *, body: Any, **_: Any) -> Any:
        seen = self._world.cronjobs.get(name)
        self._check(seen is not None, 404, "NotFound")
        self._check(bool(seen and seen.uid == body["preconditions"]["uid"]), 409, "Conflict")
        del self._world.cronjobs[name]
        return {}

    def _post_jobs(self, *, body: Any, **_: Any) -> Any:
        name = body["metadata"]["name"]
        self._check(name not in self._world.jobs, 409, "AlreadyExists")
        self._world.made.append(body)
        metadata = {**body["metadata"], "creationTimestamp": NOW.isoformat()}
        status = {} if self._world.refusal else {"active": 1}
        self._world.jobs[name] = cached_job({**body, "metadata": metadata, "status": status})
        return body

    def _delete_jobs(self, name: str, **_: Any) -> Any:
        self._world.ended.append(f"Job {name}")
        self._world.forget([name])
        return {}

    def _patch_pods(self, name: str, *, body: Any, **_: Any) -> Any:
        self._world.ended.append(f"Pod {name}")
        return body

    def _get_events(self, **_: Any) -> Any:
        refused = {"reason": "FailedCreate", "message": f"Error creating: {self._world.refusal}"}
        return {"items": [refused] if self._world.refusal else []}

    def _get_jobs(self, *, query: dict[str, str], **_: Any) -> Any:
        name = query["fieldSelector"].removeprefix("metadata.name=")
        owners = [{"apiVersion": names.API_VERSION, "uid": self._world.graphcron.metadata.uid}]
        return {"items": [{"metadata": {"name": name, "ownerReferences": owners}}] if name in self._world.jobs else []}

    def _get_graphcrons(self, **_: Any) -> Any:
        self._world.lookups += 1
        return {"items": [] if self._world.deleted else [{"metadata": {"uid": self._world.graphcron.metadata.uid}}]}

    def _put_graphcrons(self, name: str, _: str, *, body: Any, **more: Any) -> Any:
        self._world.writes += 1
        self._world.status = status_of(body)
        return body

    def _post_events(self, *, body: Any, **_: Any) -> Any:
        name = body["metadata"]["name"]
        self._check(name not in self._world.event_names, 409, "AlreadyExists")
        self._world.event_names.add(name)
        self._world.events.append(body["reason"])
        return body

    @staticmethod
    def _check(holds: bool, status: int, reason: str) -> None:
        if not holds:
            raise ClusterError(reason, status=status, reason=reason)
