"""``top``: what GraphCrons use."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final

import typer

from graphcron.cli import output as printed
from graphcron.cli.app import app
from graphcron.cli.kubectl import GRAPHCRONS, Kubectl, Object
from graphcron.cli.options import Format, Output, in_namespaces
from graphcron.contract import Outcome

DEFAULT_RUNS: Final = 10
"""Entries of ``status.recentRuns`` where the spec doesn't say how many."""


@app.command()
@in_namespaces
def top(
    kubectl: Kubectl,
    since: Annotated[str, typer.Option("--since", metavar="SPAN", help="How far back: 90m, 24h, 7d.")] = "24h",
    output: Format = Output.TABLE,
) -> None:
    """Show runs, tokens and cost by GraphCron. The most tokens come first.

    They are summed from status.recentRuns, which holds the latest runs only (spec.history.runs; 10 by default). A plus
    after a number: all that it holds lies within the time, and there may have been more. What a budget counts is exact.
    """
    from graphcron.cli import rows

    begin = datetime.now(UTC) - rows.length_of(since, option="--since")  # noqa: TID251
    graphcrons = rows.in_order(kubectl.graphcrons(), "name")
    used = sorted((usage(each, begin=begin) for each in graphcrons), key=lambda each: -each["tokens"])
    if output in {Output.JSON, Output.YAML}:
        printed.dump(used, output)
    elif output is Output.NAME:
        typer.echo("".join(f"{GRAPHCRONS}/{each['name']}\n" for each in used), nl=False)
    else:
        columns = rows.usage_columns(everywhere=kubectl.everywhere)
        printed.table([column.title for column in columns], printed.cells([*used, total(used)], columns))
        if any(each["incomplete"] for each in used):
            typer.echo("+ there may have been more: raise spec.history.runs to have more of them kept", err=True)


def usage(graphcron: Object, *, begin: datetime) -> Object:
    """Sum up the runs that were due since ``begin``, as far as ``status.recentRuns`` tells of them."""
    recent = graphcron.get("status", {}).get("recentRuns", [])
    within = [run for run in recent if datetime.fromisoformat(run["scheduledTime"]) >= begin]
    runs = [run for run in within if run["outcome"] != Outcome.SKIPPED]
    full = len(recent) >= (graphcron["spec"].get("history") or {}).get("runs", DEFAULT_RUNS)
    costs = [Decimal(run["cost"]) for run in runs if "cost" in run]
    return {
        "namespace": graphcron["metadata"].get("namespace", ""),
        "name": graphcron["metadata"]["name"],
        "runs": len(runs),
        "succeeded": sum(run["outcome"] == Outcome.SUCCEEDED for run in runs),
        "skipped": sum(run.get("count", 1) for run in within if run["outcome"] == Outcome.SKIPPED),
        "tokens": sum(run.get("tokens", 0) for run in runs),
        **({"cost": str(sum(costs, Decimal()))} if costs else {}),
        "tokensAtLeast": any(run.get("tokensAtLeast") for run in runs),
        "incomplete": full and len(within) == len(recent),
    }


def total(used: Sequence[Object]) -> Object:
    """Sum up what :func:`usage` says of several."""
    costs = [Decimal(each["cost"]) for each in used if "cost" in each]
    return {
        "namespace": "",
        "name": "total",
        **{key: sum(each[key] for each in used) for key in ("runs", "succeeded", "skipped", "tokens")},
        **({"cost": str(sum(costs, Decimal()))} if costs else {}),
        **{key: any(each[key] for each in used) for key in ("tokensAtLeast", "incomplete")},
    }
