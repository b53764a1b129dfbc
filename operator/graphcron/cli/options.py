"""Options that several verbs share, the options before the verb, and how the shell completes them."""

import inspect
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any, Concatenate, Final

import typer

from graphcron import __version__
from graphcron.api import names
from graphcron.cli import terminal
from graphcron.cli.app import PROGRAM, CliError, app
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl, Object


class Output(StrEnum):
    """Output format of objects."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


class ObjectOutput(StrEnum):
    """Output format of objects without a table."""

    JSON = "json"
    YAML = "yaml"
    NAME = "name"


class TextOutput(StrEnum):
    """Output format of text: for people, or for programs."""

    TEXT = "text"
    JSON = "json"


_GRAPHRUN: Final = re.compile(
    rf"({names.RUN_KIND}|{names.RUN_PLURAL}|{names.RUN_SHORT_NAME})(\.({names.VERSION}\.)?{re.escape(names.GROUP)})?",
    re.IGNORECASE,
)

COMPLETION_SECONDS: Final = 3.0
"""Timeout of the completion of names."""


def _asked(context: typer.Context) -> Kubectl:
    """Return the cluster that the incomplete command line selects, with a short timeout."""
    given = {**(context.parent.params if context.parent else {})}
    given |= {option: value for option, value in context.params.items() if value}
    options: dict[str, Any] = {option: given.get(option) for option in ("namespace", "context", "kubeconfig")}
    return Kubectl(**options, seconds=COMPLETION_SECONDS)


def completed(kind: str) -> Callable[[typer.Context, str], list[str]]:
    """Complete the name of an object, except names that the command line already has."""

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
    """Return whether a name completes a word, and has no control characters."""
    return name.startswith(incomplete) and not terminal.has_controls(name)


def plain(name: str | None) -> str | None:
    """Return a name without the kind that ``-o name`` prints before it."""
    return name and name.rpartition("/")[2]


def is_graphrun(name: str) -> bool:
    """Return whether the kind before a name is GraphRun, as kubectl accepts it."""
    return _GRAPHRUN.fullmatch(name.rpartition("/")[0]) is not None


def _graphcron(name: str | None) -> str | None:
    """Return the plain name of a GraphCron."""
    if name and is_graphrun(name):
        raise typer.BadParameter(f"{name} is a GraphRun, and this verb takes GraphCrons", param_hint="NAME")
    return plain(name)


def _graphcrons(named: list[str] | None) -> list[str] | None:
    return named and [_graphcron(name) or "" for name in named]


_names = completed(GRAPHCRONS)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the GraphCron.", callback=_graphcron, autocompletion=_names)
]
_several: Any = typer.Argument(metavar="NAME", help="Names of GraphCrons.", callback=_graphcrons, autocompletion=_names)
Names = Annotated[list[str], _several]
OptionalNames = Annotated[list[str] | None, _several]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace", "-n", help="Namespace. Default: the context's.", autocompletion=completed("namespaces")
    ),
]
Everywhere = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Include all namespaces.")]
Context = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig.", autocompletion=_contexts)]
Kubeconfig = Annotated[str | None, typer.Option("--kubeconfig", help="Path of the kubeconfig.")]
Format = Annotated[Output, typer.Option("--output", "-o", help="Output format.")]
Manifests = Annotated[ObjectOutput, typer.Option("--output", "-o", help="Output format.")]
Done = Annotated[
    ObjectOutput | None, typer.Option("--output", "-o", help="Print the changed objects instead of a sentence.")
]
Text = Annotated[TextOutput, typer.Option("--output", "-o", help="Output format.")]
Selector = Annotated[
    str,
    typer.Option(
        "--selector", "-l", metavar="LABELS", help="Only GraphCrons with these labels, such as team=a,stage!=dev."
    ),
]
All = Annotated[bool, typer.Option("--all", help="All GraphCrons of the namespace.")]


def _print_version(asked: bool) -> None:
    if asked:
        terminal.line(f"{PROGRAM} {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version of the program.")
]


@app.callback()
def _before_the_verb(
    program: typer.Context,
    *,
    namespace: Namespace = None,
    everywhere: Everywhere = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    version: Version = False,  # noqa: ARG001  (its callback prints it)
) -> None:
    # No docstring: Typer would take it for the program's help.
    group: Any = program.command
    verb = group.get_command(program, program.invoked_subcommand)
    if everywhere and "everywhere" not in {each.name for each in verb.params}:
        raise typer.BadParameter(f"{program.invoked_subcommand} takes one namespace; leave out -A", param_hint="-A")
    given = {"namespace": namespace, "everywhere": everywhere, "context": context, "kubeconfig": kubeconfig}
    program.default_map = {verb.name: {option: value for option, value in given.items() if value}}


def chosen(kubectl: Kubectl, named: Sequence[str] | None, selector: str = "") -> list[Object]:
    """Return the GraphCrons with the names or the labels, or all GraphCrons."""
    check_chosen(kubectl, named, selector)
    return [kubectl.get(GRAPHCRONS, name) for name in named] if named else kubectl.graphcrons(selector)


def check_chosen(kubectl: Kubectl, named: Sequence[str] | None, selector: str) -> None:
    """Reject names beside an option that excludes them."""
    if named and kubectl.everywhere:
        raise typer.BadParameter("names belong to one namespace; leave out the names, or -A", param_hint="NAME")
    if named and selector:
        raise typer.BadParameter("takes no names beside it; leave out the names, or -l", param_hint="--selector")


def chosen_names(kubectl: Kubectl, named: Sequence[str] | None, selector: str, *, every: bool) -> list[str]:
    """Return the names of the GraphCrons to change: all of them only with ``--all``."""
    if [bool(named), bool(selector), every].count(True) != 1:
        raise typer.BadParameter("give names, or labels with -l, or --all", param_hint="NAME")
    return list(named or (each["metadata"]["name"] for each in chosen(kubectl, None, selector)))


DEFAULTS: Final = {"everywhere": False}
"""Defaults of the options of a cluster, if not None."""


def in_cluster(verb: Callable[Concatenate[Kubectl, ...], None]) -> Callable[..., None]:
    """Replace the first parameter of a verb by the options that name a cluster and a namespace."""
    return _with_options(verb, {"namespace": Namespace, "context": Context, "kubeconfig": Kubeconfig})


def in_namespaces(verb: Callable[Concatenate[Kubectl, ...], None]) -> Callable[..., None]:
    """Do the same for a verb that also accepts all namespaces."""
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


Files = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE", help="Files, folders (all YAML and JSON files below), or - for standard input."),
]
MoreFiles = Annotated[
    list[str] | None, typer.Option("--filename", "-f", metavar="FILE", help="Same as FILE. May be repeated.")
]


def named_files(files: list[str] | None, more: list[str] | None) -> list[str]:
    """Return the files that the command line names, with or without ``-f``."""
    if found := [*(files or ()), *(more or ())]:
        return found
    raise typer.BadParameter("name a file, a folder, or - for standard input", param_hint="FILE")
