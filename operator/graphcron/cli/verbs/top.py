"""``top``: show the runs, tokens and cost of each GraphCron."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

import typer

from graphcron.api import names
from graphcron.cli import terminal
from graphcron.cli.app import app
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl, Object
from graphcron.cli.options import Format, Output, Selector, in_namespaces
from graphcron.cli.printing import output as printed
from graphcron.cli.printing.durations import parse_duration
from graphcron.cli.verbs.history import owners
from graphcron.contract import Outcome
from graphcron.unstructured.fields import object_at, objects_at, time_of

DEFAULT_RUNS: Final = 10
"""Default of ``spec.history.runs``."""

OTHERS: Final = "graphrun/*"
"""Name of the line for GraphRuns without a GraphCron."""


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

    The runs of a GraphCron include those of its GraphRuns. GraphRuns without a GraphCron are summed up in one line for
    each namespace.

    The numbers are sums over status.recentRuns, which holds the latest runs only (spec.history.runs; 10 by default). A
    plus after a number means that there may have been more runs in the period. Budget usage is exact.
    """
    from graphcron.cli.printing import columns

    begin = datetime.now(UTC) - parse_duration(since, option="--since")  # noqa: TID251
    used = sorted(_used(kubectl, selector, begin), key=lambda each: (-each["tokens"], each["namespace"], each["name"]))
    if output in {Output.JSON, Output.YAML}:
        printed.dump(used, output)
    elif output is Output.NAME:
        for each in used:
            if each["name"] != OTHERS:
                terminal.line(f"{GRAPHCRONS}/{each['name']}")
    else:
        printed.table_of([*used, total(used)], columns.usage_columns(everywhere=kubectl.everywhere))
        if any(each["incomplete"] for each in used):
            terminal.line("+ there may have been more; raise spec.history.runs to keep more runs", err=True)


def _used(kubectl: Kubectl, selector: str, begin: datetime) -> Iterator[Object]:
    others: defaultdict[str, list[Object]] = defaultdict(list)
    for owner, runs in owners(kubectl, (), selector):
        if owner.get("kind") == names.RUN_KIND:
            others[owner["metadata"].get("namespace", "")] += runs
        else:
            yield usage(owner, runs, begin=begin)
    for namespace, runs in others.items():
        yield _sum(namespace, OTHERS, runs, begin=begin)


def usage(graphcron: Object, runs: Sequence[Object], *, begin: datetime) -> Object:
    """Return the totals of the runs of a GraphCron since ``begin``."""
    recent = [dict(run) for run in objects_at(object_at(graphcron, "status"), "recentRuns")]
    full = len(recent) >= _count(object_at(graphcron, "spec", "history"), "runs", DEFAULT_RUNS)
    metadata = graphcron["metadata"]
    summed = _sum(metadata.get("namespace", ""), metadata["name"], runs, begin=begin)
    return {**summed, "incomplete": full and len(_since(begin, recent)) == len(recent)}


def _since(begin: datetime, runs: Sequence[Object]) -> list[Object]:
    return [run for run in runs if (at := _time(run)) and at >= begin]


def _time(run: Object) -> datetime | None:
    """Return when a run was due; for a GraphRun, which can represent an earlier time, when it started."""
    started = time_of(run.get("startTime")) if "graphRun" in run else None
    return started or time_of(run.get("scheduledTime"))


def _sum(namespace: str, name: str, runs: Sequence[Object], *, begin: datetime) -> Object:
    from graphcron.cli.printing.columns import amount

    within = _since(begin, runs)
    runs = [run for run in within if run.get("outcome") != Outcome.SKIPPED]
    costs = [amount(run["cost"]) for run in runs if "cost" in run]
    return {
        "namespace": namespace,
        "name": name,
        "runs": len(runs),
        "succeeded": sum(run.get("outcome") == Outcome.SUCCEEDED for run in runs),
        "skipped": sum(_count(run, "count", 1) for run in within if run.get("outcome") == Outcome.SKIPPED),
        "tokens": sum(_count(run, "tokens", 0) for run in runs),
        **({"cost": str(sum(costs, Decimal()))} if costs else {}),
        "tokensAtLeast": any(run.get("tokensAtLeast") for run in runs),
        "incomplete": False,
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
