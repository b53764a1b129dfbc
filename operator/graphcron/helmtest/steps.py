"""The steps of the test. Each step prints a line."""

import secrets
import time
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

from graphcron.api import names
from graphcron.api.reasons import ConditionType, Reason
from graphcron.contract import Outcome
from graphcron.errors import ClusterError, GraphCronError
from graphcron.helmtest.fake_server import ASSISTANT
from graphcron.helmtest.settings import Settings, is_served

SCHEDULE: Final = "0 0 1 1 *"
"""Schedule far in the future, because the test requests the run."""

PAUSE_SECONDS: Final = 0.5
"""Polling interval."""

GONE_SECONDS: Final = 90
"""Time limit of the deletion: a pod that follows a run has 30 s to cancel it."""

LEAST_DEADLINE_SECONDS: Final = 10
"""Minimum of ``startingDeadlineSeconds`` in the schema."""

ASKED: Final = "helm-test"
"""Value of the annotation that requests the run."""

Json = dict[str, Any]
T = TypeVar("T")


class Failure(GraphCronError):
    """The test has failed; the message contains the cause."""


class Cluster(Protocol):
    """The part of Kubernetes that the steps use: see :class:`graphcron.helmtest.cluster.Cluster`."""

    def create(self, graphcron: Json, /) -> Json: ...  # noqa: D102
    def read(self, name: str, /) -> Json | None: ...  # noqa: D102
    def annotate(self, name: str, annotations: dict[str, str], /) -> None: ...  # noqa: D102
    def delete(self, name: str, /) -> None: ...  # noqa: D102
    def pods(self, uid: str, /) -> list[Any]: ...  # noqa: D102
    def children(self, uid: str, /) -> list[str]: ...  # noqa: D102


class Trial:
    """The test of one GraphCron, from its creation to its deletion."""

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        self._cluster = cluster
        self._settings = settings
        self._name = f"{settings.name[: names.MAX_NAME_LENGTH - 7]}-{secrets.token_hex(3)}"
        self._uid = ""
        self._told: dict[str, str] = {}
        self._began = time.monotonic()

    def run(self) -> bool:
        """Run all steps; return whether GraphCron works."""
        works = False
        try:
            self._make()
            self._await_ready()
            self._await_target()
            self._cluster.annotate(self._name, {names.ANNOTATION_RUN_REQUESTED: ASKED})
            self._say("A run is asked for")
            self._await_run()
            works = True
        except GraphCronError as error:
            self._explain(error)
        finally:
            gone = self._clean_up()
        if works and gone:
            self._say("GraphCron works")
        return works and gone

    def _make(self) -> None:
        namespace, watched = self._settings.namespace, self._settings.watched
        if not is_served(namespace, watched):
            raise Failure(
                f"the operator does not watch the namespace {namespace} (watchNamespaces: {', '.join(watched)}): "
                "set test.namespace to one that it watches"
            )
        made = self._cluster.create(graphcron_for(self._name, self._settings))
        self._uid = made["metadata"]["uid"]
        self._say(f"The API server took the GraphCron {namespace}/{self._name}")

    def _await_ready(self) -> None:
        self._await("the operator has not made the CronJob", is_ready)
        made = [each for each in self._cluster.children(self._uid) if each.startswith("CronJob ")]
        if not made:
            raise Failure("the operator calls the GraphCron Ready, and there is no CronJob")
        self._say(f"The operator made the {made[0]}")

    def _await_target(self) -> None:
        found = self._await("it is not known whether a run can be made: the preflight has not ended", target_of)
        self._say(f"A preflight told: {found['message']}")

    def _await_run(self) -> None:
        run = self._await("the run has not ended", run_of)
        if run.get("runId"):
            self._say(f"The server accepted the run {run['runId']} on the thread {run.get('threadId')}")
        why = f"{run['outcome']}: {run.get('message', '')}"
        if run["outcome"] != Outcome.SUCCEEDED:
            raise Failure(f"the run ended as {why}")
        self._say(f"The run ended as {why}")

    def _await(self, what: str, look: Callable[[Json], T | None]) -> T:
        """Poll until there is a result; print the state of the pods in the meantime."""
        while True:
            found = self._cluster.read(self._name)
            if found is None:
                raise Failure("the GraphCron was deleted during the test")
            for pod in self._cluster.pods(self._uid):
                if self._told.get(pod.name) != pod.how:
                    self._told[pod.name] = pod.how
                    self._say(f"The pod {pod.name} {pod.how}")
            seen = look(found)
            if seen:
                return seen
            if time.monotonic() - self._began > self._settings.seconds:
                raise Failure(f"after {self._settings.seconds} s {what}")
            time.sleep(PAUSE_SECONDS)

    def _explain(self, error: GraphCronError) -> None:
        """Print why it failed, and where to look."""
        self._say(f"FAILED: {error}")
        try:
            found = (self._uid and self._cluster.read(self._name)) or {}
        except ClusterError:
            found = {}
        ready = condition(found, ConditionType.READY)
        if found and not ready:
            self._say("No operator has looked at the GraphCron")
        elif ready.get("status") == "False":
            self._say(f"Ready is False ({ready['reason']}): {ready['message']}")
        for name, how in self._told.items():
            if how.startswith("waits"):
                self._say(f"The pod {name} {how}")
        namespace, _, deployment = self._settings.operator.partition("/")
        self._say(f"To look at: kubectl --namespace {namespace} logs deployment/{deployment}")

    def _clean_up(self) -> bool:
        """Delete the GraphCron, wait until its objects are deleted, and return whether they are."""
        if not self._uid:
            return True
        until = time.monotonic() + GONE_SECONDS
        try:
            self._cluster.delete(self._name)
            while left := self._left():
                if time.monotonic() > until:
                    self._say(f"FAILED: {GONE_SECONDS} s after its deletion there still is {', '.join(left)}")
                    return False
                time.sleep(PAUSE_SECONDS)
        except ClusterError as error:
            self._say(f"FAILED: {error}; to do it by hand: {self._by_hand}")
            return False
        self._say("The GraphCron is deleted, and all that it had")
        return True

    def _left(self) -> list[str]:
        own = [f"GraphCron {self._name}"] if self._cluster.read(self._name) else []
        return own + self._cluster.children(self._uid)

    @property
    def _by_hand(self) -> str:
        return f"kubectl --namespace {self._settings.namespace} delete graphcron {self._name}"

    def _say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._began:5.1f} s] {text}", flush=True)  # noqa: T201  (a person reads it)


