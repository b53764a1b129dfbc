"""``run``: start a run outside the schedule."""

import math
from datetime import UTC, datetime
from typing import Annotated

import typer

from graphcron.api import names
from graphcron.cli import terminal
from graphcron.cli.app import PROGRAM, CliError, app
from graphcron.cli.clients.graphruns import graphrun_body, new_name
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl, Object
from graphcron.cli.options import Name, ObjectOutput, Output, in_cluster
from graphcron.cli.printing import output as printed
from graphcron.cli.printing.durations import parse_duration
from graphcron.cli.runs.following import AnnotatedRun, CreatedRun, Following, Requested
from graphcron.cli.targets import graphrun_target
from graphcron.contract import Outcome

_JSON = "JSON|@FILE"


class AwaitsAnswerError(CliError):
    """A run waits at an interrupt: it has neither succeeded nor failed."""

    exit_code = 3


@app.command()
@in_cluster
def run(
    kubectl: Kubectl,
    name: Name,
    *,
    graph_input: Annotated[
        str | None, typer.Option("--input", metavar=_JSON, help="Input of the graph instead of the GraphCron's.")
    ] = None,
    config: Annotated[
        str | None, typer.Option("--config", metavar=_JSON, help="Configuration instead of the GraphCron's.")
    ] = None,
    runtime_context: Annotated[
        str | None, typer.Option("--runtime-context", metavar=_JSON, help="Runtime context instead of the GraphCron's.")
    ] = None,
    metadata: Annotated[
        str | None, typer.Option("--metadata", metavar=_JSON, help="Metadata instead of the GraphCron's.")
    ] = None,
    scheduled_time: Annotated[
        str | None,
        typer.Option("--scheduled-time", metavar="TIME", help="Time that the run represents: 2026-11-22T08:30:00Z."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the run to end, and set the exit code.")] = False,
    logs: Annotated[bool, typer.Option("--logs", help="Wait, and print the logs of the run's pods.")] = False,
    output: Annotated[
        ObjectOutput | None, typer.Option("--output", "-o", help="Wait, and print the run's entry in the status.")
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="SPAN", help="Maximum time to wait: 90s, 10m, 2h. Default: no limit."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the GraphRun (-o yaml, json) without creating it.")
    ] = False,
) -> None:
    """Start a run now. Works even while suspended or paused; concurrencyPolicy and the budget still apply.

    With --input, --config, --runtime-context, --metadata or --scheduled-time, it creates a GraphRun. Otherwise it
    annotates the GraphCron.

    Exit code with --wait, --logs or -o: 0: the run succeeded; 3: it waits for human input; 1: it did not succeed.
    """
    _check_together(wait=wait, logs=logs, output=output, dry_run=dry_run)
    given = {"input": graph_input, "config": config, "context": runtime_context, "metadata": metadata}
    spec = {**_parsed(given), **({"scheduledTime": scheduled_time} if scheduled_time else {})}
    if dry_run:
        body = _manifest(name, spec, namespace=kubectl.namespace)
        printed.show_one(body, output or ObjectOutput.YAML)
        return
    seconds = parse_duration(timeout, option="--timeout").total_seconds() if timeout else math.inf
    requested = _create(kubectl, name, spec) if spec else _annotate(kubectl, name)
    describe = kubectl.hint(PROGRAM, "describe", requested.target)
    if wait or logs or output:
        ended = Following(kubectl, requested, logs=logs).follow(seconds)
        _report(requested.subject, ended, more=describe, output=output, logs=logs)
    elif spec:
        terminal.line(f"{requested.subject} is created; {describe} shows how it ends")
    else:
        terminal.line(f"a run of {name} is requested; {kubectl.hint(PROGRAM, 'history', name)} shows how it ends")


def _check_together(*, wait: bool, logs: bool, output: ObjectOutput | None, dry_run: bool) -> None:
    if logs and output:
        raise typer.BadParameter("can't be combined with -o; leave one of the two out", param_hint="--logs")
    if dry_run and (wait or logs):
        raise typer.BadParameter("starts nothing to wait for; leave out --wait and --logs", param_hint="--dry-run")


def _parsed(given: dict[str, str | None]) -> Object:
    """Return the fields of the spec that the command line sets."""
    from graphcron.cli.files.json_argument import json_of

    options = {"context": "--runtime-context"}
    return {key: json_of(text, option=options.get(key, f"--{key}")) for key, text in given.items() if text is not None}


def _manifest(graphcron: str, spec: Object, *, namespace: str | None) -> Object:
    """Return a valid GraphRun with a new name."""
    from graphcron.api.v1alpha1 import run_problems

    body = graphrun_body(new_name(graphcron), graphcron=graphcron, namespace=namespace, spec=spec)
    for problem in run_problems(body):
        raise CliError(str(problem))
    return body


def _create(kubectl: Kubectl, name: str, spec: Object) -> Requested:
    """Create a GraphRun. Check first that the GraphCron exists, because the GraphRun would wait for it."""
    body = _manifest(name, spec, namespace=kubectl.get(GRAPHCRONS, name)["metadata"]["namespace"])
    return CreatedRun(kubectl.create(body)["metadata"])


def _annotate(kubectl: Kubectl, name: str) -> Requested:
    trigger = datetime.now(UTC).isoformat(timespec="milliseconds")  # noqa: TID251
    found = kubectl.annotate(GRAPHCRONS, name, {names.ANNOTATION_RUN_REQUESTED: trigger})
    return AnnotatedRun(found["metadata"], trigger)


def _report(subject: str, ended: Object, *, more: str, output: ObjectOutput | None, logs: bool) -> None:
    """Print how a run ended, and set the exit code.

    Parameters
    ----------
    more
        The command that shows details.
    """
    from graphcron.cli.printing import columns

    if output is ObjectOutput.NAME:
        if name := _name_of(ended):
            terminal.line(name)
    elif output:
        printed.dump(ended, Output(output))
    if ended.get("outcome") != Outcome.SUCCEEDED:
        kind = AwaitsAnswerError if ended.get("outcome") == Outcome.INTERRUPTED else CliError
        raise kind(f"{subject} ended with {sentence(ended)}; {more} shows more")
    used = ", ".join(
        filter(None, (columns.duration_of(ended), columns.tokens_of(ended) and f"{columns.tokens_of(ended)} tokens"))
    )
    terminal.line(f"{subject} succeeded" + (f" ({used})" if used else ""), err=bool(logs or output))


def _name_of(ended: Object) -> str:
    """Return the GraphRun, or the Job; empty: there was no Job."""
    if "graphRun" in ended:
        return graphrun_target(ended["graphRun"])
    return f"job.batch/{ended['job']}" if "job" in ended else ""


def sentence(ended: Object) -> str:
    """Return a sentence on how a run ended."""
    said = ", ".join(filter(None, (ended.get("outcome", "an unknown outcome"), ended.get("reason"))))
    message = " ".join(ended.get("message", "").split()).rstrip(".")
    return f"{said}: {message}" if message else said
