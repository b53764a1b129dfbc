"""``forecast``: the runs that are due in the next days, with their tokens and cost."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from graphcron.api import names
from graphcron.api.reasons import Reason
from graphcron.cli import terminal
from graphcron.cli.app import CliError, app
from graphcron.cli.clients.kubectl import GRAPHCRONS, GRAPHSERVERS, Kubectl, Object
from graphcron.cli.options import Format, OptionalNames, Output, Selector, chosen, in_namespaces
from graphcron.cli.printing import output as printed
from graphcron.cli.verbs.next_times import DEFAULT_NAMESPACE
from graphcron.errors import SpecError
from graphcron.unstructured.fields import object_at

if TYPE_CHECKING:
    from graphcron.cli.schedules.forecast import Amount, Forecast

DAYS: Final = 30
MOST_DAYS: Final = 366

STOPPED: Final = {
    Reason.SUSPENDED: "suspended",
    Reason.PAUSED: "paused after failures",
    Reason.NO_LONGER_ACTIVE: "its endTime is in the past",
}
"""Why no run is due until a user changes something."""

NO_HISTORY: Final = "no history"
"""Note on a GraphCron without a finished run that reported its tokens."""


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
    days: Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="How many days from now.")] = DAYS,
    selector: Selector = "",
    output: Format = Output.TABLE,
) -> None:
    """Forecast runs, tokens and cost. The GraphCron with the most tokens comes first.

    The runs are those that are due: a suspended or paused GraphCron has none. Each is expected to use the median, or
    the 95th percentile (P95), of the runs in status.recentRuns, within the limits of the budget. With -f, the cluster
    is not asked, and only the runs are counted.
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
    """Yield the number of runs of each GraphCron in files; ``namespace`` is for those that name none."""
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
    """Return the GraphServers, if the budget of one may apply; none if the user may not see them."""
    specs = [object_at(each, "spec") for each in graphcrons]
    if any("serverRef" in spec and "budget" not in spec for spec in specs):
        with suppress(CliError):
            return kubectl.find_all(GRAPHSERVERS)
    return []


def row_of(found: Object, servers: Sequence[Object], *, now: datetime, length: timedelta) -> Object:
    """Return the forecast of a GraphCron of the cluster, for programs.

    Parameters
    ----------
    servers
        The GraphServers that are known, of all namespaces.
    """
    from graphcron.api.v1alpha1 import GraphCronStatus, parse, read_status
    from graphcron.cli.files.placeholders import with_server
    from graphcron.cli.schedules import forecast as forecasts

    place = {"namespace": found["metadata"].get("namespace", ""), "name": found["metadata"]["name"]}
    try:
        graphcron = parse(found)
    except SpecError as error:
        return {**place, "runs": 0, "note": str(error)}
    servers = [each for each in servers if object_at(each, "metadata").get("namespace") == place["namespace"]]
    status = read_status(GraphCronStatus, found)
    row = as_object(forecasts.forecast(with_server(graphcron, servers, None), status, now=now, length=length))
    server = graphcron.spec.server_ref
    if server and not graphcron.spec.budget and server.name not in map(_name, servers):
        row["note"] = row["note"] or "the budget of its GraphServer is not known"
    return {**place, **row}


def _name(found: Object) -> str:
    return str(object_at(found, "metadata").get("name"))


def as_object(forecast: "Forecast") -> Object:
    """Return a forecast for programs; an amount that is not known is absent."""
    sample, median, p95 = forecast.sample, forecast.median, forecast.p95
    return {
        "runs": forecast.due,
        **_amount(median.amount, ""),
        **_amount(p95.amount, "P95"),
        "skipped": median.skipped,
        "skippedP95": p95.skipped,
        "measuredRuns": sample.runs,
        **_amount(sample.median, "PerRun"),
        **_amount(sample.p95, "PerRunP95"),
        "tokensAtLeast": sample.at_least,
        "note": note_on(forecast),
    }


def note_on(forecast: "Forecast") -> str:
    """Return what limits a forecast; empty if nothing does."""
    if forecast.stopped:
        return STOPPED[forecast.stopped]
    if forecast.due and not forecast.sample.runs:
        return NO_HISTORY
    skipped = sorted({forecast.median.skipped, forecast.p95.skipped})
    return f"the budget skips {' to '.join(f'{each:,}' for each in skipped)} of them" if any(skipped) else ""


def total(rows: Sequence[Object]) -> Object:
    """Sum up the rows of a forecast."""
    unknown = sum(row["note"] == NO_HISTORY for row in rows)
    sums: dict[str, Any] = {"runs": sum(row["runs"] for row in rows)}
    for key in ("tokens", "tokensP95"):
        if any(key in row for row in rows):
            sums[key] = sum(row.get(key, 0) for row in rows)
    for key in ("cost", "costP95"):
        if any(key in row for row in rows):
            sums[key] = str(sum((Decimal(row.get(key, 0)) for row in rows), Decimal()))
    return {
        "namespace": "",
        "name": "total",
        **sums,
        "tokensAtLeast": any(row.get("tokensAtLeast") for row in rows),
        "note": f"{unknown} of them without history" if unknown else "",
    }


def _amount(amount: "Amount", suffix: str) -> Object:
    tokens, cost = amount
    return {
        **({} if tokens is None else {f"tokens{suffix}": tokens}),
        **({} if cost is None else {f"cost{suffix}": f"{cost.normalize():f}"}),
    }
