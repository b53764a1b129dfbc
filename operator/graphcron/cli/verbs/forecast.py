"""``forecast``: the runs that are due in the next days, with their tokens and cost."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from graphcron.api import names
from graphcron.cli import terminal
from graphcron.cli.app import CliError, app
from graphcron.cli.clients.kubectl import GRAPHCRONS, GRAPHSERVERS, Kubectl, Object
from graphcron.cli.options import Format, OptionalNames, Output, Selector, chosen, in_namespaces
from graphcron.cli.printing import output as printed
from graphcron.cli.printing.forecast_rows import STOPPED, row_of, total
from graphcron.cli.verbs.next_times import DEFAULT_NAMESPACE
from graphcron.unstructured.fields import object_at

DAYS: Final = 30
MOST_DAYS: Final = 366


@app.command()
@in_namespaces
def forecast(
    kubectl: Kubectl,
    named: OptionalNames = None,
    *,
    files: Annotated[
        list[str] | None,
        typer.Option("--filename", "-f", metavar="FILE", help="Count the runs of a file, a folder, or - instead."),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="Number of days from now.")] = DAYS,
    selector: Selector = "",
    output: Format = Output.TABLE,
) -> None:
    """Forecast runs, tokens and cost. The GraphCron with the most tokens comes first.

    Counts the runs that are due. A suspended or paused GraphCron has none. The estimate for each run is the median, or
    the 95th percentile (P95), of the runs in status.recentRuns, within the limits of the budget. With -f, it only
    counts runs, without access to the cluster.
    """
    now, length = datetime.now(UTC), timedelta(days=days)  # noqa: TID251  (from now on)
    if files and (named or selector):
        raise typer.BadParameter("takes no names and no labels beside it; leave them out", param_hint="--filename")
    if files:
        rows = list(rows_of_files(files, kubectl.namespace or DEFAULT_NAMESPACE, now=now, length=length))
    else:
        found = chosen(kubectl, named, selector)
        servers = servers_of(kubectl, found)
        rows = [row_of(each, servers, now=now, length=length) for each in found]
    rows.sort(key=lambda row: (-row.get("tokens", 0), -row["runs"], row["namespace"], row["name"]))
    _show(rows, output, everywhere=kubectl.everywhere, only_runs=bool(files))


def _show(rows: Sequence[Object], output: Output, *, everywhere: bool, only_runs: bool) -> None:
    from graphcron.cli.printing.forecasts import forecast_columns

    if output in {Output.JSON, Output.YAML}:
        printed.dump(rows, output)
    elif output is Output.NAME:
        for each in rows:
            terminal.line(f"{GRAPHCRONS}/{each['name']}")
    else:
        columns = printed.shown_of(forecast_columns(everywhere=everywhere, only_runs=only_runs), output)
        printed.table_of([*rows, total(rows)], columns)
        if only_runs:
            terminal.line("a file has no history, so tokens and cost are not known", err=True)


def rows_of_files(files: Sequence[str], namespace: str, *, now: datetime, length: timedelta) -> Iterator[Object]:
    """Yield the number of runs of each GraphCron in files; ``namespace`` applies to those that do not specify one."""
    from graphcron.api.v1alpha1 import GraphCronStatus, parse
    from graphcron.cli.files.manifests import read
    from graphcron.cli.schedules import forecast as forecasts

    manifests = [each for each in read(*files) if each.kind == names.KIND]
    if not manifests:
        raise CliError(f"{', '.join(files)}: there is no GraphCron in it")
    for each in manifests:
        with each.blamed():
            parse(each.body)
            place = {"namespace": each.namespace or namespace, "name": each.name}
            graphcron = parse({**each.body, "metadata": {**each.body["metadata"], **place}})
            found = forecasts.forecast(graphcron, GraphCronStatus(), now=now, length=length)
        yield {**place, "runs": found.due, "note": STOPPED[found.stopped] if found.stopped else ""}


def servers_of(kubectl: Kubectl, graphcrons: Sequence[Object]) -> list[Object]:
    """Return the GraphServers if the budget of one may apply; none if the user is not allowed to list them."""
    specs = [object_at(each, "spec") for each in graphcrons]
    if any("serverRef" in spec and "budget" not in spec for spec in specs):
        with suppress(CliError):
            return kubectl.find_all(GRAPHSERVERS)
    return []
