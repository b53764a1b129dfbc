"""Follow a run from its request to its end."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from graphcron.api import names
from graphcron.api.graphruns import is_over
from graphcron.cli import terminal
from graphcron.cli.app import PROGRAM, CliError
from graphcron.cli.clients.graphruns import run_of, wait_of
from graphcron.cli.clients.kubectl import GRAPHCRONS, GRAPHRUNS, Kubectl, Object
from graphcron.cli.printing.log_text import LogText
from graphcron.cli.runs.pod_logs import LOOK_SECONDS, print_log, read_log, started
from graphcron.cli.targets import graphrun_target
from graphcron.unstructured.fields import object_at, text_at

TAKEN_SECONDS: Final = 60
"""Maximum time until the operator handles the request."""

GONE_SECONDS: Final = 10
"""Maximum time until the operator reports a run whose Job was deleted."""


class Seen(NamedTuple):
    """State of a requested run."""

    ended: Object | None
    """The run's entry in the status; None: it has not ended yet."""
    job: str | None
    is_taken: bool
    """Whether the operator has seen the request."""


class Requested(Protocol):
    """A run that was requested."""

    @property
    def subject(self) -> str:
        """The run in a sentence."""

    @property
    def target(self) -> str:
        """The name under which other verbs find the run."""

    def look(self, kubectl: Kubectl) -> Seen:
        """Read the state."""


@dataclass
class Following:
    """Follows a run to its end."""

    kubectl: Kubectl
    run: Requested
    logs: bool = field(kw_only=True)
    """Whether to print the log."""
    job: str | None = None
    gone: float | None = None
    """Time at which its Job was first missing."""
    printed: dict[str, int] = field(default_factory=dict)
    """How many lines of each pod's log were printed."""
    texts: dict[str, LogText] = field(default_factory=dict)

    def follow(self, seconds: float) -> Object:
        """Wait for the run to end, and return its entry in the status."""
        begun = time.monotonic()
        while True:
            seen = self.run.look(self.kubectl)
            if self.job and not seen.job:
                self.gone = self.gone or time.monotonic()
            self.job = self.job or seen.job
            if self.logs and self.job:
                self._print_logs(self.job)
            if seen.ended:
                return seen.ended
            self._check(time.monotonic() - begun, seconds, is_taken=seen.is_taken)
            time.sleep(LOOK_SECONDS)

    def _check(self, waited: float, seconds: float, *, is_taken: bool) -> None:
        if waited > seconds:
            cancel = self.kubectl.hint(PROGRAM, "cancel", self.run.target)
            raise CliError(f"{self.run.subject} has not ended in time, and continues; {cancel} ends it")
        if self.gone and time.monotonic() - self.gone > GONE_SECONDS:
            raise CliError(f"{self.run.subject} was cancelled: its Job {self.job} was deleted")
        if waited > TAKEN_SECONDS and not is_taken:
            describe = self.kubectl.hint(PROGRAM, "describe", self.run.target)
            doctor = self.kubectl.hint(PROGRAM, "doctor")
            raise CliError(
                f"the operator has not taken the request within {TAKEN_SECONDS} s; {describe} shows its state, "
                f"{doctor} whether the operator runs"
            )

    def _print_logs(self, job: str) -> None:
        """Print new lines. Reading the whole short log, instead of following it, lets the time limit apply."""
        for pod in self.kubectl.find_all("pods", selector=f"{names.LABEL_JOB_NAME}={job}"):
            name = pod["metadata"]["name"]
            if started(pod):
                with suppress(CliError):  # a pod that is gone by now
                    lines = read_log(self.kubectl, pod)
                    text = self.texts.setdefault(name, LogText())
                    print_log(text.lines(lines[self.printed.get(name, 0) :]))
                    self.printed[name] = len(lines)


@dataclass
class AnnotatedRun:
    """A run of a GraphCron that an annotation requested."""

    graphcron: Object
    """Metadata of the GraphCron."""
    trigger: str
    job: str | None = None

    @property
    def subject(self) -> str:
        """The run in a sentence."""
        return f"the run of {self.target}"

    @property
    def target(self) -> str:
        """The GraphCron's name."""
        return str(self.graphcron["name"])

    def look(self, kubectl: Kubectl) -> Seen:
        """Read the GraphCron and its Jobs."""
        found = kubectl.find(GRAPHCRONS, self.target)
        if found is None or found["metadata"]["uid"] != self.graphcron["uid"]:
            raise CliError(f"{self.target} was deleted, and its run was cancelled with it")
        job = job_of(kubectl.children("jobs", self.graphcron["uid"]), self.trigger)
        self.job = self.job or job
        is_taken = bool(self.job) or found.get("status", {}).get("lastHandledTrigger") == self.trigger
        return Seen(told(found, self.trigger, self.job), job, is_taken)


@dataclass
class CreatedRun:
    """The run of a GraphRun."""

    graphrun: Object
    """Metadata of the GraphRun."""
    waits_for: str = ""
    """The message of the operator that was printed last."""

    @property
    def subject(self) -> str:
        """The run in a sentence."""
        return f"the GraphRun {self.graphrun['name']}"

    @property
    def target(self) -> str:
        """The GraphRun's name, after its kind."""
        return graphrun_target(self.graphrun["name"])

    def look(self, kubectl: Kubectl) -> Seen:
        """Read the GraphRun. While it waits, print why."""
        found = kubectl.find(GRAPHRUNS, self.graphrun["name"])
        if found is None or found["metadata"]["uid"] != self.graphrun["uid"]:
            raise CliError(f"{self.subject} was deleted, and its run was cancelled with it")
        status = object_at(found, "status")
        job = text_at(status, "job") or None
        if is_over(found):
            return Seen(run_of(found), job, is_taken=True)
        self._print_wait(wait_of(found) or {})
        return Seen(None, job, is_taken=bool(status))

    def _print_wait(self, condition: Object) -> None:
        waits_for = condition.get("message") or condition.get("reason", "")
        if waits_for and waits_for != self.waits_for:
            terminal.line(f"{self.subject} waits: {waits_for}", err=True)
            self.waits_for = waits_for


def told(graphcron: Object, trigger: str, job: str | None) -> Object | None:
    """Return the entry of a requested run in the status; None: the run has not ended yet.

    A run whose Job was deleted is found by the Job alone.
    """
    runs = graphcron.get("status", {}).get("recentRuns", ())
    return next((each for each in runs if each.get("trigger") == trigger or (job and each.get("job") == job)), None)


def job_of(jobs: Sequence[Object], trigger: str) -> str | None:
    """Return the name of the Job that the operator created for a request; None if there is none."""
    asked = ((each["metadata"]["name"], each["metadata"].get("annotations", {})) for each in jobs)
    return next((name for name, annotations in asked if annotations.get(names.ANNOTATION_TRIGGER) == trigger), None)
