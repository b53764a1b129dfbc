"""``history``: the runs that have ended."""

from graphcron.cli import terminal
from graphcron.cli.app import app
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl
from graphcron.cli.options import Format, Name, Output, in_cluster
from graphcron.cli.printing import output as printed


@app.command()
@in_cluster
def history(
    kubectl: Kubectl,
    name: Name,
    output: Format = Output.TABLE,
) -> None:
    """Show the runs that have ended. The newest is first; the GraphCron keeps as many as spec.history.runs says."""
    from graphcron.cli.printing import columns

    found = kubectl.get(GRAPHCRONS, name)
    runs = columns.runs_of(found)
    if output in {Output.JSON, Output.YAML}:
        printed.dump(runs, output)
    elif output is Output.NAME:
        for job in (run["job"] for run in runs if "job" in run):
            terminal.line(f"job.batch/{job}")
    elif not runs:
        terminal.line(f"no run of {name} has ended yet", err=True)
    else:
        shown = printed.shown_of(columns.run_columns(columns.zone_of(found)), output)
        printed.table([column.title for column in shown], printed.cells(runs, shown))
