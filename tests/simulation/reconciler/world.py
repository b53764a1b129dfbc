"""One running scenario: the API server, the controllers, users, and the replicas of the operator."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, Final

from graphcron.api import names
from graphcron.settings import Settings
from tests.simulation.kernel import START, Kernel
from tests.simulation.reconciler.api import CRONJOBS, GRAPHCRONS, GRAPHRUNS, JOBS, ApiServer, Body, Change, Refusal
from tests.simulation.reconciler.controllers import Controllers
from tests.simulation.reconciler.plan import QUIET, Action, Plan
from tests.simulation.reconciler.properties import Judge, Violation
from tests.simulation.reconciler.replica import Call, Replica

SETTINGS: Final = Settings(server_url="http://langgraph:2024", resync_seconds=120, expectations_timeout_seconds=60)
SETTLE: Final = 330.0
"""Seconds in which the state converges: a resync, the longest back-off, and the remaining runs."""

PAUSE: Final = 220.0
"""Seconds in which it is suspended, and its last runs end."""

REST: Final = 130.0
"""Seconds in which nothing more is written: a resync."""

PLACES: Final = (("agents", "hello"), ("agents", "second"), ("other", "hello"))
PERSON: Final = "kubectl"
FORBIDDEN: Final = Refusal(403, "Forbidden", "exceeded quota: q")
CREATIONS: Final = (("PATCH", "cronjobs"), ("POST", "jobs"))


class World:
    """A scenario."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.random = Random(f"{plan.profile}/{plan.seed}/world")
        self.kernel = Kernel(self.random)
        self.lateness = plan.lateness
        self._rate = plan.rate
        self.replicas: list[Replica] = []
        self.judge = Judge(self)
        self.api = ApiServer(self.kernel, self._changed)
        self.controllers = Controllers(self.kernel, self.random, self.api)
        self.requests: dict[str, str] = {}
        """By UID of a GraphCron, the last request for a run that was made after its creation."""
        self._people = _People(self)

    def play(self) -> list[Violation]:
        """Run the scenario; return the violations."""
        logger = logging.getLogger("graphcron")
        level = logger.level
        logger.setLevel(logging.CRITICAL + 1)
        try:
            self._play()
        finally:
            logger.setLevel(level)
        return self.judge.violations

    def _play(self) -> None:
        self.controllers.start()
        for number in range(self.plan.installations):
            self._begin(number, standby=False)
            if self.plan.standby:
                self._begin(number, standby=True)
        for action in self.plan.actions:
            self.kernel.at(START + action.at, lambda action=action: self._act(action))
        self.kernel.run(START + QUIET)
        self._calm_down()
        self.kernel.run(self.kernel.now + SETTLE)
        self.judge.settled()
        for body in self.api.all(GRAPHCRONS):
            self._people.change_spec(body, suspend=True, timeoutSeconds=None)
        self.kernel.run(self.kernel.now + PAUSE)
        self.judge.settled()
        version = self.api.version
        self.kernel.run(self.kernel.now + REST)
        self.judge.rested(version)
        for each in self.replicas:
            each.kill()

    @property
    def units(self) -> int:
        """The size of the scenario: the number of processed requests of the operators."""
        return len(self.api.log)

    def delay(self) -> float:
        """Return how long half of a request takes."""
        return self.random.uniform(0, self.plan.slowness)

    def fault_for(self, call: Call) -> str:
        """Return the fault of a request; empty: none."""
        if self.random.random() >= self._rate:
            return ""
        kind = self.random.choice(self.plan.kinds)
        creates = any(call.method == method and call.path.partition(resource)[1] for method, resource in CREATIONS)
        return "" if kind == "contention" and not creates else kind

    def _changed(self, change: Change) -> None:
        if not change.by.startswith("op-") and change.resource in (GRAPHCRONS, GRAPHRUNS, CRONJOBS, JOBS):
            what = "made" if change.before is None else "gone" if change.after is None else "changed"
            self.kernel.note(
                change.by,
                f"{change.resource} {change.body['metadata']['namespace']}/{change.body['metadata']['name']} {what}",
            )
        self.judge.changed(change)
        self.controllers.changed(change)
        for each in self.replicas:
            if each.alive:
                each.changed(change)

    # --- the operator's processes

    def _begin(self, installation: int, *, standby: bool) -> None:
        settings = SETTINGS
        if self.plan.installations > 1:
            settings = replace(
                SETTINGS, installation="ab"[installation], default_timeout_seconds=(3600, 7200)[installation]
            )
        name = f"op-{'ab'[installation]}{sum(each.name[3] == 'ab'[installation] for each in self.replicas)}"
        self.replicas.append(Replica(self, name, settings, standby=standby))

    def _kill(self, choice: int) -> None:
        """Kill the leader of an installation; another process leads after some time."""
        leaders = [each for each in self.replicas if each.alive and not each.standby]
        if not leaders:
            return
        killed = leaders[choice % len(leaders)]
        killed.kill()
        installation = "ab".index(killed.name[3])
        heirs = [each for each in self.replicas if each.alive and each.standby and each.name[3] == killed.name[3]]
        if heirs:
            self.kernel.later(self.random.uniform(0.1, 15), lambda: self._lead(heirs[0]))
        self.kernel.later(self.random.uniform(1, 60), lambda: self._begin(installation, standby=bool(heirs)))

    def _stall(self) -> None:
        """Let some watches show nothing for a while, and list again."""
        for watch in [watch for each in self.replicas for watch in each.watches if self.random.random() < 0.5]:
            watch.lose(self.random.choice((1, 10, 60)) * self.random.uniform(0.5, 1))

    def _lead(self, heir: Replica) -> None:
        heir.standby = False
        self.kernel.note(heir.name, "leads")
        heir.pump()

    def _calm_down(self) -> None:
        self.kernel.note("world", "--- nothing more goes wrong")
        self._rate = 0.0
        self.lateness = min(self.lateness, 1.0)
        self.api.quotas.clear()

    # --- what happens

    def _act(self, action: Action) -> None:
        if action.cron >= self.plan.crons:
            return
        self.kernel.note("world", f"! {action.kind} {'/'.join(PLACES[action.cron])}")
        if action.kind == "kill":
            self._kill(action.choice)
        elif action.kind == "stall":
            self._stall()
        elif action.kind.startswith("quota-"):
            self.api.quotas[action.kind.removeprefix("quota-")] = FORBIDDEN
        elif action.kind == "relent":
            self.api.quotas.clear()
        else:
            self._people.act(action)


