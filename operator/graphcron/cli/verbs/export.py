"""``export``: print GraphCrons as manifests for Git."""

from typing import Final

from graphcron.api import names
from graphcron.cli import terminal
from graphcron.cli.app import app
from graphcron.cli.clients.kubectl import Kubectl, Object
from graphcron.cli.options import Manifests, ObjectOutput, OptionalNames, Output, chosen, in_namespaces
from graphcron.cli.printing import output as printed

_KEPT: Final = ("name", "namespace", "labels", "annotations")
"""Fields of the metadata that a user writes."""

_MADE: Final = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        names.ANNOTATION_RUN_REQUESTED,
        names.ANNOTATION_RESUME_REQUESTED,
    }
)
"""Annotations that do not belong in Git: those of kubectl, and one-time requests."""


@app.command()
@in_namespaces
def export(
    kubectl: Kubectl,
    named: OptionalNames = None,
    output: Manifests = ObjectOutput.YAML,
) -> None:
    """Print GraphCrons as manifests for Git. Omits the status and the fields that the API server adds.

    Without a name, it prints all GraphCrons of the namespace.
    """
    manifests = [manifest_of(each) for each in chosen(kubectl, named)]
    if output is not ObjectOutput.YAML:
        printed.show(manifests, (), Output(output))
    else:
        from graphcron.cli.files.manifests import written

        terminal.block("---\n".join(written(each) for each in manifests))


def manifest_of(found: Object) -> Object:
    """Return the fields of an object that a user has written."""
    metadata = {key: found["metadata"][key] for key in _KEPT if key in found["metadata"]}
    annotations = {key: value for key, value in metadata.pop("annotations", {}).items() if key not in _MADE}
    return {
        "apiVersion": found["apiVersion"],
        "kind": found["kind"],
        "metadata": {**metadata, **({"annotations": annotations} if annotations else {})},
        "spec": found["spec"],
    }
