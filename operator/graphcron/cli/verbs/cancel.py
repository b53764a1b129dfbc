"""``cancel``: cancel active runs."""

from collections.abc import Sequence
from typing import Annotated

import typer

from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.cli.app import CliError, app
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl, Object
from graphcron.cli.options import Done, Names, in_cluster
from graphcron.cli.printing import output as printed


@app.command()
@in_cluster
def cancel(
    kubectl: Kubectl,
    named: Names,
    run: Annotated[
        str | None, typer.Option("--run", metavar="JOB", help="Name of the Job of a run, as in describe. Default: all.")
    ] = None,
    output: Done = None,
) -> None:
    """Cancel the active runs. Deletes their Jobs; the pods then cancel the runs on the server."""
    if run and len(named) > 1:
        raise typer.BadParameter("a Job belongs to one GraphCron; give one name", param_hint="--run")
    found = [kubectl.get(GRAPHCRONS, name)["metadata"] for name in named]
    ended = []
    for each in found:
        jobs = chosen(active(kubectl.children("jobs", each["uid"])), name=each["name"], run=run)
        said = [f"{job} is deleted; its pod cancels the run on the server" for job in map(_name, jobs)]
        if jobs:
            kubectl.run("delete", "jobs", *map(_name, jobs), "--namespace", each["namespace"], "--wait=false")
        printed.say(said or [f"{each['name']} has no active run"], output)
        ended += jobs
    printed.show_done(ended, output)


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


def _name(job: Object) -> str:
    return str(job["metadata"]["name"])
