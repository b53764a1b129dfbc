"""The Job of a GraphRun in a file."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from graphcron.api.graphruns import graphcron_name_of
from graphcron.cli.clients.kubectl import Object
from graphcron.cli.files.placeholders import NO_UID, unknown_settings, with_server
from graphcron.errors import SpecError
from graphcron.unstructured.fields import object_at

if TYPE_CHECKING:
    from graphcron.cli.files.manifests import Manifest
    from graphcron.settings import Settings

GENERATED: Final = "xxxxx"
"""Placeholder for the characters that the API server appends to ``generateName``."""


def has_generated_name(body: Object) -> bool:
    """Return whether the API server completes the name, as in manifests for ``kubectl create``."""
    metadata = object_at(body, "metadata")
    return "name" not in metadata and isinstance(metadata.get("generateName"), str)


def with_name(body: Object) -> Object:
    """Return a manifest with a name, also if it has ``generateName``."""
    if not has_generated_name(body):
        return body
    return {**body, "metadata": {**body["metadata"], "name": f"{body['metadata']['generateName']}{GENERATED}"}}


def referenced(
    graphrun: "Manifest", graphcrons: Iterable["Manifest"], namespace: str | None = None
) -> "Manifest | None":
    """Return the GraphCron in ``graphCronRef``; None if the files do not contain it.

    Parameters
    ----------
    namespace
        Namespace of objects that name none; None: it is not known.
    """
    name, here = graphcron_name_of(graphrun.body), place_of(graphrun, namespace)
    return next((each for each in graphcrons if each.name == name and place_of(each, namespace) == here), None)


def place_of(manifest: "Manifest", namespace: str | None = None) -> str:
    """Return the namespace. If it is not known, the folder replaces it, because folders may be of different ones."""
    return manifest.namespace or namespace or f"{Path(manifest.file).parent}/"


def job_of(
    manifest: "Manifest",
    graphcron: "Manifest | None",
    servers: Iterable["Manifest"],
    *,
    now: datetime,
    settings: "Settings | None" = None,
    namespace: str | None = None,
) -> Object:
    """Return the Job of a GraphRun of a file.

    Parameters
    ----------
    graphcron
        The GraphCron that it refers to, if it does.
    servers
        The GraphServers that are known.
    settings
        The operator's; None: they are not known, and stand-ins are taken.
    namespace
        Namespace of objects that name none; None: it is not known.

    Raises
    ------
    SpecError
        The GraphRun is invalid, or together with its GraphCron, or that is not in the files.
    """
    from graphcron.api.graphrun_ref import effective_graphcron
    from graphcron.api.v1alpha1 import parse_run
    from graphcron.manifests.job import graph_run_job_for

    body = _identified(with_name(manifest.body), namespace)
    run = parse_run(body)
    if run.spec.graph_cron_ref and graphcron is None:
        problem = f"the GraphCron {run.spec.graph_cron_ref.name} is not in the files"
        raise SpecError(field="spec.graphCronRef.name", problem=problem, remedy="add its file")
    effective = effective_graphcron(run, body, _identified(graphcron.body, namespace) if graphcron else None)
    here = manifest.namespace or namespace
    there = [each.body for each in servers if (each.namespace or namespace) == here]
    effective = with_server(effective, there, settings)
    if settings and not settings.server_url and not (effective.spec.server and effective.spec.server.url):
        raise SpecError(field="spec.server.url", problem="is not set", remedy="set it, or give --server-url")
    scheduled = run.spec.scheduled_time or now
    return graph_run_job_for(effective, settings or unknown_settings(), run.metadata, scheduled=scheduled, created=now)


def _identified(body: Object, namespace: str | None) -> Object:
    """Return a manifest with the fields of the metadata that only the cluster sets."""
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        return body
    here = {"namespace": namespace} if namespace and "namespace" not in metadata else {}
    return {**body, "metadata": {"uid": NO_UID, **metadata, **here}}
