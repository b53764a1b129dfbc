"""``list``: list GraphCrons, one per line."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

import typer

from graphcron.cli import terminal
from graphcron.cli.app import app
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl, Object
from graphcron.cli.options import Format, OptionalNames, Output, Selector, chosen, in_namespaces
from graphcron.cli.printing import output as printed
from graphcron.cli.printing.output import Column
from graphcron.unstructured.bounded_json import loads

_IN_LINE: Final = 100
"""How many of the rows above set the widths of a new one."""


class Order(StrEnum):
    """How GraphCrons are sorted."""

    NAME = "name"
    NEXT = "next"
    LAST = "last"


@app.command("list")
@in_namespaces
def list_(
    kubectl: Kubectl,
    named: OptionalNames = None,
    *,
    selector: Selector = "",
    sort: Annotated[Order, typer.Option("--sort", help="Sort by name, next time, or last run.")] = Order.NAME,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="After the list, print each GraphCron that changes.")
    ] = False,
    output: Format = Output.TABLE,
) -> None:
    """List GraphCrons. The list contains their schedules, states, last runs and next runs."""
    from graphcron.cli.printing.columns import graphcron_columns, in_order

    def shown() -> list[Column]:
        return printed.shown_of(graphcron_columns(now=_now(), everywhere=kubectl.everywhere), output)

    found = in_order(chosen(kubectl, named, selector), sort)
    plain = output in {Output.TABLE, Output.WIDE}
    if not found and plain:
        none = "there are no GraphCrons" + (" with these labels" if selector else "")
        terminal.line(none + ("" if kubectl.everywhere else " here; -A lists those of all namespaces"), err=True)
    elif plain or not watch:
        printed.show(found, graphcron_columns(now=_now(), everywhere=kubectl.everywhere), output)
    if watch:
        with suppress(KeyboardInterrupt):
            gone = "is deleted, or no longer has these labels" if selector else "is deleted"
            events = _again(kubectl, selector)
            _follow(events, found if plain else [], output, named=named, columns=shown, gone=gone)


def changes(lines: Iterable[str]) -> Iterator[tuple[str, Object]]:
    """Parse the events that ``kubectl get --watch`` prints, one per line, into type and object."""
    for line in lines:
        event = loads(line)
        event["object"]["metadata"].pop("managedFields", None)
        yield event["type"], event["object"]


def _follow(
    events: Iterable[str],
    found: Sequence[Object],
    output: Output,
    *,
    named: Sequence[str] | None,
    columns: Callable[[], Sequence[Column]],
    gone: str,
) -> None:
    """Print each GraphCron that changes, or is added, after those that were found."""
    versions = {each["metadata"]["uid"]: each["metadata"]["resourceVersion"] for each in found}
    above = deque(printed.cells(found, columns()), maxlen=_IN_LINE)
    for kind, each in changes(events):
        name, uid, version = (each["metadata"][key] for key in ("name", "uid", "resourceVersion"))
        if versions.get(uid) == version or (named and name not in named):
            continue
        versions[uid] = version
        if output not in {Output.TABLE, Output.WIDE}:
            _print(each, output)
        elif kind == "DELETED":
            terminal.line(f"{name} {gone}")
        else:
            shown = columns()
            printed.table_of([each], shown, below=above)
            above.extend(printed.cells([each], shown))


def _again(kubectl: Kubectl, selector: str = "") -> Iterator[str]:
    """Watch again whenever the API server ends a watch, which it does after a while."""
    while True:
        yield from kubectl.watch(GRAPHCRONS, selector=selector)


def _print(each: Object, output: Output) -> None:
    if output is Output.NAME:
        terminal.line(printed.name_of(each))
        return
    if output is Output.YAML:
        terminal.line("---")
    printed.dump(each, output)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251
