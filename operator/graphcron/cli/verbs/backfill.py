"""``backfill``: a GraphRun for each past occurrence of a range."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import typer

from graphcron.api import names
from graphcron.api.graphruns import graphcron_name_of, is_over
from graphcron.cli import terminal
from graphcron.cli.app import PROGRAM, CliError, app
from graphcron.cli.clients.graphruns import graphrun_body, run_of
from graphcron.cli.clients.kubectl import GRAPHCRONS, GRAPHRUNS, Kubectl, Object
from graphcron.cli.clients.langgraph import API_KEY_ENV, LangGraph, key_in
from graphcron.cli.options import Name, ObjectOutput, Output, in_cluster
from graphcron.cli.printing import output as printed
from graphcron.cli.printing.durations import local_time
from graphcron.contract import Outcome
from graphcron.unstructured.fields import object_at, objects_at, text_at, time_of

if TYPE_CHECKING:
    from graphcron.api.v1alpha1 import GraphCron
    from graphcron.cli.backfill.execution import Execution
    from graphcron.cli.backfill.plan import Existing, Step

ASKED_ABOVE: Final = 20
"""More runs than this need a confirmation."""

MOST_PARALLEL: Final = 20


@dataclass(frozen=True, kw_only=True)
class Range:
    """A range as the command line gives it."""

    begin: str
    end: str
    missing: bool


@app.command()
@in_cluster
def backfill(
    kubectl: Kubectl,
    name: Name,
    *,
    begin: Annotated[
        str, typer.Option("--from", metavar="DAY", help="First day in the zone of the schedule, or time (RFC 3339).")
    ],
    end: Annotated[str, typer.Option("--to", metavar="DAY", help="Last day or time, inclusive.")],
    missing: Annotated[bool, typer.Option("--missing", help="Omit occurrences that have succeeded.")] = False,
    parallel: Annotated[
        int, typer.Option("--parallel", min=1, max=MOST_PARALLEL, help="Maximum number of concurrent runs.")
    ] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the GraphRuns without creating them.")] = False,
    output: Annotated[
        ObjectOutput | None, typer.Option("--output", "-o", help="Format of a dry run. Default: yaml.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", help="URL at which you reach the server with the records. Default: spec.server.url."),
    ] = None,
    api_key_env: Annotated[str, typer.Option(help="Environment variable that holds your API key.")] = API_KEY_ENV,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Run past occurrences. Creates a GraphRun for each time that was due, and waits until all have ended.

    A second backfill keeps the GraphRuns of the first one. With --missing, it creates new ones for those that did not
    succeed. --missing checks status.recentRuns, the GraphRuns, and the records on the LangGraph server.

    Exit code 0: all runs succeeded; 1: a run did not succeed.
    """
    from graphcron.api.calendar_for import time_zone_of
    from graphcron.api.v1alpha1 import parse
    from graphcron.cli.backfill.execution import Execution
    from graphcron.cli.backfill.plan import Action, steps

    if output and not dry_run:
        raise typer.BadParameter("is for --dry-run", param_hint="--output")
    found, now = kubectl.get(GRAPHCRONS, name), datetime.now(UTC)  # noqa: TID251  (what was due until now)
    graphcron, wanted = parse(found), Range(begin=begin, end=end, missing=missing)
    times = times_in(graphcron, wanted, now=now, kubectl=kubectl)
    runs = kubectl.find_all(GRAPHRUNS)
    succeeded = _succeeded(found, times[0], url, api_key_env) if missing else None
    planned = steps(name, times, existing_of(name, runs), succeeded, {each["metadata"]["name"] for each in runs})
    new = [each for each in planned if each.action is Action.CREATE]
    _announce(planned, _expected(kubectl, found, graphcron, len(new)), name)
    body = partial(body_of, graphcron, wanted, policy="Allow" if parallel > 1 else "Queue")
    if dry_run:
        _print([body(each) for each in new], output or ObjectOutput.YAML)
        return
    if len(new) > ASKED_ABOVE and not yes:
        _confirm(len(new))
    more = _further_options(parallel, url, api_key_env, yes=yes)
    again, repeat = (_command(kubectl, name, wanted, *more, missing=each) for each in (missing, True))
    _run(Execution(kubectl, planned, body, parallel=parallel), time_zone_of(graphcron.spec), again, repeat)


