"""``history``: list finished runs."""

from collections.abc import Iterable, Sequence

from graphcron.api import names
from graphcron.api.graphruns import graphcron_name_of, is_over
from graphcron.cli import terminal
from graphcron.cli.app import app
from graphcron.cli.clients.graphruns import newest_first, run_of, unlisted, without_graphcron
from graphcron.cli.clients.kubectl import GRAPHCRONS, GRAPHRUNS, Kubectl, Object
from graphcron.cli.options import Format, Output, Selector, check_chosen, in_namespaces
from graphcron.cli.printing import output as printed
from graphcron.cli.targets import OptionalTargetNames, Target, graphrun_target, target_of

Owner = tuple[Object, list[Object]]
"""A GraphCron or a GraphRun, and its runs that have ended."""


@app.command()
@in_namespaces
def history(
    kubectl: Kubectl,
    named: OptionalTargetNames = None,
    *,
    selector: Selector = "",
    output: Format = Output.TABLE,
) -> None:
    """List finished runs. The newest run is first. spec.history.runs sets the number of runs that a GraphCron keeps.

    Runs of GraphRuns are included as long as the GraphRuns exist. Without a name, it lists the runs of all GraphCrons
    and GraphRuns of the namespace, with times in your zone.
    """
    from graphcron.cli.printing import columns

    targets = [target_of(each) for each in named or ()]
    found = owners(kubectl, targets, selector)
    one = found[0][0] if len(targets) == 1 else None
    runs = newest_first(found[0][1]) if one else runs_of_all(found)
    if output in {Output.JSON, Output.YAML}:
        printed.dump(runs, output)
    elif output is Output.NAME:
        for job in (run["job"] for run in runs if "job" in run):
            terminal.line(f"job.batch/{job}")
    elif not runs:
        terminal.line(f"no run of {targets[0].shown} has ended yet" if one else "no run has ended yet", err=True)
    else:
        where = () if one else columns.place_columns(everywhere=kubectl.everywhere)
        shown = (*where, *columns.run_columns(columns.zone_of(one) if one and not targets[0].is_run else None))
        printed.table_of(runs, printed.shown_of(shown, output))


def owners(kubectl: Kubectl, targets: Sequence[Target], selector: str = "") -> list[Owner]:
    """Return the GraphCrons and GraphRuns that are named, or all, with their runs.

    The runs of a GraphCron include those of its GraphRuns. Other GraphRuns follow the GraphCrons.
    """
    if not targets:
        return _all(kubectl, selector)
    check_chosen(kubectl, [each.name for each in targets], selector)
    graphcrons = [kubectl.get(GRAPHCRONS, each.name) for each in targets if not each.is_run]
    named = [kubectl.get(GRAPHRUNS, each.name) for each in targets if each.is_run]
    graphruns = kubectl.graphruns() if graphcrons else []
    return [*(_of_graphcron(each, graphruns) for each in graphcrons), *map(_of_graphrun, named)]


def _all(kubectl: Kubectl, selector: str) -> list[Owner]:
    graphcrons, graphruns = kubectl.graphcrons(selector), kubectl.graphruns()
    if selector:
        alone = [each for each in kubectl.graphruns(selector) if not graphcron_name_of(each)]
    else:
        alone = [each for each in without_graphcron(graphruns, graphcrons) if is_over(each)]
    return [*(_of_graphcron(each, graphruns) for each in graphcrons), *map(_of_graphrun, alone)]


def _of_graphcron(graphcron: Object, graphruns: Sequence[Object]) -> Owner:
    from graphcron.cli.printing.columns import runs_of

    return graphcron, [*runs_of(graphcron), *unlisted(graphruns, graphcron)]


def _of_graphrun(graphrun: Object) -> Owner:
    return graphrun, [run_of(graphrun)] if is_over(graphrun) else []


def runs_of_all(found: Iterable[Owner]) -> list[Object]:
    """Return the runs of several owners, each with its namespace and name, the newest first."""
    return newest_first(
        {"namespace": owner["metadata"].get("namespace", ""), "name": _name(owner), **run}
        for owner, runs in found
        for run in runs
    )


def _name(owner: Object) -> str:
    """Return the name of a GraphCron, also of a deleted one that a GraphRun refers to; otherwise that of a GraphRun."""
    name = str(owner["metadata"]["name"])
    return name if owner.get("kind") != names.RUN_KIND else graphcron_name_of(owner) or graphrun_target(name)
