"""``history``: list finished runs."""

from graphcron.cli import terminal
from graphcron.cli.app import app
from graphcron.cli.clients.kubectl import Kubectl, Object
from graphcron.cli.options import Format, OptionalNames, Output, Selector, chosen, in_namespaces
from graphcron.cli.printing import output as printed


@app.command()
@in_namespaces
def history(
    kubectl: Kubectl,
    named: OptionalNames = None,
    *,
    selector: Selector = "",
    output: Format = Output.TABLE,
) -> None:
    """List finished runs. The newest run is first. spec.history.runs sets the number of runs that a GraphCron keeps.

    Without a name: the runs of all GraphCrons of the namespace, with times in your zone.
    """
    from graphcron.cli.printing import columns

    found = chosen(kubectl, named, selector)
    one = found[0] if named and len(named) == 1 else None
    runs = columns.runs_of(one) if one else runs_of_all(found)
    if output in {Output.JSON, Output.YAML}:
        printed.dump(runs, output)
    elif output is Output.NAME:
        for job in (run["job"] for run in runs if "job" in run):
            terminal.line(f"job.batch/{job}")
    elif not runs:
        terminal.line(f"no run of {one['metadata']['name']} has ended yet" if one else "no run has ended yet", err=True)
    else:
        where = () if one else columns.place_columns(everywhere=kubectl.everywhere)
        shown = (*where, *columns.run_columns(columns.zone_of(one) if one else None))
        printed.table_of(runs, printed.shown_of(shown, output))


def runs_of_all(graphcrons: list[Object]) -> list[Object]:
    """Return the runs of several GraphCrons, each with its namespace and name, the newest first."""
    from graphcron.cli.printing.columns import runs_of
    from graphcron.unstructured.fields import time_of

    runs = [
        {"namespace": each["metadata"].get("namespace", ""), "name": each["metadata"]["name"], **run}
        for each in graphcrons
        for run in runs_of(each)
    ]
    dated = [(at.timestamp() if (at := time_of(run.get("scheduledTime"))) else 0.0, run) for run in runs]
    return [run for _, run in sorted(dated, key=lambda each: each[0], reverse=True)]
