"""``create``: print the manifest of a GraphCron from flags."""

import json
from typing import Annotated, Any, Final

import typer

from graphcron.api import names
from graphcron.cli.app import CliError, app
from graphcron.cli.clients.kubectl import Object
from graphcron.cli.options import Manifests, ObjectOutput
from graphcron.cli.printing import output as printed

DEFAULT_KEY: Final = "api-key"
"""Default key of a Secret, as in the operator."""


def _input(text: str | None) -> Any:
    try:
        return json.loads(text) if text is not None else None
    except ValueError as error:
        raise typer.BadParameter(f"is not valid JSON: {error}") from error


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the GraphCron.")],
    *,
    assistant: Annotated[str, typer.Option("--assistant", "-a", help="Name of a graph, or UUID of an assistant.")],
    schedule: Annotated[
        list[str], typer.Option("--schedule", "-s", help='Schedule, such as "30 8 * * 1-5". May be repeated.')
    ],
    time_zone: Annotated[str | None, typer.Option("--time-zone", help="Time zone, such as Europe/Berlin.")] = None,
    graph_input: Annotated[str | None, typer.Option("--input", help="Input of the graph, as JSON.")] = None,
    thread: Annotated[str | None, typer.Option("--thread", help="UUID of a thread that all runs share.")] = None,
    thread_per: Annotated[str | None, typer.Option("--thread-per", help="One thread per day, week or month.")] = None,
    server_url: Annotated[str | None, typer.Option("--server-url", help="URL of the LangGraph server.")] = None,
    secret: Annotated[
        str | None, typer.Option("--secret", help=f"Secret with the API key: NAME or NAME/KEY ({DEFAULT_KEY}).")
    ] = None,
    suspend: Annotated[bool, typer.Option("--suspend", help="Create the GraphCron suspended.")] = False,
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Namespace of the GraphCron.")] = None,
    output: Manifests = ObjectOutput.YAML,
) -> None:
    """Print the manifest of a GraphCron. It contains only the fields that you specify.

    Does not access the cluster. To create the GraphCron, run: graphcron create … | kubectl apply -f -
    """
    secret_name, _, key = (secret or "").partition("/")
    body = without_gaps(
        {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "assistant": assistant,
                "thread": {"id": thread, "per": thread_per},
                **({"schedule": schedule[0]} if len(schedule) == 1 else {"schedules": schedule}),
                "timeZone": time_zone,
                "suspend": suspend or None,
                "server": {
                    "url": server_url,
                    "apiKeySecretRef": {"name": secret_name, "key": key or DEFAULT_KEY} if secret else None,
                },
            },
        }
    )
    if graph_input is not None:
        body["spec"]["input"] = _input(graph_input)
    _check(body)
    printed.show_one(body, output)


def without_gaps(value: Object) -> Object:
    """Remove values that are None, and objects that become empty."""
    kept = {key: without_gaps(each) if isinstance(each, dict) else each for key, each in value.items()}
    return {key: each for key, each in kept.items() if each not in (None, {})}


def _check(body: Object) -> None:
    from graphcron.api.v1alpha1 import problems

    for problem in problems(body):
        raise CliError(str(problem))