class _People:
    """Users and programs that create, change and delete objects, in addition to the operator."""

    def __init__(self, world: World) -> None:
        self._world, self._api = world, world.api
        self._count = 0

    def act(self, action: Action) -> None:
        """Carry out an action, if possible."""
        act: Callable[[str, str, int], None] = getattr(self, "_" + action.kind.replace("-", "_"))
        try:
            act(*PLACES[action.cron], action.choice)
        except Refusal as error:
            self._world.kernel.note(PERSON, f"{action.kind}: {error}")

    def change_spec(self, body: Body, **change: Any) -> Body:
        """Change the spec of a GraphCron; None takes a field away."""
        spec = {key: each for key, each in {**body["spec"], **change}.items() if each is not None}
        managed = [{**each, "time": self._api.now()} for each in body["metadata"]["managedFields"]]
        return self._api.update(
            GRAPHCRONS, body, {**body, "metadata": {**body["metadata"], "managedFields": managed}, "spec": spec}, PERSON
        )

    def _graphcron(self, namespace: str, name: str) -> Body:
        return self._api.find(GRAPHCRONS, namespace, name)

    def _create(self, namespace: str, name: str, choice: int) -> None:
        spec = {
            "assistant": f"agent-{choice % 3}",
            "schedule": f"*/{choice % 4 + 2} * * * *",
            "concurrencyPolicy": ("Forbid", "Allow", "Queue")[choice % 3],
            "preflight": choice % 5 == 0,
            "history": {"runs": 100, "successful": 50, "failed": 50},
        }
        asked = {names.ANNOTATION_RUN_REQUESTED: "from the start"} if choice % 7 == 0 else {}
        metadata = {"name": name, "namespace": namespace, **self._annotated(asked)}
        self._api.create(
            GRAPHCRONS,
            {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, "spec": spec},
            PERSON,
        )

    def _annotated(self, annotations: dict[str, str]) -> Body:
        fields = {"f:metadata": {"f:annotations": {f"f:{key}": {} for key in annotations}}}
        return {
            "annotations": annotations,
            "managedFields": [{"manager": PERSON, "time": self._api.now(), "fieldsV1": fields}],
        }

    def _edit(self, namespace: str, name: str, choice: int) -> None:
        line, other = f"*/{choice % 4 + 2} * * * *", f"*/{choice % 5 + 6} * * * *"
        lines = (
            {"schedules": [line, other], "schedule": None} if choice % 3 == 0 else {"schedule": line, "schedules": None}
        )
        self.change_spec(self._graphcron(namespace, name), assistant=f"agent-{choice % 7}", **lines)

    def _suspend(self, namespace: str, name: str, choice: int) -> None:
        self.change_spec(self._graphcron(namespace, name), suspend=True)

    def _resume(self, namespace: str, name: str, choice: int) -> None:
        self.change_spec(self._graphcron(namespace, name), suspend=None)

    def _spoil(self, namespace: str, name: str, choice: int) -> None:
        self.change_spec(self._graphcron(namespace, name), timeoutSeconds=0)

    def _mend(self, namespace: str, name: str, choice: int) -> None:
        self.change_spec(self._graphcron(namespace, name), timeoutSeconds=None)

    def _request(self, namespace: str, name: str, choice: int) -> None:
        self._count += 1
        body, value = self._graphcron(namespace, name), f"request-{self._count}"
        metadata = {**body["metadata"], **self._annotated({names.ANNOTATION_RUN_REQUESTED: value})}
        self._api.update(GRAPHCRONS, body, {**body, "metadata": metadata}, PERSON)
        if body["metadata"]["creationTimestamp"] < self._api.now():  # by the second, as the API server knows it
            self._world.requests[body["metadata"]["uid"]] = value

    def _delete(self, namespace: str, name: str, choice: int) -> None:
        self._api.delete(GRAPHCRONS, self._graphcron(namespace, name), PERSON)

    def _recreate(self, namespace: str, name: str, choice: int) -> None:
        self._delete(namespace, name, choice)
        self._create(namespace, name, choice)

    def _orphan(self, namespace: str, name: str, choice: int) -> None:
        self._api.delete(GRAPHCRONS, self._graphcron(namespace, name), PERSON, "Orphan")

    def _foreground(self, namespace: str, name: str, choice: int) -> None:
        self._api.delete(GRAPHCRONS, self._graphcron(namespace, name), PERSON, "Foreground")

    def _run_of(self, namespace: str, name: str, choice: int) -> None:
        """Create a GraphRun of a GraphCron, which may not exist."""
        spec = {"graphCronRef": {"name": name}, "input": choice, "startingDeadlineSeconds": (10, 60, 200)[choice % 3]}
        if choice % 2:
            spec["scheduledTime"] = "2026-11-01T04:00:00Z"
        self._make_run(namespace, choice, spec)

    def _run_own(self, namespace: str, name: str, choice: int) -> None:
        """Create a GraphRun with its own settings, which may be invalid."""
        spec: Body = {"assistant": "agent", "startingDeadlineSeconds": (10, 60, 200)[choice % 3]}
        if choice % 4 == 0:
            spec["timeoutSeconds"] = 0
        if choice % 5 == 0:
            spec["ttlSecondsAfterFinished"] = choice
        self._make_run(namespace, choice, spec)

    def _make_run(self, namespace: str, choice: int, spec: Body) -> None:
        self._count += 1
        metadata = {"name": f"run-{self._count % 5}", "namespace": namespace}
        body = {"apiVersion": names.API_VERSION, "kind": names.RUN_KIND, "metadata": metadata, "spec": spec}
        self._api.create(GRAPHRUNS, body, PERSON)

    def _drop_run(self, namespace: str, name: str, choice: int) -> None:
        runs = [each for each in self._api.all(GRAPHRUNS) if each["metadata"]["namespace"] == namespace]
        if runs:
            self._api.delete(GRAPHRUNS, runs[choice % len(runs)], PERSON, ("Background", "Foreground")[choice % 2])

    def _drop_cronjob(self, namespace: str, name: str, choice: int) -> None:
        self._api.delete(CRONJOBS, self._api.find(CRONJOBS, namespace, name), PERSON)

    def _drop_job(self, namespace: str, name: str, choice: int) -> None:
        jobs = [each for each in self._api.all(JOBS) if each["metadata"]["namespace"] == namespace]
        if jobs:
            self._api.delete(JOBS, jobs[choice % len(jobs)], PERSON)

    def _meddle(self, namespace: str, name: str, choice: int) -> None:
        body = self._api.find(CRONJOBS, namespace, name)
        metadata, spec = body["metadata"], body["spec"]
        labels = {key: each for key, each in metadata["labels"].items() if key != names.LABEL_MANAGED_BY}
        changed = (
            {**body, "spec": {**spec, "schedule": "*/7 * * * *"}},
            {**body, "spec": {**spec, "suspend": not spec.get("suspend")}},
            {**body, "metadata": {**metadata, "labels": labels}},
            {**body, "metadata": {**metadata, "ownerReferences": []}},
            {**body, "metadata": {**metadata, "annotations": {}}},
        )[choice % 5]
        self._api.update(CRONJOBS, body, changed, PERSON)

    def _stranger(self, namespace: str, name: str, choice: int) -> None:
        self._make_stranger(namespace, name, {})

    def _labelled(self, namespace: str, name: str, choice: int) -> None:
        owner = self._api.objects.get((GRAPHCRONS, namespace, name))
        uid = owner["metadata"]["uid"] if owner and choice % 3 else "nobody's"
        labels = {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_NAME: name, names.LABEL_UID: uid}
        self._make_stranger(namespace, (name, f"{name}-other")[choice % 2], labels)

    def _make_stranger(self, namespace: str, name: str, labels: dict[str, str]) -> None:
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        spec = {
            "schedule": "*/2 * * * *",
            "concurrencyPolicy": "Allow",
            "suspend": False,
            "jobTemplate": {"spec": {"template": {"spec": {"containers": []}}}},
        }
        self._api.create(CRONJOBS, {"kind": "CronJob", "metadata": metadata, "spec": spec}, "stranger")

    def _odd(self, namespace: str, name: str, choice: int) -> None:
        """Make a Job with our labels whose members make no sense."""
        self._count += 1
        owner = self._graphcron(namespace, name)["metadata"]["uid"]
        labels = {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_NAME: name, names.LABEL_UID: owner}
        moment = ("0001-01-01T00:00:00+14:00", "tomorrow", "9999-12-31T23:59:59-14:00", "")[choice % 4]
        references = (
            [{"apiVersion": names.API_VERSION, "kind": names.KIND, "name": name, "uid": owner}] if choice % 2 else []
        )
        metadata = {
            "name": f"odd-{self._count}",
            "namespace": namespace,
            "labels": labels,
            "annotations": {names.ANNOTATION_SCHEDULED_TIMESTAMP: moment},
            "ownerReferences": references,
        }
        self._api.create(
            JOBS, {"kind": "Job", "metadata": metadata, "spec": {"template": {"spec": {"containers": [7]}}}}, "stranger"
        )

    def _namespace(self, namespace: str, name: str, choice: int) -> None:
        """Delete a namespace: reject new objects in it, and delete its objects one after the other."""
        self._api.terminating.add(namespace)
        for key, body in [*self._api.objects.items()]:
            if key[1] == namespace:
                self._world.kernel.later(self._world.random.uniform(0, 20), lambda key=key, body=body: self._sweep(key))

    def _sweep(self, key: tuple[str, str, str]) -> None:
        if key in self._api.objects:
            self._api.delete(key[0], self._api.objects[key], "namespace-controller")