def graphcron_for(name: str, settings: Settings) -> Json:
    """Return the GraphCron of the test."""
    spec = {
        "schedule": SCHEDULE,
        "assistant": settings.assistant or ASSISTANT,
        "input": settings.input,
        # A node may have to pull the runner's image first.
        "startingDeadlineSeconds": max(settings.seconds, LEAST_DEADLINE_SECONDS),
        **({} if settings.assistant else {"server": {"url": settings.url}}),
    }
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": spec}


def is_ready(graphcron: Json) -> bool:
    """Return whether the CronJob exists.

    Raises
    ------
    Failure
        It will not be created.
    """
    ready = condition(graphcron, ConditionType.READY)
    stalled = condition(graphcron, ConditionType.STALLED).get("status") == "True"
    # The kubelet may pull the image at the next try.
    if stalled and ready.get("reason") != Reason.POD_CANNOT_START:
        raise Failure(f"the operator refuses the GraphCron ({ready.get('reason')}): {ready.get('message')}")
    return ready.get("status") == "True"


def target_of(graphcron: Json) -> Json | None:
    """Return what a preflight found; None: it has not ended.

    Raises
    ------
    Failure
        No run can start.
    """
    target = condition(graphcron, ConditionType.TARGET_RESOLVED)
    if target.get("status") == "False":
        raise Failure(f"the LangGraph server can't be used ({target['reason']}): {target['message']}")
    return target if target and target["reason"] != Reason.CHECKING else None


def run_of(graphcron: Json) -> Json | None:
    """Return how the requested run ended; None: it has not ended yet."""
    runs: list[Json] = graphcron.get("status", {}).get("recentRuns", [])
    return next((each for each in runs if each.get("trigger") == ASKED), None)


def condition(graphcron: Json, kind: str) -> Json:
    """Return a condition of this type; empty if there is none."""
    conditions: list[Json] = graphcron.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})
