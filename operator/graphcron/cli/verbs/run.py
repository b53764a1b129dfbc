"""``run``: a run now, whatever the schedule says."""

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
from graphcron.cli.options import Name, Output, Written, in_cluster
from graphcron.cli.printing import output as printed
from graphcron.cli.printing.durations import parse_duration
from graphcron.cli.verbs.logs import LOOK_SECONDS, read_log, started
from graphcron.contract import Outcome

TAKEN_SECONDS: Final = 60
"""How long the operator has to see the request."""

GONE_SECONDS: Final = 10
"""How long the operator has to tell what became of a run whose Job is gone."""


class AwaitsAnswerError(CliError):
    """A run stopped at an interrupt: it has neither succeeded nor failed."""

    code = 3


@app.command()
@in_cluster
def run(
    kubectl: Kubectl,
    name: Name,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end, which sets the exit code.")] = False,
    logs: Annotated[bool, typer.Option("--logs", help="Wait, and print its pods' log.")] = False,
    output: Annotated[
        Written | None, typer.Option("--output", "-o", help="Wait, and print what the status tells of the run.")
    ] = None,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="SPAN", help="Wait so long: 90s, 10m, 2h. Default: to its end.")
    ] = None,
) -> None:
    """Ask for a run now. A suspension or pause does not keep it, but concurrencyPolicy and budget do.

    Exit code, if it waits: 0: the run succeeded; 3: it stopped and waits for a person; 1: it ended otherwise.
    """
    from graphcron.cli.printing import columns

    if logs and output:
        raise typer.BadParameter("prints where the log would be printed; leave one of the two out", param_hint="--logs")
    seconds = parse_duration(timeout, option="--timeout").total_seconds() if timeout else math.inf
    trigger = datetime.now(UTC).isoformat(timespec="milliseconds")  # noqa: TID251
    found = kubectl.annotate(GRAPHCRONS, name, {names.ANNOTATION_RUN_REQUESTED: trigger})
    if not (wait or logs or output):
        terminal.line(
            f"a run of {name} is requested; {kubectl.hint(PROGRAM, 'history', name)} shows what becomes of it"
        )
        return
    ended = _Request(kubectl, found["metadata"], trigger, logs=logs).follow(seconds)
    if output is Written.NAME:
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
    """Return what became of a run that was asked for; None: that is not known yet.

    One whose Job was deleted is told by the Job alone.
    """
    runs = graphcron.get("status", {}).get("recentRuns", ())
    return next((each for each in runs if each.get("trigger") == trigger or (job and each.get("job") == job)), None)


def job_of(jobs: Sequence[Object], trigger: str) -> str | None:
    """Return the name of the Job that was made for a request; None: there is none."""
    asked = ((each["metadata"]["name"], each["metadata"].get("annotations", {})) for each in jobs)
    return next((name for name, annotations in asked if annotations.get(names.ANNOTATION_TRIGGER) == trigger), None)


def sentence(ended: Object) -> str:
    """Say how a run ended."""
    said = ", ".join(filter(None, (ended["outcome"], ended.get("reason"))))
    message = " ".join(ended.get("message", "").split()).rstrip(".")
    return f"{said}: {message}" if message else said


@dataclass
class _Request:
    """A run that was asked for."""

    kubectl: Kubectl
    of: Object
    """The GraphCron's metadata."""
    trigger: str
    logs: bool = field(kw_only=True)
    job: str | None = None
    gone: float | None = None
    """Since when its Job is no longer there."""
    printed: dict[str, int] = field(default_factory=dict)
    """How many lines of each pod's log were printed."""

    def follow(self, seconds: float) -> Object:
        """Wait for the run's end, and return what the status tells of it."""
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
            raise CliError(f"the run of {name} has not ended in time, and goes on; {cancel} ends it")
        if self.gone and time.monotonic() - self.gone > GONE_SECONDS:
            raise CliError(f"the run of {name} was cancelled: its Job {self.job} was deleted")
        taken = self.job or found.get("status", {}).get("lastHandledTrigger") == self.trigger
        if not taken and waited > TAKEN_SECONDS:
            describe, doctor = self.kubectl.hint(PROGRAM, "describe", name), self.kubectl.hint(PROGRAM, "doctor")
            raise CliError(
                f"the operator has not taken the request within {TAKEN_SECONDS} s; {describe} shows how it stands, "
                f"{doctor} whether the operator runs"
            )

    def _print_logs(self) -> None:
        """Print what is new. The log is short: read as a whole, it can be left at any time, as the time limit wants."""
        for pod in self.kubectl.find_all("pods", selector=f"{names.LABEL_JOB_NAME}={self.job}"):
            name = pod["metadata"]["name"]
            if started(pod):
                with suppress(CliError):  # a pod that is gone by now
                    lines = read_log(self.kubectl, pod)
                    terminal.block("".join(f"{line}\n" for line in lines[self.printed.get(name, 0) :]))
                    self.printed[name] = len(lines)
