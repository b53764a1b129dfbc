"""``logs``: print the logs of the pods of a run."""

import os
import time
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from graphcron.api import names
from graphcron.api.graphruns import graphcron_name_of, is_over
from graphcron.api.names import Purpose
from graphcron.cli import terminal
from graphcron.cli.app import PROGRAM, CliError, app
from graphcron.cli.clients.graphruns import run_of
from graphcron.cli.clients.kubectl import GRAPHCRONS, HERE, Kubectl, Object
from graphcron.cli.clients.langgraph import API_KEY_ENV, BOUND_ENV, LangGraph, is_bound, key_in, origin_of
from graphcron.cli.options import Text, TextOutput, in_cluster
from graphcron.cli.printing.log_text import LogText
from graphcron.cli.printing.output import as_json
from graphcron.cli.runs.pod_logs import LOOK_SECONDS, place_of, print_log, read_log, started
from graphcron.cli.targets import TargetName, graphrun_target, target_of
from graphcron.unstructured.fields import object_at, objects_at

LATEST: Final = "latest"


@app.command()
@in_cluster
def logs(
    kubectl: Kubectl,
    name: TargetName,
    *,
    run: Annotated[
        str, typer.Option("--run", metavar="ID", help="ID of the run on the server, name of its Job, or latest.")
    ] = LATEST,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new lines until the run ends.")] = False,
    answer: Annotated[
        bool,
        typer.Option(
            "--answer",
            help="Print the answer of the run instead: the last message, or the state as JSON if it has no messages."
            " The program reads it from the server with your own key.",
        ),
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            help="URL at which you reach the server. The program sends your key to it. Default: spec.server.url, which"
            " gets the key only if LANGGRAPH_URL names the same server.",
        ),
    ] = None,
    api_key_env: Annotated[str, typer.Option(help="Environment variable that holds your API key.")] = API_KEY_ENV,
    output: Text = TextOutput.TEXT,
) -> None:
    """Print the logs of the pods of a run. They never contain the answer. Logs of preflights are not included.

    The runs of a GraphCron include those of the GraphRuns that refer to it. graphrun/NAME selects one of them.

    -o json prints the original log lines or, with --answer, the whole state.
    """
    target = target_of(name)
    found = kubectl.get(target.kind, target.name)
    if answer:
        ended = ended_run(found, run, kubectl)
        server = LangGraph(url, key_in(api_key_env)) if url else named_server(_settings(kubectl, found), api_key_env)
        state = server.state(ended.get("threadId", ""), ended["runId"])
        terminal.block(answer_in(state, whole=output is TextOutput.JSON))
        return
    pods = pods_of_runs([*kubectl.children("pods", found["metadata"]["uid"]), *_pods_of_graphruns(kubectl, found)])
    job = job_of(found, pods, run)
    for pod in [each for each in pods if _job(each) == job]:
        if follow:
            _wait_started(kubectl, pod)
        lines = kubectl.stream("logs", *place_of(pod), "--follow") if follow else read_log(kubectl, pod)
        print_log(lines if output is TextOutput.JSON else LogText().lines(lines))


def _settings(kubectl: Kubectl, found: Object) -> Object:
    """Return the object whose spec names the server: for a GraphRun that refers to a GraphCron, that GraphCron."""
    reference = graphcron_name_of(found)
    return kubectl.get(GRAPHCRONS, reference) if reference else found


def _pods_of_graphruns(kubectl: Kubectl, graphcron: Object) -> list[Object]:
    """List the pods of the GraphRuns that the status of a GraphCron names."""
    status = object_at(graphcron, "status")
    runs = [*objects_at(status, "active"), *objects_at(status, "recentRuns")]
    jobs = sorted({str(each["job"]) for each in runs if each.get("graphRun") and each.get("job")})
    return kubectl.find_all("pods", selector=f"{names.LABEL_JOB_NAME} in ({','.join(jobs)})") if jobs else []


def pods_of_runs(pods: Sequence[Object]) -> list[Object]:
    """Return the pods of runs, oldest first, without the pods of preflights."""
    runs = [pod for pod in pods if pod["metadata"]["labels"].get(names.LABEL_PURPOSE) != Purpose.PREFLIGHT]
    return sorted(runs, key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))


