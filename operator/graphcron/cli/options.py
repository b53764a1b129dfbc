"""What verbs have in common on the command line, and how the shell completes it."""

import inspect
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any, Concatenate, Final

import typer

from graphcron.cli import terminal
from graphcron.cli.app import CliError
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl


class Output(StrEnum):
    """How objects are printed."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


class Written(StrEnum):
    """How objects are printed where there is no table of them."""

    JSON = "json"
    YAML = "yaml"
    NAME = "name"


def _asked(context: typer.Context) -> Kubectl:
    """Return the cluster that the words before the one that is completed mean; it must answer soon."""
    given = context.params
    return Kubectl(
        namespace=given.get("namespace"),
        context=given.get("context"),
        kubeconfig=given.get("kubeconfig"),
        seconds=COMPLETION_SECONDS,
    )


COMPLETION_SECONDS: Final = 3.0
"""So long a shell waits for names; then it has none."""


def _completed(kind: str) -> Callable[[typer.Context, str], list[str]]:
    """Complete the name of an object; a name that is there already is not offered again."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        with suppress(CliError):
            return [
                each
                for each in _asked(context).names(kind)
                if _offered(each, incomplete) and each not in (context.params.get("named") or ())
            ]
        return []

    return complete


def _contexts(context: typer.Context, incomplete: str) -> list[str]:
    with suppress(CliError):
        found = _asked(context).run("config", "get-contexts", "--output=name").split()
        return [each for each in found if _offered(each, incomplete)]
    return []


def _offered(name: str, incomplete: str) -> bool:
    """Return whether a name completes a word, and can't control the terminal that shows it."""
    return name.startswith(incomplete) and not terminal.has_controls(name)


def _plain(name: str | None) -> str | None:
    """Take a name as ``-o name`` prints it, too."""
    return name and name.rpartition("/")[2]


def _all_plain(names: list[str] | None) -> list[str] | None:
    return names and [name.rpartition("/")[2] for name in names]


_names = _completed(GRAPHCRONS)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the GraphCron.", callback=_plain, autocompletion=_names)
]
_several: Any = typer.Argument(
    metavar="NAME...", help="Names of GraphCrons.", callback=_all_plain, autocompletion=_names
)
Names = Annotated[list[str], _several]
OptionalNames = Annotated[list[str] | None, _several]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace", "-n", help="Namespace. Default: the context's.", autocompletion=_completed("namespaces")
    ),
]
Everywhere = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Of all namespaces.")]
Context = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig.", autocompletion=_contexts)]
Kubeconfig = Annotated[str | None, typer.Option("--kubeconfig", help="Path of the kubeconfig.")]
Format = Annotated[Output, typer.Option("--output", "-o", help="How to print it.")]
Manifests = Annotated[Written, typer.Option("--output", "-o", help="How to print it.")]
Done = Annotated[Written | None, typer.Option("--output", "-o", help="Print what was changed, rather than a sentence.")]


DEFAULTS: Final = {"everywhere": False}
"""Of the options that name a cluster; None of the others."""


def in_cluster(verb: Callable[Concatenate[Kubectl, ...], None]) -> Callable[..., None]:
    """Give a verb its cluster: its first parameter becomes the options that name one, and a namespace in it."""
    return _with_options(verb, {"namespace": Namespace, "context": Context, "kubeconfig": Kubeconfig})


def in_namespaces(verb: Callable[Concatenate[Kubectl, ...], None]) -> Callable[..., None]:
    """Do the same for a verb that can also look at all namespaces."""
    options = {"namespace": Namespace, "everywhere": Everywhere, "context": Context, "kubeconfig": Kubeconfig}
    return _with_options(verb, options)


def _with_options(verb: Callable[Concatenate[Kubectl, ...], None], options: dict[str, Any]) -> Callable[..., None]:
    @wraps(verb)
    def with_options(**given: Any) -> None:
        verb(Kubectl(**{option: given.pop(option) for option in options}), **given)

    _, *own = inspect.signature(verb).parameters.values()
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=DEFAULTS.get(name), annotation=annotation)
        for name, annotation in options.items()
    ]
    own = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    with_options.__signature__ = inspect.Signature(own + added)  # type: ignore[attr-defined]  # Typer reads it
    return with_options
