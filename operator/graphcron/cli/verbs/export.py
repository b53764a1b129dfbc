"""``export``: GraphCrons as one would put them into Git."""

from typing import Final

import typer

from graphcron.api import names
from graphcron.cli import terminal
from graphcron.cli.app import app
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl, Object
from graphcron.cli.options import Manifests, OptionalNames, Output, Written, in_namespaces
from graphcron.cli.printing import output as printed

_KEPT: Final = ("name", "namespace", "labels", "annotations")
"""Of the metadata, what a person writes."""

_MADE: Final = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        names.ANNOTATION_RUN_REQUESTED,
        names.ANNOTATION_RESUME_REQUESTED,
    }
)
"""Annotations that are no part of what a person would keep: kubectl's own, and what was asked for at a moment."""


@app.command()
@in_namespaces
def export(
    kubectl: Kubectl,
    named: OptionalNames = None,
    output: Manifests = Written.YAML,
) -> None:
    """Print GraphCrons as Git should have them. They have no status, and nothing that the server has added.

    Without a name: all of the namespace.
    """
    if named and kubectl.everywhere:
        raise typer.BadParameter("names are of one namespace: leave out the names, or -A", param_hint="NAME")
    found = [kubectl.get(GRAPHCRONS, name) for name in named] if named else kubectl.graphcrons()
    manifests = [manifest_of(each) for each in found]
    if output is not Written.YAML:
        printed.show(manifests, (), Output(output))
    else:
        from graphcron.cli.files.manifests import written

        terminal.block("---\n".join(written(each) for each in manifests))


def manifest_of(found: Object) -> Object:
    """Return what a person has written of an object."""
    metadata = {key: found["metadata"][key] for key in _KEPT if key in found["metadata"]}
    annotations = {key: value for key, value in metadata.pop("annotations", {}).items() if key not in _MADE}
    return {
        "apiVersion": found["apiVersion"],
        "kind": found["kind"],
        "metadata": {**metadata, **({"annotations": annotations} if annotations else {})},
        "spec": found["spec"],
    }
