"""``render``: print the CronJobs and Jobs that the operator would create, without a cluster."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from graphcron.api import names
from graphcron.cli.app import CliError, app
from graphcron.cli.clients.kubectl import Object
from graphcron.cli.files.placeholders import NO_UID, unknown_settings, with_server
from graphcron.cli.options import Files, Format, MoreFiles, Output, named_files
from graphcron.cli.printing.output import Column, show
from graphcron.errors import SpecError

if TYPE_CHECKING:
    from graphcron.cli.files.manifests import Manifest
    from graphcron.settings import Settings

DEFAULT_NAMESPACE: Final = "default"

OfFile = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace of GraphCrons without one. Default: default.")
]


@app.command()
def render(
    files: Files = None,
    *,
    more: MoreFiles = None,
    server_url: Annotated[str, typer.Option("--server-url", help="Server of GraphCrons that do not specify one.")] = "",
    namespace: OfFile = None,
    output: Format = Output.YAML,
) -> None:
    """Print the CronJobs and Jobs of files. Does not access the cluster.

    A GraphCron has a CronJob for each line of its schedule, and a GraphRun has a Job.

    Environment variables with the prefix GRAPHCRON_ override the defaults of the operator's settings.
    """
    from graphcron.cli.files.manifests import read
    from graphcron.settings import from_environment

    named = named_files(files, more)
    settings = from_environment(os.environ)
    settings = replace(settings, server_url=server_url or settings.server_url)
    now = datetime.now(UTC)  # noqa: TID251  (since when the schedules would be in force)
    manifests = list(read(*named))
    made = list(_made(manifests, now=now, settings=settings, namespace=namespace or DEFAULT_NAMESPACE))
    if not made:
        raise CliError(f"{', '.join(named)}: there is no GraphCron and no GraphRun in it")
    columns = (
        Column("Name", lambda each: str(each["metadata"]["name"])),
        Column("Schedule", lambda each: str(each["spec"].get("schedule", ""))),
        Column("Zone", lambda each: str(each["spec"].get("timeZone", ""))),
        Column("Suspend", lambda each: str(each["spec"].get("suspend", ""))),
    )
    show(json.loads(json.dumps(made)), columns, output)  # parts that CronJobs share: YAML has no aliases


def _made(manifests: Sequence["Manifest"], *, now: datetime, settings: "Settings", namespace: str) -> Iterator[Object]:
    """Yield the CronJobs of the GraphCrons, then the Jobs of the GraphRuns."""
    from graphcron.cli.files.graphrun_job import job_of, referenced

    servers = [each for each in manifests if each.kind == names.SERVER_KIND]
    graphcrons = [each for each in manifests if each.kind == names.KIND]
    for each in graphcrons:
        with each.blamed():
            yield from cronjobs_of(each, servers, now=now, settings=settings, namespace=namespace)
    for each in manifests:
        if each.kind != names.RUN_KIND:
            continue
        graphcron = referenced(each, graphcrons, namespace)
        with each.blamed():
            yield job_of(each, graphcron, servers, now=now, settings=settings, namespace=namespace)


def cronjobs_of(
    manifest: "Manifest",
    servers: Iterable["Manifest"],
    *,
    now: datetime,
    settings: "Settings | None" = None,
    namespace: str | None = None,
) -> list[Object]:
    """Return the CronJobs of a GraphCron of a file.

    Parameters
    ----------
    servers
        The known GraphServers. If the GraphCron refers to another one, an empty one replaces it.
    settings
        The operator's settings; None: unknown, replaced by placeholders.
    namespace
        The namespace of the GraphCron if it does not specify one; None: unknown.

    Raises
    ------
    SpecError
        It is invalid.
    """
    from graphcron.api.v1alpha1 import parse
    from graphcron.manifests.cronjob import PersistedState, cronjobs_for

    graphcron = parse(manifest.body)
    here = manifest.namespace or namespace
    metadata = {"uid": NO_UID, **manifest.body["metadata"], **({"namespace": here} if here else {})}
    graphcron = parse({**manifest.body, "metadata": metadata})
    if here is None:  # which values an H has is not known, so no line of it is refused
        metadata_there = graphcron.metadata.model_copy(update={"namespace": DEFAULT_NAMESPACE})
        graphcron = graphcron.model_copy(update={"metadata": metadata_there})
    graphcron = with_server(graphcron, [each.body for each in servers if (each.namespace or here) == here], settings)
    if settings and not settings.server_url and not (graphcron.spec.server and graphcron.spec.server.url):
        raise SpecError(field="spec.server.url", problem="is not set", remedy="set it, or give --server-url")
    return cronjobs_for(graphcron, settings or unknown_settings(), {}, PersistedState(), now=now)
