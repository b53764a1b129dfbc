"""``logs``: what the pods of a run have logged."""

import os
import time
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.cli import terminal
from graphcron.cli.app import PROGRAM, CliError, app
from graphcron.cli.clients.kubectl import GRAPHCRONS, HERE, Kubectl, Object
from graphcron.cli.clients.langgraph import API_KEY_ENV, BOUND_ENV, LangGraph, is_bound, key_in, origin_of
from graphcron.cli.options import Name, in_cluster
from graphcron.cli.printing.output import as_json

LATEST: Final = "latest"

LOOK_SECONDS: Final = 1.0
"""Time between two looks at what is awaited."""


@app.command()
@in_cluster
def logs(
    kubectl: Kubectl,
    name: Name,
    *,
    run: Annotated[
        str, typer.Option("--run", metavar="ID", help="Id of the run on the server, or name of its Job; or latest.")
    ] = LATEST,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run's end.")] = False,
    answer: Annotated[
        bool,
        typer.Option(
            "--answer",
            help="Print instead what the server has of the run, asked with your own key: its last message, or the"
            " values of its state as JSON where there are no messages.",
        ),
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            help="Where you reach the server, which gets your key. Default: spec.server.url, which gets the key only if"
            " LANGGRAPH_URL names the same server.",
        ),
    ] = None,
    api_key_env: Annotated[str, typer.Option(help="Environment variable that holds your API key.")] = API_KEY_ENV,
) -> None:
    """Print the log of a run's pods. What the graph answered is never in it; preflights are no runs, and left out."""
    found = kubectl.get(GRAPHCRONS, name)
    if answer:
        ended = ended_run(found, run, kubectl)
        server = LangGraph(url, key_in(api_key_env)) if url else _named_server(found, api_key_env)
        terminal.block(answer_in(server.state(ended.get("threadId", ""), ended["runId"])))
        return
    pods = pods_of_runs(kubectl.children("pods", found["metadata"]["uid"]))
    job = job_of(found, pods, run)
    for pod in [each for each in pods if _job(each) == job]:
        if follow:
            _wait_started(kubectl, pod)
        for line in kubectl.stream("logs", *_place(pod), "--follow") if follow else read_log(kubectl, pod):
            terminal.block(f"{line}\n")


def pods_of_runs(pods: Sequence[Object]) -> list[Object]:
    """Leave out pods that make no run; the oldest first."""
    runs = [pod for pod in pods if pod["metadata"]["labels"].get(names.LABEL_PURPOSE) != Purpose.PREFLIGHT]
    return sorted(runs, key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))


def job_of(graphcron: Object, pods: Sequence[Object], run: str) -> str:
    """Return the Job of a run, whose pods are there.

    Raises
    ------
    CliError
        No pod of it is there.
    """
    there = [_job(pod) for pod in pods]
    if run == LATEST and there:
        return there[-1]
    recent = graphcron.get("status", {}).get("recentRuns", ())
    job = next((each["job"] for each in recent if each.get("runId") == run and "job" in each), run)
    if job in there:
        return str(job)
    name = graphcron["metadata"]["name"]
    which = f"{name} has no pod" if run == LATEST else f"{name} has no pod of run {run}"
    raise CliError(f"{which}; Kubernetes keeps those of the Jobs that spec.history and the Jobs' own time allow")


def ended_run(graphcron: Object, run: str, kubectl: Kubectl = HERE) -> Object:
    """Return what the status tells of a run that has ended.

    Parameters
    ----------
    kubectl
        Where the GraphCron is, for the command that lists its runs.

    Raises
    ------
    CliError
        It tells of none such.
    """
    recent = [each for each in graphcron.get("status", {}).get("recentRuns", ()) if "runId" in each]
    for each in recent:
        if run in {LATEST, each["runId"], each.get("job")}:
            return dict(each)
    name = graphcron["metadata"]["name"]
    listed = kubectl.hint(PROGRAM, "history", name, "-o", "wide")
    raise CliError(f"{name} has no such run that has ended; {listed} lists them")


def server_of(graphcron: Object) -> str:
    """Return where the server is, as the spec says.

    Raises
    ------
    CliError
        It doesn't.
    """
    server = graphcron["spec"].get("server") or {}
    if "url" not in server:
        raise CliError("the spec names no server.url: say with --url where you reach the server")
    return str(server["url"])


def _named_server(graphcron: Object, variable: str) -> LangGraph:
    """Return the server that the spec names; it gets the caller's key only where the caller has bound that to it."""
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


def answer_in(state: Object | None) -> str:
    """Return the text of the last message of a thread's state; all its values as JSON where it has no messages.

    Raises
    ------
    CliError
        It is no state.
    """
    if state is None:
        raise CliError("the server no longer has the thread of this run; with onRunCompleted: keep it stays there")
    if "values" not in state:
        raise CliError("the run has left no state; look at its thread on the server")
    values = state["values"]
    messages = values.get("messages") if isinstance(values, dict) else None
    last = messages[-1] if isinstance(messages, list) and messages else None
    if not isinstance(last, dict):
        return as_json(values)
    content = last.get("content")
    blocks = content if isinstance(content, list) else [content]
    texts = [each.get("text") if isinstance(each, dict) else each for each in blocks]
    return "\n".join(text for text in texts if isinstance(text, str))


def started(pod: Object) -> bool:
    """Tell whether a pod has a log."""
    status = pod.get("status", {})
    states = [each["state"] for each in status.get("containerStatuses", ()) if each["name"] == names.CONTAINER]
    return any("waiting" not in state for state in states)


def read_log(kubectl: Kubectl, pod: Object) -> list[str]:
    """Return the lines of a pod's log."""
    text = kubectl.run("logs", *_place(pod))
    return text.removesuffix("\n").split("\n") if text else []


def _place(pod: Object) -> tuple[str, ...]:
    metadata = pod["metadata"]
    return (metadata["name"], "--namespace", metadata["namespace"], "--container", names.CONTAINER)


def _wait_started(kubectl: Kubectl, pod: Object) -> None:
    name = pod["metadata"]["name"]
    if not started(pod):
        terminal.line(f"{name} has not started yet; waiting", err=True)
    while not started(pod):
        time.sleep(LOOK_SECONDS)
        pod = kubectl.get("pod", name)


def _job(pod: Object) -> str:
    return str(pod["metadata"]["labels"].get(names.LABEL_JOB_NAME, ""))
