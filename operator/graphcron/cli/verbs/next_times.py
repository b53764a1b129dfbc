"""``next``: print the next run times of a GraphCron in the cluster, of files, or of a schedule."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from graphcron.api import names
from graphcron.api.reasons import ConditionType
from graphcron.cli import terminal
from graphcron.cli.app import PROGRAM, CliError, app
from graphcron.cli.clients.kubectl import GRAPHCRONS, HERE, Kubectl, Object
from graphcron.cli.options import Format, Output, completed, in_cluster, plain
from graphcron.cli.printing.durations import local_time, until
from graphcron.cli.printing.output import dump, table
from graphcron.cli.schedules.cron_text import in_words
from graphcron.errors import SpecError
from graphcron.unstructured.fields import EARLIEST_YEAR, LATEST_YEAR

if TYPE_CHECKING:
    from graphcron.api.v1alpha1 import GraphCron

COUNT: Final = 5
MOST: Final = 1000
DEFAULT_NAMESPACE: Final = "default"

_FILE: Final = re.compile(r"-|\.{1,2}|.*\.(ya?ml|json)", re.DOTALL)
_SCHEDULE: Final = re.compile(r"@.*|.*\s.*", re.DOTALL)
_PATH: Final = re.compile(r"(?!graphcron[\w.]*/).*/.*")
"""What names a file, a schedule, or a path, in this order; otherwise it is a name, also as ``-o name`` prints it."""


@dataclass(frozen=True, kw_only=True)
class Next:
    """Run times of a GraphCron."""

    name: str
    """Empty: a bare schedule."""
    namespace: str
    zone: str
    lines: tuple[str, ...]
    """In plain cron."""
    times: tuple[datetime, ...]
    rest: str
    """Reason why no run starts although it is due; empty if runs start."""


@dataclass(frozen=True)
class Range:
    """Which times are printed."""

    now: datetime
    begin: datetime | None = None
    """The first possible time, without an offset in the zone of the schedule; None: after now."""
    count: int = COUNT

    def after(self, zone: str) -> datetime:
        """Return the moment after which the times are."""
        from graphcron.schedule.times import zone_for

        if self.begin is None:
            return self.now
        begin = self.begin if self.begin.tzinfo else self.begin.replace(tzinfo=zone_for(zone))
        return begin.astimezone(UTC) - timedelta(seconds=1)


@app.command("next")
@in_cluster
def next_times(
    kubectl: Kubectl,
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help='Name of a GraphCron, a file, a folder, - for standard input, or a schedule such as "0 9 * * *".',
            autocompletion=completed(GRAPHCRONS),
        ),
    ] = "",
    *,
    file: Annotated[str | None, typer.Option("--filename", "-f", help="A file, a folder, or -.")] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=MOST, help="Number of times to print.")] = COUNT,
    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="Earliest time, such as 2027-01-31 or 2027-01-31T08:00; without an offset, in the zone of the"
            " schedule. Default: now.",
        ),
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", help="Zone of a schedule, such as Europe/Berlin. Default: Etc/UTC.")
    ] = None,
    output: Format = Output.TABLE,
) -> None:
    """Print the next run times. The times are in the zone of the schedule and in yours.

    Files and schedules do not require a cluster. -n sets the namespace of GraphCrons in a file that do not specify one
    (default: default).
    """
    if bool(target) == bool(file):
        raise typer.BadParameter("give the name of a GraphCron, a schedule, or a file, and not both")
    wanted = Range(datetime.now(UTC), _time(begin), count)  # noqa: TID251  (the next from now on)
    is_file = bool(file or _FILE.fullmatch(target))
    is_schedule = not is_file and bool(_SCHEDULE.fullmatch(target))
    if time_zone and not is_schedule:
        raise typer.BadParameter("is for a schedule only; a GraphCron has a zone", param_hint="--time-zone")
    if is_schedule and output is Output.NAME:
        raise typer.BadParameter("a schedule has no name; choose table, json or yaml", param_hint="--output")
    if is_schedule:
        found = [_of_schedule(target, time_zone, wanted)]
    elif is_file or _PATH.fullmatch(target):
        found = list(_of_files(file or target, kubectl, wanted))
    else:
        found = [next_of(kubectl.get(GRAPHCRONS, plain(target) or ""), wanted, kubectl=kubectl)]
    _show(found, output, now=wanted.now)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or not EARLIEST_YEAR < found.year < LATEST_YEAR - 1:
        raise typer.BadParameter(f"{text!r} is not a time; write 2027-01-31 or 2027-01-31T08:00", param_hint="--from")
    return found


def _of_schedule(line: str, zone: str | None, wanted: Range) -> Next:
    from graphcron.schedule.hashed import has_hash

    if has_hash(line):
        raise CliError("the value of H depends on a GraphCron's namespace and name; give its name, or a file")
    spec = {"assistant": "none", "schedule": line, **({"timeZone": zone} if zone else {})}
    body = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": "none"}, "spec": spec}
    try:
        found = next_of(body, wanted, namespace=DEFAULT_NAMESPACE)
    except SpecError as error:
        raise CliError(str(error).removeprefix("spec.")) from error
    return Next(name="", namespace="", zone=found.zone, lines=found.lines, times=found.times, rest="")


def _of_files(file: str, kubectl: Kubectl, wanted: Range) -> Iterator[Next]:
    from graphcron.cli.files.manifests import read

    manifests = [each for each in read(file) if each.kind == names.KIND]
    if not manifests:
        raise CliError(f"{file}: there is no GraphCron in it")
    for each in manifests:
        with each.blamed():
            there = kubectl.at(each.namespace or kubectl.namespace)
            yield next_of(each.body, wanted, namespace=there.namespace or DEFAULT_NAMESPACE, kubectl=there)


def next_of(body: Object, wanted: Range, *, namespace: str = "", kubectl: Kubectl = HERE) -> Next:
    """Return the run times of a GraphCron.

    Parameters
    ----------
    namespace
        The namespace of a GraphCron that does not specify one; the value of ``H`` depends on it.
    kubectl
        The kubectl for the GraphCron, used in the command that resumes it.

    Raises
    ------
    SpecError
        The GraphCron is not valid.
    """
    from graphcron.api.calendar_for import calendar_for, lines_of, time_zone_of
    from graphcron.api.v1alpha1 import parse

    graphcron = parse(body)
    if graphcron.metadata.namespace is None:
        graphcron = parse({**body, "metadata": {**body["metadata"], "namespace": namespace}})
    zone = time_zone_of(graphcron.spec)
    return Next(
        name=graphcron.metadata.name,
        namespace=graphcron.metadata.namespace or "",
        zone=zone,
        lines=lines_of(graphcron),
        times=tuple(calendar_for(graphcron).next_times(wanted.after(zone), wanted.count)),
        rest=_rest_of(graphcron, kubectl.hint(PROGRAM, "resume", graphcron.metadata.name), now=wanted.now),
    )


def _rest_of(graphcron: "GraphCron", resume: str, *, now: datetime) -> str:
    """Return the reason why runs that are due do not start."""
    from graphcron.manifests.suspension import has_ended

    conditions = (graphcron.status and graphcron.status.conditions) or ()
    if has_ended(graphcron.spec, now=now):
        return "its endTime is in the past: no more runs are due"
    if graphcron.spec.suspend:
        return f"it is suspended: none of these runs starts; {resume} ends the suspension"
    if any((each.type, each.status) == (ConditionType.PAUSED, "True") for each in conditions):
        return f"it is paused after failures: none of these runs starts; {resume} ends the pause"
    return ""


def _show(found: Sequence[Next], output: Output, *, now: datetime) -> None:
    if output in {Output.JSON, Output.YAML}:
        objects = [as_object(each) for each in found]
        dump(objects[0] if len(objects) == 1 else objects, output)
        return
    for at, each in enumerate(found):
        if output is Output.NAME:
            terminal.line(f"{names.KIND.lower()}.{names.GROUP}/{each.name}")
        else:
            _print(each, now=now, apart=at > 0)


def as_object(found: Next) -> dict[str, Any]:
    """Return the same as objects for programs."""
    from graphcron.api.v1alpha1 import rfc3339

    return {
        **({"name": found.name, "namespace": found.namespace} if found.name else {}),
        "timeZone": found.zone,
        "schedules": list(found.lines),
        "nextScheduleTimes": [rfc3339(each) for each in found.times],
    }


def _print(found: Next, *, now: datetime, apart: bool) -> None:
    if apart:
        terminal.line("")
    terminal.line(f"{', '.join(filter(None, (found.name, found.zone)))}:")
    for line in found.lines:
        terminal.line(f"  {in_words(line)} ({line})")
    if found.rest:
        terminal.line(found.rest)
    elif not found.times:
        terminal.line("no runs are due in the coming years")
    if found.times:
        rows = [[local_time(each, found.zone), local_time(each), until(each, now=now)] for each in found.times]
        table([found.zone, "YOUR TIME", "DUE"], rows)