def job_of(graphcron: Object, pods: Sequence[Object], run: str) -> str:
    """Return the Job of a run that still has pods.

    Raises
    ------
    CliError
        No pod of the run exists.
    """
    there = [_job(pod) for pod in pods]
    if run == LATEST and there:
        return there[-1]
    wanted = (each for each in _runs_of(graphcron) if run in {each.get("runId"), _graphrun_of(each)} and "job" in each)
    job = next((each["job"] for each in wanted), run)
    if job in there:
        return str(job)
    name = _shown(graphcron)
    which = f"{name} has no pod" if run == LATEST else f"{name} has no pod of run {run}"
    raise CliError(f"{which}; Kubernetes deletes pods with their Jobs, as spec.history and the Jobs' TTL say")


def ended_run(graphcron: Object, run: str, kubectl: Kubectl = HERE) -> Object:
    """Return the entry of the status for a run that has ended.

    Parameters
    ----------
    kubectl
        The kubectl for the GraphCron, used in the command that lists its runs.

    Raises
    ------
    CliError
        The status has no such run.
    """
    for each in _runs_of(graphcron):
        if "runId" in each and run in {LATEST, each["runId"], each.get("job"), _graphrun_of(each)}:
            return dict(each)
    name = _shown(graphcron)
    listed = kubectl.hint(PROGRAM, "history", name, "-o", "wide")
    raise CliError(f"{name} has no such run that has ended; {listed} lists them")


def _runs_of(found: Object) -> list[Object]:
    """Return the runs that have ended: of a GraphCron the recent ones, of a GraphRun its own."""
    if found.get("kind") == names.RUN_KIND:
        return [run_of(found)] if is_over(found) else []
    return [dict(each) for each in objects_at(object_at(found, "status"), "recentRuns")]


def _graphrun_of(run: Object) -> str | None:
    """Return the GraphRun of a run as ``history`` shows it."""
    return graphrun_target(run["graphRun"]) if "graphRun" in run else None


def _shown(found: Object) -> str:
    name = str(found["metadata"]["name"])
    return graphrun_target(name) if found.get("kind") == names.RUN_KIND else name


def server_of(graphcron: Object) -> str:
    """Return the server's URL in the spec.

    Raises
    ------
    CliError
        The spec has none.
    """
    server = graphcron["spec"].get("server") or {}
    if "url" not in server:
        raise CliError("the spec has no server.url; give the server's URL with --url")
    return str(server["url"])


def named_server(graphcron: Object, variable: str) -> LangGraph:
    """Return the server in the spec, with the user's key only if the user has bound the key to it."""
    server, key = server_of(graphcron), key_in(variable)
    can_bind = variable == API_KEY_ENV
    if key and not (can_bind and is_bound(server, os.environ.get(BOUND_ENV, ""))):
        scheme, host, port = origin_of(server) or ("", server, 0)
        place = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}" if scheme else host
        terminal.line(
            f"the key in {variable} is not sent to {place}, which only the GraphCron names; "
            "if you trust that server, give it as --url"
            + (f", or bind the key to it with {BOUND_ENV}" if can_bind else ""),
            err=True,
        )
        key = ""
    return LangGraph(server, key)


def answer_in(state: Object | None, *, whole: bool = False) -> str:
    """Return the text of the last message of a thread's state, or all values as JSON if it has no messages.

    Parameters
    ----------
    whole
        Return all values in any case.

    Raises
    ------
    CliError
        There is no state.
    """
    if state is None:
        raise CliError("the server no longer has the thread of this run; onRunCompleted: keep keeps threads")
    if "values" not in state:
        raise CliError("the run left no state; look at its thread on the server")
    values = state["values"]
    messages = values.get("messages") if isinstance(values, dict) and not whole else None
    last = messages[-1] if isinstance(messages, list) and messages else None
    if not isinstance(last, dict):
        return as_json(values)
    content = last.get("content")
    blocks = content if isinstance(content, list) else [content]
    texts = [each.get("text") if isinstance(each, dict) else each for each in blocks]
    return "\n".join(text for text in texts if isinstance(text, str))


def _wait_started(kubectl: Kubectl, pod: Object) -> None:
    name = pod["metadata"]["name"]
    if not started(pod):
        terminal.line(f"{name} has not started yet; waiting", err=True)
    while not started(pod):
        time.sleep(LOOK_SECONDS)
        pod = kubectl.get("pod", name)


def _job(pod: Object) -> str:
    return str(pod["metadata"]["labels"].get(names.LABEL_JOB_NAME, ""))
