"""``describe``: all that matters of one GraphCron, on one page."""

from collections.abc import Sequence
from datetime import UTC, datetime

import typer

from graphcron.cli import output as printed
from graphcron.cli.app import app
from graphcron.cli.kubectl import GRAPHCRONS, Kubectl, Object
from graphcron.cli.options import Format, Name, Output, in_cluster


@app.command()
@in_cluster
def describe(
    kubectl: Kubectl,
    name: Name,
    output: Format = Output.TABLE,
) -> None:
    """Show all that matters of a GraphCron. That is its schedule and next times, how it stands, budget, and runs."""
    found = kubectl.get(GRAPHCRONS, name)
    if output in {Output.JSON, Output.YAML}:
        printed.dump(found, output)
    elif output is Output.NAME:
        typer.echo(printed.name_of(found))
    else:
        _page(found, output, now=datetime.now(UTC))  # noqa: TID251


def _page(found: Object, output: Output, *, now: datetime) -> None:
    from graphcron.cli import rows

    status, zone = rows.status_of(found), rows.zone_of(found)
    for title, text in rows.facts(found):
        typer.echo(f"{title + ':':<12}{text}")
    _table("Conditions", status.get("conditions", []), rows.CONDITION_COLUMNS, output)
    times = rows.next_rows(found, now=now)
    if times:
        _section("Next times", (zone, "your time", "in"), times)
    if budget := rows.budget_lines(found):
        typer.echo("\nBudget")
        typer.echo("\n".join(f"  {line}" for line in budget))
    active, recent = status.get("active", []), status.get("recentRuns", [])
    if active:
        _table("Active runs", active, rows.active_columns(zone, now=now), output)
    _table("Recent runs", recent, rows.run_columns(zone), output)
    if failed := rows.failed_run(found):
        typer.echo("\nLast run, on the server")
        typer.echo("\n".join(f"  {title + ':':<8}{text}" for title, text in failed))


def _table(title: str, objects: Sequence[Object], columns: Sequence[printed.Column], output: Output) -> None:
    shown = printed.shown_of(columns, output)
    _section(title, [column.title for column in shown], printed.cells(objects, shown))


def _section(title: str, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    typer.echo(f"\n{title}" + ("" if rows else ": none"))
    if rows:
        printed.table(titles, rows)
