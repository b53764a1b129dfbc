"""``next``: when runs are due, of a GraphCron in the cluster or of those of a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from graphcron.api import names
from graphcron.api.reasons import ConditionType
from graphcron.cli import terminal
from graphcron.cli.app import PROGRAM, CliError, app
from graphcron.cli.clients.kubectl import GRAPHCRONS, HERE, Kubectl, Object
from graphcron.cli.options import Format, Name, Output, in_cluster
from graphcron.cli.printing.durations import human_duration, local_time
from graphcron.cli.printing.output import dump, table
from graphcron.cli.schedules.cron_text import in_words

if TYPE_CHECKING:
    from graphcron.api.v1alpha1 import GraphCron

COUNT: Final = 5
DEFAULT_NAMESPACE: Final = "default"


@dataclass(frozen=True, kw_only=True)
class Next:
    """When the runs of a GraphCron are due."""

    name: str
    namespace: str
    zone: str
    lines: tuple[str, ...]
    """In plain cron."""
    times: tuple[datetime, ...]
    rest: str
    """Why none starts though it is due; empty: nothing keeps them."""


@app.command("next")
@in_cluster
def next_times(
    kubectl: Kubectl,
    name: Name = "",
    file: Annotated[
        str | None, typer.Option("--filename", "-f", help="A file, a folder, or -: no cluster is asked.")
    ] = None,
    output: Format = Output.TABLE,
) -> None:
    """Print the next five times. They are in the schedule's zone and in yours.

    For a file no cluster is asked; -n is the namespace of those in it that name none (default: default).
    """
    if bool(name) == bool(file):
        raise typer.BadParameter("give the name of a GraphCron, or a file with -f, and not both")
    now = datetime.now(UTC)  # noqa: TID251  (the next from now on)
    if file is None:
        found = [next_of(kubectl.get(GRAPHCRONS, name), now=now, kubectl=kubectl)]
    else:
        found = list(_of_files(file, kubectl, now=now))
    _show(found, output, now=now)


def _of_files(file: str, kubectl: Kubectl, *, now: datetime) -> Iterator[Next]:
    from graphcron.cli.files.manifests import read

    manifests = [each for each in read(file) if each.kind == names.KIND]
    if not manifests:
        raise CliError(f"{file}: there is no GraphCron in it")
    for each in manifests:
        with each.blamed():
            there = kubectl.at(each.namespace or kubectl.namespace)
            yield next_of(each.body, now=now, namespace=there.namespace or DEFAULT_NAMESPACE, kubectl=there)


def next_of(body: Object, *, now: datetime, namespace: str = "", kubectl: Kubectl = HERE) -> Next:
    """Return when a GraphCron's runs are due.

    Parameters
    ----------
    namespace
        Where it will be, if it does not say so itself: what its ``H`` stands for hangs on it.
    kubectl
        Where it is, for the command that lets it go on.

    Raises
    ------
    SpecError
        It is not valid.
    """
    from graphcron.api.calendar_for import calendar_for, lines_of, time_zone_of
    from graphcron.api.v1alpha1 import parse

    graphcron = parse(body)
    if graphcron.metadata.namespace is None:
        graphcron = parse({**body, "metadata": {**body["metadata"], "namespace": namespace}})
    return Next(
        name=graphcron.metadata.name,
        namespace=graphcron.metadata.namespace or "",
        zone=time_zone_of(graphcron.spec),
        lines=lines_of(graphcron),
        times=tuple(calendar_for(graphcron).next_times(now, COUNT)),
        rest=_rest_of(graphcron, kubectl.hint(PROGRAM, "resume", graphcron.metadata.name), now=now),
    )


def _rest_of(graphcron: "GraphCron", resume: str, *, now: datetime) -> str:
    """Say what keeps runs that are due from starting."""
    from graphcron.manifests.suspension import has_ended

    conditions = (graphcron.status and graphcron.status.conditions) or ()
    if has_ended(graphcron.spec, now=now):
        return "its endTime has come: nothing more is due"
    if graphcron.spec.suspend:
        return f"it is suspended: none of these starts; {resume} ends that"
    if any((each.type, each.status) == (ConditionType.PAUSED, "True") for each in conditions):
        return f"it is paused after failures: none of these starts; {resume} ends that"
    return ""


def _show(found: Sequence[Next], output: Output, *, now: datetime) -> None:
    if output in {Output.JSON, Output.YAML}:
        told = [as_object(each) for each in found]
        dump(told[0] if len(told) == 1 else told, output)
        return
    for at, each in enumerate(found):
        if output is Output.NAME:
            terminal.line(f"{names.KIND.lower()}.{names.GROUP}/{each.name}")
        else:
            _print(each, now=now, apart=at > 0)


def as_object(found: Next) -> dict[str, Any]:
    """Return it for programs."""
    from graphcron.api.v1alpha1 import rfc3339

    return {
        "name": found.name,
        "namespace": found.namespace,
        "timeZone": found.zone,
        "schedules": list(found.lines),
        "nextScheduleTimes": [rfc3339(each) for each in found.times],
    }


def _print(found: Next, *, now: datetime, apart: bool) -> None:
    if apart:
        terminal.line("")
    terminal.line(f"{found.name}, {found.zone}:")
    for line in found.lines:
        terminal.line(f"  {in_words(line)} ({line})")
    if found.rest:
        terminal.line(found.rest)
    elif not found.times:
        terminal.line("nothing is due within the next years")
    if found.times:
        rows = [
            [local_time(each, found.zone), local_time(each), f"in {human_duration(each - now)}"] for each in found.times
        ]
        table([found.zone, "your time", "due"], rows)
