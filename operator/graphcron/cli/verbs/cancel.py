"""``cancel``: cancel active runs."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Annotated

import typer

from graphcron.api import names
from graphcron.api.graphruns import is_over
from graphcron.api.names import Purpose
from graphcron.cli.app import CliError, app
from graphcron.cli.clients.graphruns import unfinished
from graphcron.cli.clients.kubectl import GRAPHRUNS, Kubectl, Object
from graphcron.cli.clients.kubectl_errors import ForbiddenError
from graphcron.cli.options import Done, in_cluster
from graphcron.cli.printing import output as printed
from graphcron.cli.targets import TargetNames, graphrun_target, target_of
from graphcron.unstructured.fields import object_at, text_at


@app.command()
@in_cluster
def cancel(
    kubectl: Kubectl,
    named: TargetNames,
    run: Annotated[
        str | None, typer.Option("--run", metavar="JOB", help="Name of the Job of a run, as in describe. Default: all.")
    ] = None,
    output: Done = None,
) -> None:
    """Cancel the active runs. Deletes their Jobs; the pods then cancel the runs on the server.

    graphrun/NAME cancels the run of a GraphRun. The runs of a GraphCron include those of its GraphRuns. A GraphRun
    without a Job is deleted, and so is a GraphRun whose Job you are not allowed to delete.
    """
    if run and len(named) > 1:
        raise typer.BadParameter("a Job belongs to one GraphCron; give one name", param_hint="--run")
    targets = [target_of(each) for each in named]
    found = [kubectl.get(each.kind, each.name) for each in targets]
    ended: list[Object] = []
    for target, each in zip(targets, found, strict=True):
        if target.is_run:
            deleted = [] if is_over(each) else [each]
            said = [_cancel_graphrun(kubectl, graphrun) for graphrun in deleted]
        else:
            said, deleted = _cancel_graphcron(kubectl, each, run)
        printed.say(said or [f"{target.shown} has no active run"], output)
        ended += deleted
    printed.show_done(ended, output)


def _cancel_graphcron(kubectl: Kubectl, graphcron: Object, run: str | None) -> tuple[list[str], list[Object]]:
    """Cancel the runs of a GraphCron, or one of them; return what was done, and what was deleted."""
    of = graphcron["metadata"]
    graphruns = [each for each in unfinished(kubectl.graphruns(), graphcron) if run in {None, *_names_of(each)}]
    jobs = active(kubectl.children("jobs", of["uid"]))
    jobs = chosen(jobs, name=of["name"], run=run) if not (run and graphruns) else []
    if jobs:
        _delete(kubectl, "jobs", of["namespace"], *map(_name, jobs))
    said = [*map(_sentence, map(_name, jobs)), *(_cancel_graphrun(kubectl, each) for each in graphruns)]
    return said, [*jobs, *graphruns]


def _names_of(graphrun: Object) -> Iterator[str]:
    """Yield the names by which ``--run`` finds a GraphRun."""
    yield graphrun_target(_name(graphrun))
    if job := text_at(object_at(graphrun, "status"), "job"):
        yield job


def _cancel_graphrun(kubectl: Kubectl, graphrun: Object) -> str:
    """Delete the Job, so that the GraphRun remains and reports the end; return what was done."""
    name, namespace = _name(graphrun), graphrun["metadata"]["namespace"]
    job = text_at(object_at(graphrun, "status"), "job")
    with suppress(ForbiddenError):
        if job:
            _delete(kubectl, "jobs", namespace, job)
            return _sentence(job)
    _delete(kubectl, GRAPHRUNS, namespace, name)
    then = f"its Job {job} ends, and its pod cancels the run on the server" if job else "it had no Job yet"
    return f"{graphrun_target(name)} is deleted; {then}"


def _delete(kubectl: Kubectl, kind: str, namespace: str, *named: str) -> None:
    kubectl.run("delete", kind, *named, "--namespace", namespace, "--wait=false", "--ignore-not-found")


def _sentence(job: str) -> str:
    return f"{job} is deleted; its pod cancels the run on the server"


def active(jobs: Sequence[Object]) -> list[Object]:
    """Return the Jobs of active runs, the oldest first."""
    going = [
        job
        for job in jobs
        if job["metadata"].get("labels", {}).get(names.LABEL_PURPOSE) != Purpose.PREFLIGHT
        and "deletionTimestamp" not in job["metadata"]
        and not any(
            each["type"] in {"Complete", "Failed"} and each["status"] == "True"
            for each in job.get("status", {}).get("conditions", ())
        )
    ]
    return sorted(going, key=lambda job: (job["metadata"]["creationTimestamp"], _name(job)))


def chosen(jobs: Sequence[Object], *, name: str, run: str | None) -> list[Object]:
    """Return the Jobs to delete.

    Raises
    ------
    CliError
        The named Job is not active.
    """
    meant = [job for job in jobs if run in {None, _name(job)}]
    if run and not meant:
        others = f"active are {', '.join(map(_name, jobs))}" if jobs else "no run is active"
        raise CliError(f"{name} has no active run with the Job {run}; {others}")
    return meant


def _name(found: Object) -> str:
    return str(found["metadata"]["name"])
