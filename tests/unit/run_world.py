"""An API server in memory with GraphRuns, GraphCrons and their Jobs, the real cache, and both reconcilers."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from graphcron.api import names
from graphcron.cache.expectations import Expectations
from graphcron.cache.store import Key, Store
from graphcron.contract import EXIT_CODES, Report
from graphcron.controller.graphcron import Reconciler
from graphcron.controller.graphrun import GraphRunReconciler
from graphcron.errors import ClusterError
from graphcron.kube.client import Cluster
from graphcron.planning.preflight_limiter import PreflightLimiter
from graphcron.settings import Settings
from tests.unit.world import NOW, SETTINGS

SPEC = {"assistant": "agent"}
KINDS = {
    names.PLURAL: names.KIND,
    names.RUN_PLURAL: names.RUN_KIND,
    names.SERVER_PLURAL: names.SERVER_KIND,
    "cronjobs": "CronJob",
    "jobs": "Job",
    "pods": "Pod",
}


class RunWorld(Cluster):
    """The API server and an operator; the watches deliver an event when the test says so."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.expectations = Expectations(timedelta(minutes=1))
        super().__init__(cast("Any", None), lambda answer: self.expectations.expect_write(answer, now=self.now))
        self.settings = settings
        self.now = NOW
        self.store = Store(self.expectations)
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.events: list[dict[str, Any]] = []
        self.queue: set[Key] = set()
        self.runs: list[tuple[tuple[str, str], str]] = []
        """The runs that the metrics counted, with their keys and outcomes."""
        self.fault: Callable[[str, str], ClusterError | None] = lambda *_: None
        self.is_lost = False
        """Whether a fault comes after the write."""
        self.refusal = ""
        """Why the Job controller cannot create a pod."""
        self._version = 100
        self._delivered: dict[tuple[str, str], str] = {}
        limiter = PreflightLimiter[Key](4, lambda _: None)
        self._reconcilers: dict[str, Any] = {
            names.KIND: Reconciler(self, self.store, settings, limiter, lambda key, _, new: self._count(key, *new)),
            names.RUN_KIND: GraphRunReconciler(
                self, self.store, settings, enqueue=self.queue.add, on_run_finished=self._count
            ),
        }

    def _count(self, key: tuple[str, str], *runs: Any) -> None:
        self.runs += [(key, run.outcome) for run in runs]

    # --- what users and Kubernetes do

    def create(self, kind: str, name: str, spec: Any, **metadata: Any) -> dict[str, Any]:
        """Create an object, and let the watch deliver it."""
        made = {
            "apiVersion": names.API_VERSION,
            "kind": KINDS[kind],
            "metadata": {
                "name": name,
                "namespace": "agents",
                "uid": f"uid-{kind}-{name}-{self._version}",
                "generation": 1,
                "creationTimestamp": self.now.isoformat(),
                **metadata,
            },
            "spec": spec,
        }
        self._put(kind, made)
        self.deliver(kind, name)
        return made

    def graphcron(self, name: str = "report", **spec: Any) -> dict[str, Any]:
        """Create a GraphCron that is due once in four years."""
        return self.create(names.PLURAL, name, {**SPEC, "schedule": "0 0 29 2 *", "preflight": False, **spec})

    def graphrun(self, name: str = "once", **spec: Any) -> dict[str, Any]:
        """Create a GraphRun."""
        return self.create(names.RUN_PLURAL, name, spec or SPEC)

    def deliver(self, kind: str, name: str) -> None:
        """Let the watch deliver an object as it is, or its deletion."""
        found = self.objects.get((kind, name))
        if found and self._delivered.get((kind, name)) != found["metadata"]["resourceVersion"]:
            self._delivered[kind, name] = found["metadata"]["resourceVersion"]
            self.queue |= set(self.store.update(json.loads(json.dumps(found)), deleted=False))

    def delete(self, kind: str, name: str) -> None:
        """Delete an object, and let the watch deliver that."""
        gone = self.objects.pop((kind, name))
        self._version += 1
        gone["metadata"]["resourceVersion"] = str(self._version)
        self.queue |= set(self.store.update(gone, deleted=True))

    def pod(self, job: str, **status: Any) -> None:
        """Create a Job's pod, or change its status."""
        pod = self.objects.get(("pods", f"{job}-x")) or self._pod_of(self.objects["jobs", job])
        self._put("pods", {**pod, "status": status})
        self.deliver("pods", pod["metadata"]["name"])

    def _pod_of(self, job: dict[str, Any]) -> dict[str, Any]:
        name = job["metadata"]["name"]
        return {
            "kind": "Pod",
            "metadata": {
                "name": f"{name}-x", "namespace": "agents", "uid": f"{name}-x-{self._version}",
                "creationTimestamp": self.now.isoformat(),
                "labels": {**job["metadata"]["labels"], names.LABEL_JOB_NAME: name},
                "ownerReferences": [{"kind": "Job", "uid": job["metadata"]["uid"], "controller": True}],
            },
        }  # fmt: skip

    def end(self, job: str, report: Report | None, *, gone: bool = False) -> None:
        """End a Job's pod with a report, and then the Job, unless that is gone."""
        ended = {
            "message": report.to_json() if report else "",
            "exitCode": EXIT_CODES[report.outcome] if report else 1,
            "finishedAt": self.now.isoformat(),
        }
        self.pod(job, phase="Succeeded", containerStatuses=[{"name": "runner", "state": {"terminated": ended}}])
        if gone:
            return
        owner = self.objects["jobs", job]
        kind = "Complete" if report and not EXIT_CODES[report.outcome] else "Failed"
        condition = {"type": kind, "status": "True", "lastTransitionTime": self.now.isoformat()}
        owner["status"] = {"conditions": [condition], "succeeded": 1}
        self._put("jobs", owner)
        self.deliver("jobs", job)

    # --- what the operator does

    def work(self, *, limit: int = 50) -> None:
        """Reconcile what is queued, and deliver what was written, until nothing is left."""
        while self.queue:
            limit -= 1
            assert limit, f"no end: {self.queue}"
            self.reconcile(self.queue.pop())
            self.deliver_all()

    def reconcile(self, key: Key) -> datetime | None:
        """Reconcile an object; an error is raised."""
        return cast("datetime | None", asyncio.run(self._reconcilers[key.kind].reconcile(key, now=self.now)))

    def deliver_all(self) -> None:
        """Let the watches deliver all objects."""
        for kind, name in list(self.objects):
            self.deliver(kind, name)

    def status(self, name: str = "once", kind: str = names.RUN_PLURAL) -> dict[str, Any]:
        """Return the status of an object."""
        return cast("dict[str, Any]", self.objects[kind, name].get("status", {}))

    def conditions(self, name: str = "once", kind: str = names.RUN_PLURAL) -> dict[str, str]:
        """Return the conditions that are True, with their reasons."""
        return {
            each["type"]: each["reason"] for each in self.status(name, kind)["conditions"] if each["status"] == "True"
        }

    def jobs(self) -> list[str]:
        """Return the names of the Jobs."""
        return [name for kind, name in self.objects if kind == "jobs"]

    def request(self, job: str) -> dict[str, Any]:
        """Return the request in a Job's pods."""
        return cast("dict[str, Any]", json.loads(self.environment(job)["GRAPHCRON_REQUEST"].replace("$$", "$")))

    def environment(self, job: str) -> dict[str, str]:
        """Return the plain variables of a Job's pods."""
        container = self.objects["jobs", job]["spec"]["template"]["spec"]["containers"][0]
        return {each["name"]: each["value"] for each in container["env"] if "value" in each}

    # --- the API server

    def _put(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        self.objects[kind, body["metadata"]["name"]] = body
        return cast("dict[str, Any]", json.loads(json.dumps(body)))

    async def _call(
        self, method: str, path: str, query: Any, body: Any, content: str, *, accept: str = ""
    ) -> dict[str, Any]:
        kind, *rest = path.partition("/namespaces/agents/")[2].split("/")
        self.requests.append((method, kind))
        fault = self.fault(method, kind)
        if fault and not self.is_lost:
            raise fault
        answer = self._answer(method, kind, rest, dict(query), json.loads(body) if isinstance(body, str) else body)
        if fault:
            raise fault
        return answer

    def _answer(self, method: str, kind: str, rest: list[str], query: dict[str, str], body: Any) -> dict[str, Any]:
        if kind == "events":
            self.events += [body] if method == "POST" else []
            refused = {"reason": "FailedCreate", "message": f"Error creating: {self.refusal}"}
            return {"items": [refused] if self.refusal else []}
        if method == "GET":
            return self._get_objects(kind, rest, query)
        name = rest[0] if rest else body["metadata"]["name"]
        found = self.objects.get((kind, name))
        if method == "POST" or (method == "PATCH" and not found):
            return self._create(kind, body)
        if not found:
            raise ClusterError("NotFound", status=404, reason="NotFound")
        if method == "DELETE":
            self.delete(kind, name)
            return {}
        version = body["metadata"].get("resourceVersion")
        if version and version != found["metadata"]["resourceVersion"]:
            raise ClusterError("Conflict", status=409, reason="Conflict")
        changed = {**found, **{key: value for key, value in body.items() if key in {"status", "spec"}}}
        return self._put(kind, changed)

    def _get_objects(self, kind: str, rest: list[str], query: dict[str, str]) -> dict[str, Any]:
        """Return an object, or the list of those that a field selector names."""
        if "labelSelector" in query:
            job = query["labelSelector"].rpartition("=")[2]
            pods = [each for (resource, _), each in self.objects.items() if resource == kind]
            return {"items": [each for each in pods if each["metadata"]["labels"][names.LABEL_JOB_NAME] == job]}
        name = rest[0] if rest else query["fieldSelector"].partition("=")[2]
        found = self.objects.get((kind, name))
        if rest and not found:
            raise ClusterError("NotFound", status=404, reason="NotFound")
        return dict(found or {}) if rest else {"items": [found] if found else []}

    def _create(self, kind: str, body: Any) -> dict[str, Any]:
        name = body["metadata"]["name"]
        if (kind, name) in self.objects:
            raise ClusterError("AlreadyExists", status=409, reason="AlreadyExists")
        set_by_server = {
            "uid": f"uid-{name}-{self._version}",
            "generation": 1,
            "creationTimestamp": self.now.isoformat(),
        }
        made = {**body, "kind": KINDS[kind], "metadata": {**body["metadata"], **set_by_server}}
        return self._put(kind, {**made, "status": {} if self.refusal else {"active": 1}} if kind == "jobs" else made)
