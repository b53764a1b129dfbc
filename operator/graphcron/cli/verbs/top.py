"""``top``: show the runs, tokens and cost of each GraphCron."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

import typer

from graphcron.cli import terminal
from graphcron.cli.app import app
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl, Object
from graphcron.cli.options import Format, Output, Selector, in_namespaces
from graphcron.cli.printing import output as printed
from graphcron.cli.printing.durations import parse_duration
from graphcron.contract import Outcome
from graphcron.unstructured.fields import object_at, objects_at, time_of

DEFAULT_RUNS: Final = 10
"""Default of ``spec.history.runs``."""


@app.command()
@in_namespaces
def top(
    kubectl: Kubectl,
    since: Annotated[
        str, typer.Option("--since", metavar="SPAN", help="Period until now, such as 90m, 24h or 7d.")
    ] = "24h",
    selector: Selector = "",
    output: Format = Output.TABLE,
) -> None:
    """Show runs, tokens and cost by GraphCron. The GraphCron with the most tokens is first.

    The numbers are sums over status.recentRuns, which holds the latest runs only (spec.history.runs; 10 by default). A
    plus after a number means that there may have been more runs in the period. The numbers of budgets are exact.
    """
    from graphcron.cli.printing import columns

    begin = datetime.now(UTC) - parse_duration(since, option="--since")  # noqa: TID251
    graphcrons = columns.in_order(kubectl.graphcrons(selector), "name")
    used = sorted((usage(each, begin=begin) for each in graphcrons), key=lambda each: -each["tokens"])
    if output in {Output.JSON, Output.YAML}:
        printed.dump(used, output)
    elif output is Output.NAME:
        for each in used:
            terminal.line(f"{GRAPHCRONS}/{each['name']}")
    else:
        printed.table_of([*used, total(used)], columns.usage_columns(everywhere=kubectl.everywhere))
        if any(each["incomplete"] for each in used):
            terminal.line("+ there may have been more; raise spec.history.runs to keep more runs", err=True)


def usage(graphcron: Object, *, begin: datetime) -> Object:
    """Return the totals of the runs in ``status.recentRuns`` that were due since ``begin``."""
    from graphcron.cli.printing.columns import amount

    recent = [dict(run) for run in objects_at(object_at(graphcron, "status"), "recentRuns")]
    within = [run for run in recent if (due := time_of(run.get("scheduledTime"))) and due >= begin]
    runs = [run for run in within if run.get("outcome") != Outcome.SKIPPED]
    full = len(recent) >= _count(object_at(graphcron, "spec", "history"), "runs", DEFAULT_RUNS)
    costs = [amount(run["cost"]) for run in runs if "cost" in run]
    return {
        "namespace": graphcron["metadata"].get("namespace", ""),
        "name": graphcron["metadata"]["name"],
        "runs": len(runs),
        "succeeded": sum(run.get("outcome") == Outcome.SUCCEEDED for run in runs),
        "skipped": sum(_count(run, "count", 1) for run in within if run.get("outcome") == Outcome.SKIPPED),
        "tokens": sum(_count(run, "tokens", 0) for run in runs),
        **({"cost": str(sum(costs, Decimal()))} if costs else {}),
        "tokensAtLeast": any(run.get("tokensAtLeast") for run in runs),
        "incomplete": full and len(within) == len(recent),
    }


def _count(run: Mapping[str, Any], member: str, otherwise: int) -> int:
    found = run.get(member)
    return found if isinstance(found, int) else otherwise


def total(used: Sequence[Object]) -> Object:
    """Return the totals of the results of :func:`usage`."""
    costs = [Decimal(each["cost"]) for each in used if "cost" in each]
    return {
        "namespace": "",
        "name": "total",
        **{key: sum(each[key] for each in used) for key in ("runs", "succeeded", "skipped", "tokens")},
        **({"cost": str(sum(costs, Decimal()))} if costs else {}),
        **{key: any(each[key] for each in used) for key in ("tokensAtLeast", "incomplete")},
    }
