"""A forecast as the objects that ``forecast`` prints for programs. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from graphcron.api.reasons import Reason
from graphcron.cli.clients.kubectl import Object
from graphcron.errors import SpecError
from graphcron.unstructured.fields import object_at

if TYPE_CHECKING:
    from graphcron.cli.schedules.forecast import Amount, Forecast

STOPPED: Final = {
    Reason.SUSPENDED: "suspended",
    Reason.PAUSED: "paused after failures",
    Reason.NO_LONGER_ACTIVE: "its endTime is in the past",
}
"""Why no run is due until a user changes something."""

NO_HISTORY: Final = "no history"
"""Note on a GraphCron without a finished run that reported its tokens."""


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