def _further_options(parallel: int, url: str | None, api_key_env: str, *, yes: bool) -> list[str]:
    """Return the options of a command that do not select occurrences and differ from their defaults."""
    return [
        *(("--parallel", str(parallel)) if parallel > 1 else ()),
        *(("--url", url) if url else ()),
        *(("--api-key-env", api_key_env) if api_key_env != API_KEY_ENV else ()),
        *(("--yes",) if yes else ()),
    ]


def _command(kubectl: Kubectl, name: str, wanted: Range, *more: str, missing: bool) -> str:
    """Return the command for a backfill of the same range."""
    options = (*("--from", wanted.begin), *("--to", wanted.end), *(("--missing",) if missing else ()), *more)
    return kubectl.hint(PROGRAM, "backfill", name, *options)


def body_of(graphcron: "GraphCron", wanted: Range, step: "Step", *, policy: str) -> Object:
    """Return the GraphRun for an occurrence."""
    from graphcron.api.calendar_for import time_zone_of
    from graphcron.api.v1alpha1 import rfc3339
    from graphcron.cli.backfill.plan import label_of
    from graphcron.schedule.times import zone_for

    label = label_of(wanted.begin, wanted.end, zone_for(time_zone_of(graphcron.spec)))
    return graphrun_body(
        step.name,
        graphcron=graphcron.metadata.name,
        namespace=graphcron.metadata.namespace,
        labels={names.LABEL_BACKFILL: label},
        spec={"scheduledTime": rfc3339(step.at), "concurrencyPolicy": policy},
    )


def times_in(graphcron: "GraphCron", wanted: Range, *, now: datetime, kubectl: Kubectl) -> list[datetime]:
    """Return the occurrences of a range that were due until now; with ``--missing``, those that can no longer start."""
    from graphcron.api.calendar_for import calendar_for
    from graphcron.cli.backfill.plan import MOST, first_moment, last_moment, occurrences

    calendar = calendar_for(graphcron)
    bounds = []
    for option, text, read in (("--from", wanted.begin, first_moment), ("--to", wanted.end, last_moment)):
        try:
            bounds.append(read(text, calendar.zone))
        except ValueError:
            problem = f"{text!r} is not a day or time; write 2026-11-01 or 2026-11-01T08:00:00Z"
            raise typer.BadParameter(problem, param_hint=option) from None
    first, last = bounds
    if last < first:
        raise typer.BadParameter("is earlier than --from", param_hint="--to")
    deadline = timedelta(seconds=graphcron.spec.starting_deadline_seconds if wanted.missing else 0)
    found = occurrences(calendar, first, min(last, now - deadline)) if first <= now - deadline else []
    if not found:
        name = graphcron.metadata.name
        listed = kubectl.hint(PROGRAM, "next", name, "--from", "DAY")
        raise CliError(f"no run of {name} was due from {wanted.begin} to {wanted.end}; {listed} prints the due times")
    if len(found) > MOST:
        raise CliError(f"more than {MOST:,} runs were due in this range; choose a shorter one")
    return found


def existing_of(name: str, runs: Iterable[Object]) -> dict[datetime, list["Existing"]]:
    """Return the GraphRuns of a GraphCron by the time that they represent."""
    from graphcron.cli.backfill.plan import Existing

    found = defaultdict(list)
    for each in runs:
        at = time_of(object_at(each, "spec").get("scheduledTime"))
        if at and graphcron_name_of(each) == name:
            outcome = str(run_of(each).get("outcome", ""))
            found[at].append(Existing(each["metadata"]["name"], outcome, is_over(each)))
    return dict(found)


def _succeeded(found: Object, first: datetime, url: str | None, api_key_env: str) -> set[datetime]:
    """Return the occurrences that have succeeded, or are active, as the status and the server's records show."""
    from graphcron.cli.verbs.logs import named_server

    status = object_at(found, "status")
    recent = objects_at(status, "recentRuns")
    good = [each for each in recent if each.get("outcome") == Outcome.SUCCEEDED and "trigger" not in each]
    texts = [each.get("scheduledTime") for each in good + objects_at(status, "active")]
    try:
        server = LangGraph(url, key_in(api_key_env)) if url else named_server(found, api_key_env)
        texts += server.succeeded(text_at(object_at(found, "metadata"), "uid"))
    except CliError as error:
        if url:
            raise
        _say(f"only the status and the GraphRuns are known, because the server was not asked: {error}")
    oldest = min((at for each in recent if (at := time_of(each.get("scheduledTime")))), default=None)
    if oldest is None or first < oldest:
        _say("status.recentRuns does not go back to the first occurrence, so runs that succeeded may count as missing")
    return {at for each in texts if (at := time_of(each))}


