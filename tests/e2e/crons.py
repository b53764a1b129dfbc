"""GraphCrons of one namespace: made, started, and looked at."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from graphcron.api import names
from tests.cluster import wait_for
from tests.objects import Objects, condition
from tests.occurrence import start_occurrence

if TYPE_CHECKING:
    from tests.client import Api
    from tests.cluster import Cluster
    from tests.e2e.api import LangGraph

NEVER = "0 0 29 2 *"
"""A schedule that does not fire while the tests run: they start the occurrences themselves."""

QUESTION = {"messages": [{"role": "user", "content": "What time is it?"}]}


class Crons(Objects):
    """What a test works with; the API server is asked without kubectl."""

    schedule = NEVER
    kind = "graphcrons"
    seconds = 60.0

    def __init__(self, cluster: Cluster, api: Api, server: LangGraph, namespace: str) -> None:
        super().__init__(cluster, namespace)
        self.api = api
        self.server = server

    # --- making ---------------------------------------------------------------------------------------------------

    def make(self, name: str = "hello", *, ready_reason: str = "Reconciled", **spec: Any) -> str:
        """Apply a GraphCron, wait until it is ready, and return its UID."""
        self.apply(name, **spec)
        return str(self.wait_ready(name, reason=ready_reason)["metadata"]["uid"])

    def make_secret(self, name: str, **values: str) -> None:
        """Make a Secret."""
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}
        self.cluster.apply(secret, namespace=self.namespace)

    def make_config_map(self, name: str, values: dict[str, str]) -> None:
        """Make a ConfigMap."""
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": values}
        self.cluster.apply(config_map, namespace=self.namespace)

    def start(self, name: str = "hello", **options: Any) -> str:
        """Make an occurrence's Job, as the CronJob controller does; return its name."""
        return start_occurrence(self.cluster, self.namespace, name, **options)

    def start_running(self, name: str = "hello", *, uid: str, minute: int | None = None) -> tuple[str, Any]:
        """Start an occurrence and wait until the server runs it; return its Job's name and the run."""
        before = {run["run_id"] for run in self.server.runs_of(uid)}
        job = self.start(name, minute=minute)
        return job, self.wait_running(uid, besides=before)

    def wait_running(self, uid: str, *, besides: set[str] | frozenset[str] = frozenset()) -> Any:
        """Wait until the server runs something of a GraphCron; return that run."""

        def look() -> Any:
            runs = [run for run in self.server.runs_of(uid) if run["run_id"] not in besides]
            return next((run for run in runs if run["status"] == "running"), None)

        return wait_for("run on the server", look, seconds=60)

    def wait_steps(self, thread: str, steps: int) -> None:
        """Wait until a run of the graph ``steps`` has finished so many."""
        wait_for(f"{steps} finished steps", lambda: len(self.server.steps(thread, "finished")) >= steps)

    def make_run(self, run: str = "once", **spec: Any) -> str:
        """Create a GraphRun, as people do with `kubectl create`, and return its UID."""
        body = {"apiVersion": names.API_VERSION, "kind": names.RUN_KIND, "metadata": {"name": run}, "spec": spec}
        made = self.kubectl("create", "-f", "-", "-o", "jsonpath={.metadata.uid}", stdin=json.dumps(body))
        return made.strip()

    def run_end(self, run: str = "once", *, seconds: float = 90) -> Any:
        """Wait until a GraphRun is over; return its status."""

        def over(found: Any) -> Any:
            return "outcome" in found.get("status", {})

        return self.wait("that is over", "graphruns", run, over, seconds=seconds)["status"]

    # --- looking --------------------------------------------------------------------------------------------------

    def path(self, kind: str, name: str = "") -> str:
        """Return the path of an object, or of all of a kind."""
        ours, batch = "apis/graphcron.dev/v1alpha1", "apis/batch/v1"
        groups = {"graphcrons": ours, "graphruns": ours, "graphservers": ours, "cronjobs": batch, "jobs": batch}
        return f"/{groups.get(kind, 'api/v1')}/namespaces/{self.namespace}/{kind}" + (f"/{name}" if name else "")

    @override
    def get(self, kind: str, name: str = "hello") -> Any:
        """Return an object; None where there is none."""
        return self.api.get(self.path(kind, name))

    def items(self, kind: str) -> list[Any]:
        """List the objects of a kind."""
        return list(self.api.get(self.path(kind))["items"])

    def wait_target(self, name: str = "hello") -> Any:
        """Wait until a preflight has found something; return the condition TargetResolved."""

        def decided(graphcron: Any) -> bool:
            return condition(graphcron, "TargetResolved").get("status") in ("True", "False")

        return condition(self.wait("that was looked at", "graphcrons", name, decided, seconds=90), "TargetResolved")

    def status(self, name: str = "hello") -> Any:
        """Return a GraphCron's status."""
        return self.get("graphcrons", name)["status"]

    def told(self, job: str, name: str = "hello", *, seconds: float = 90) -> Any:
        """Wait until the status tells how an occurrence has ended; return what it tells."""

        def look() -> Any:
            runs = self.status(name).get("recentRuns", [])
            return next((run for run in runs if run["job"] == job), None)

        return wait_for(f"outcome of {job}", look, seconds=seconds)

    def pods(self, job: str) -> list[Any]:
        """List a Job's pods, the oldest first."""
        found = self.api.get(f"{self.path('pods')}?labelSelector=batch.kubernetes.io/job-name%3D{job}")["items"]
        return sorted(found, key=lambda pod: pod["metadata"]["creationTimestamp"])

    def job_end(self, job: str) -> str:
        """Wait until a Job is over; return ``Complete``, or the reason of its failure."""

        def end(found: Any) -> Any:
            conditions = {each["type"]: each for each in found["status"].get("conditions", [])}
            return "Complete" if "Complete" in conditions else conditions.get("Failed", {}).get("reason")

        return str(end(self.wait("that is over", "jobs", job, end)))

    def exit_codes(self, job: str) -> list[int]:
        """Return the exit codes of a Job's pods."""
        return [runner_state(pod)["terminated"]["exitCode"] for pod in self.pods(job)]

    def events(self, name: str = "hello") -> list[Any]:
        """List the Events about a GraphCron."""
        about = [event for event in self.items("events") if event["involvedObject"]["kind"] == "GraphCron"]
        return [event for event in about if event["involvedObject"]["name"] == name]

    def wait_event(self, reason: str, name: str = "hello") -> Any:
        """Wait for an Event about a GraphCron; return it."""

        def look() -> Any:
            return next((event for event in self.events(name) if event["reason"] == reason), None)

        return wait_for(f"Event {reason}", look, seconds=30)

    def log(self, job: str, *, of_running: bool = False) -> str:
        """Return what a Job's pods have logged, or those of them that run."""
        pods = [pod for pod in self.pods(job) if not of_running or pod["status"].get("phase") == "Running"]
        return "".join(
            self.api.ask("GET", f"{self.path('pods', pod['metadata']['name'])}/log?container={names.CONTAINER}")[1]
            for pod in pods
        )

    def everything_said(self, job: str, name: str = "hello") -> str:
        """Return all that anybody can read of an occurrence: status, Events, Job, pods and their logs."""
        seen = [self.get("graphcrons", name), self.items("events"), self.get("jobs", job), self.pods(job)]
        return f"{seen}{self.log(job)}"

    def account(self) -> str:
        """Return an account of the namespace, for a person who looks for the cause of a failure."""
        lines = [f"{each['metadata']['name']}: {each.get('status')}" for each in self.items("graphcrons")]
        for job in self.items("jobs"):
            name = job["metadata"]["name"]
            states = [runner_state(pod) for pod in self.pods(name)]
            lines += [f"{name}: {job['status']}", f"{states}", self.log(name)]
        lines += [f"{event['lastTimestamp']} {event['reason']}: {event['message']}" for event in self.items("events")]
        return "\n".join(lines)

    def row(self, name: str = "hello", *options: str) -> dict[str, str]:
        """Return what `kubectl get gcron` shows of a GraphCron, by column."""
        shown = self.cluster.kubectl("get", "gcron", name, "--namespace", self.namespace, *options).stdout
        header, values = shown.splitlines()
        starts = [each.start() for each in re.finditer(r"\S+", header)]
        ends = [*starts[1:], None]
        return {header[start:end].strip(): values[start:end].strip() for start, end in zip(starts, ends, strict=True)}


def runner_state(pod: Any) -> Any:
    """Return the state of the runner's container, an empty one where it has none yet."""
    states = pod["status"].get("containerStatuses", [])
    return next((each["state"] for each in states if each["name"] == names.CONTAINER), {})
