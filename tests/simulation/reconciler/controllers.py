"""Kubernetes' own controllers: CronJobs create Jobs, Jobs create pods, pods end, and objects without owners are deleted."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, NamedTuple

from graphcron.api import names
from graphcron.contract import ENV_REQUEST, EXIT_CODES, Outcome
from tests.simulation.kernel import Kernel
from tests.simulation.reconciler.api import CRONJOBS, EVENTS, JOBS, PODS, ApiServer, Body, Change, Refusal

MINUTE: Final = 60
CONTROLLERS: Final = "kube-controller-manager"
OUTCOMES: Final = (
    *[Outcome.SUCCEEDED] * 4, Outcome.GRAPH_ERROR, Outcome.INTERRUPTED, Outcome.TIMEOUT, Outcome.REJECTED,
    Outcome.SERVER_UNREACHABLE,
)  # fmt: skip


class End(NamedTuple):
    """How a pod ends."""

    seconds: float
    outcome: Outcome | None
    """None: without a report."""
    code: int


def reference(kind: str, owner: Body) -> Body:
    """Return an owner reference to a controller."""
    metadata = owner["metadata"]
    return {
        "apiVersion": "batch/v1",
        "kind": kind,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }


class Controllers:
    """The controller manager and the kubelet, each of which sees what has happened a moment later."""

    def __init__(self, kernel: Kernel, random: Random, api: ApiServer) -> None:
        self._kernel, self._random, self._api = kernel, random, api
        self.outcomes: dict[str, Outcome] = {}
        """The outcomes of runs, by the UID of the Job that has ended."""
        self._sweeps = False

    def start(self) -> None:
        """Check the CronJobs each minute."""
        self._kernel.later(MINUTE - self._kernel.now % MINUTE, self._tick)

    def changed(self, change: Change) -> None:
        """Take note of a change."""
        if change.resource == JOBS and change.before is None:
            self._soon(0.1, 2, lambda: self._make_pod(change.body))
        elif change.resource == PODS and change.before is None:
            self._soon(0.5, 5, lambda: self._begin(change.body))
        going = change.after and "deletionTimestamp" in change.after["metadata"]
        is_news = change.before is None or _owners(change.before) != _owners(change.body)
        is_late = is_news and not any(map(self._is_there, _owners(change.body)))
        if (change.after is None or going or is_late) and change.resource != EVENTS:
            self.collect()

    def collect(self) -> None:
        """Let the garbage collector look."""
        if not self._sweeps:
            self._sweeps = True
            self._soon(0.1, 4, self._sweep)

    def _soon(self, least: float, most: float, call: Any) -> None:
        self._kernel.later(self._random.uniform(least, most), call)

    def _again(self, resource: str, body: Body) -> Body | None:
        """Return an object as it is now; None: it is gone."""
        try:
            return self._api.find(
                resource, body["metadata"]["namespace"], body["metadata"]["name"], body["metadata"]["uid"]
            )
        except Refusal:
            return None

    # --- CronJobs

    def _tick(self) -> None:
        due = self._kernel.now
        for each in self._api.all(CRONJOBS):
            self._soon(0, 3, lambda each=each: self._start(each, due))
        self._kernel.later(MINUTE, self._tick)

    def _start(self, cronjob: Body, due: float) -> None:
        body = self._again(CRONJOBS, cronjob)
        if body is None or body["spec"].get("suspend") or not _is_due(body["spec"]["schedule"], due):
            return
        active = [each for each in self._owned(JOBS, body) if not is_over(each)]
        if active and body["spec"].get("concurrencyPolicy") == "Forbid":
            return
        metadata, template = body["metadata"], body["spec"]["jobTemplate"]
        name = f"{metadata['name']}-{int(due) // MINUTE}"
        stamp = datetime.fromtimestamp(due, tz=UTC).isoformat().replace("+00:00", "Z")
        head = {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": template.get("metadata", {}).get("labels", {}),
            "annotations": {names.ANNOTATION_SCHEDULED_TIMESTAMP: stamp},
            "ownerReferences": [reference("CronJob", body)],
        }
        try:
            self._api.create(JOBS, {"kind": "Job", "metadata": head, "spec": template["spec"]}, CONTROLLERS)
        except Refusal:
            return
        self._api.set_status(CRONJOBS, body, {"lastScheduleTime": stamp}, CONTROLLERS)

    def _owned(self, resource: str, owner: Body) -> list[Body]:
        uid = owner["metadata"]["uid"]
        return [each for each in self._api.all(resource) if uid in _owners(each)]

    # --- Jobs and pods

    def _make_pod(self, job: Body) -> None:
        body = self._again(JOBS, job)
        if body is None or is_over(body) or self._owned(PODS, body)[1:]:
            return
        metadata, template = body["metadata"], body["spec"]["template"]
        number = len(self._owned(PODS, body))
        labels = {**template.get("metadata", {}).get("labels", {}), names.LABEL_JOB_NAME: metadata["name"]}
        name = f"{metadata['name']}-{self._random.randrange(10**5):05}"
        head = {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [reference("Job", body)],
        }
        try:
            self._api.create(PODS, {"kind": "Pod", "metadata": head, "spec": {}, "status": {}}, CONTROLLERS)
        except Refusal as error:
            self._tell_no_pod(body, f'Error creating: pods "{name}" is forbidden: {error}')
            self._soon(20, 60, lambda: self._make_pod(body))
            return
        self._api.set_status(JOBS, body, {"active": 1, "failed": number}, CONTROLLERS)

    def _tell_no_pod(self, job: Body, message: str) -> None:
        metadata = {
            "name": f"{job['metadata']['name']}.{self._random.randrange(10**9)}",
            "namespace": job["metadata"]["namespace"],
        }
        told = {"reason": "FailedCreate", "message": message, "lastTimestamp": self._api.now()}
        event = {"metadata": metadata, "involvedObject": {"uid": job["metadata"]["uid"]}, **told}
        with suppress(Refusal):
            self._api.create(EVENTS, event, CONTROLLERS)

    def _begin(self, pod: Body) -> None:
        if self._again(PODS, pod):
            end = self._draw(pod)
            self._kernel.later(end.seconds, lambda: self._end(pod, end))

    def _draw(self, pod: Body) -> End:
        seconds = self._random.choice((2, 20, 90)) * self._random.uniform(0.5, 1)
        if pod["metadata"]["labels"].get(names.LABEL_PURPOSE) == names.Purpose.PREFLIGHT:
            return End(seconds / 10, Outcome.SUCCEEDED, 0)
        # Jobs that are for one occurrence work on one run.
        head = self._again(JOBS, {"metadata": {**pod["metadata"], **pod["metadata"]["ownerReferences"][0]}})
        if head and self._is_too_late(head):
            return End(seconds / 10, Outcome.SKIPPED, 0)
        chance = self._random.random()
        if chance < 0.1 and len(self._siblings(pod)) == 1:
            return End(seconds, None, 137)
        if chance < 0.15:
            return End(seconds, None, 0)
        outcome = Random(f"{head and head['metadata'].get('annotations')}").choice(OUTCOMES)
        return End(seconds, outcome, EXIT_CODES[outcome])

    def _is_too_late(self, job: Body) -> bool:
        """Return whether the starting deadline of a GraphRun's Job has passed, so that its pod starts no run."""
        if job["metadata"].get("labels", {}).get(names.LABEL_PURPOSE) != names.Purpose.RUN:
            return False
        requested = datetime.fromisoformat(job["metadata"]["annotations"][names.ANNOTATION_REQUESTED_TIME])
        environment = job["spec"]["template"]["spec"]["containers"][0]["env"]
        request = next(json.loads(each["value"]) for each in environment if each["name"] == ENV_REQUEST)
        return self._kernel.now > requested.timestamp() + request["startingDeadlineSeconds"]

    def _siblings(self, pod: Body) -> list[Body]:
        return [each for each in self._api.all(PODS) if _owners(each) == _owners(pod)]

    def _end(self, pod: Body, end: End) -> None:
        body = self._again(PODS, pod)
        if body is None or body["status"].get("phase"):
            return
        message = (
            json.dumps({"outcome": end.outcome.value, "runId": str(body["metadata"]["uid"])}) if end.outcome else ""
        )
        state = {"terminated": {"exitCode": end.code, "message": message, "finishedAt": self._api.now()}}
        status = {
            "phase": "Failed" if end.code else "Succeeded",
            "containerStatuses": [{"name": names.CONTAINER, "state": state}],
        }
        self._api.set_status(PODS, body, status, CONTROLLERS)
        self._soon(0.1, 3, lambda: self._finish(body, end))

    def _finish(self, pod: Body, end: End) -> None:
        """End a Job together with its pod, unless another pod will follow."""
        job = next((each for each in self._api.all(JOBS) if each["metadata"]["uid"] in _owners(pod)), None)
        if job is None or is_over(job):
            return
        if end.code == 137:
            self._make_pod(job)
            return
        condition = {
            "type": "Failed" if end.code else "Complete",
            "status": "True",
            "reason": "PodFailurePolicy" if end.code else "",
            "lastTransitionTime": self._api.now(),
        }
        over = {"conditions": [condition], "failed" if end.code else "succeeded": 1}
        self.outcomes[job["metadata"]["uid"]] = end.outcome or Outcome.UNKNOWN
        self._api.set_status(JOBS, job, over, CONTROLLERS)
        lives = job["spec"].get("ttlSecondsAfterFinished")
        if lives is not None:
            self._kernel.later(lives, lambda: self._expire(job))

    def _expire(self, job: Body) -> None:
        body = self._again(JOBS, job)
        if body:
            self._api.delete(JOBS, body, CONTROLLERS)

    # --- what nobody owns

    def _sweep(self) -> None:
        self._sweeps = False
        for (resource, *_), body in [*self._api.objects.items()]:
            if self._again(resource, body) is not body:
                continue
            if "deletionTimestamp" in body["metadata"] and resource != PODS:
                self._go(resource, body)
            elif _owners(body) and not any(self._is_there(uid) for uid in _owners(body)):
                self._api.delete(resource, body, "gc")
            if resource == PODS and "deletionTimestamp" in body["metadata"]:
                self._soon(0.1, 3, lambda body=body: self._kill(body))

    def _is_there(self, uid: str) -> bool:
        return any(each["metadata"]["uid"] == uid for each in self._api.objects.values())

    def _kill(self, pod: Body) -> None:
        """Let the kubelet end a pod that is being deleted: it leaves a last word at times."""
        body = self._again(PODS, pod)
        if body is None:
            return
        if not body["status"].get("phase") and self._random.random() < 0.5:
            self._end(body, End(0, Outcome.STOPPED, EXIT_CODES[Outcome.STOPPED]))
        last = self._again(PODS, body)
        if last:
            self._api.remove(PODS, last, CONTROLLERS)

    def _go(self, resource: str, body: Body) -> None:
        """Let an object go that waits for its dependents."""
        for kind in (CRONJOBS, JOBS, PODS):
            for each in self._owned(kind, body):
                if "Orphan" in body["metadata"]["finalizers"]:
                    left = [one for one in each["metadata"]["ownerReferences"] if one["uid"] != body["metadata"]["uid"]]
                    self._api.update(
                        kind, each, {**each, "metadata": {**each["metadata"], "ownerReferences": left}}, "gc"
                    )
                else:
                    self._api.delete(kind, each, "gc")
        self._api.remove(resource, body, "gc")


def is_over(job: Body) -> bool:
    """Return whether a Job has finished."""
    conditions = job.get("status", {}).get("conditions", ())
    return any(each["status"] == "True" and each["type"] in ("Complete", "Failed") for each in conditions)


def _owners(body: Body) -> list[str]:
    return [each["uid"] for each in body["metadata"].get("ownerReferences", ())]


def _is_due(schedule: str, moment: float) -> bool:
    """Return whether a schedule of the form ``*/n * * * *`` is due."""
    return int(moment) // MINUTE % 60 % int(schedule.partition(" ")[0].removeprefix("*/")) == 0