def _expected(kubectl: Kubectl, found: Object, graphcron: "GraphCron", count: int) -> Object:
    """Return the tokens and the cost to expect of that many runs, as ``forecast`` does for programs."""
    from graphcron.api.v1alpha1 import GraphCronStatus, read_status
    from graphcron.cli.files.placeholders import with_server
    from graphcron.cli.printing.forecast_rows import as_object
    from graphcron.cli.schedules.forecast import Expected, Forecast, limited, sample_of
    from graphcron.cli.verbs.forecast import servers_of  # here: the help lists verbs as they are imported

    graphcron = with_server(graphcron, servers_of(kubectl, [found]), None)
    sample = sample_of(read_status(GraphCronStatus, found).recent_runs or ())
    median, p95 = (Expected(amount=limited(graphcron, each).times(count)) for each in (sample.median, sample.p95))
    return as_object(Forecast(due=count, sample=sample, median=median, p95=p95))


def _announce(planned: Sequence["Step"], expected: Object, name: str) -> None:
    from graphcron.cli.backfill.plan import Action
    from graphcron.cli.printing.forecasts import amounts_of

    for each in planned:
        if each.action is Action.KEEP:
            _say(f"{each.name} exists and is kept; it ended with {each.outcome or 'an unknown outcome'}")
        elif each.action is Action.FOLLOW:
            _say(f"{each.name} exists and has not ended")
    if done := sum(each.action is Action.LEAVE_OUT for each in planned):
        _say(f"{_runs(done)} succeeded already, or active, left out")
    amounts = amounts_of(expected) or "tokens and cost are not known, because no recent run has reported its tokens"
    _say(f"{_runs(expected['runs'])} of {name} to start" + (f": {amounts}" if expected["runs"] else ""))


def _confirm(count: int) -> None:
    if not sys.stdin.isatty():
        raise CliError(f"{count} runs need a confirmation; repeat the command with --yes")
    terminal.confirm(f"Start {count} runs?")


def _print(bodies: Sequence[Object], output: ObjectOutput) -> None:
    if output is not ObjectOutput.YAML:
        printed.show(bodies, (), Output(output))
        return
    from graphcron.cli.files.manifests import written

    terminal.block("---\n".join(map(written, bodies)))


def _run(execution: "Execution", zone: str, again: str, missing: str) -> None:
    """Print how each run ends, and set the exit code.

    Parameters
    ----------
    again
        The command that continues the backfill.
    missing
        The command that repeats the runs that did not succeed.
    """
    outcomes = []
    try:
        for step, graphrun in execution.follow():
            ended = run_of(graphrun) if graphrun else {}
            outcomes.append(ended.get("outcome"))
            how = how_it_ended(ended) if graphrun else "was deleted"
            terminal.line(f"{local_time(step.at, zone)}  {step.name}  {how}")
    except KeyboardInterrupt:
        raise CliError(f"stopped; {_rest(execution)}; resume with {again}") from None
    except CliError as error:
        raise CliError(f"{error}; {_rest(execution)}; resume with {again}") from error
    failed = [each for each in outcomes if each != Outcome.SUCCEEDED]
    if failed:
        raise CliError(f"{len(failed)} of {_runs(len(outcomes))} did not succeed; {missing} runs them again")
    if outcomes:
        terminal.line(f"{_runs(len(outcomes))} succeeded")


def _rest(execution: "Execution") -> str:
    """Return a clause on the runs that continue, and on those that did not start."""
    left = len([each for each in execution.pending if each.name not in execution.active])
    going = f"{', '.join(execution.active) or 'no run'} {'continue' if len(execution.active) > 1 else 'continues'}"
    return f"{going} and {_runs(left)} did not start" if left else going


def how_it_ended(ended: Object) -> str:
    """Return how a run ended, with its duration and tokens."""
    from graphcron.cli.printing import columns
    from graphcron.cli.verbs.run import sentence

    if "outcome" not in ended:
        return "ended"
    tokens = columns.tokens_of(ended)
    used = ", ".join(filter(None, (columns.duration_of(ended), tokens and f"{tokens} tokens", columns.cost_of(ended))))
    return sentence(ended) + (f" ({used})" if used else "")


def _runs(count: int) -> str:
    return f"{count:,} {'run' if count == 1 else 'runs'}"


def _say(line: str) -> None:
    terminal.line(line, err=True)
