"""``describe``: show the details of a GraphCron."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from graphcron.cli import terminal
from graphcron.cli.app import app
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl, Object
from graphcron.cli.options import Format, Name, Output, in_cluster
from graphcron.cli.printing import output as printed
from graphcron.unstructured.fields import objects_at


@app.command()
@in_cluster
def describe(
    kubectl: Kubectl,
    name: Name,
    output: Format = Output.TABLE,
) -> None:
    """Show the details of a GraphCron. The output contains schedule, next times, conditions, budget and runs."""
    found = kubectl.get(GRAPHCRONS, name)
    if output in {Output.JSON, Output.YAML}:
        printed.dump(found, output)
    elif output is Output.NAME:
        terminal.line(printed.name_of(found))
    else:
        now = datetime.now(UTC)  # noqa: TID251
        _page(found, _forecast(kubectl, found, now=now), output, now=now)


def _forecast(kubectl: Kubectl, found: Object, *, now: datetime) -> str:
    from graphcron.cli.printing.forecasts import forecast_line
    from graphcron.cli.verbs.forecast import DAYS, row_of, servers_of  # here: the help lists verbs as they are imported

    return forecast_line(row_of(found, servers_of(kubectl, [found]), now=now, length=timedelta(days=DAYS)), DAYS)


def _page(found: Object, forecast: str, output: Output, *, now: datetime) -> None:
    from graphcron.cli.printing import columns

    status, zone = columns.status_of(found), columns.zone_of(found)
    for title, text in columns.facts(found):
        terminal.line(f"{title + ':':<12}{text}")
    terminal.line(f"{'Forecast:':<12}{forecast}")
    _table("Conditions", objects_at(status, "conditions"), columns.CONDITION_COLUMNS, output)
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
