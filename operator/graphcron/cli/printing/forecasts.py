"""Columns of a table of forecasts, and a forecast in one line. Pure."""

from collections.abc import Callable
from decimal import Decimal

from graphcron.cli.clients.kubectl import Object
from graphcron.cli.printing.columns import place_columns
from graphcron.cli.printing.output import Column


def forecast_columns(*, everywhere: bool, only_runs: bool) -> tuple[Column, ...]:
    """Return the columns of the table of ``forecast``.

    Parameters
    ----------
    only_runs
        Tokens and cost are not known of any row.
    """
    amounts = (
        Column("tokens", _tokens("tokens")),
        Column("p95", _tokens("tokensP95")),
        Column("cost", _cost("cost")),
        Column("p95", _cost("costP95")),
        Column("measured", lambda each: f"{each['measuredRuns']:,}" if "measuredRuns" in each else "", wide=True),
        Column("tokens/run", _tokens("tokensPerRun"), wide=True),
        Column("p95", _tokens("tokensPerRunP95"), wide=True),
        Column("cost/run", _cost("costPerRun"), wide=True),
        Column("p95", _cost("costPerRunP95"), wide=True),
    )
    return (
        *place_columns(everywhere=everywhere),
        Column("runs", lambda each: f"{each['runs']:,}"),
        *(() if only_runs else amounts),
        Column("note", lambda each: str(each["note"])),
    )


def forecast_line(row: Object, days: int) -> str:
    """Return a forecast in one line; of an invalid GraphCron, what is wrong."""
    if "measuredRuns" not in row:
        return str(row["note"])
    runs = f"{row['runs']:,} {'run' if row['runs'] == 1 else 'runs'} in {days} days"
    return ", ".join(filter(None, (runs, amounts_of(row) if row["runs"] else "", row["note"])))


def amounts_of(row: Object) -> str:
    """Return the expected tokens and cost; empty if neither is known."""
    tokens, most_tokens = _tokens("tokens")(row), _tokens("tokensP95")(row)
    cost, most = _cost("cost")(row), _cost("costP95")(row)
    return ", ".join(
        [
            *([f"{tokens} tokens (p95 {most_tokens})"] if tokens else ()),
            *([f"cost {cost} (p95 {most})"] if cost else ()),
        ]
    )


def money(amount: Decimal) -> str:
    """Write an expected cost, to a hundredth, or to two digits if it is less than one."""
    if not amount:
        return "0"
    digits = 2 if amount >= 1 else 1 - amount.adjusted()
    return f"{round(amount, digits):f}"


def _tokens(member: str) -> Callable[[Object], str]:
    return lambda each: _at_least(each) + f"{each[member]:,}" if member in each else ""


def _cost(member: str) -> Callable[[Object], str]:
    return lambda each: _at_least(each) + money(Decimal(each[member])) if member in each else ""


def _at_least(each: Object) -> str:
    """Return a mark on amounts that derive from lower bounds."""
    return "≥" if each.get("tokensAtLeast") else ""
