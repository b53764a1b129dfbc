"""``describe``: show the details of a GraphCron or a GraphRun."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from graphcron.cli import terminal
from graphcron.cli.app import app
from graphcron.cli.clients.graphruns import unfinished
from graphcron.cli.clients.kubectl import Kubectl, Object
from graphcron.cli.options import Format, Output, in_cluster
from graphcron.cli.printing import output as printed
from graphcron.cli.targets import TargetName, target_of
from graphcron.unstructured.fields import objects_at


@app.command()
@in_cluster
def describe(
    kubectl: Kubectl,
    name: TargetName,
    output: Format = Output.TABLE,
) -> None:
    """Show the details of a GraphCron. The output contains its schedule, next times, conditions, budget and runs.

    graphrun/NAME shows a GraphRun: what it runs, its conditions, and how its run ended.
    """
    target = target_of(name)
    found = kubectl.get(target.kind, target.name)
    if output in {Output.JSON, Output.YAML}:
        printed.dump(found, output)
    elif output is Output.NAME:
        terminal.line(printed.name_of(found))
    elif target.is_run:
        _page_of_graphrun(found, output)
    else:
        now = datetime.now(UTC)  # noqa: TID251
        graphruns = unfinished(kubectl.at(found["metadata"]["namespace"]).graphruns(), found)
        _page(found, graphruns, _forecast(kubectl, found, now=now), output, now=now)


def _forecast(kubectl: Kubectl, found: Object, *, now: datetime) -> str:
    from graphcron.cli.printing.forecast_rows import row_of
    from graphcron.cli.printing.forecasts import forecast_line
    from graphcron.cli.verbs.forecast import DAYS, servers_of  # here: the help lists verbs as they are imported

    return forecast_line(row_of(found, servers_of(kubectl, [found]), now=now, length=timedelta(days=DAYS)), DAYS)


def _page_of_graphrun(found: Object, output: Output) -> None:
    from graphcron.cli.printing import graphrun_page

    _head(graphrun_page.facts(found), found, output)


def _head(facts: Sequence[tuple[str, str]], found: Object, output: Output) -> None:
    from graphcron.cli.printing import columns

    for title, text in facts:
        terminal.line(f"{title + ':':<12}{text}")
    _table("Conditions", objects_at(columns.status_of(found), "conditions"), columns.CONDITION_COLUMNS, output)


def _page(found: Object, graphruns: Sequence[Object], forecast: str, output: Output, *, now: datetime) -> None:
    """Print a GraphCron.

    Parameters
    ----------
    graphruns
        The GraphRuns that refer to it and are not over.
    """
    from graphcron.cli.printing import columns, graphrun_page

    status, zone = columns.status_of(found), columns.zone_of(found)
    _head([*columns.facts(found), ("Forecast", forecast)], found, output)
    times = columns.next_rows(found, now=now)
    if times:
        _section("Next times", (zone, "YOUR TIME", "IN"), times)
    if budget := columns.budget_lines(found):
        terminal.block("\nBudget")
        for each in budget:
            terminal.line(f"  {each}")
    active, recent = objects_at(status, "active"), columns.runs_of(found)
    if active:
        _table("Active runs", active, columns.active_columns(zone, now=now), output)
    if waiting := graphrun_page.waiting(graphruns):
        _table("Waiting GraphRuns", waiting, graphrun_page.waiting_columns(now=now), output)
    _table("Recent runs", recent, columns.run_columns(zone), output)
    if failed := columns.failed_run(found):
        terminal.block("\nLast run, on the server")
        for title, text in failed:
            terminal.line(f"  {title + ':':<8}{text}")


def _table(title: str, objects: Sequence[Mapping[str, Any]], columns: Sequence[printed.Column], output: Output) -> None:
    shown = printed.shown_of(columns, output)
    _section(title, [column.title.upper() for column in shown], printed.cells([dict(each) for each in objects], shown))


def _section(title: str, titles: Sequence[str], rows: Sequence[Sequence[printed.Cell | str]]) -> None:
    terminal.block(f"\n{title}" + ("" if rows else ": none"))
    if rows:
        printed.table(titles, rows)
