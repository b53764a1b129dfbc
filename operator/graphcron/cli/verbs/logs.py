"""``logs``: what the pods of a run have logged."""

import json
import os
import time
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from graphcron import names
from graphcron.cli.app import PROGRAM, CliError, app
from graphcron.cli.kubectl import GRAPHCRONS, HERE, Kubectl, Object
from graphcron.cli.options import Name, in_cluster
from graphcron.names import Purpose

CONTAINER: Final = "runner"
"""Name of the container in our pods; others may have put theirs beside it."""

API_KEY_ENV: Final = "LANGGRAPH_API_KEY"

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
        str | None, typer.Option("--url", help="Where you reach the server. Default: spec.server.url.")
    ] = None,
    api_key_env: Annotated[str, typer.Option(help="Environment variable that holds your API key.")] = API_KEY_ENV,
) -> None:
    """Print the log of a run's pods. What the graph answered is never in it; preflights are no runs, and left out."""
    found = kubectl.get(GRAPHCRONS, name)
    if answer:
        ended = ended_run(found, run, kubectl)
        typer.echo(answer_in(_last_state(ended, url or server_of(found), os.environ.get(api_key_env, ""))))
        return
    pods = pods_of_runs(kubectl.children("pods", found["metadata"]["uid"]))
    job = job_of(found, pods, run)
    for pod in [each for each in pods if _job(each) == job]:
        if follow:
            _wait_started(kubectl, pod)
        for line in kubectl.stream("logs", *_place(pod), "--follow") if follow else read_log(kubectl, pod):
            typer.echo(line)


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


def answer_in(state: Object) -> str:
    """Return the text of the last message of a thread's state; all its values as JSON where it has no messages.

    Raises
    ------
    CliError
        It is no state.
    """
    if "values" not in state:
        raise CliError("the run has left no state; look at its thread on the server")
    values = state["values"]
    messages = values.get("messages") if isinstance(values, dict) else None
    last = messages[-1] if isinstance(messages, list) and messages else None
    if not isinstance(last, dict):
        return json.dumps(values, indent=2, ensure_ascii=False)
    content = last.get("content")
    blocks = [content] if isinstance(content, str) else content or ()
    texts = [each if isinstance(each, str) else each.get("text") for each in blocks]
    return "\n".join(str(text) for text in texts if text is not None)


def _last_state(ended: Object, url: str, key: str) -> Object:
    """Ask the server for the state in which a run has left its thread; later runs of a thread don't matter."""
    from graphcron.runner.failures import Unanswered, Untrusted
    from graphcron.runner.transport import Transport

    asked = json.dumps({"limit": 1, "metadata": {"run_id": ended["runId"]}}).encode()
    path = f"/threads/{ended['threadId']}/history"
    try:
        answer = Transport(url, {"x-api-key": key} if key else {}, os.environ, None).request("POST", path, asked)
    except ValueError as error:
        raise CliError(f"{url}: {error}") from error
    except (Unanswered, Untrusted) as error:
        raise CliError(f"{url} can't be asked: {error}; say with --url where you reach the server") from error
    if answer.status in {401, 403}:
        raise CliError(f"{url} answers {answer.status}: name the variable that holds your key in --api-key-env")
    try:
        states = json.loads(answer.body) if answer.status == 200 else []
    except ValueError as error:
        raise CliError(f"{url} answers no JSON; is it the base URL of a LangGraph server?") from error
    if not states:
        raise CliError("the server no longer has the thread of this run; with onRunCompleted: keep it stays there")
    return dict(states[0])


def started(pod: Object) -> bool:
    """Tell whether a pod has a log."""
    status = pod.get("status", {})
    states = [each["state"] for each in status.get("containerStatuses", ()) if each["name"] == CONTAINER]
    return any("waiting" not in state for state in states)


def read_log(kubectl: Kubectl, pod: Object) -> list[str]:
    """Return the lines of a pod's log."""
    return kubectl.run("logs", *_place(pod)).splitlines()


def _place(pod: Object) -> tuple[str, ...]:
    metadata = pod["metadata"]
    return (metadata["name"], "--namespace", metadata["namespace"], "--container", CONTAINER)


def _wait_started(kubectl: Kubectl, pod: Object) -> None:
    name = pod["metadata"]["name"]
    if not started(pod):
        typer.echo(f"{name} has not started yet; waiting", err=True)
    while not started(pod):
        time.sleep(LOOK_SECONDS)
        pod = kubectl.get("pod", name)


def _job(pod: Object) -> str:
    return str(pod["metadata"]["labels"].get(names.LABEL_JOB_NAME, ""))
