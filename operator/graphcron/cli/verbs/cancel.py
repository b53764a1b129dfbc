"""``cancel``: end what runs."""

from collections.abc import Sequence
from typing import Annotated

import typer

from graphcron import names
from graphcron.cli.app import CliError, app
from graphcron.cli.kubectl import GRAPHCRONS, Kubectl, Object
from graphcron.cli.options import Context, Kubeconfig, Name, Namespace
from graphcron.names import Purpose


@app.command()
def cancel(
    name: Name,
    *,
    run: Annotated[
        str | None, typer.Option("--run", metavar="JOB", help="Job of the run, as describe shows it. Default: all.")
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Cancel the active runs: their Jobs are deleted, and their pods cancel the runs on the server."""
    kubectl = Kubectl(namespace=namespace, context=context, kubeconfig=kubeconfig)
    found = kubectl.get(GRAPHCRONS, name)["metadata"]
    jobs = chosen(active(kubectl.children("jobs", found["uid"])), name=name, run=run)
    if jobs:
        kubectl.run("delete", "jobs", *jobs, "--namespace", found["namespace"], "--wait=false")
    for job in jobs:
        typer.echo(f"{job} is deleted; its pod cancels the run on the server")
    if not jobs:
        typer.echo(f"{name} has no active run")


def active(jobs: Sequence[Object]) -> list[str]:
    """Return the names of the Jobs that make a run and are not over, the oldest first."""
    going = [
        job["metadata"]
        for job in jobs
        if job["metadata"].get("labels", {}).get(names.LABEL_PURPOSE) != Purpose.PREFLIGHT
        and "deletionTimestamp" not in job["metadata"]
        and not any(
            each["type"] in {"Complete", "Failed"} and each["status"] == "True"
            for each in job.get("status", {}).get("conditions", ())
        )
    ]
    return [each["name"] for each in sorted(going, key=lambda each: (each["creationTimestamp"], each["name"]))]


def chosen(jobs: Sequence[str], *, name: str, run: str | None) -> Sequence[str]:
    """Return the Jobs that are meant.

    Raises
    ------
    CliError
        The one that is named is not active.
    """
    if run is None or run in jobs:
        return jobs if run is None else [run]
    others = f"active are {', '.join(jobs)}" if jobs else "no run is active"
    raise CliError(f"{name} has no active run with the Job {run}; {others}")
