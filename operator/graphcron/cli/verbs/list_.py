"""``list``: all GraphCrons at a glance."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

import typer

from graphcron.cli import terminal
from graphcron.cli.app import app
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl, Object
from graphcron.cli.options import Format, Output, in_namespaces
from graphcron.cli.printing import output as printed
from graphcron.unstructured.bounded_json import loads

_IN_LINE: Final = 100
"""With so many rows above a new one stands in line."""


class Order(StrEnum):
    """How GraphCrons are sorted."""

    NAME = "name"
    NEXT = "next"
    LAST = "last"


@app.command("list")
@in_namespaces
def list_(
    kubectl: Kubectl,
    sort: Annotated[Order, typer.Option("--sort", help="By name, by the next time, or by the last run.")] = Order.NAME,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Then print each one that changes.")] = False,
    output: Format = Output.TABLE,
) -> None:
    """List GraphCrons. Shown are their schedules, how they stand, the last run and the next."""
    from graphcron.cli.printing import columns

    found = columns.in_order(kubectl.graphcrons(), sort)
    plain = output in {Output.TABLE, Output.WIDE}
    if not found and plain:
        terminal.line(
            "there are no GraphCrons" + ("" if kubectl.everywhere else " here; -A lists those of all namespaces"),
            err=True,
        )
    elif plain or not watch:
        printed.show(found, columns.graphcron_columns(now=_now(), everywhere=kubectl.everywhere), output)
    if watch:
        with suppress(KeyboardInterrupt):
            _follow(kubectl, found if plain else [], output)


def changes(lines: Iterable[str]) -> Iterator[tuple[str, Object]]:
    """Read the events that ``kubectl get --watch`` prints, one a line: ``ADDED`` and the like, and the object."""
    for line in lines:
        event = loads(line)
        event["object"]["metadata"].pop("managedFields", None)
        yield event["type"], event["object"]


def _follow(kubectl: Kubectl, found: Sequence[Object], output: Output) -> None:
    """Print each GraphCron that changes, or comes, after those that were found."""
    from graphcron.cli.printing import columns

    versions = {each["metadata"]["uid"]: each["metadata"]["resourceVersion"] for each in found}
    shown = printed.shown_of(columns.graphcron_columns(now=_now(), everywhere=kubectl.everywhere), output)
    above = deque(printed.cells(found, shown), maxlen=_IN_LINE)
    for kind, each in changes(_again(kubectl)):
        if versions.get(each["metadata"]["uid"]) == each["metadata"]["resourceVersion"]:
            continue
        versions[each["metadata"]["uid"]] = each["metadata"]["resourceVersion"]
        if output not in {Output.TABLE, Output.WIDE}:
            _print(each, output)
        elif kind == "DELETED":
            terminal.line(f"{each['metadata']['name']} is deleted")
        else:
            shown = printed.shown_of(columns.graphcron_columns(now=_now(), everywhere=kubectl.everywhere), output)
            new = printed.cells([each], shown)
            printed.table([column.title for column in shown], new, below=above)
            above.extend(new)


def _again(kubectl: Kubectl) -> Iterator[str]:
    """Watch anew whenever the API server has ended a watch, as it does after a while."""
    while True:
        yield from kubectl.watch(GRAPHCRONS)


def _print(each: Object, output: Output) -> None:
    if output is Output.NAME:
        terminal.line(printed.name_of(each))
        return
    if output is Output.YAML:
        terminal.line("---")
    printed.dump(each, output)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251
