"""What verbs have in common on the command line, and how the shell completes it."""

from contextlib import suppress
from enum import StrEnum
from typing import Annotated

import typer

from graphcron.cli.app import CliError
from graphcron.cli.kubectl import GRAPHCRONS, Kubectl


class Output(StrEnum):
    """How objects are printed."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


def _kubectl(context: typer.Context) -> Kubectl:
    """Return what the words before the one that is completed mean."""
    given = context.params
    return Kubectl(namespace=given.get("namespace"), context=given.get("context"), kubeconfig=given.get("kubeconfig"))


def _names(context: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a GraphCron."""
    with suppress(CliError):
        found = _kubectl(context).find_all(GRAPHCRONS)
        return [each["metadata"]["name"] for each in found if each["metadata"]["name"].startswith(incomplete)]
    return []


def _namespaces(context: typer.Context, incomplete: str) -> list[str]:
    with suppress(CliError):
        found = _kubectl(context).run("get", "namespaces", "--output=name").split()
        return [each for each in (name.partition("/")[2] for name in found) if each.startswith(incomplete)]
    return []


Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the GraphCron.", autocompletion=_names)]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", "-n", help="Namespace. Default: the context's.", autocompletion=_namespaces),
]
Everywhere = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Of all namespaces.")]
Context = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig.")]
Kubeconfig = Annotated[str | None, typer.Option("--kubeconfig", help="Path of the kubeconfig.")]
Format = Annotated[Output, typer.Option("--output", "-o", help="How to print it.")]
