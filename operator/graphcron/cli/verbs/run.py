"""``run``: start a run outside the schedule."""

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from graphcron.api import names
from graphcron.cli import terminal
from graphcron.cli.app import PROGRAM, CliError, app
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl, Object
from graphcron.cli.options import Name, ObjectOutput, Output, in_cluster
from graphcron.cli.printing import output as printed
from graphcron.cli.printing.durations import parse_duration
from graphcron.cli.printing.log_text import LogText
from graphcron.cli.verbs.logs import LOOK_SECONDS, print_log, read_log, started
from graphcron.contract import Outcome

TAKEN_SECONDS: Final = 60
"""Maximum time until the operator handles the request."""

GONE_SECONDS: Final = 10
"""Maximum time until the operator reports a run whose Job was deleted."""


class AwaitsAnswerError(CliError):
    """A run waits at an interrupt: it has neither succeeded nor failed."""

    exit_code = 3


@app.command()
@in_cluster
def run(
    kubectl: Kubectl,
    name: Name,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the run to end, and set the exit code.")] = False,
    logs: Annotated[bool, typer.Option("--logs", help="Wait, and print the logs of the run's pods.")] = False,
    output: Annotated[
        ObjectOutput | None, typer.Option("--output", "-o", help="Wait, and print the run's entry in the status.")
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="SPAN", help="How long to wait: 90s, 10m, 2h. Default: no limit."),
    ] = None,
) -> None:
    """Start a run now. Works even while suspended or paused; concurrencyPolicy and the budget still apply.

    Exit code with --wait, --logs or -o: 0: the run succeeded; 3: it waits for a person; 1: it did not succeed.
    """
    from graphcron.cli.printing import columns

    if logs and output:
        raise typer.BadParameter("can't be combined with -o; leave one of the two out", param_hint="--logs")
    seconds = parse_duration(timeout, option="--timeout").total_seconds() if timeout else math.inf
    trigger = datetime.now(UTC).isoformat(timespec="milliseconds")  # noqa: TID251
    found = kubectl.annotate(GRAPHCRONS, name, {names.ANNOTATION_RUN_REQUESTED: trigger})
    if not (wait or logs or output):
        terminal.line(f"a run of {name} is requested; {kubectl.hint(PROGRAM, 'history', name)} shows how it ends")
        return
    ended = _Request(kubectl, found["metadata"], trigger, logs=logs).follow(seconds)
    if output is ObjectOutput.NAME:
        terminal.line(f"job.batch/{ended['job']}")
    elif output:
        printed.dump(ended, Output(output))
    if ended["outcome"] != Outcome.SUCCEEDED:
        more = kubectl.hint(PROGRAM, "describe", name)
        kind = AwaitsAnswerError if ended["outcome"] == Outcome.INTERRUPTED else CliError
        raise kind(f"the run of {name} ended with {sentence(ended)}; {more} shows more")
    used = ", ".join(
        filter(None, (columns.duration_of(ended), columns.tokens_of(ended) and f"{columns.tokens_of(ended)} tokens"))
    )
    terminal.line(f"the run of {name} succeeded" + (f" ({used})" if used else ""), err=bool(logs or output))


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


def sentence(ended: Object) -> str:
    """Return a sentence on how a run ended."""
    said = ", ".join(filter(None, (ended["outcome"], ended.get("reason"))))
    message = " ".join(ended.get("message", "").split()).rstrip(".")
    return f"{said}: {message}" if message else said


@dataclass
class _Request:
    """A requested run."""

    kubectl: Kubectl
    of: Object
    """The GraphCron's metadata."""
    trigger: str
    logs: bool = field(kw_only=True)
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
            found = self._look()
            ended = told(found, self.trigger, self.job)
            if self.logs and self.job:
                self._print_logs()
            if ended:
                return ended
            self._check(found, time.monotonic() - begun, seconds)
            time.sleep(LOOK_SECONDS)

    def _look(self) -> Object:
        found = self.kubectl.find(GRAPHCRONS, self.of["name"])
        if found is None or found["metadata"]["uid"] != self.of["uid"]:
            raise CliError(f"{self.of['name']} was deleted, and its run was cancelled with it")
        job = job_of(self.kubectl.children("jobs", self.of["uid"]), self.trigger)
        if self.job and not job:
            self.gone = self.gone or time.monotonic()
        self.job = self.job or job
        return found

    def _check(self, found: Object, waited: float, seconds: float) -> None:
        name = self.of["name"]
        if waited > seconds:
            cancel = self.kubectl.hint(PROGRAM, "cancel", name)
            raise CliError(f"the run of {name} has not ended in time, and continues; {cancel} ends it")
        if self.gone and time.monotonic() - self.gone > GONE_SECONDS:
            raise CliError(f"the run of {name} was cancelled: its Job {self.job} was deleted")
        taken = self.job or found.get("status", {}).get("lastHandledTrigger") == self.trigger
        if not taken and waited > TAKEN_SECONDS:
            describe, doctor = self.kubectl.hint(PROGRAM, "describe", name), self.kubectl.hint(PROGRAM, "doctor")
            raise CliError(
                f"the operator has not taken the request within {TAKEN_SECONDS} s; {describe} shows its state, "
                f"{doctor} whether the operator runs"
            )

    def _print_logs(self) -> None:
        """Print new lines. Reading the whole short log, instead of following it, lets the time limit apply."""
        for pod in self.kubectl.find_all("pods", selector=f"{names.LABEL_JOB_NAME}={self.job}"):
            name = pod["metadata"]["name"]
            if started(pod):
                with suppress(CliError):  # a pod that is gone by now
                    lines = read_log(self.kubectl, pod)
                    text = self.texts.setdefault(name, LogText())
                    print_log(text.lines(lines[self.printed.get(name, 0) :]))
                    self.printed[name] = len(lines)
